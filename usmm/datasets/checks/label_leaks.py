"""Clinical variables that contain the label, in the cases that a model is trained on."""

from __future__ import annotations

from collections.abc import Sequence

from usmm.datasets.table_inference.column_facts import ColumnFacts
from usmm.datasets.table_inference.leaks import by_absence, by_values
from usmm.structures import Case, Schema


def label_leaks(schema: Schema, cases: Sequence[Case], classes: Sequence[str]) -> dict[str, str]:
    """Variable -> why it seems to contain the label, of those that nearly determine it by themselves.

    Compared are the values, and whether there is one. Coincidences are likely in small sets: below 20 labelled cases
    nothing is reported.

    Args:
        schema: The schema, with the variables in use.
        cases: Cases of the training part.
        classes: Class names.

    Example:
        >>> cases = [Case(str(i), str(i), i % 2, clinical={'stage': 'AB'[i % 2]}) for i in range(40)]
        >>> label_leaks(Schema(clinical=[dict(name='stage', values='auto')]), cases, ('benign', 'malignant'))
        {'stage': 'its values nearly determine the label (exceptions: 0 of 40)'}
    """
    labels = [None if case.label is None else str(classes[case.label]) for case in cases]
    found: dict[str, str] = {}
    for variable in schema.clinical:
        values = [case.clinical.get(variable.name) for case in cases]
        if all(value is None for value in values):
            continue
        facts = ColumnFacts(variable.name, [None if value is None else str(value) for value in values])
        reason = by_values(facts, labels) or by_absence(facts, labels)
        if reason is not None:
            found[variable.name] = reason
    return found


def check_inputs(schema: Schema) -> None:
    """See that the label and the split are not inputs.

    Raises:
        ValueError: A clinical variable is read from the column of the label or of the split.
    """
    for variable in schema.clinical:
        for kind in ('label', 'split'):
            if variable.source == getattr(schema, kind):
                raise ValueError(
                    f'clinical variable {variable.name!r} is read from {variable.source!r}, the {kind} column: the '
                    f'model would see its answer; remove it from schema.clinical'
                )
