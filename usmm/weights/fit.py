"""Whether weights fit a model: names, shapes, types, and numbers that are numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor

SHOWN = 3


class HasWeights(Protocol):
    """A model that tensors can be loaded into by their names."""

    def state_dict(self) -> Mapping[str, Tensor]:
        """Name -> tensor."""

    def load_state_dict(self, state_dict: Mapping[str, Tensor]) -> object:
        """Load tensors by name."""


def check_fits(path: Path | str, state: Mapping[str, Tensor], model: Mapping[str, Tensor]) -> None:
    """Check weights against a model's own, before any of them is copied: a copy casts types without a word.

    Args:
        path: The file, for the message.
        state: Name -> tensor, of the file.
        model: Name -> tensor, as `model.state_dict()` gives them.

    Raises:
        ValueError: Tensors are missing, too many, of another shape or kind of number, or not finite.

    Example:
        >>> import torch
        >>> check_fits('w.pth', {'w': torch.zeros(2, 3)}, {'w': torch.zeros(3, 2)})
        Traceback (most recent call last):
        ...
        ValueError: w.pth does not fit the model: w has the shape (2, 3), the model (3, 2)
    """
    missing, strange = sorted(set(model) - set(state)), sorted(set(state) - set(model))
    problems = [f'it lacks {_some(missing)}'] if missing else []
    problems += [f'it has {_some(strange)}, which the model lacks'] if strange else []
    for name in [n for n in model if n in state]:
        mine, theirs = model[name], state[name]
        if mine.shape != theirs.shape:
            problems.append(f'{name} has the shape {tuple(theirs.shape)}, the model {tuple(mine.shape)}')
    if problems:
        raise ValueError(f'{path} does not fit the model: {"; ".join(problems[:SHOWN])}')
    check_numbers(path, state, model)


def check_numbers(path: Path | str, state: Mapping[str, Tensor], model: Mapping[str, Tensor]) -> None:
    """Check the kinds of numbers alone, and that they are finite; names and shapes may differ.

    Raises:
        ValueError: Whole numbers stand where the model has fractions, or the other way round, or NaN, or infinity.
    """
    for name in [n for n in model if n in state]:
        mine, theirs = model[name].dtype, state[name].dtype
        if mine != theirs and not (mine.is_floating_point and theirs.is_floating_point):
            raise ValueError(f'{path} does not fit the model: {name} is {theirs}, in the model {mine}')
    check_finite(path, state)


def load_state(model: HasWeights, state: Mapping[str, Tensor], source: Path | str, name: str | None = None) -> None:
    """Load weights into a model, every tensor of it and no other; where that fails, the model stays as it was.

    Args:
        model: The model.
        state: Name -> tensor.
        source: Where they come from, for the message.
        name: Of the config, for the message.

    Raises:
        ValueError: Names, shapes or kinds of numbers differ from the model's, or numbers are not finite.
    """
    check_numbers(source, state, model.state_dict())
    before = {key: value.clone() for key, value in model.state_dict().items()}
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        model.load_state_dict(before)  # torch has copied the tensors that fit
        whose = 'its model' if name is None else f'the model of {name}'
        raise ValueError(f'{source} does not fit {whose}: {error}') from error


def check_finite(path: Path | str, state: Mapping[str, Tensor]) -> None:
    """Check that all numbers are finite.

    Raises:
        ValueError: Names the tensors with NaN or infinite numbers.
    """
    import torch

    bad = [name for name, value in state.items() if value.is_floating_point() and not torch.isfinite(value).all()]
    if bad:
        raise ValueError(f'{path} holds numbers that are not finite, in {_some(bad)}')


def _some(names: list[str]) -> str:
    more = f' and {len(names) - SHOWN} more' if len(names) > SHOWN else ''
    return ', '.join(names[:SHOWN]) + more
