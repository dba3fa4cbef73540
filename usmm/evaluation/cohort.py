"""The patients of a case table as columns: what a patient table describes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from usmm.datasets.case_table import CaseTable
from usmm.datasets.table_problem import Problem
from usmm.evaluation.stats.tables import Column
from usmm.readers import read_table
from usmm.structures import Case, Schema, TableFormat, Variable
from usmm.utils.suggestions import suggestion

UNITS = ('patient', 'case')
FEW = 5  # distinct numbers that a guessed number has more of
MANY = 12  # categories that a guessed category has at most


@dataclass(frozen=True)
class Cohort:
    """The columns of a patient table, and what has to be said about them.

    Args:
        columns: One a variable, a value a patient (or a case).
        groups: The class of each, None where unknown.
        order: The classes.
        warnings: What a reader must know: cases that disagree, cells that could not be used.
        patients, cases: How many there are.
    """

    columns: list[Column]
    groups: list[str | None]
    order: tuple[str, ...]
    warnings: list[str]
    patients: int
    cases: int


def read_cohort(
    path: str | Path,
    schema: Schema | Mapping[str, object],
    classes: Sequence[str],
    names: Sequence[str] | None = None,
    unit: str = 'patient',
    ignore_labels: Sequence[str] = (),
) -> Cohort:
    """Read the clinical variables of a case table, one row a patient.

    A patient with several cases gives the first value that is known of each variable, in the order of the table; where
    the cases differ, a warning counts the patients and names some.

    Args:
        path: The case table; its image files are not looked at.
        schema: Its schema.
        classes: The classes, in the order of the table.
        names: Variables of the schema or columns of the table, whose kind is guessed; default: those of the schema.
        unit: `'patient'`, or `'case'`: every case is a row (lesions).
        ignore_labels: As in a config.

    Raises:
        DataError: There is no such table, or it is not one.
        ValueError: An unknown unit or variable, or no variable at all.
    """
    if unit not in UNITS:
        raise ValueError(f'unit must be one of {list(UNITS)}, got {unit!r}')
    schema = Schema.of(schema)
    variables = _variables(path, schema, names)
    table = CaseTable.read(path, replace(schema, images={}, clips={}, clinical=variables), classes, ignore_labels)
    groups: dict[str, list[Case]] = {}
    for i, case in enumerate(table.cases):
        groups.setdefault(case.patient_id if unit == 'patient' else f'{i}', []).append(case)
    warnings = [_problem_words(table.problems)] if table.problems else []
    columns = []
    for variable in variables:
        known = {
            key: [v for c in cases if (v := c.clinical.get(variable.name)) is not None] for key, cases in groups.items()
        }
        warnings += _disagreement(variable.name, known)
        columns.append(_column(variable, [values[0] if values else None for values in known.values()]))
    labels = {key: [table.classes[c.label] for c in cases if c.label is not None] for key, cases in groups.items()}
    warnings += _disagreement('label', labels)
    patients = len({case.patient_id for case in table.cases})
    if unit == 'case' and patients < len(table.cases):
        warnings.append('Several cases of a patient are not independent: the p values are too small.')
    first = [values[0] if values else None for values in labels.values()]
    return Cohort(columns, first, table.classes, warnings, patients, len(table.cases))


def guess_schema(
    path: str | Path, label: str = 'label', case_id: str = 'case_id', patient_id: str = 'patient_id'
) -> tuple[Schema, tuple[str, ...]]:
    """A schema and the classes of a table that has no config: every column whose kind can be guessed is a variable.

    Args:
        path: The table.
        label, case_id, patient_id: Names of its columns; a table without a patient column has one patient a case.

    Raises:
        ValueError: There is no such column; says which there are.
    """
    frame = read_table(path)
    columns = [str(c) for c in frame.columns]
    for name in (label, case_id):
        if name not in columns:
            raise ValueError(f'{Path(path).name} has no column {name!r}{suggestion(name, columns)}; it has {columns}')
    variables = []
    for name in columns:
        variable = guess_variable(name, frame[name].tolist())
        if name not in (label, case_id, patient_id) and variable is not None:
            variables.append(variable)
    classes = sorted({str(v) for v in frame[label].dropna()})
    return Schema(clinical=variables, label=label, case_id=case_id, patient_id=patient_id), tuple(classes)


def guess_variable(name: str, cells: Sequence[str | None], always: bool = False) -> Variable | None:
    """A number, where every known cell is one and they take more than five values; else a category.

    Args:
        name: Name of the column.
        cells: Its cells.
        always: Whether many different texts make a category too; else they are ids, file names or remarks: None.

    Example:
        >>> guess_variable('age', ['40', '51.5', '62', None, '38', '70', '44']).is_category
        False
        >>> guess_variable('birads', ['2', '4a', '5']).values
        'auto'
    """
    known = {cell for cell in cells if cell is not None}
    if len(known) > FEW and all(TableFormat().number(cell) is not None for cell in known):
        return Variable(name)
    return Variable(name, values='auto') if always or 0 < len(known) <= MANY else None


def _variables(path: str | Path, schema: Schema, names: Sequence[str] | None) -> tuple[Variable, ...]:
    known = {v.name: v for v in schema.clinical}
    if names is None and not known:
        raise ValueError('the schema has no clinical variables: name columns of the table')
    if names is None or all(name in known for name in names):
        return tuple(known.values()) if names is None else tuple(known[n] for n in names)
    frame = read_table(path)
    columns = [str(c) for c in frame.columns]
    found = []
    for name in names:
        if name not in known and name not in columns:
            valid = [*known, *columns]
            raise ValueError(f'there is no variable or column {name!r}{suggestion(name, valid)}; there are {valid}')
        guessed = guess_variable(name, frame[name].tolist(), always=True) if name not in known else None
        found.append(guessed or known[name])
    return tuple(found)


def _column(variable: Variable, values: list[float | str | None]) -> Column:
    if not variable.is_category:
        return Column(variable.name, values, variable.unit)
    if variable.values == 'auto':
        levels = tuple(sorted({str(v) for v in values if v is not None}))
    else:
        levels = tuple(variable.values or ())
    return Column(variable.name, values, levels=levels)


def _disagreement(name: str, known: Mapping[str, Sequence[object]]) -> list[str]:
    differ = [key for key, values in known.items() if len(set(values)) > 1]
    if not differ:
        return []
    some = ', '.join(differ[:3]) + (', ...' if len(differ) > 3 else '')
    return [f'{name}: the cases of {len(differ)} patients differ ({some}); the first known value is taken.']


def _problem_words(problems: Sequence[Problem]) -> str:
    # without the file, which is this table: the words go into a page that is handed on
    some = '; '.join(str(replace(problem, file=None)) for problem in problems[:3])
    some += '; ...' if len(problems) > 3 else ''
    return f'The table has {len(problems)} problem{"s" * (len(problems) > 1)}: {some}'
