"""What a file of weights states beside its tensors, and what has to be said where it is used."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log

from usmm.structures import TRAINED_ON, ModelMeaning
from usmm.structures.preparation import PREPARATION, preparation_differences, preparation_of
from usmm.utils import work_files

UNTRAINED = 'untrained'  # the key of a checkpoint's metadata: stages that were not trained yet
LEVELS = 3  # folders above a file of weights: of a stage, of a run, of a cross-validation


@dataclass(frozen=True)
class LoadedWeights:
    """Facts of a file of weights.

    Args:
        folder: Its folder.
        trained_on: Tokens of the patients that trained it, see `usmm.structures.token`.
        outlined: Modality -> share of the training cases with an outline of the lesion.
        notes: What a reader of its results must know, as sentences.
    """

    folder: Path | None = None
    trained_on: frozenset[str] = frozenset()
    outlined: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, path: str | Path, meta: Mapping[str, Any], config: Mapping[str, Any]) -> LoadedWeights:
        """The facts of a file that was loaded; its notes are logged.

        Args:
            path: The file.
            meta: Its metadata.
            config: The resolved config that uses it.
        """
        notes = weights_notes(path, meta, config)
        if TRAINED_ON not in meta:
            notes.append(f'{path} does not state which patients trained it: a test on these is not noticed')
        for note in notes:
            print_log(note, 'current', logging.WARNING)
        trained_on = frozenset(meta.get(TRAINED_ON, ()))
        return cls(Path(path).parent, trained_on, meta.get('outlined', {}), tuple(notes))

    def with_notes(self, notes: tuple[str, ...]) -> LoadedWeights:
        """The same with further notes."""
        return replace(self, notes=self.notes + notes)


def weights_notes(path: str | Path, meta: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
    """What a user of weights must know: nothing to compare, parts that are not trained, inputs prepared differently.

    Args:
        path: The file.
        meta: Its metadata.
        config: The resolved config that uses it.
    """
    notes = []
    if ModelMeaning.of_meta(meta) is None:
        notes.append(f'{path} states no classes, modalities and variables: they were not compared with the config')
    untrained: Sequence[str] = meta.get(UNTRAINED, ())
    if untrained:
        notes.append(f'{path} was saved before the training of {", ".join(untrained)}: what that adds is not used')
    if different := preparation_differences(preparation_of(config), meta.get(PREPARATION, {})):
        notes.append(f'{path}: {different}')
    return notes


def use_folds_of(config: Config, checkpoint: Path) -> None:
    """Test on the folds that the weights were trained with, and write none.

    A `folds.csv` that a test wrote into the work directory of the config would be taken by a later training.

    Args:
        config: The config; changed where its split has the file of its own work directory, or one that is not there.
        checkpoint: The file of weights.
    """
    split = (config.get('dataset') or {}).get('split')
    if not split or not split.get('file'):
        return
    stated = Path(split['file'])
    if stated.is_file() and stated.absolute() != Path(config.work_dir, work_files.FOLDS).absolute():
        return
    beside = [folder / work_files.FOLDS for folder in [*checkpoint.absolute().parents][:LEVELS]]
    found = next((path for path in beside if path.is_file()), None)
    if found is not None:
        split['file'] = str(found)
    elif not stated.is_file():
        split['file'] = None
