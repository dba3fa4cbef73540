"""What the check of a config asks about components, whoever answers it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol


class Component(NamedTuple):
    """A component that a config may name."""

    arguments: frozenset[str] | None  # those that it takes; None: any, or not known
    annotations: Mapping[str, str]  # the types of arguments, as far as they are stated
    own: bool  # whether it is of usmm, whose types are exact


class Catalogue(Protocol):
    """Knows components by kind (`'model'`, `'hook'`, ...) and name."""

    def find(self, kind: str, name: str) -> Component | None:
        """The component of a name; None where there is none, or it is not known."""

    def is_unknown(self, kind: str, name: str) -> bool:
        """Whether it is certain that there is no component of this name."""

    def names(self, kind: str, name: str) -> list[str]:
        """Valid names of a kind, written with the scope that a name is written with."""
