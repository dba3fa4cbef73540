"""Clinical tables with one latent a column, and a monotone map from the latent to the value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import expit, logit

from usmm.phantoms.patient import Row
from usmm.phantoms.table_plan import CLINICAL, TablePlan
from usmm.phantoms.truth import best_auc, best_aucs, separation


@dataclass(frozen=True)
class Marker:
    """A number that shows a latent of its own, N(-d/2, 1) in the negative and N(+d/2, 1) in the positive class.

    The map from latent to value is strictly monotone, so that the value holds the whole latent, up to rounding.

    Args:
        name: Column.
        d: Distance of the class means of the latent, at strength 1.
        medians: Median of the value in the negative and in the positive class, at strength 1.
        shape: `'normal'`: linear; `'log'`: the logarithm is linear; `'bounded'`: the log odds of the place between
            `limits` are linear.
        digits: Decimals that are written.
        limits: Lowest and highest value of the shape `'bounded'`.

    Example:
        >>> ast = Marker('ast', 1.5, (24, 46), 'log')
        >>> ast.value(-0.75), ast.value(0.75), round(ast.latent(46), 6)
        (24, 46, 0.75)
    """

    name: str
    d: float
    medians: tuple[float, float]
    shape: str
    digits: int = 0
    limits: tuple[float, float] = (0.0, 1.0)

    def value(self, latent: float) -> float | int:
        """The value of a latent, rounded as it is written."""
        middle, slope = self._line()
        exact = float(self._back(middle + slope * latent))
        return round(exact, self.digits) if self.digits else round(exact)

    def latent(self, value: float) -> float:
        """The latent that a value holds, up to rounding."""
        middle, slope = self._line()
        return float((self._scaled(value) - middle) / slope)

    def _line(self) -> tuple[float, float]:
        low, high = (self._scaled(median) for median in self.medians)
        return (low + high) / 2, (high - low) / self.d

    def _scaled(self, value: float) -> float:
        if self.shape == 'log':
            return float(np.log(value))
        return float(logit(self._share(value))) if self.shape == 'bounded' else value

    def _back(self, scaled: float) -> float:
        if self.shape == 'log':
            return float(np.exp(scaled))
        low, high = self.limits
        return float(low + (high - low) * expit(scaled)) if self.shape == 'bounded' else scaled

    def _share(self, value: float) -> float:
        low, high = self.limits
        # a rounded value may lie on a limit: half of its last decimal inside
        inside = np.clip(value, low + 0.5 * 10**-self.digits, high - 0.5 * 10**-self.digits)
        return float((inside - low) / (high - low))


@dataclass(frozen=True)
class MarkerPlan(TablePlan):
    """A clinical table whose columns have independent latents, so that the best AUC of every set of columns is known.

    Args:
        markers: The numbers.
        sex: Column of the sex, which is independent of the class.
        male: Share of men.
        order: The columns, as they are written.
        steps: The columns that a ladder of models adds to the image, step by step.
    """

    markers: Sequence[Marker]
    sex: str
    male: float
    order: tuple[str, ...]
    steps: tuple[tuple[str, ...], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Columns, as they are written."""
        return self.order

    @property
    def can_share(self) -> bool:
        """False: the latents of the columns are independent of each other and of all else."""
        return False

    def separations(self, strength: float) -> dict[str, float]:
        """Column -> d times `strength`, in the order of the table; the sex has 0."""
        d = {marker.name: strength * marker.d for marker in self.markers} | {self.sex: 0.0}
        return {name: d[name] for name in self.order}

    def row(self, latents: Mapping[str, float], rng: np.random.Generator) -> Row:
        """Cells of a patient.

        Args:
            latents: Column -> planted score; that of the sex is not used.
            rng: Source of the sex.
        """
        values: Row = {m.name: m.value(latents[m.name]) for m in self.markers}
        values[self.sex] = 'M' if rng.random() < self.male else 'F'
        return {name: values[name] for name in self.order}

    def truth_entries(self, d: Mapping[str, float], files: Sequence[str]) -> dict[str, dict[str, float]]:
        """`best_auc` of every set of columns and of the whole table, and `ladder`: the AUCs of the models step by step.

        Args:
            d: Latent -> distance of the class means, of all that is made.
            files: Modalities that are files and are made; together they are the first model, if there are any.
        """
        best = best_aucs(d)
        best |= {CLINICAL: best_auc(d, self.order), '+'.join([*files, CLINICAL]): best_auc(d, list(d))}
        models = [tuple(files)] if files else []
        for step in self.steps:
            models.append((*(models[-1] if models else ()), *step))
        return {'best_auc': best, 'ladder': {'+'.join(names): best_auc(d, names) for names in models}}

    def score(self, row: Mapping[str, float | int | str], names: Sequence[str], strength: float = 1.0) -> float:
        """The log likelihood ratio of the positive class, from some columns of a row: sum of d z."""
        chosen = [m for m in self.markers if m.name in names]
        return float(sum(strength * m.d * m.latent(float(row[m.name])) for m in chosen))


def steps_to(aucs: Sequence[float], shares: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """d of every new column, so that a ladder of models has given best AUCs: AUC = Phi(sqrt(sum of d^2 / 2)).

    Args:
        aucs: Best AUC of the first model, and after each step; they rise.
        shares: For each step, column -> share of the step's d^2; shares of a step add up to 1.

    Raises:
        ValueError: Not one set of shares a step, AUCs that do not rise, or shares that do not add up to 1.

    Example:
        >>> steps_to([0.76, 0.86], [{'age': 1.0}])['age'] ** 2 + separation(0.76) ** 2 == separation(0.86) ** 2
        True
    """
    if len(shares) != len(aucs) - 1 or any(b <= a for a, b in pairwise(aucs)):
        raise ValueError(f'expected rising AUCs, one more than steps, got {list(aucs)} for {len(shares)} steps')
    d: dict[str, float] = {}
    for (before, after), share in zip(pairwise(aucs), shares):
        if abs(sum(share.values()) - 1) > 1e-9:
            raise ValueError(f'shares of a step must add up to 1, got {dict(share)}')
        gained = separation(after) ** 2 - separation(before) ** 2
        d |= {name: float(np.sqrt(part * gained)) for name, part in share.items()}
    return d
