"""What a kind of phantom consists of: classes, modalities with their planted AUC, clinical variables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from usmm.datasets.phantom.clinical import ClinicalPlan
from usmm.datasets.phantom.scene import Scene
from usmm.datasets.phantom.truth import separation

Frame = npt.NDArray[np.uint8]
DrawImage = Callable[[Scene, float, tuple[int, int], np.random.Generator], Frame]
DrawClip = Callable[[Scene, float, tuple[int, int], np.random.Generator, int], Iterator[Frame]]


@dataclass(frozen=True)
class ImageModality:
    """A still image.

    Args:
        name: Modality, and column of the case table.
        auc: AUC of the best classifier of this modality alone.
        size: Width and height in pixels.
        draw: `(scene, latent, size, rng) -> (H, W, 3)` RGB.
        region: What the image shows beside tissue, for DICOM: `'tissue'` or `'colour flow'`.
    """

    name: str
    auc: float
    size: tuple[int, int]
    draw: DrawImage
    region: str = 'tissue'


@dataclass(frozen=True)
class ClipModality:
    """A clip.

    Args:
        name: Modality, and column of the case table.
        auc: AUC of the best classifier of this modality alone.
        size: Width and height in pixels.
        draw: `(scene, latent, size, rng, frames) ->` iterator over grey frames (H, W).
        palette: (256, 3) RGB colours of the grey values, or None for grey.
        zoom: Pixels of the clip per pixel of the scene.
        seconds: Length of a full clip.
        key_frame_step: Seconds between the frames that the key-frame selection looks at, in a full clip.
    """

    name: str
    auc: float
    size: tuple[int, int]
    draw: DrawClip
    palette: Frame | None
    zoom: float
    seconds: float
    key_frame_step: float = 1.0


@dataclass(frozen=True)
class Preset:
    """A kind of phantom; a further one is one more file that makes a `Preset`.

    Args:
        name: Name on the command line.
        classes: Names of the (negative, positive) class.
        counts: Cases of each class in the cohort that is imitated; only the ratio matters.
        images: Still modalities, aligned with each other.
        clips: Clip modalities.
        clinical: Plan of the clinical table, or None.
        clinical_auc: AUC of the best use of the clinical variables.
    """

    name: str
    classes: tuple[str, str]
    counts: tuple[int, int]
    images: Sequence[ImageModality]
    clips: Sequence[ClipModality]
    clinical: ClinicalPlan | None = None
    clinical_auc: float = 0.5

    @property
    def files(self) -> tuple[ImageModality | ClipModality, ...]:
        """All modalities that are files, images first."""
        return (*self.images, *self.clips)

    @property
    def modalities(self) -> tuple[str, ...]:
        """All names, in the order of `truth.json`: images, clips, `clinical`."""
        files = tuple(m.name for m in self.files)
        return files if self.clinical is None else (*files, 'clinical')

    def separations(self, strength: float, modalities: Sequence[str]) -> dict[str, float]:
        """Modality -> d, the distance of its class means, times `strength`."""
        aucs = {m.name: m.auc for m in self.files} | {'clinical': self.clinical_auc}
        return {name: strength * separation(aucs[name]) for name in self.modalities if name in modalities}
