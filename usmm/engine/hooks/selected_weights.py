"""The weights that a stage ends with: of the selected epoch, and, of a pre-training, in the classifier."""

from __future__ import annotations

import logging
from pathlib import Path

from mmengine.dist import barrier, broadcast_object_list, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner, set_random_seed
from torch import nn

from usmm.engine.hooks.run_state import patients_of, plain_model, take_averaged
from usmm.engine.specs import Results
from usmm.engine.workdir.outputs import load_weights, save_checkpoint
from usmm.models.staging import build_stage_model
from usmm.registry import HOOKS
from usmm.structures import ModelMeaning, Settings
from usmm.structures.protocols import Classifier, Learner
from usmm.utils import work_files
from usmm.utils.random_state import kept_random_state
from usmm.weights import load_state


@HOOKS.register_module()
class SelectedWeightsHook(Hook):
    """At the end of a training, write the weights that count as `selected.pth`; the next stage starts from them.

    Args:
        stage: Name of the stage, for the metadata of the file.
        monitor: The validation metric that selected the epoch; None: the last epoch counts.
        classifier: Of a pre-training, config of the classifier that takes over what was learnt.
        load_from: Of a pre-training, weights of the classifier.
        seed, deterministic: Of the classifier's own weights.
        meaning: As in `StageCheckpointHook`.

    Raises:
        TypeError: With `classifier`: it is not one, or the model is not one for pre-training.
    """

    priority = 'LOWEST'  # after the checkpoints

    def __init__(
        self,
        stage: str,
        monitor: str | None = None,
        classifier: Settings | None = None,
        load_from: str | None = None,
        seed: int = 0,
        deterministic: bool = False,
        meaning: Settings | None = None,
    ) -> None:
        self.stage, self.monitor, self.classifier, self.load_from = stage, monitor, classifier, load_from
        self.seed, self.deterministic, self.meaning = seed, deterministic, meaning

    def after_train(self, runner: Runner) -> None:
        """Select, hand over and write."""
        model = plain_model(runner.model)
        result = select_weights(model, runner, self.monitor)
        if self.classifier is not None:
            model = self._handed_over(model, self.classifier)
        if is_main_process():
            path = Path(runner.work_dir, work_files.SELECTED)
            meta = {'stage': self.stage, 'result': result, **ModelMeaning.plain(self.meaning), **patients_of(runner)}
            save_checkpoint(path, model.state_dict(), meta)
        barrier()

    def _handed_over(self, learner: nn.Module, classifier: Settings) -> nn.Module:
        with kept_random_state():
            set_random_seed(self.seed, deterministic=self.deterministic)
            built = model = build_stage_model(classifier)
        if not isinstance(model, Classifier) or not isinstance(learner, Learner):
            raise TypeError(
                f'weights go from a model for pre-training to a classifier, got a {type(learner).__name__} and '
                f'a {type(model).__name__}'
            )
        if self.load_from is not None:
            load_state(model, load_weights(Path(self.load_from))['state_dict'], self.load_from)
        learner.hand_over(model)
        return built


def select_weights(model: nn.Module, runner: Runner, monitor: str | None, whole: bool = False) -> Results:
    """Load the weights that count into a trained model: averaged ones, and those of the epoch that validated best.

    Args:
        model: The model of the runner, without its wrapper.
        runner: The runner, at the end of its training.
        monitor: The metric that selects; None, or where no epoch could be scored: the last epoch counts.
        whole: Whether to return all metrics of that epoch, as `validation`.

    Returns:
        `epoch`, and where an epoch was selected `selected_by` and `score`.
    """
    take_averaged(model, runner)
    return {'epoch': runner.epoch} if monitor is None else _load_best(model, runner, monitor, whole)


def _load_best(model: nn.Module, runner: Runner, monitor: str, whole: bool) -> Results:
    # only the main process keeps the bookkeeping of the best epoch
    known = runner.message_hub.runtime_info
    shared = [(known.get('best_ckpt'), known.get('best_score'), known.get('best_metrics', {}))]
    broadcast_object_list(shared)
    best, score, metrics = shared[0]
    folder = Path(runner.work_dir)
    if not best:
        logging.getLogger(__name__).warning('no epoch of %s has a valid %s; keeping the last', folder.name, monitor)
        return {'epoch': runner.epoch, 'selected_by': None}
    path = folder / Path(best).name
    model.load_state_dict(load_weights(path)['state_dict'])
    chosen = {'epoch': int(path.stem.rpartition('_')[2]), 'selected_by': monitor, 'score': score}
    return {**chosen, 'validation': metrics} if whole else chosen
