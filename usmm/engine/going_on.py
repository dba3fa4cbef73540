"""A training that goes on from an earlier one: which run that was, and whether it had this config and these data."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from pathlib import Path

from mmengine.logging import print_log

from usmm.engine.workdir.kept_config import FREE, changed_settings
from usmm.utils import work_files

LOGGED = ('default_hooks', 'log_level', 'log_processor', 'visualizer')  # settings that change no weight


def origin_of(work_dir: Path, names: Sequence[str], resume: str | bool, stage: str | None) -> Path | None:
    """The work directory of the run that a training goes on from; None: it starts anew.

    Args:
        work_dir: That of the training.
        names: Stages of its config, in order.
        resume: As `Experiment.train` takes it; the path of a checkpoint of a stage may be that of another run.
        stage: The stage that runs alone; those before it were trained earlier.
    """
    if isinstance(resume, str):
        return Path(resume).absolute().parent.parent
    if resume or (stage in names and [*names].index(str(stage)) > 0):
        return work_dir
    return None


def check_origin(origin: Path, source: str, stages: Collection[str] | None) -> None:
    """See that a training goes on with the config of the run that it goes on from.

    Args:
        origin: The work directory of that run.
        source: The config, as `source_text` returns it.
        stages: Stages whose settings must be the same: those that are done; None: all.

    Raises:
        ValueError: The configs differ; names the settings.
    """
    if not (origin / work_files.CONFIG).is_file():
        text = f'{origin} has no {work_files.CONFIG}, so that the settings of the run there cannot be compared'
        print_log(text, 'current', logging.WARNING)
        return
    changed = changed_settings(origin, source, (*FREE, *LOGGED), longer=True, stages=stages)
    if changed:
        raise ValueError(
            f'cannot resume: {origin} holds a run of another config (it differs in {", ".join(changed)}); '
            'resume with the settings that it began with, or train in another work_dir'
        )
