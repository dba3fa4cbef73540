"""What every kind of phantom offers to the generator."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path

import numpy as np

from usmm.phantoms.base_modality import BaseModality
from usmm.phantoms.patient import CaseResult, Patient
from usmm.phantoms.phantom_options import PhantomOptions
from usmm.phantoms.truth import case_rng


@dataclass(frozen=True)
class BasePreset(ABC):
    """A kind of phantom.

    A subclass decides how labels and latents are drawn, which modalities are written, and what the best possible
    classifier reaches. Its objects cross to worker processes, so they hold functions of modules, no closures.

    Args:
        name: Name on the command line.
        classes: Names of the classes; with two, the negative one first.
        counts: Cases of each class in the cohort that is imitated; only the ratio matters.
        dicom: Whether DICOM files can be written.
        block: Cases among which the ratio of the classes holds exactly, see `case_label`.
        note: What is independent of the class, for `README.txt`.

    Raises:
        ValueError: If there is not one count for each of two or more classes.
    """

    name: str
    classes: tuple[str, ...]
    counts: tuple[int, ...]
    _: KW_ONLY
    dicom: bool = True
    block: int = 7
    note: str = ''

    def __post_init__(self) -> None:
        if len(self.classes) < 2 or len(self.classes) != len(self.counts):
            raise ValueError(
                f'preset {self.name!r} needs two or more classes and a count of each, '
                f'got classes {list(self.classes)} and counts {list(self.counts)}'
            )

    @property
    @abstractmethod
    def files(self) -> Sequence[BaseModality]:
        """Modalities that are files, in the order of `truth.json`."""

    @property
    def modalities(self) -> tuple[str, ...]:
        """All names that the option `modalities` accepts, in the order of `truth.json`."""
        return tuple(m.name for m in self.files)

    @property
    @abstractmethod
    def positive(self) -> str | None:
        """The class whose AUC is meant, where there are two; else None."""

    @property
    def can_share(self) -> bool:
        """Whether modalities can share a latent (option `shared`)."""
        return False

    @property
    def full_seconds(self) -> float:
        """Length of the clips unless the option `clip_seconds` is given."""
        return 90.0

    @abstractmethod
    def label(self, seed: int, index: int) -> int:
        """Class index of a case; it may not depend on how many cases are made.

        Args:
            seed, index: Seed of the phantom, index of the case.
        """

    @abstractmethod
    def separations(self, strength: float, modalities: Sequence[str]) -> dict[str, float]:
        """Latent -> d, the distance of neighbouring class means, times `strength`.

        Args:
            strength: Factor of every d.
            modalities: Those whose latents are wanted.
        """

    @abstractmethod
    def latents(
        self, rng: np.random.Generator, label: int, d: Mapping[str, float], shared: Sequence[Sequence[str]] = ()
    ) -> dict[str, float]:
        """Latent -> planted score of a case.

        Args:
            rng: Source of the draws.
            label: Class index.
            d: Latent -> distance of neighbouring class means.
            shared: Groups of modalities that share a latent; empty unless `can_share`.
        """

    @abstractmethod
    def best(self, d: Mapping[str, float], shared: Sequence[Sequence[str]] = ()) -> dict[str, dict[str, float]]:
        """What the best possible classifier of every set of latents reaches: `best_auc` (and more) -> set -> value.

        Args:
            d: Latent -> distance of neighbouring class means.
            shared: Groups of modalities that share a latent.
        """

    @abstractmethod
    def make_case(self, options: PhantomOptions, folder: Path, index: int) -> CaseResult:
        """Draw and write one case.

        Args:
            options: Settings of the phantom.
            folder: Where the files go.
            index: Index of the case, from 0.
        """

    def patient(self, options: PhantomOptions, index: int) -> Patient:
        """Label and latents of a case. All latents are drawn, so that fewer modalities have the same ones."""
        label = self.label(options.seed, index)
        d = self.separations(options.strength, self.modalities)
        latents = self.latents(case_rng(options.seed, index, 'latents'), label, d, options.shared)
        return Patient(options.seed, index, self.classes[label], latents)

    def key_frame_steps(self, options: PhantomOptions) -> dict[str, float]:
        """Clip -> seconds between the frames that the key-frame selection should read."""
        return {}

    def truth_entries(self, options: PhantomOptions) -> dict[str, dict[str, float]]:
        """What the preset adds to `truth.json`: entries of `best`, and more where a preset has it."""
        return self.best(self.separations(options.strength, options.modalities), options.shared)
