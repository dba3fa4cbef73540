"""What is fitted on the clinical table of the training part: the encoders of the table, and stages without epochs."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence

import numpy as np
import torch
from mmengine.logging import print_log

from usmm.config.stage_spec import Stages, StageSpec
from usmm.engine.specs import Results
from usmm.evaluation.stats.group_tests import GroupTest, compare_categories, compare_numbers
from usmm.structures import CLINICAL, Case, Schema, Settings, Variable, clinical_vector
from usmm.structures.protocols import (
    Classifier,
    FittedOnce,
    FittedToTable,
    HasFitted,
    ReadsImageScore,
    SelectingHead,
    StackedHead,
    TableHead,
    missing_members,
)


def clinical_table(schema: Schema | Settings, cases: Sequence[Case]) -> torch.Tensor:
    """The raw clinical rows (N, K) of cases: numbers, category indices, NaN where missing."""
    variables = Schema.of(schema).clinical
    return torch.from_numpy(np.stack([clinical_vector(case.clinical, variables) for case in cases]))


def fit_before(
    model: Classifier, train: str | Sequence[str], schema: Schema | Settings, cases: Sequence[Case]
) -> Results:
    """Fit what a training needs fitted: encoders of the table, and the clinical head where it learns.

    Args:
        model: The model.
        train: What learns, as `train` of a stage.
        schema: The schema of the table.
        cases: The cases of the training part, the only ones that anything is fitted on.

    Returns:
        What belongs into the results of the stage, see `fit_clinical`.

    Raises:
        ValueError: A part cannot be fitted.
    """
    fit_encoders(model, schema, cases)
    if model.clinical is None or CLINICAL not in model.resolve(train):
        return {}
    return fit_clinical(model.clinical, clinical_table(schema, cases), cases)


def fit_encoders(model: Classifier, schema: Schema | Settings, cases: Sequence[Case]) -> None:
    """Fit those encoders of the table that are not fitted yet: by a stage before, or by the weights that were loaded.

    Args:
        model: The model.
        schema: The schema of the table.
        cases: The cases of the training part, the only ones that anything is fitted on.

    Raises:
        ValueError: An encoder that is not fitted cannot be.
    """
    for encoder in (model.encoder or {}).values():
        if isinstance(encoder, HasFitted) and not bool(encoder.fitted):
            if not isinstance(encoder, FittedToTable):
                raise ValueError(f'a {type(encoder).__name__} states that it is not fitted, but has no method fit')
            encoder.fit(clinical_table(schema, cases))


def fitted_once(model: Classifier) -> FittedOnce | None:
    """The part that is fitted once rather than trained: the model itself, its clinical head, or None."""
    for part in (model, model.clinical):
        if isinstance(part, FittedOnce):
            return part
    return None


def check_fit(spec: StageSpec, model: Classifier, before: Stages = ()) -> None:
    """See that a stage fits where the model is fitted, and trains where it is trained.

    Args:
        spec: Settings of the stage.
        model: The model.
        before: Settings of the stages before it.

    Raises:
        ValueError: Says which stage, and what it should have.
    """
    where, part, folds = f'stage {spec["name"]!r}', fitted_once(model), spec.get('out_of_fold')
    kind = type(model if part is None else part).__name__
    if spec.get('fit') and part is None:
        raise ValueError(f'{where} has fit=True: {kind} is trained, give it an optimizer and max_epochs')
    if not spec.get('fit') and part is not None and (part is model or CLINICAL in model.resolve(spec['train'])):
        raise ValueError(f'{where}: {kind} is fitted once, give the stage fit=True and no optimizer')
    if folds is not None and (not spec.get('fit') or isinstance(folds, bool) or not isinstance(folds, int)):
        raise ValueError(f'{where}: out_of_fold is a number of folds, of a stage with fit=True; got {folds!r}')
    if not spec.get('fit') or not (isinstance(part, ReadsImageScore) and part.use_image):
        return
    if not isinstance(part, StackedHead):
        raise ValueError(f'{where}: {kind} has use_image=True, but lacks {missing_members(part, StackedHead)}')
    if folds is None or folds < 2:
        raise ValueError(
            f'{where}: {kind} reads the score of the images, which must come from networks that did not see the case: '
            f'give it out_of_fold=2 or more, got {folds!r}'
        )
    if not any(not other.get('fit') and not other.get('model') for other in before):
        raise ValueError(f'{where}: no stage before it trains the images, whose score {kind} reads')


def fit_stage(
    model: Classifier, table: torch.Tensor, cases: Sequence[Case], seed: int, image_scores: torch.Tensor | None = None
) -> Results:
    """Fit a model, or its clinical head, on the rows that have a label.

    Args:
        model: A model with `fit_table`, or with a clinical head that has it.
        table: Clinical rows (N, K), NaN where missing.
        cases: Their cases.
        seed: Seed of the fit.
        image_scores: Probabilities (N, number of classes) of the images, for a head that reads them.

    Returns:
        Epochs run and asked for (none), labelled cases that it was fitted on, seconds.
    """
    start = time.monotonic()
    part = fitted_once(model)
    labelled = [i for i, case in enumerate(cases) if case.label is not None]
    labels = torch.tensor([cases[i].label for i in labelled])
    if image_scores is not None and isinstance(part, StackedHead):
        part.fit_table(table[labelled], labels, seed, part.image_scores(image_scores[labelled]))
    elif part is not None:
        part.fit_table(table[labelled], labels, seed)
    return {'epochs': 0, 'of': 0, 'fitted': len(labelled), 'seconds': round(time.monotonic() - start, 1)}


def fit_clinical(head: TableHead, table: torch.Tensor, cases: Sequence[Case]) -> Results:
    """Fit a clinical head on the training part; with its `select`, choose the indicators there first.

    Args:
        head: The clinical head.
        table: Clinical rows of the training part (N, K).
        cases: The same cases, with their labels.

    Returns:
        What belongs into the results of the stage: `selection`, where indicators were chosen.

    Raises:
        ValueError: The head cannot be fitted; or no indicator is left, and there is no image score.
    """
    threshold = head.select if isinstance(head, SelectingHead) else None
    if threshold is None or not isinstance(head, SelectingHead):
        if not isinstance(head, FittedToTable):
            lacks = missing_members(head, FittedToTable)
            raise ValueError(f'a {type(head).__name__} cannot be fitted to the clinical table, it lacks {lacks}')
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


def _facts(tests: dict[str, GroupTest], kept: dict[str, bool]) -> dict[str, dict[str, object]]:
    return {
        name: {
            'selected': bool(kept[name]),
            'p': test.pvalue if test.tested else None,
            'test': test.test,
            'why': test.reason,
        }
        for name, test in tests.items()
    }
