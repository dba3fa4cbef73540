"""What every modality that is written as files has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass


@dataclass(frozen=True)
class BaseModality(ABC):
    """A modality of which each patient has one or several files.

    Args:
        name: Modality, and column of the case table.
        auc: AUC of the best classifier of this modality alone; macro one-vs-rest with three or more classes.
        size: Width and height in pixels.
    """

    name: str
    auc: float
    size: tuple[int, int]

    @abstractmethod
    def suffix(self, dicom: bool) -> str:
        """End of the file names.

        Args:
            dicom: Whether DICOM files are written.

        Example:
            >>> from usmm.phantoms import PRESETS
            >>> [modality.suffix(dicom=False) for modality in PRESETS['cla'].files]
            ['.png', '.png', '.png', '.mp4']
        """
