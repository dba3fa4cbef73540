"""The clinical table: one latent, split over numbers and categories so that together they give it back exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from usmm.phantoms.patient import Row
from usmm.phantoms.table_plan import CLINICAL, TablePlan
from usmm.phantoms.truth import separation


@dataclass(frozen=True)
class Number:
    """A number, linear in its part of the latent.

    Args:
        name: Column.
        share: Part of the latent's squared separation that is planned for it.
        mean, sd: Of the number, over both classes.
        low, high: Plausible limits.
        digits: Decimals that are written.
    """

    name: str
    share: float
    mean: float
    sd: float
    low: float
    high: float
    digits: int = 0


@dataclass(frozen=True)
class Category:
    """A category: its part of the latent, cut into bins.

    Args:
        name: Column.
        share: Part of the latent's squared separation that is planned for it.
        values: Categories in the order of the latent: the first points to the negative class, the last to the positive.
        weights: Share of the patients in each.
    """

    name: str
    share: float
    values: tuple[str, ...]
    weights: tuple[float, ...]

    def edges(self) -> np.ndarray:
        """Upper limits of all bins but the last, on a standard normal scale."""
        return ndtri(np.cumsum(self.weights)[:-1] / sum(self.weights))

    def means(self) -> np.ndarray:
        """Mean of a standard normal variable within each bin."""
        edges = np.concatenate([[-np.inf], self.edges(), [np.inf]])
        density = np.exp(-(edges**2) / 2) / np.sqrt(2 * np.pi)
        return (density[:-1] - density[1:]) / (np.array(self.weights) / sum(self.weights))


@dataclass(frozen=True)
class ClinicalPlan(TablePlan):
    """How the clinical latent s becomes a table row, and back.

    With weights w (squares: the shares, which add up to 1) the parts are z = w s + (I - w w') noise, so w'z = s and
    each z_j alone separates the classes by w_j d. Categories are z_j cut into bins, and what a bin loses, w_j (z_j -
    mean of the bin), goes into the numbers. So s = sum of w_j z_j over numbers + sum of w_j (bin mean) over
    categories: linear in numbers and one-hot categories, up to rounding. All else in the row is independent of the
    class given s. Hence logistic regression on the row can be as good as the latent, and nothing can be better.

    Args:
        numbers, categories: The variables, at least one number.
        auc: AUC of the best use of the variables.

    Raises:
        ValueError: If the shares do not add up to 1, or there is no number.
    """

    numbers: Sequence[Number]
    categories: Sequence[Category]
    auc: float = 0.5

    def __post_init__(self) -> None:
        total = sum(v.share for v in self.variables)
        if not self.numbers or abs(total - 1) > 1e-6:
            raise ValueError(f'a clinical plan needs a number, and shares that add up to 1; they add up to {total:g}')

    @property
    def variables(self) -> tuple[Number | Category, ...]:
        """All variables, numbers first."""
        return (*self.numbers, *self.categories)

    @property
    def names(self) -> tuple[str, ...]:
        """Columns, numbers first."""
        return tuple(v.name for v in self.variables)

    @property
    def can_share(self) -> bool:
        """True: the whole table has one latent, which can be another modality's."""
        return True

    def separations(self, strength: float) -> dict[str, float]:
        """`clinical` -> d times `strength`."""
        return {CLINICAL: strength * separation(self.auc)}

    def row(self, latents: Mapping[str, float], rng: np.random.Generator) -> Row:
        """Cells of a patient, from the latent `clinical`; see `draw`."""
        return self.draw(latents[CLINICAL], rng)

    def draw(self, latent: float, rng: np.random.Generator) -> Row:
        """A table row for a latent.

        Args:
            latent: The planted score s.
            rng: Source of everything in the row that is not s.
        """
        w = np.sqrt([v.share for v in self.variables])
        noise = rng.standard_normal(len(w))
        z = w * latent + noise - w * (w @ noise)
        count = len(self.numbers)
        row: Row = {}
        lost = 0.0
        for category, part, weight in zip(self.categories, z[count:], w[count:]):
            bin_ = int(np.searchsorted(category.edges(), part))
            lost += weight * (part - category.means()[bin_])
            row[category.name] = category.values[bin_]
        z[:count] += w[:count] * lost / (w[:count] @ w[:count])
        for number, part in zip(self.numbers, z):
            value = round(float(np.clip(number.mean + number.sd * part, number.low, number.high)), number.digits)
            row[number.name] = value if number.digits else int(value)
        return {name: row[name] for name in self.names}

    def score(self, row: Row) -> float:
        """The latent that a table row holds, up to rounding."""
        parts = [np.sqrt(v.share) * (float(row[v.name]) - v.mean) / v.sd for v in self.numbers]
        parts += [np.sqrt(v.share) * v.means()[v.values.index(str(row[v.name]))] for v in self.categories]
        return float(sum(parts))
