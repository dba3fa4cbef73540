"""Preset `lymph`: lymph nodes of three classes in three aligned images, after the fifth published system.

586 patients, 164 benign, 122 lymphoma, 300 metastatic, one B-mode image, colour Doppler image and elastogram each. The
AUCs of the modalities alone are the published means of four networks with pre-training (macro, one-vs-rest): .883 in
B-mode, .862 in Doppler, .920 in elastography.

What is our choice: the classes lie on one line, benign, lymphoma, metastatic, in every modality, at equal distances. A
patient of class k has the latent N(d (k - 1), 1), drawn as in the preset `cla`, so that the best reader of several
modalities sees one latent with the distance sqrt(sum d^2); its macro AUC and accuracy are computed exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from usmm.phantoms.ordered_stages import best_entries, stage_of, step_of_auc
from usmm.phantoms.preset import ImageModality, Preset
from usmm.phantoms.rendering.bmode import draw_bmode
from usmm.phantoms.rendering.doppler import draw_doppler
from usmm.phantoms.rendering.elasto import draw_elasto

SIZE = (390, 308)


@dataclass(frozen=True)
class LinePreset(Preset):
    """Aligned stills of three or more classes that lie on a line at equal distances; `auc` is the macro AUC.

    Example:
        >>> preset = LinePreset('p', ('a', 'b', 'c'), (1, 1, 1), (ImageModality('bus', 0.9, SIZE, draw_bmode),), ())
        >>> rng = np.random.default_rng(0)
        >>> [round(preset.latents(rng, k, {'bus': 100.0})['bus'], -1) for k in range(3)]
        [-100.0, -0.0, 100.0]
    """

    @property
    def positive(self) -> str | None:
        """None: there are more than two classes."""
        return None

    def label(self, seed: int, index: int) -> int:
        """Class index of a case."""
        return stage_of(seed, index, self.counts, self.block)

    def latents(
        self, rng: np.random.Generator, label: int, d: Mapping[str, float], shared: Sequence[Sequence[str]] = ()
    ) -> dict[str, float]:
        """One latent a modality, N(d (label - middle), 1); none are shared."""
        place = label - (len(self.classes) - 1) / 2
        return {name: d[name] * place + float(z) for name, z in zip(d, rng.standard_normal(len(d)))}

    def best(self, d: Mapping[str, float], shared: Sequence[Sequence[str]] = ()) -> dict[str, dict[str, float]]:
        """Best macro AUC, and best accuracy with the classes as frequent as in the cohort, of every set."""
        return best_entries(d, self.counts, ('auc', 'accuracy'))

    def separations(self, strength: float, modalities: Sequence[str]) -> dict[str, float]:
        """Modality -> d, the distance of two neighbouring classes, times `strength`."""
        return {m.name: strength * step_of_auc(m.auc, self.counts) for m in self.images if m.name in modalities}


LYMPH = LinePreset(
    name='lymph',
    classes=('benign', 'lymphoma', 'metastatic'),
    counts=(164, 122, 300),
    images=(
        ImageModality('bus', 0.883, SIZE, draw_bmode),
        ImageModality('cdfi', 0.862, SIZE, draw_doppler, region='colour flow'),
        ImageModality('ue', 0.920, SIZE, draw_elasto),
    ),
    clips=(),
    block=2,  # divides 586, so that the cohort has its exact counts
    note="""A higher latent is a darker, more ragged node (bus), more and faster flow (cdfi), a stiffer node (ue). Size,
place and outline of a node, gain and speckle tell nothing of the class.""",
)
