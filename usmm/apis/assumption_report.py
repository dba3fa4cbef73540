"""What was assumed of a table, as text: for the terminal and for the comments of the config."""

from __future__ import annotations

import re
from collections.abc import Sequence
from textwrap import wrap

from usmm.apis.config_plan import ConfigPlan
from usmm.datasets.table_inference import ColumnRole, PreparedTable, TableRoles
from usmm.datasets.table_inference.table_hints import is_pattern
from usmm.datasets.table_inference.table_roles import UNUSED

WIDTH = 116
MOST_LINES = 40  # unused columns that have a line each; more are grouped by reason
MOST_ALIKE = 12  # sentences that differ in names and numbers alone
MOST_FOLDERS = 8
NAMES = 15  # ids that are listed


def report_lines(roles: TableRoles, prepared: PreparedTable, plan: ConfigPlan) -> list[str]:
    """Counts, column -> role -> reason, what is not used, assumptions and warnings.

    Args:
        roles: Roles of the columns.
        prepared: The cases that take part.
        plan: The settings that were chosen.
    """
    lines = [f'{len(prepared.rows)} cases of {prepared.num_patients} patients']
    for name, count in prepared.classes.items():
        mark = ' (positive)' if name == roles.label.positive else ''
        lines.append(f'  {name}: {count} cases of {prepared.patients[name]} patients{mark}')
    for part, counts in prepared.parts.items():
        lines.append(f'  {part}: ' + ', '.join(f'{name} {counts[name]}' for name in prepared.classes))
    for name, files in prepared.files.items():
        text = f'  {name}: {files.files} files in {files.cases} cases'
        text += f', masks in {files.masks}' if files.masks else ''
        lines.append(text + (f'; named, but not there: {len(files.absent)}' if files.absent else ''))
    for modality in roles.modalities:
        for pattern in (source for source in modality.sources if is_pattern(source)):
            lines += _wrapped(f'  {modality.name} ({modality.kind}): files that match {pattern!r}', '    ')
    for folder, count in list(prepared.idle_files.items())[:MOST_FOLDERS]:
        lines += _wrapped(f'  files in {folder} that belong to no case: {count}', '    ')
    if rest := list(prepared.idle_files.values())[MOST_FOLDERS:]:
        lines.append(f'  files in {len(rest)} more folders that belong to no case: {sum(rest)}')
    if missing := {name: count for name, count in prepared.missing.items() if count}:
        cells = [f'{name} {count}' for name, count in missing.items()]
        more = f' and {sum(missing.values())} in all {len(missing)} columns' if len(cells) > MOST_LINES else ''
        lines += _wrapped(f'  missing values: {", ".join(cells[:MOST_LINES])}{more}', '    ')
    for reason, ids in prepared.left_out.items():
        more = f' and {len(ids) - NAMES} more' if len(ids) > NAMES else ''
        lines += _wrapped(f'  left out, {reason}: {len(ids)} ({", ".join(ids[:NAMES])}{more})', '    ')
    used = [column for column in roles.columns if column.role != UNUSED]
    unused = [column for column in roles.columns if column.role == UNUSED]
    lines += ['', 'column -> role: reason', *_column_lines(used)]
    if unused:
        lines += ['', f'columns that are not used ({len(unused)})']
        lines += _unused_lines(unused) if len(unused) <= MOST_LINES else _grouped_lines(unused)
    for title, texts in (
        ('assumptions', [*roles.assumptions, *plan.notes]),
        ('please check', [*roles.warnings, *prepared.warnings, *plan.warnings]),
    ):
        if texts:
            lines += ['', title]
            for text in _shortened(texts):
                lines += _wrapped(f'  - {text}', '    ')
    if prepared.changes:
        lines += ['', 'a new case table is written, because']
        for text in _shortened(prepared.changes):
            lines += _wrapped(f'  - {text}', '    ')
    return [_one_line(line) for line in lines]


def _column_lines(columns: Sequence[ColumnRole]) -> list[str]:
    """A line for each column; of many clinical ones the first have one, and the rest are listed by role."""
    clinical = [c for c in columns if c.role.startswith('clinical')]
    rest = clinical[MOST_LINES:]
    listed = {*rest}
    shown = [c for c in columns if c not in listed]
    width = min(30, max((len(_one_line(c.column)) for c in shown), default=0))
    lines: list[str] = []
    for column in shown:
        lines += _wrapped(f'  {_one_line(column.column):<{width}} -> {column.role}: {column.reason}', '      ')
    for role in dict.fromkeys(c.role for c in rest):
        names = [c.column for c in rest if c.role == role]
        more = f' and {len(names) - MOST_LINES} more, see the schema' if len(names) > MOST_LINES else ''
        lines += _wrapped(f'  {len(names)} more -> {role}: {", ".join(names[:MOST_LINES])}{more}', '      ')
    return lines


def _shortened(texts: Sequence[str]) -> list[str]:
    """Sentences, of many that differ in names and numbers alone the first few and the count of the rest."""
    kinds: dict[str, list[str]] = {}
    for text in texts:
        kinds.setdefault(re.sub(r"'[^']*'|\d+(\.\d+)?", '', text), []).append(text)
    lines: list[str] = []
    for group in kinds.values():
        lines += group[:MOST_ALIKE]
        rest = group[MOST_ALIKE:]
        if rest:
            names = [match[0] for text in rest if (match := re.search(r"'[^']*'", text))]
            lines.append(f'{len(rest)} more of this kind: {", ".join(names[:MOST_LINES])}')
            lines[-1] += f' and {len(rest) - MOST_LINES} more.' if len(rest) > MOST_LINES else '.'
    return lines


def _unused_lines(columns: Sequence[ColumnRole]) -> list[str]:
    width = min(30, max(len(_one_line(c.column)) for c in columns))
    return [line for c in columns for line in _wrapped(f'  {_one_line(c.column):<{width}} {c.reason}', '      ')]


def _grouped_lines(columns: Sequence[ColumnRole]) -> list[str]:
    groups: dict[str, list[str]] = {}
    for column in columns:
        groups.setdefault(column.reason.partition(':')[0], []).append(column.column)
    lines: list[str] = []
    for reason, names in groups.items():
        more = f' and {len(names) - MOST_LINES} more' if len(names) > MOST_LINES else ''
        lines += _wrapped(f'  {reason} ({len(names)}): {", ".join(names[:MOST_LINES])}{more}', '      ')
    return lines


def _wrapped(text: str, indent: str) -> list[str]:
    return wrap(_one_line(text), WIDTH, subsequent_indent=indent, break_on_hyphens=False) or ['']


def _one_line(text: str) -> str:
    """A text that cannot end a comment, nor be taken for a reference of a config."""
    plain = ''.join(c if c.isprintable() else ' ' for c in text)
    return plain.replace('{{', '{ {').replace('${', '$ {')
