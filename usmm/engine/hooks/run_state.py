"""The part of a run's state that mmengine neither saves nor shares between processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypedDict, TypeVar, cast

import torch
from mmengine.dist import all_reduce, get_world_size
from mmengine.hooks import EarlyStoppingHook, EMAHook, Hook
from mmengine.model import is_model_wrapper
from mmengine.optim import BaseOptimWrapper, OptimWrapper
from mmengine.runner import Runner
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from usmm.registry import HOOKS
from usmm.structures import TRAINED_ON, tokens
from usmm.structures.protocols import HasCases

KEY = 'run_state'  # of a checkpoint
HookKind = TypeVar('HookKind', bound=Hook)


class RunState(TypedDict, total=False):
    """What a checkpoint holds under `KEY`."""

    early_stopping: list[dict[str, float]]  # wait_count and best_score of each hook
    stopped: bool
    gradients: dict[str, torch.Tensor]  # of parameters that wait for the next step


@HOOKS.register_module()
class RunStateHook(Hook):
    """Keep what a resumed run needs and a checkpoint of mmengine lacks.

    - Gradients that wait for the next step of the optimizer, where an epoch is no multiple of `accumulative_counts`.
    - How long early stopping has waited, its best score, and whether the run was stopped.
    - Running statistics of batch norm: each process has its own, and only those of the first are saved. They are
      averaged after each epoch, so that all processes validate with the weights that are saved.
    """

    priority = 'NORMAL'

    def __init__(self) -> None:
        self._loaded: RunState = {}

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, object]) -> None:
        """Take the state out of a checkpoint that is resumed."""
        self._loaded = cast(RunState, checkpoint.get(KEY, {})) if runner._resume else {}

    def before_train(self, runner: Runner) -> None:
        """Put the state of a resumed run in place."""
        state, self._loaded = self._loaded, RunState()
        for hook, values in zip(_of_type(runner, EarlyStoppingHook), state.get('early_stopping', ()), strict=False):
            hook.wait_count, hook.best_score = values['wait_count'], values['best_score']
        runner.train_loop.stop_training = state.get('stopped', False)
        parameters = dict(plain_model(runner.model).named_parameters())
        for name, gradient in state.get('gradients', {}).items():
            parameters[name].grad = gradient.to(parameters[name].device)

    def before_train_epoch(self, runner: Runner) -> None:
        """Average the gradients that wait, as one process saves them for all."""
        if get_world_size() > 1 and _waiting(runner):
            parameters = [p for p in plain_model(runner.model).parameters() if p.requires_grad]
            # a process whose cases lack a modality may have no gradient where the others have one
            has = torch.tensor([float(p.grad is not None) for p in parameters], device=parameters[0].device)
            all_reduce(has, op='max')
            learning = [p for p, some in zip(parameters, has.tolist(), strict=True) if some]
            for parameter in learning:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
            _average([p.grad for p in learning if p.grad is not None])

    def after_train_epoch(self, runner: Runner) -> None:
        """Average the running statistics of batch norm, those of averaged weights too."""
        if get_world_size() == 1:
            return
        model = plain_model(runner.model)
        for other in (model, *(hook.ema_model.module for hook in _of_type(runner, EMAHook))):
            _average([*_statistics(model, other)])

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, object]) -> None:
        """Put the state into a checkpoint that can be resumed."""
        if 'optimizer' not in checkpoint:
            return
        waiting = plain_model(runner.model).named_parameters() if _waiting(runner) else ()
        checkpoint[KEY] = {
            'early_stopping': [
                {'wait_count': int(hook.wait_count), 'best_score': float(hook.best_score)}
                for hook in _of_type(runner, EarlyStoppingHook)
            ],
            'stopped': bool(runner.train_loop.stop_training),
            'gradients': {name: p.grad.detach().cpu() for name, p in waiting if p.grad is not None},
        }


def plain_model(model: nn.Module) -> nn.Module:
    """The model inside a wrapper for several processes."""
    return cast(nn.Module, model.module) if is_model_wrapper(model) else model


def take_averaged(model: nn.Module, runner: Runner) -> None:
    """Load the averaged weights into the model, where a hook averages them; a validated epoch has them already."""
    for hook in _of_type(runner, EMAHook):
        model.load_state_dict(hook.ema_model.module.state_dict())


def _of_type(runner: Runner, kind: type[HookKind]) -> list[HookKind]:
    return [hook for hook in runner.hooks if isinstance(hook, kind)]


def accumulative_counts(wrapper: BaseOptimWrapper) -> int:
    """Batches whose gradients an optimizer wrapper adds up for one step."""
    return wrapper._accumulative_counts if isinstance(wrapper, OptimWrapper) else 1


def _waiting(runner: Runner) -> bool:
    """Whether there are gradients that no step has used yet."""
    wrapper = runner.optim_wrapper
    counts = accumulative_counts(wrapper)
    # the step after the very last iteration uses them whatever the count
    return counts > 1 and wrapper.inner_count % counts != 0 and wrapper.inner_count != wrapper._max_counts


def _statistics(model: nn.Module, other: nn.Module) -> Iterator[torch.Tensor]:
    """Running statistics in `other`, a copy of `model`, of the layers that learn them; frozen ones are equal."""
    for layer, copied in zip(model.modules(), other.modules(), strict=True):
        if isinstance(copied, _BatchNorm) and layer.training:
            yield from (b for b in (copied.running_mean, copied.running_var) if b is not None)


def _average(tensors: Sequence[torch.Tensor]) -> None:
    """Replace tensors by their means over all processes."""
    if not tensors:
        return
    flat = torch.cat([t.flatten() for t in tensors])
    all_reduce(flat, op='mean')
    for tensor, mean in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
        tensor.copy_(mean.view_as(tensor))


def patients_of(runner: Runner) -> dict[str, list[str]]:
    """Metadata of weights that state which patients train; empty where the data set does not list its cases.

    Args:
        runner: The runner of the training.
    """
    dataset = runner.train_dataloader.dataset
    return {TRAINED_ON: tokens(dataset.cases)} if isinstance(dataset, HasCases) else {}
