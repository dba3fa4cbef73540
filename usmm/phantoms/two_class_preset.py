"""What a kind of phantom consists of: classes, modalities with their planted AUC, clinical variables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from usmm.phantoms.clinical import ClinicalPlan
from usmm.phantoms.presets.liver_blood_table import MarkerPlan
from usmm.phantoms.rendering.scene import Scene, draw_scene
from usmm.phantoms.truth import best_aucs, case_label, draw_latents, separation

Frame = npt.NDArray[np.uint8]
DrawImage = Callable[[Any, float, tuple[int, int], np.random.Generator], Frame]
DrawScene = Callable[[np.random.Generator, Mapping[str, float]], Any]
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
        box: Whether the table has a column `<name>_box`, a rectangle around the lesion as a reader draws it.
    """

    name: str
    auc: float
    size: tuple[int, int]
    draw: DrawImage
    region: str = 'tissue'
    box: bool = False


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


NOTE = """Size, place and outline of a node, gain and speckle tell nothing of the class. The diameters in the table
belong to the clinical score and cannot be measured in the pictures."""


def _node(rng: np.random.Generator, latents: Mapping[str, float]) -> Scene:
    """A node under the skin; its anatomy does not depend on the latents."""
    return draw_scene(rng)


@dataclass(frozen=True)
class Preset:
    """A kind of phantom; a further one is one more file that makes a `Preset`.

    Args:
        name: Name on the command line.
        classes: Names of the (negative, positive) class; a subclass may have more.
        counts: Cases of each class in the cohort that is imitated; only the ratio matters.
        images: Still modalities, aligned with each other.
        clips: Clip modalities.
        clinical: Plan of the clinical table, or None. A `MarkerPlan` has a latent for each of its columns.
        clinical_auc: AUC of the best use of the clinical variables; a `MarkerPlan` knows its own.
        common: Name of a latent that every image shows beside its own, or None.
        common_auc: AUC of the best classifier of that latent alone.
        scene: `(rng, latents) ->` the anatomy that all modalities of a patient show, with `mask` and `spacing`.
        dicom: Whether DICOM files can be written.
        block: Cases among which the ratio of the classes holds exactly, see `case_label`.
        note: What tells nothing of the class, for `README.txt`.
    """

    name: str
    classes: tuple[str, ...]
    counts: tuple[int, ...]
    images: Sequence[ImageModality]
    clips: Sequence[ClipModality]
    clinical: ClinicalPlan | MarkerPlan | None = None
    clinical_auc: float = 0.5
    common: str | None = None
    common_auc: float = 0.5
    scene: DrawScene = _node
    dicom: bool = True
    block: int = 7
    note: str = NOTE

    @property
    def files(self) -> tuple[ImageModality | ClipModality, ...]:
        """All modalities that are files, images first."""
        return (*self.images, *self.clips)

    @property
    def modalities(self) -> tuple[str, ...]:
        """All names, in the order of `truth.json`: images, clips, `clinical`."""
        files = tuple(m.name for m in self.files)
        return files if self.clinical is None else (*files, 'clinical')

    @property
    def positive(self) -> str | None:
        """The class whose AUC is meant, where there are two."""
        return self.classes[1]

    def label(self, seed: int, index: int) -> int:
        """Class index of a case."""
        return case_label(seed, index, self.counts, self.block)

    def latents(
        self, rng: np.random.Generator, label: int, d: Mapping[str, float], shared: Sequence[Sequence[str]] = ()
    ) -> dict[str, float]:
        """One latent a modality for a case of a class, see `draw_latents`."""
        return draw_latents(rng, label, d, shared)

    def best(self, d: Mapping[str, float], shared: Sequence[Sequence[str]] = ()) -> dict[str, dict[str, float]]:
        """Entries of `truth.json`: the best that every set of modalities allows."""
        return {'best_auc': best_aucs(d, shared, self.common)}

    def separations(self, strength: float, modalities: Sequence[str]) -> dict[str, float]:
        """Modality -> d, the distance of its class means, times `strength`; the common latent comes last.

        Instead of `clinical` a `MarkerPlan` has its columns.
        """
        aucs = {m.name: m.auc for m in self.files} | {'clinical': self.clinical_auc}
        found = {name: strength * separation(aucs[name]) for name in self.modalities if name in modalities}
        if isinstance(self.clinical, MarkerPlan) and found.pop('clinical', None) is not None:
            found |= self.clinical.separations(strength)
        if self.common is not None:
            found[self.common] = strength * separation(self.common_auc)
        return found
