"""Modules that are asked again for what they answered before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Union

from torch import Tensor, nn

Answer = Union[Tensor, list['Answer'], tuple['Answer', ...], Mapping[str, 'Answer']]  # noqa: UP007 - Python 3.10 has no `|` of strings


@contextmanager
def reused(modules: Iterable[nn.Module]) -> Iterator[None]:
    """Within the block each module runs once, on the first row of its input; every call gets that answer for all rows.

    For batches whose rows are alike in what these modules read, and in eval mode, so that a row does not depend on the
    others: a picture that stands beside many versions of a table is then encoded once.

    Args:
        modules: Modules whose first argument is a tensor or a mapping of tensors, and whose answer is made of tensors
            with the rows first, in lists, tuples and dicts.

    Example:
        >>> import torch
        >>> layer = nn.Linear(2, 1)
        >>> with reused([layer]):
        ...     layer(torch.zeros(1, 2)).shape, layer(torch.ones(3, 2)).unique().numel()
        (torch.Size([1, 1]), 1)
    """
    changed: list[nn.Module] = []
    try:
        for module in modules:
            module.forward = _Once(module.forward)  # type: ignore[method-assign]
            changed.append(module)
        yield
    finally:
        for module in changed:
            del module.forward  # the class's own method is seen again


class _Once:
    def __init__(self, forward: Callable[..., Answer]) -> None:
        self.forward = forward
        self.answer: Answer | None = None

    def __call__(self, inputs: Tensor | Mapping[str, Tensor], *rest: object, **named: object) -> Answer:
        first = next(iter(inputs.values())) if isinstance(inputs, Mapping) else inputs
        if self.answer is None:
            one = {k: x[:1] for k, x in inputs.items()} if isinstance(inputs, Mapping) else inputs[:1]
            self.answer = self.forward(one, *rest, **named)
        return _repeated(self.answer, len(first))


def _repeated(answer: Answer, rows: int) -> Answer:
    if isinstance(answer, Tensor):
        return answer.expand(rows, *answer.shape[1:])
    if isinstance(answer, Mapping):
        return {key: _repeated(value, rows) for key, value in answer.items()}
    return type(answer)(_repeated(value, rows) for value in answer)
