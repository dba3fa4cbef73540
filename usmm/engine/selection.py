"""Fitting of the clinical head on the training part: normalisation, and the choice of indicators by p value."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.logging import print_log

from usmm.case import Case, Variable
from usmm.stats.group_tests import GroupTest, compare_categories, compare_numbers


def fit_clinical(head: Any, table: torch.Tensor, cases: Sequence[Case]) -> dict[str, Any]:
    """Fit a clinical head on the training part; with its `select`, choose the indicators there first.

    Args:
        head: A `ClinicalFusionHead`; this room may not import it.
        table: Clinical rows of the training part (N, K).
        cases: The same cases, with their labels.

    Returns:
        What belongs into the results of the stage: `selection`, where indicators were chosen.

    Raises:
        ValueError: No indicator is left, and there is no image score.
    """
    threshold = getattr(head, 'select', None)
    if threshold is None:
        head.fit(table)
        return {}
    tests = indicator_tests(cases, head.variables)
    kept = {name: test.tested and test.pvalue <= threshold for name, test in tests.items()}
    if not any(kept.values()):
        found = ', '.join(f'{name} {_words(test)}' for name, test in tests.items())
        message = f'no clinical indicator has a p value of at most {threshold:g} in the training part: {found}'
        if not head.use_image:
            raise ValueError(f'{message}; there is no image score to go on without them')
        print_log(f'{message}; the image score decides alone', 'current', logging.WARNING)
    head.fit(table, [*kept.values()])
    return {'selection': {'p at most': threshold, 'indicators': _facts(tests, kept)}}


def indicator_tests(cases: Sequence[Case], variables: Sequence[Variable]) -> dict[str, GroupTest]:
    """Each variable compared between the classes of these cases; give it the training part only.

    Every case counts as one observation, as it does in training.

    Example:
        >>> cases = [Case(str(i), str(i), label=i % 2, clinical={'age': 40.0 + i + 30 * (i % 2)}) for i in range(20)]
        >>> indicator_tests(cases, [Variable('age')])['age'].pvalue < 0.001
        True
    """
    known = [case for case in cases if case.label is not None]
    labels = [case.label for case in known]
    tests = {}
    for variable in variables:
        values = [case.clinical.get(variable.name) for case in known]
        if variable.is_category:
            tests[variable.name] = compare_categories(values, labels)
        else:
            tests[variable.name] = compare_numbers([math.nan if v is None else float(v) for v in values], labels)
    return tests


def _words(test: GroupTest) -> str:
    return f'{test.pvalue:.3g}' if test.tested else f'not tested ({test.reason})'


def _facts(tests: dict[str, GroupTest], kept: dict[str, bool]) -> dict[str, dict[str, Any]]:
    return {
        name: {
            'selected': bool(kept[name]),
            'p': test.pvalue if test.tested else None,
            'test': test.test,
            'why': test.reason,
        }
        for name, test in tests.items()
    }
