"""Scores of training patients by networks that did not see them: the stages before, run anew on folds of the training.

Every inner fold has a folder of its own, with the checkpoints of its stages while it is trained and its scores when it
is done, so that a run that was killed goes on where it was.
"""

from __future__ import annotations

import copy
import csv
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import barrier, broadcast_object_list, is_main_process

from usmm.config.stage_spec import Stages
from usmm.datasets import CaseDataset, make_folds
from usmm.engine.scores import collect_scores
from usmm.engine.workdir.outputs import write_json
from usmm.registry import DATASETS
from usmm.structures.case_info import SCORES
from usmm.structures.settings import IMAGE_LOGITS
from usmm.utils import work_files
from usmm.utils.atomic_files import atomic_text
from usmm.utils.digests import value_digest

if TYPE_CHECKING:
    from usmm.engine.experiment import Experiment

CASES = 'cases.csv'
# settings that decide about the weights of an inner fold, beside its cases and its stages
DECIDE = (
    'model', 'train_pipeline', 'test_pipeline', 'seed', 'batch_size', 'max_epochs', 'monitor', 'custom_hooks',
    'load_from', 'deterministic',
)  # fmt: skip


def out_of_fold_scores(outer: Experiment, before: Stages, folds: int, folder: Path, resume: bool) -> torch.Tensor:
    """Image probabilities (N, K) of the cases of the training part, each by a network trained without its patient.

    The folds are by patient, stratified, and drawn with the run's seed. A fold's network is trained like the run's own:
    the same stages, the same seed, the same validation part.

    Args:
        outer: The `Experiment`.
        before: The stages that train what gives the score.
        folds: How many inner folds.
        folder: Where they work.
        resume: Use what is there of folds that are done or half done.

    Raises:
        ValueError: The data set has several samples of a case, or fewer patients than folds.
    """
    train = outer.parts['train']
    ids = train.sample_ids()
    if ids != [case.case_id for case in train.cases]:
        raise ValueError('out_of_fold needs a data set with one sample a case; this one makes several of a case')
    if is_main_process() and not resume:
        shutil.rmtree(folder, ignore_errors=True)
    barrier()
    of = make_folds(
        ids, [case.patient_id for case in train.cases], [case.label for case in train.cases], folds, outer.config.seed
    )
    found: dict[str, list[float]] = {}
    for fold in range(folds):
        held = [name for name, k in zip(ids, of, strict=True) if k == fold]
        kept = {case.case_id: case.label for case, k in zip(train.cases, of, strict=True) if k != fold}
        found |= _fold(outer, before, folder / work_files.fold_folder(fold), kept, held)
    return torch.tensor([found[name] for name in ids])


def _fold(
    outer: Experiment, before: Stages, folder: Path, kept: Mapping[str, int | None], held: Sequence[str]
) -> dict[str, list[float]]:
    """Case -> probabilities of one fold, read if they are there."""
    config = _inner_config(outer.config, before, folder)
    key = _key(config, kept, held)
    done = _read(folder / work_files.SCORES, key)
    if done is not None:
        return done
    if is_main_process():
        if (folder / work_files.SCORES).exists():  # of other settings, or damaged
            shutil.rmtree(folder)
        _write_cases(folder / CASES, kept, outer.config.classes)
    barrier()
    inner = type(outer)(config, folder, outer.options, [part for part in outer.parts if part != 'test'])
    inner.skipped = outer.skipped
    for part, data in inner.parts.items():
        data.leave_out(outer.skipped.get(part, ()))
    inner.run_stages(before, resume=True)
    rest: CaseDataset = DATASETS.build(
        {**outer.config.dataset, 'part': 'train', 'pipeline': config.get('test_pipeline', ())}
    )
    rest.choose(held)
    inner.model.to(get_device())
    scored = collect_scores(inner.model, rest, config.batch_size, config.num_workers).scored
    logits = torch.stack([case.info[SCORES][IMAGE_LOGITS] for case in scored])
    scores = dict(zip((case.case_id for case in scored), logits.double().softmax(1).tolist(), strict=True))
    if is_main_process():
        write_json(folder / work_files.SCORES, {'key': key, 'scores': scores})
        for path in [*folder.glob('*/*.pth'), *folder.glob(f'*/{work_files.LAST_CHECKPOINT}')]:
            path.unlink()
    barrier()
    return scores


def _inner_config(config: Config, before: Stages, folder: Path) -> Config:
    """The run's config for the training of an inner fold."""
    inner = copy.deepcopy(config)
    inner.stages = [dict(stage) for stage in before]
    inner.dataset['only'] = str(folder / CASES)
    return inner


def _key(config: Config, kept: Mapping[str, int | None], held: Sequence[str]) -> str:
    """What the scores of a fold depend on, in short."""
    facts = [{name: config.get(name) for name in DECIDE}, config.stages, [*kept.items()], list(held)]
    return value_digest(facts, default=str)[:24]


def _read(path: Path, key: str) -> dict[str, list[float]] | None:
    """The scores of a fold that is done; all processes get the same answer."""
    answer: list[dict[str, list[float]] | None] = [None]
    if is_main_process() and path.is_file():
        try:
            content = json.loads(path.read_text(encoding='utf-8'))
            answer = [content['scores'] if content['key'] == key else None]
        except (ValueError, KeyError, TypeError):
            pass  # damaged: the fold is run again
    broadcast_object_list(answer)
    return answer[0]


def _write_cases(path: Path, kept: Mapping[str, int | None], classes: Sequence[str]) -> None:
    with atomic_text(path) as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(('sample_id', 'label'))
        writer.writerows((name, '' if label is None else classes[label]) for name, label in kept.items())
