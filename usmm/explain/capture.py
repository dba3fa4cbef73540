"""A context manager that keeps the outputs of some modules, so that a score can be differentiated by them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType

import torch
from torch import Tensor, nn

from usmm.explain.targets import Target, resolve

Maps = tuple[Tensor, ...] | list[Tensor]


class Capture:
    """Keep the maps of a network's layers while it runs.

    Inside the context the network is in eval mode, gradients are recorded whatever the parameters or the caller say,
    and blocks are not recomputed. Leaving it, also by an exception, removes the hooks and puts all back.

    Args:
        model: The network.
        layers: Modality -> module of the model, or its name (see `Target.of`).

    Raises:
        ValueError: There is no layer, or the model has no such module.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))
        >>> with Capture(net, {'bus': '0'}) as seen:
        ...     score = net(torch.rand(1, 3, 8, 8))[:, 1]
        ...     maps, gradients = seen.differentiate(score)['bus']
        >>> maps.shape, gradients.shape, len(net[0]._forward_hooks)
        (torch.Size([1, 4, 6, 6]), torch.Size([1, 4, 6, 6]), 0)
    """

    def __init__(self, model: nn.Module, layers: Mapping[str, str | Target | nn.Module]) -> None:
        self.model, self.targets = model, resolve(model, layers)
        self._calls: dict[nn.Module, list[Tensor]] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Capture:
        with ExitStack() as stack:  # what was done is undone if the rest fails
            stack.callback(_restore, [(m, m.training) for m in self.model.modules()])
            for module in self.model.modules():
                module.training = False
                if getattr(module, 'with_cp', False):  # recomputed blocks cannot be differentiated by their maps
                    module.with_cp = False  # type: ignore[assignment]
                    stack.callback(setattr, module, 'with_cp', True)
            self._calls = {module: [] for _, module in self.targets.values()}
            for module in self._calls:
                stack.callback(module.register_forward_hook(self._keep).remove)
            stack.enter_context(torch.inference_mode(False))
            stack.enter_context(torch.enable_grad())
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._calls = {}
        self._stack.close()

    def differentiate(self, score: Tensor) -> dict[str, tuple[Tensor, Tensor] | None]:
        """Maps and their gradients by modality, from one backward pass; parameters keep no gradient.

        Args:
            score: Scores of the rows (B,), or their sum.

        Returns:
            Modality -> maps and gradients, (B, C, ...) each; None where the layer was not called, or the score does
            not depend on it.
        """
        kept = {modality: self._calls[module] for modality, (_, module) in self.targets.items()}
        calls = {m: maps[t.call] for m, maps in kept.items() if (t := self.targets[m][0]).call < len(maps)}
        if not score.requires_grad or not calls:
            return dict.fromkeys(self.targets)
        found = torch.autograd.grad(score.sum(), list(calls.values()), allow_unused=True)
        pairs: dict[str, tuple[Tensor, Tensor] | None] = dict.fromkeys(self.targets)
        for (modality, maps), gradient in zip(calls.items(), found):
            if gradient is not None:
                target = self.targets[modality][0]
                pairs[modality] = _part(maps.detach(), target), _part(gradient, target)
        return pairs

    def _keep(self, module: nn.Module, inputs: tuple[object, ...], output: Tensor | Maps) -> Tensor | Maps:
        """Keep a module's last map, and pass on a copy: what follows may change it in place."""
        last = output[-1] if isinstance(output, (tuple, list)) else output
        if not isinstance(last, Tensor):
            raise TypeError(f'{type(module).__name__} returns {type(last).__name__}, expected a map or a list of maps')
        kept = last if last.requires_grad else last.detach().requires_grad_()
        self._calls[module].append(kept)
        passed = kept.clone()
        return type(output)([*output[:-1], passed]) if isinstance(output, (tuple, list)) else passed


def _part(x: Tensor, target: Target) -> Tensor:
    if target.parts == 1:
        return x
    if len(x) % target.parts:
        raise ValueError(f'{target}: a batch of {len(x)} does not have {target.parts} equal parts')
    return x.chunk(target.parts)[target.part]


def _restore(modes: list[tuple[nn.Module, bool]]) -> None:
    for module, training in modes:
        module.training = training
