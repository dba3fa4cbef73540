"""The clinical table: one latent, split over numbers and categories so that together they give it back exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri


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
        values: Categories, from the one that speaks most for the negative class to the most positive.
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
class ClinicalPlan:
    """How the clinical latent s becomes a table row, and back.

    With weights w (squares: the shares, which add up to 1) the parts are z = w s + (I - w w') noise, so w'z = s and
    each z_j alone separates the classes by w_j d. Categories are z_j cut into bins, and what a bin forgets, w_j (z_j -
    mean of the bin), goes into the numbers. So s = sum of w_j z_j over numbers + sum of w_j (bin mean) over
    categories: linear in numbers and one-hot categories, up to rounding. All else in the row is independent of the
    class given s. Hence logistic regression on the row can be as good as the latent, and nothing can be better.

    Args:
        numbers, categories: The variables, at least one number.

    Raises:
        ValueError: If the shares do not add up to 1, or there is no number.
    """

    numbers: Sequence[Number]
    categories: Sequence[Category]

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

    def draw(self, latent: float, rng: np.random.Generator) -> dict[str, float | int | str]:
        """A table row for a latent.

        Args:
            latent: The planted score s.
            rng: Source of everything in the row that is not s.
        """
        w = np.sqrt([v.share for v in self.variables])
        noise = rng.standard_normal(len(w))
        z = w * latent + noise - w * (w @ noise)
        count = len(self.numbers)
        row: dict[str, float | int | str] = {}
        forgotten = 0.0
        for category, part, weight in zip(self.categories, z[count:], w[count:]):
            bin_ = int(np.searchsorted(category.edges(), part))
            forgotten += weight * (part - category.means()[bin_])
            row[category.name] = category.values[bin_]
        z[:count] += w[:count] * forgotten / (w[:count] @ w[:count])
        for number, part in zip(self.numbers, z):
            value = round(float(np.clip(number.mean + number.sd * part, number.low, number.high)), number.digits)
            row[number.name] = value if number.digits else int(value)
        return {name: row[name] for name in self.names}

    def score(self, row: dict[str, float | int | str]) -> float:
        """The latent that a table row holds, up to rounding."""
        parts = [np.sqrt(v.share) * (float(row[v.name]) - v.mean) / v.sd for v in self.numbers]
        parts += [np.sqrt(v.share) * v.means()[v.values.index(str(row[v.name]))] for v in self.categories]
        return float(sum(parts))
