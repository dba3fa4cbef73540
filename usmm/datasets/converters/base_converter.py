"""What every converter shares: from rows found in a foreign folder to a case table with its files and its schema.

A converter is a function `convert(src, ...) -> Conversion` that reads and decides, and writes nothing.
`write_conversion` then makes the whole folder beside its final place and renames it: a failure leaves nothing behind.
"""

from __future__ import annotations

import argparse
import csv
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import indent
from typing import Any

from usmm.datasets.converters.cells import Cell, Made, files_of, no_formula, some
from usmm.readers import DataError
from usmm.structures import Schema, Settings
from usmm.utils.argument_types import out_folder
from usmm.utils.atomic_folders import new_folder
from usmm.utils.command_parser import CommandParser

TABLE, SETTINGS, FILES, MADE = 'cases.csv', 'schema.py', 'files', 'made'
HERE = "data_root = '{{fileDirname}}'  # the folder of this file"


@dataclass(frozen=True)
class Conversion:
    """A data set as a converter found it, before anything is written.

    Args:
        rows: One dict a case: column -> text, number, None, a source file, or several source files.
        root: Files keep their path relative to this folder.
        settings: Settings for a config: `classes`, `modalities`, `schema`, and others such as `positive`.
        optional: Heading -> further clinical variables, printed as comments: columns that are no inputs by default.
        notes: What a person should know: things skipped, missing, in conflict.
    """

    rows: list[dict[str, Cell]]
    root: Path
    settings: dict[str, Any]
    optional: dict[str, list[Settings]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def schema(self) -> Schema:
        """The schema of the table that will be written."""
        return Schema.of(self.settings['schema'])


def write_conversion(conversion: Conversion, out: str | Path, link: bool = False) -> Path:
    """Write `cases.csv`, `schema.py` and the files; all or nothing.

    Args:
        conversion: What a converter returned.
        out: New or empty folder.
        link: Make symbolic links to the source files instead of copies.

    Returns:
        The case table.

    Raises:
        ValueError: No cases, or a case id twice.
        DataError: A source file that is absent, lies outside of the data set or whose path cannot stand in a table; a
            cell that a spreadsheet would run as a formula.
        FileExistsError: `out` holds something already.
    """
    _check_rows(conversion)
    with new_folder(out) as folder:
        place = _Placer(conversion.root, folder, link)
        rows = [{name: place.cell(cell, str(row['case_id'])) for name, cell in row.items()} for row in conversion.rows]
        with (folder / TABLE).open('w', encoding='utf-8', newline='') as stream:
            writer = csv.DictWriter(stream, list(dict.fromkeys(name for row in rows for name in row)))
            writer.writeheader()
            writer.writerows(rows)
        (folder / SETTINGS).write_text(render_settings(conversion), encoding='utf-8')
    return Path(out) / TABLE


def render_settings(conversion: Conversion) -> str:
    """The settings as text of a config, `optional` variables as comments; can be pasted, or used as a `_base_`.

    Example:
        >>> print(render_settings(Conversion([], Path(), dict(classes=('a', 'b')))))
        # Settings of this case table: paste them into a config, or inherit from this file.
        data_root = '{{fileDirname}}'  # the folder of this file
        classes = ('a', 'b')
        <BLANKLINE>
    """
    lines = ['# Settings of this case table: paste them into a config, or inherit from this file.', HERE]
    lines += [f'{name} = {_render(value)}' for name, value in conversion.settings.items()]
    for heading, variables in conversion.optional.items():
        text = '\n'.join(f'{_render(variable)},' for variable in variables)
        lines += ['', f'# {heading}', indent(text, '#   ')]
    return '\n'.join(lines) + '\n'


def report(conversion: Conversion, table: Path) -> str:
    """What was converted, in a few lines: counts of cases, patients, classes and modalities, then the notes."""
    rows, schema = conversion.rows, conversion.schema
    labels = Counter(str(row.get('label') or 'missing') for row in rows)
    lines = [f'{table}: {len(rows)} cases of {len({row["patient_id"] for row in rows})} patients']
    lines.append('labels: ' + ', '.join(f'{name} {count}' for name, count in labels.items()))
    for modality in schema.modalities:
        cells = [files_of(row.get(schema.column(modality))) for row in rows]
        lines.append(f'{modality}: {sum(map(len, cells))} files in {sum(map(bool, cells))} cases')
    return '\n'.join([*lines, *[f'note: {note}' for note in conversion.notes]])


def source_folder(src: str | Path) -> Path:
    """The folder to convert from. Raises DataError where it is none."""
    src = Path(src)
    if not src.is_dir():
        raise DataError('expected the folder of the data set, found none', file=src)
    return src


def parser_of(module: str, description: str | None, labels: bool = False, skip_bad: bool = False) -> CommandParser:
    """The command line that all converters share.

    Args:
        module: `__name__` of the converter.
        description: `__doc__` of the converter.
        labels: Add `--labels`.
        skip_bad: Add `--skip-bad`.
    """
    name = module.rpartition('.')[2]
    example = f'usmm convert {name} SRC data/{name}'
    parser = CommandParser(f'convert {name}', description, [example, f'{example} --link'])
    parser.add_argument('src', help='folder of the data set, as it was downloaded')
    parser.add_argument('out', type=out_folder, help='new folder for cases.csv, schema.py and the files')
    how = parser.add_mutually_exclusive_group()
    how.add_argument('--copy', dest='link', action='store_false', help='copy the files (default)')
    how.add_argument('--link', action='store_true', help='symbolic links to the files: no space, but SRC must stay')
    if labels:
        parser.add_argument('--labels', help='CSV or XLSX with a column of patients (or cases) and one of labels')
    if skip_bad:
        parser.add_argument('--skip-bad', action='store_true', help='leave out bad cases, and name them at the end')
    parser.set_defaults(link=False)
    return parser


def run(args: argparse.Namespace, convert: Callable[[], Conversion]) -> int:
    """Convert, write, print the report; returns the exit code."""
    conversion = convert()
    table = write_conversion(conversion, args.out, args.link)
    print(report(conversion, table))
    print(f'\n{render_settings(conversion)}')
    return 0


class Faults:
    """What to do with a case that is bad: stop there, or leave it out and say so at the end.

    Args:
        skip: Leave it out.

    Example:
        >>> faults = Faults(skip=True)
        >>> with faults.of_one_case():
        ...     raise DataError('is no JSON', file='1.json')
        >>> faults.notes
        ['left out: is no JSON (file 1.json)']
    """

    def __init__(self, skip: bool = False) -> None:
        self.skip, self.notes = skip, list[str]()

    @contextmanager
    def of_one_case(self) -> Iterator[None]:
        """The block that reads a case and adds its row last."""
        try:
            yield
        except DataError as error:
            if not self.skip:
                raise
            self.notes.append(f'left out: {error}')


class _Placer:
    """Copies or links source files below one folder, each once."""

    def __init__(self, root: Path, folder: Path, link: bool) -> None:
        self.root, self.folder, self.link = root, folder, link
        self.placed: set[str] = set()

    def cell(self, cell: Cell, case: str) -> str:
        """The text of a cell; files are brought into the folder on the way."""
        files = files_of(cell)
        if isinstance(cell, Made):
            return self.made(cell, case)
        if files or cell is None or not isinstance(cell, (str, int, float)):
            return ';'.join(self.file(path, case) for path in files)
        return str(cell) if not isinstance(cell, str) else no_formula(cell, case)

    def made(self, cell: Made, case: str) -> str:
        name = f'{MADE}/{cell.name}'
        if ';' in name or '..' in Path(name).parts or name in self.placed:
            raise DataError(f'cannot write {cell.name!r} into the new folder', case=case)
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_bytes(cell.content)
        self.placed.add(name)
        return name

    def file(self, path: Path, case: str) -> str:
        if not path.is_relative_to(self.root) or '..' in path.relative_to(self.root).parts:
            raise DataError('the file lies outside of the data set', file=path, case=case)
        name = f'{FILES}/{path.relative_to(self.root).as_posix()}'
        if ';' in name:
            raise DataError("a path with ';' cannot stand in a case table", file=path, case=case)
        if not path.is_file():
            raise DataError('the file is missing', file=path, case=case)
        if name not in self.placed:
            target = self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if self.link:
                target.symlink_to(path.resolve())
            else:
                shutil.copyfile(path, target)
            self.placed.add(name)
        return name


def _check_rows(conversion: Conversion) -> None:
    if not conversion.rows:
        raise DataError('found no cases', file=conversion.root)
    counts = Counter(str(row['case_id']) for row in conversion.rows)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise ValueError(f'case ids must be unique; more than once: {some(twice)}')


def _render(value: object, depth: int = 0) -> str:
    """A value as Python text, what does not fit into a line over several."""
    if isinstance(value, Mapping):
        parts, signs = [f'{k}={_render(v, depth + 4)}' for k, v in value.items()], ('dict(', ')')
    elif isinstance(value, list):
        parts, signs = [_render(v, depth + 4) for v in value], ('[', ']')
    elif isinstance(value, tuple) and len(value) > 1:
        parts, signs = [repr(v) for v in value], ('(', ')')
    else:
        return repr(value)
    line = signs[0] + ', '.join(parts) + signs[1]
    if len(line) + depth <= 90 and '\n' not in line:
        return line
    pad = ' ' * (depth + 4)
    return signs[0] + '\n' + ''.join(f'{pad}{part},\n' for part in parts) + ' ' * depth + signs[1]
