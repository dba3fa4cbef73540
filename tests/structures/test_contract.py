from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import nn

from usmm.structures.contract import Contract, missing_members


@runtime_checkable
class Fitted(Protocol, metaclass=Contract):
    fitted: torch.Tensor

    def fit(self, table: torch.Tensor) -> None: ...


@runtime_checkable
class Layered(Fitted, Protocol):
    layer: nn.Module

    def __call__(self, table: torch.Tensor) -> torch.Tensor: ...


class Buffers(nn.Module):
    """Buffers and submodules are found by `nn.Module.__getattr__` alone."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__()
        for name in names:
            self.register_buffer(name, torch.tensor(False))
        self.layer = nn.Linear(1, 1)

    def fit(self, table: torch.Tensor) -> None: ...


class Explicit(Fitted):
    """Inherits from a protocol without setting its attribute."""

    def fit(self, table: torch.Tensor) -> None: ...


def test_buffers_and_submodules_are_members() -> None:
    assert isinstance(Buffers(('fitted',)), Fitted)
    assert isinstance(Buffers(('fitted',)), Layered)


def test_an_object_that_lacks_a_member() -> None:
    assert not isinstance(Buffers(()), Fitted)
    assert not isinstance(nn.Linear(1, 1), Fitted)
    assert missing_members(Buffers(()), Layered) == ['fitted']
    assert missing_members(object(), Layered) == ['__call__', 'fit', 'fitted', 'layer']


def test_a_class_that_inherits_from_a_protocol() -> None:
    assert isinstance(Explicit(), Fitted)
    assert isinstance(Explicit(), Explicit)
    assert not isinstance(Buffers(('fitted',)), Explicit)
