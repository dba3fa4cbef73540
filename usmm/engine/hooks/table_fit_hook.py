"""What is fitted to the clinical table before a training, as a hook of a Runner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from mmengine.hooks import Hook
from mmengine.runner import Runner

from usmm.engine.hooks.run_state import plain_model
from usmm.engine.table_fit import fit_before
from usmm.registry import HOOKS
from usmm.structures import Case, Settings
from usmm.structures.protocols import Classifier
from usmm.structures.settings import TRAIN_ALL


@runtime_checkable
class HasCases(Protocol):
    """A data set that has its cases."""

    cases: Sequence[Case]


@HOOKS.register_module()
class TableFitHook(Hook):
    """Fit the parts of a classifier that read the clinical table to the cases of the training loader.

    Their normalisation comes from these cases alone. Parts that loaded weights have fitted already stay as they are;
    so does everything in a training that goes on from a checkpoint.

    Args:
        schema: The schema of the case table, as a dict.
        train: What learns, as `train` of a stage.

    Raises:
        TypeError: The model is not a classifier, or the data set of the loader has no cases.
    """

    def __init__(self, schema: Settings, train: str | Sequence[str] = TRAIN_ALL) -> None:
        self.schema, self.train = schema, train

    def before_train(self, runner: Runner) -> None:
        """Fit, after weights are loaded and before the first batch."""
        if runner.iter > 0:
            return
        model, data = plain_model(runner.model), runner.train_dataloader.dataset
        if not isinstance(model, Classifier) or not isinstance(data, HasCases):
            raise TypeError(
                f'TableFitHook needs a classifier and a data set of cases, got a {type(model).__name__} and '
                f'a {type(data).__name__}'
            )
        fit_before(model, self.train, self.schema, data.cases)
