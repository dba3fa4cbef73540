"""Watch a contrastive pre-training: do the outputs of different cases stay apart?"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from usmm.engine.hooks.run_state import plain_model
from usmm.registry import HOOKS
from usmm.structures.protocols import HasSpread

LOWEST = 0.1
_logger = logging.getLogger(__name__)


@HOOKS.register_module()
class CollapseHook(Hook):
    """Log the spread of the outputs after each epoch, keep the last in the model's `spread`, and warn of a collapse.

    The spread is the standard deviation of the normalised outputs over a batch times the square root of their width:
    about 1 where they fill the sphere, 0 where all cases have one output.

    Args:
        lowest: Below this the outputs have collapsed.

    References:
        Chen and He, SimSiam, CVPR 2021, section 4.1.
    """

    def __init__(self, lowest: float = LOWEST) -> None:
        self.lowest = lowest
        self._values: list[float] = []

    def before_train_epoch(self, runner: Runner) -> None:
        """Forget the epoch before."""
        self._values = []

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: object = None, outputs: Mapping[str, Tensor] | None = None
    ) -> None:
        """Keep the spread of a batch."""
        if outputs and 'spread' in outputs:
            self._values.append(float(outputs['spread']))

    def after_train_epoch(self, runner: Runner) -> None:
        """Say what the epoch's mean is."""
        if not self._values:
            return
        mean = sum(self._values) / len(self._values)
        learner = plain_model(runner.model)
        if isinstance(learner, HasSpread):
            learner.spread.fill_(mean)
        text = f'epoch {runner.epoch + 1}: spread of the outputs {mean:.3f}'
        runner.logger.info(text)
        if collapsed(mean, self.lowest) and is_main_process():
            text = f'{text}, below {self.lowest:g}: they have collapsed, all cases have nearly one output'
            runner.logger.warning(text)
            _logger.warning(text)


def collapsed(spread: float, lowest: float = LOWEST) -> bool:
    """Whether a spread is that of outputs that have collapsed; one that is not a number is.

    Example:
        >>> collapsed(0.02), collapsed(0.9)
        (True, False)
    """
    return not spread >= lowest
