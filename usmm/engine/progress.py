"""How far a run is: which of its stages are done, and what must be forgotten when one is run again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.dist import barrier, is_main_process

from usmm.engine.checkpoints import LAST
from usmm.engine.outputs import sweep, write_json


class Progress:
    """The stages of a work directory that are done, in `stages.json`.

    Args:
        work_dir: The work directory.
        epochs: Name of each of the config's stages, in order -> epochs that it is to run.
    """

    def __init__(self, work_dir: Path, epochs: Mapping[str, int]) -> None:
        self.work_dir, self.epochs, self.names = work_dir, dict(epochs), list(epochs)
        self.path = work_dir / 'stages.json'

    def done(self) -> dict[str, Any]:
        """Stage -> its result, of the first stages as far as all are done; one that is now to run longer is not."""
        found = json.loads(self.path.read_text(encoding='utf-8')) if self.path.exists() else {}
        # `of`, not `epochs`: a stage that stopped early is done
        short = [name for name in self.names if found.get(name, {}).get('of', self.epochs[name]) < self.epochs[name]]
        undone = next((i for i, n in enumerate(self.names) if n not in found or n in short), len(self.names))
        return {name: found[name] for name in self.names[:undone]}

    def start(self, resume: str | bool, stage: str | None) -> dict[str, Any]:
        """The stages that need not be run; everything that an earlier run left of the others is forgotten.

        Args:
            resume: True: go on where the work directory stands; a path: from that checkpoint of a stage.
            stage: Run this stage alone.

        Raises:
            ValueError: There is no such stage or checkpoint, or a stage before it is not done.
        """
        if stage is not None and stage not in self.names:
            raise ValueError(f'no stage {stage!r}; the config has {self.names}')
        first = stage
        if isinstance(resume, str):
            first = self._stage_of(Path(resume))
            if stage not in (None, first):
                raise ValueError(f'{resume} is a checkpoint of stage {first!r}, not of {stage!r}')
        done = self.done() if resume or stage is not None else {}
        if first is not None:
            before = self.names[: self.names.index(first)]
            for name in before:
                if name not in done:
                    raise ValueError(f'stage {first!r} needs stage {name!r}, which is not done in {self.work_dir}')
            done = {name: done[name] for name in before}
        barrier()  # all have read before anything is forgotten
        self._forget(done, keep_checkpoint=bool(resume))
        return done

    def add(self, done: Mapping[str, Any]) -> None:
        """Write which stages are done."""
        if is_main_process():
            write_json(self.path, done)
        barrier()

    def _stage_of(self, checkpoint: Path) -> str:
        name = checkpoint.absolute().parent.name
        if name not in self.names:
            raise ValueError(f'cannot resume from {checkpoint}: its folder is not one of the stages {self.names}')
        if not checkpoint.is_file():
            raise ValueError(f'cannot resume from {checkpoint}: there is no such file')
        return name

    def _forget(self, done: Mapping[str, Any], keep_checkpoint: bool) -> None:
        """Without this a later --resume would take an older run's stage for one of this run."""
        if is_main_process():
            for folder in (self.work_dir, *(self.work_dir / name for name in self.names)):
                sweep(folder)
            if self.path.exists():
                write_json(self.path, done)
        rest = self.names[len(done) :]
        for name in rest[1:] if keep_checkpoint else rest:
            if is_main_process():
                (self.work_dir / name / LAST).unlink(missing_ok=True)
        barrier()
