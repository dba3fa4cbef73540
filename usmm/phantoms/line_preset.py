"""Presets of classes on a line, with aligned images of one anatomy."""

from __future__ import annotations

from dataclasses import dataclass

from usmm.phantoms.aligned_preset import AlignedPreset
from usmm.phantoms.ordered_preset import OrderedPreset
from usmm.phantoms.rendering.anatomy import A


@dataclass(frozen=True)
class LinePreset(OrderedPreset, AlignedPreset[A]):
    """Aligned modalities of three or more classes that lie on a line; `auc` of a modality is the macro AUC.

    Example:
        >>> import numpy as np
        >>> from usmm.phantoms.image_modality import ImageModality
        >>> from usmm.phantoms.rendering.bmode import draw_bmode
        >>> from usmm.phantoms.rendering.scene import draw_node
        >>> images = (ImageModality('bus', 0.9, (390, 308), draw_bmode),)
        >>> preset = LinePreset('p', ('a', 'b', 'c'), (1, 1, 1), images, scene=draw_node)
        >>> rng = np.random.default_rng(0)
        >>> [round(preset.latents(rng, k, {'bus': 100.0})['bus'], -1) for k in range(3)]
        [-100.0, -0.0, 100.0]
    """

    @property
    def scores(self) -> tuple[str, ...]:
        """Macro AUC and accuracy; the classes are not stages, so a distance in stages has no meaning."""
        return ('auc', 'accuracy')
