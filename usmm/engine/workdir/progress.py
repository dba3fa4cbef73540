"""How far a run is: which of its stages are done, and what must be forgotten when one is run again."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from mmengine.dist import barrier, broadcast_object_list, is_main_process

from usmm.engine.hooks.stage_checkpoints import check_resumable
from usmm.engine.specs import Finished
from usmm.engine.workdir.outputs import check_whole, load_weights, write_json
from usmm.utils import work_files
from usmm.utils.atomic_files import remove_temporary_files

_logger = logging.getLogger(__name__)


class Progress:
    """The stages of a work directory that are done, in `stages.json`.

    Args:
        work_dir: The work directory.
        epochs: Name of each of the config's stages, in order -> epochs that it is to run.
    """

    def __init__(self, work_dir: Path, epochs: Mapping[str, int]) -> None:
        self.work_dir, self.epochs, self.names = work_dir, dict(epochs), list(epochs)
        self.path = work_dir / work_files.STAGES

    def done(self) -> Finished:
        """Stage -> its result, of the first stages as far as all are done and their weights are whole.

        One that is now to run longer is not done. A damaged file is said, and what it held is found anew.
        """
        return self._stand()[0]

    def _stand(self) -> tuple[Finished, bool]:
        """What is done; and whether the first other stage was done, with the later ones, but its weights are lost."""
        answer: list[tuple[Finished, bool]] = [({}, False)]
        if is_main_process():
            found, lost = self._read(), False
            # `of`, not `epochs`: a stage that stopped early is done
            done: Finished = {}
            for name in self.names:
                result = found.get(name)
                if result is None or cast(int, result.get('of', self.epochs[name])) < self.epochs[name]:
                    break
                if (problem := self._problem(name)) is not None:
                    _logger.warning('%s; stage %r goes on from its last checkpoint', problem, name)
                    lost = True
                    break
                done[name] = found[name]
            answer = [(done, lost)]
        broadcast_object_list(answer)  # all processes run the same stages
        return answer[0]

    def _read(self) -> Finished:
        try:
            found = json.loads(self.path.read_text(encoding='utf-8')) if self.path.exists() else {}
            if not isinstance(found, dict) or not all(isinstance(result, dict) for result in found.values()):
                raise ValueError('it is no table of stages')
        except ValueError as error:
            found = self._rebuilt()
            _logger.warning('%s is damaged: %s; by their weights the stages %s are done', self.path, error, [*found])
        return found

    def _rebuilt(self) -> Finished:
        """The results that the weights of the stages know; weights of an earlier run went when this one began."""
        found: Finished = {}
        for name in self.names:
            if self._problem(name) is None:
                result = load_weights(self.work_dir / name / work_files.SELECTED).get('meta', {}).get('result')
                if isinstance(result, dict):
                    found[name] = result
        return found

    def _problem(self, name: str) -> str | None:
        """Why the weights that a stage ended with cannot be used."""
        try:
            check_whole(self.work_dir / name / work_files.SELECTED)
        except ValueError as error:
            return str(error)
        return None

    def check(self, resume: str | bool, stage: str | None) -> tuple[Finished, bool]:
        """See that a run can start like this; nothing is changed.

        Args:
            resume, stage: As in `start`.

        Returns:
            The stages that need not be run, and whether the weights of the first other one are lost.

        Raises:
            ValueError: As in `start`.
        """
        if stage is not None and stage not in self.names:
            raise ValueError(f'no stage {stage!r}; the config has {self.names}')
        first = stage
        if isinstance(resume, str):
            first = self._stage_of(Path(resume))
            if stage not in (None, first):
                raise ValueError(f'{resume} is a checkpoint of stage {first!r}, not of {stage!r}')
        done, lost = self._stand() if resume or stage is not None else ({}, False)
        if first is not None:
            before = self.names[: self.names.index(first)]
            for name in before:
                if name not in done:
                    raise ValueError(f'stage {first!r} needs stage {name!r}, which is not done in {self.work_dir}')
            done, lost = {name: done[name] for name in before}, False
        return done, lost

    def start(self, resume: str | bool, stage: str | None) -> Finished:
        """The stages that need not be run; everything that an earlier run left of the others is forgotten.

        Args:
            resume: True: go on where the work directory stands; a path: from that checkpoint of a stage.
            stage: Run this stage alone.

        Raises:
            ValueError: There is no such stage or checkpoint, the checkpoint is damaged or holds weights alone, or a
                stage before it is not done.
        """
        done, lost = self.check(resume, stage)
        barrier()  # all have read before anything is forgotten
        if not (resume and lost):  # all stages then go on from their checkpoints
            self._forget(done, keep_checkpoint=bool(resume))
        return done

    def add(self, done: Finished) -> None:
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
        check_resumable(checkpoint)
        return name

    def _forget(self, done: Finished, keep_checkpoint: bool) -> None:
        """Without this a later --resume would take an older run's stage for one of this run."""
        if is_main_process():
            for folder in (self.work_dir, *(self.work_dir / name for name in self.names)):
                remove_temporary_files(folder)
            if self.path.exists():
                write_json(self.path, done)
            rest = self.names[len(done) :]
            for name in rest:
                (self.work_dir / name / work_files.SELECTED).unlink(missing_ok=True)
            for name in rest[1:] if keep_checkpoint else rest:
                (self.work_dir / name / work_files.LAST_CHECKPOINT).unlink(missing_ok=True)
        barrier()
