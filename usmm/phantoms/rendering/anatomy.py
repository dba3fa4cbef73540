"""The anatomy of a patient as the writers of files need it: where the lesion is, and how large a pixel is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]


class Anatomy(Protocol):
    """What all aligned images of a patient have in common; `Scene`, `NoduleScene` and `Liver` are anatomies."""

    def mask(self, size: tuple[int, int], zoom: float | None = None) -> Mask:
        """(H, W) lesion mask.

        Args:
            size: Width and height of the frame in pixels.
            zoom: Scale of the lesion in pixels of the frame; None: the lesion keeps its place relative to the frame.
        """

    def spacing(self, size: tuple[int, int]) -> tuple[float, float]:
        """(row, column) distance of pixels in mm.

        Args:
            size: Width and height of the frame in pixels.
        """


A = TypeVar('A', bound=Anatomy)
DrawAnatomy = Callable[[np.random.Generator, Mapping[str, float]], A]
