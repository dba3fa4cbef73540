"""From a table to a config that trains: `init_config`, the function behind `usmm init`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from usmm.apis.assumption_report import report_lines
from usmm.apis.config_plan import plan_config
from usmm.apis.config_text import HERE, config_text, ignored_labels
from usmm.config import load_config
from usmm.datasets.case_table import CaseTable
from usmm.datasets.checks.case_checks import WARNINGS
from usmm.datasets.checks.verify import listing
from usmm.datasets.table_inference import CaseRows, PreparedTable, TableHints, TableRoles, infer_roles, prepare_table
from usmm.readers import DataError
from usmm.utils.atomic_files import atomic_path

TABLES = ('.csv', '.tsv', '.txt', '.xlsx', '.xlsm')


@dataclass(frozen=True)
class InitResult:
    """What `init_config` made of a table.

    Args:
        roles: Role and reason of every column, assumptions and warnings.
        prepared: The cases that take part, counts, and what is left out.
        report: All of it as lines of text.
        config: Where the config is, or would be.
        config_text: Its text.
        table: The case table that the config reads: the table itself, or a new one beside the config.
        table_text: Text of the new case table, or None where the table is read as it is.
    """

    roles: TableRoles
    prepared: PreparedTable
    report: tuple[str, ...]
    config: Path
    config_text: str
    table: Path
    table_text: str | None


def init_config(
    table: str | Path,
    out: str | Path = 'my_config.py',
    hints: TableHints | None = None,
    force: bool = False,
    dry_run: bool = False,
) -> InitResult:
    r"""Write a commented config that trains on a table at once, and report what was assumed.

    The config reads the table itself where that is possible. Otherwise a case table is written beside the config, with
    the columns that are used: numbers with a decimal point, one spelling for each class, paths of files.

    Args:
        table: CSV or XLSX, a row a case; files are looked for beside it and in the folders below.
        out: The config to write.
        hints: Roles that are stated, see `TableHints`.
        force: Replace files that exist.
        dry_run: Write nothing.

    Returns:
        Roles, counts, report and texts.

    Raises:
        UndecidedError: The table leaves something open; lists questions, and the flags that answer them.
        DataError: The table cannot be used.
        FileExistsError: The config, or the case table, exists.
        ValueError: Something that is stated does not fit the table, or `out` is not a Python file.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     rows = [f'{i},{"malignant" if i % 2 else "benign"},{40 + i * 7 % 12}' for i in range(24)]
        ...     _ = Path(folder, 'all.csv').write_text('\n'.join(['id,label,age', *rows]))
        ...     result = init_config(Path(folder, 'all.csv'), Path(folder, 'mine.py'), dry_run=True)
        >>> [(c.column, c.role) for c in result.roles.columns]
        [('id', 'case id'), ('label', 'label'), ('age', 'clinical: number')]
    """
    table, out, hints = Path(table), Path(out), hints or TableHints()
    _check_names(table, out)
    copy = out.with_name(f'{out.stem}_cases.csv')
    if not force and not dry_run:
        _check_free(out)
    data = CaseRows(table, hints)
    roles = infer_roles(data, hints)
    prepared = prepare_table(data, roles, copy.parent)
    plan = plan_config(roles, prepared)
    report = report_lines(roles, prepared, plan)
    own = bool(prepared.changes)
    used = copy if own else data.table
    near = used.absolute().parent == out.absolute().parent
    folder = str(used.absolute().parent)
    here = near and not folder.endswith('"')  # which would end the text that the folder is written into
    text = config_text(roles, prepared, plan, report, HERE if here else folder, used.name)
    table_text = prepared.text() if own else None
    result = InitResult(roles, prepared, tuple(report), out, text, used, table_text)
    if not dry_run:
        if own and not force:
            _check_free(copy)
        _write(result, force)
    return result


def _check_names(table: Path, out: Path) -> None:
    if out.suffix != '.py':
        raise ValueError(f'the config must be a Python file (.py), got {str(out)!r}')
    if table.suffix.lower() not in TABLES:
        raise DataError(f'expected a table ({", ".join(TABLES)})', file=table)


def _check_free(path: Path) -> None:
    if os.path.lexists(path):
        raise FileExistsError(f'{path} exists: name another file with --out, or use --force to replace it')


def _write(result: InitResult, force: bool) -> None:
    """Write case table and config; both are checked first, so that a failure leaves nothing behind.

    Raises:
        DataError: The cases have a problem that would stop a training.
    """
    out = result.config
    if result.table_text is not None and (out.with_name(result.table.name)).absolute() == result.roles.table:
        raise ValueError(f'the case table would replace the table {result.roles.table}: name the config differently')
    if result.table_text is None:
        _check_cases(result, result.roles.table)
    else:
        with atomic_path(result.table, overwrite=force) as temporary:
            temporary.write_text(result.table_text, encoding='utf-8')
            _check_cases(result, temporary)
    try:
        with atomic_path(out, overwrite=force) as temporary:
            temporary.write_text(result.config_text, encoding='utf-8')
            load_config(temporary)
    except BaseException:
        if result.table_text is not None and not force:
            result.table.unlink(missing_ok=True)
        raise


def _check_cases(result: InitResult, path: Path) -> None:
    """Read the case table as a training will."""
    roles = result.roles
    read = CaseTable.read(path, result.prepared.schema, roles.label.classes, ignored_labels(roles, result.prepared))
    problems = [p for p in read.problems if p.kind not in WARNINGS]
    if problems:
        raise DataError(listing(f'{len(problems)} problems in the table', problems), file=roles.table)
    _check_numbers(result, read)


def _check_numbers(result: InitResult, read: CaseTable) -> None:
    """Compare the clinical values that a training reads with those that are reported here.

    Raises:
        DataError: They differ, which a table read as it is must not do.
    """
    schema = result.prepared.schema
    values = {case.case_id: case.clinical for case in read.cases}
    for row in result.prepared.rows:
        for variable in schema.clinical:
            text, value = row[variable.source], values[row[schema.case_id]][variable.name]
            expected = None if not text else text if variable.is_category else float(text)
            if value != expected:
                raise DataError(
                    f'{variable.name!r} would be read as {value!r}, and was reported as {expected!r}: please report '
                    'this table as a fault of usmm init',
                    file=result.roles.table, case=row[schema.case_id],
                )  # fmt: skip
