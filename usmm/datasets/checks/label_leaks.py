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


def presence_leaks(modalities: Sequence[str], cases: Sequence[Case], classes: Sequence[str]) -> dict[str, str]:
    """What of the files seems to contain the label by being there or not, such as masks of one class alone -> why.

    Args:
        modalities: File modalities in use.
        cases: Cases of the training part.
        classes: Class names.

    Example:
        >>> from pathlib import Path
        >>> masks = [{'bus': (Path('m.png'),)} if i % 2 else {} for i in range(40)]
        >>> cases = [Case(str(i), str(i), i % 2, mask_files=masks[i]) for i in range(40)]
        >>> [*presence_leaks(['bus'], cases, ('benign', 'malignant'))]
        ['masks of bus']
    """
    labels = [None if case.label is None else str(classes[case.label]) for case in cases]
    found: dict[str, str] = {}
    for modality in modalities:
        outlined = [bool(case.masks_of(modality)) or modality in case.boxes for case in cases]
        for name, there in (
            (f'files of {modality}', [modality in case.files for case in cases]),
            (f'masks of {modality}', outlined),
        ):
            if any(there) and not all(there):
                facts = ColumnFacts(name, ['there' if one else None for one in there])
                reason = by_absence(facts, labels)
                if reason is not None:
                    found[name] = reason
    return found


def check_inputs(schema: Schema) -> None:
    """See that the label, the split and the ids are not inputs.

    Raises:
        ValueError: A clinical variable is read from the column of one of them.
    """
    for variable in schema.clinical:
        for kind in ('label', 'split', 'case_id', 'patient_id'):
            if variable.source == getattr(schema, kind):
                why = 'see its answer' if kind in ('label', 'split') else 'learn cases by heart'
                raise ValueError(
                    f'clinical variable {variable.name!r} is read from {variable.source!r}, the {kind} column: the '
                    f'model would {why}; remove it from schema.clinical'
                )
