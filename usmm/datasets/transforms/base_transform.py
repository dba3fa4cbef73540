"""What transforms have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from usmm.registry import TRANSFORMS
from usmm.structures import Case, Settings

Step = Callable[[Case], Case]
"""What a pipeline is made of: `Transform`s, and any other function from a case to a case."""


@runtime_checkable
class MayDraw(Protocol):
    """A step that states whether it draws random numbers."""

    random: bool


class Transform:
    """A step of a pipeline: a case in, the case out.

    The repr names every option, so two transforms with the same repr do the same; caches and random streams rely on it.
    Attributes that start with `_` are not options. `random` says whether it draws random numbers.
    """

    random: bool = False

    def __call__(self, case: Case) -> Case:
        """Return the case with what this step adds or changes."""
        raise NotImplementedError(f'{type(self).__name__} must define __call__')

    def __repr__(self) -> str:
        options = ', '.join(f'{name}={value!r}' for name, value in vars(self).items() if not name.startswith('_'))
        return f'{type(self).__name__}({options})'


def names_of(modalities: str | Sequence[str] | None) -> tuple[str, ...] | None:
    """Modalities of a config as a tuple; a single name stands for itself, None for all.

    Example:
        >>> names_of('bus'), names_of(['bus', 'ue'])
        (('bus',), ('bus', 'ue'))
    """
    if modalities is None:
        return None
    return (modalities,) if isinstance(modalities, str) else tuple(modalities)


def build_steps(steps: Iterable[Step | Settings]) -> list[Step]:
    """The steps of a pipeline, built where they are settings of a registered transform."""
    return [TRANSFORMS.build(step) if isinstance(step, Mapping) else step for step in steps]


def draws(step: Step) -> bool:
    """Whether a step draws random numbers; one that does not state it does not."""
    return isinstance(step, MayDraw) and step.random


def chosen(modalities: tuple[str, ...] | None, present: Mapping[str, object]) -> list[str]:
    """Those of the modalities (None: all) that the case has."""
    return [m for m in present if modalities is None or m in modalities]


def all_steps(steps: Sequence[object]) -> list[object]:
    """The steps of a pipeline, and the steps inside of them."""
    found: list[object] = []
    for step in steps:
        inner = vars(step).get('transforms') if hasattr(step, '__dict__') else None
        found += [step, *(all_steps(inner) if isinstance(inner, (list, tuple)) else ())]
    return found
