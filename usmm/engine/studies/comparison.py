"""Two models compared on the same test cases: how much their AUCs differ, and what the p value answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from usmm.engine.specs import Difference
from usmm.evaluation.stats import (
    AucTest,
    ClusteredAuc,
    clustered_auc,
    clustered_auc_test,
    clustered_macro_auc,
    clustered_macro_auc_test,
    corrected_resampled_test,
)
from usmm.evaluation.stats.performance import usable_folds
from usmm.evaluation.stats.validation import group_codes

Rows = Sequence[Mapping[str, Any]]
RETRAINED, MODELS = 'retrained', 'models'
TESTS = (RETRAINED, MODELS)
QUESTIONS = {
    RETRAINED: 'would one kind of model be better if both were trained again, on other patients of the same kind?',
    MODELS: 'are these trained models, as they are, different on other patients of the same kind?',
}
NO_FOLD = 'none: no fold has two patients of each class'
ONE_FOLD = 'none: one fold has two patients of each class, and two are needed'


@dataclass(frozen=True)
class PairedCases:
    """The same test cases scored by two models.

    Args:
        labels: Class indices (N,).
        scores: Of both models, (N, K) each.
        patients, strata: Of each case (N,); a stratum is a fold of a seed.
        positive: Index of the positive class of two; None of more.
        cases: Different ones, before folds without two patients of a class were left out.
        left_out: Folds without two patients of a class.
        shares: Patients that tested a fold, and patients that it was trained on, of each stratum that is used.
    """

    labels: np.ndarray
    scores: tuple[np.ndarray, np.ndarray]
    patients: np.ndarray
    strata: np.ndarray
    positive: int | None
    cases: int
    left_out: int
    shares: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, first: Rows, second: Rows, classes: Sequence[str], positive: str | None, name: str) -> PairedCases:
        """Match the labelled rows of two tables of predictions by seed and case.

        Args:
            first, second: Rows of predictions.csv.
            classes, positive: Names; the positive class of two, None: the last one.
            name: What is compared, for the message.

        Raises:
            ValueError: There is no case in common.
        """
        one, other = ({(str(r['seed']), r['case_id']): r for r in table if r['label']} for table in (first, second))
        keys = sorted(one.keys() & other.keys())
        if not keys:
            raise ValueError(f'{name} have no case in common')
        labels = np.array([list(classes).index(one[k]['label']) for k in keys])
        patients = np.array([str(one[k]['patient_id']) for k in keys])
        strata = np.array([f'{k[0]}/{one[k]["fold"]}' for k in keys])
        a, b = (np.array([[float(t[k][f'prob_{c}']) for c in classes] for k in keys]) for t in (one, other))
        used = usable_folds(labels, group_codes(strata, len(keys)), group_codes(patients, len(keys)), len(classes))
        seeds = np.array([k[0] for k in keys])
        shares = []
        for stratum in np.unique(strata[used]):
            here = strata == stratum
            whole = np.unique(patients[seeds == seeds[here][0]]).size
            tested = np.unique(patients[here]).size
            shares.append((tested, whole - tested))
        k = None
        if len(classes) == 2:
            k = list(classes).index(positive) if positive is not None and positive in classes else 1
        return cls(
            labels[used], (a[used], b[used]), patients[used], strata[used], k,
            len({case for _, case in keys}), len(np.unique(strata)) - len(shares), tuple(shares),
        )  # fmt: skip

    @property
    def folds(self) -> int:
        """Strata that are used."""
        return len(self.shares)

    def auc(self, which: int) -> ClusteredAuc:
        """AUC of one of the models: mean over the folds, with its interval. ValueError without a usable fold."""
        if self.positive is None:
            return clustered_macro_auc(self.labels, self.scores[which], self.patients, self.strata)
        is_positive = self.labels == self.positive
        return clustered_auc(is_positive, self.scores[which][:, self.positive], self.patients, self.strata)

    def of_models(self) -> AucTest:
        """The test given the trained models, patients as clusters. ValueError without a usable fold."""
        if self.positive is None:
            return clustered_macro_auc_test(self.labels, *self.scores, clusters=self.patients, strata=self.strata)
        first, second = (scores[:, self.positive] for scores in self.scores)
        is_positive = self.labels == self.positive
        return clustered_auc_test(is_positive, first, second, clusters=self.patients, strata=self.strata)

    def difference(self, test: str = RETRAINED) -> Difference:
        """AUC of the first less that of the second, with its interval and p.

        Args:
            test: `'retrained'`: the corrected resampled t test over the folds; `'models'`: given the trained models,
                DeLong's test with the patients as clusters and the folds as strata.

        Raises:
            ValueError: An unknown test.
        """
        if test not in TESTS:
            raise ValueError(f'test must be one of {list(TESTS)}, got {test!r}')
        found = Difference(
            estimate=np.nan, ci95=None, pvalue=np.nan, test=NO_FOLD, question=QUESTIONS[test], cases=self.cases,
            folds=self.folds, left_out=self.left_out,
        )  # fmt: skip
        if not self.folds:
            return found
        if test == MODELS:
            given = self.of_models()
            found |= {'estimate': given.estimate, 'pvalue': given.pvalue, 'test': given.method}
            return found | {'ci95': _limits(given.ci)}
        aucs = [np.array(self.auc(which).stratum_aucs) for which in (0, 1)]
        found |= {'estimate': float(np.mean(aucs[0] - aucs[1])), 'test': ONE_FOLD}
        if self.folds > 1 and min(trained for _, trained in self.shares) > 0:
            tested, trained = np.mean(self.shares, axis=0)
            again = corrected_resampled_test(aucs[0] - aucs[1], float(tested), float(trained))
            found |= {'ci95': _limits(again.ci), 'pvalue': again.pvalue, 'test': again.method}
        return found


def _limits(ci: tuple[float, float]) -> list[float] | None:
    """Limits of a difference of AUCs, which lies between -1 and 1."""
    return None if np.isnan(ci[0]) else [max(-1.0, ci[0]), min(1.0, ci[1])]
