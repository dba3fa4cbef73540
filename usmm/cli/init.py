"""Write a config that trains on a spreadsheet and a folder of images, and report what was assumed.

The table has a row a case: ids, label, names of image or clip files (beside the table or in any folder below it),
masks, clinical columns; separator, encoding and decimal commas are detected. What is not certain is asked, or,
where nobody can answer, is an error (exit code 2) that lists the flags. What is assumed is printed, and stands in the
comments of the config. Check it: words such as `none` in a clinical column are listed, and count as missing values.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from usmm.cli.command import Command
from usmm.utils import work_files
from usmm.utils.command_parser import CommandParser

if TYPE_CHECKING:
    from usmm.apis.spreadsheet_config import InitResult
    from usmm.datasets.table_inference import Question, TableHints


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument('table', help='CSV, TSV or XLSX')
    parser.add_argument('--out', default='my_config.py', help='the config to write (default: %(default)s)')
    parser.add_argument('--force', action='store_true', help='replace the config, and the case table beside it')
    parser.add_argument('--dry-run', action='store_true', help='only print what would be written')
    columns = parser.add_argument_group('columns (default: seen from the table)')
    columns.add_argument('--id', metavar='COLUMN', help="column of the case id; 'none': rows are numbered")
    columns.add_argument('--patient', metavar='COLUMN', help="column of the patient; 'none': each row is a patient")
    columns.add_argument(
        '--patient-pattern', metavar='REGEX', help="the patient's id in the names of files: the first group of REGEX"
    )
    columns.add_argument('--label', metavar='COLUMN', help='column of the label')
    columns.add_argument(
        '--classes', nargs='+', metavar='CLASS', help='the classes in order; other labels are left out'
    )
    columns.add_argument('--positive', metavar='CLASS', help='the positive one of two classes')
    columns.add_argument(
        '--files', nargs='+', action='extend', metavar='MODALITY=COLUMN',
        help="columns of files, or patterns such as 'lus=clips/{patient_id}_*.mp4'; twice for several columns",
    )  # fmt: skip
    columns.add_argument(
        '--masks', nargs='+', action='extend', metavar='MODALITY=COLUMN', help="columns of masks; 'none': no masks"
    )
    columns.add_argument('--clinical', nargs='+', metavar='COLUMN', help="clinical columns, or 'all', or 'none'")
    columns.add_argument('--ignore', nargs='+', metavar='COLUMN', help='columns that are not used')
    columns.add_argument('--split', metavar='COLUMN', help="column with train, val, test; 'none': folds are made")
    files = parser.add_argument_group('files and numbers')
    files.add_argument(
        '--image-root',
        nargs='+',
        action='extend',
        metavar='FOLDER',
        help='further folders in which files are looked for',
    )
    files.add_argument(
        '--modality-column',
        metavar='COLUMN',
        help="column of the modality, where a row is a file; 'none': a row is a case",
    )
    files.add_argument('--case-per-file', action='store_true', help='each file of the one modality becomes a case')
    files.add_argument(
        '--decimal', choices=('point', 'comma'), help='what stands before the decimals, where the cells leave it open'
    )


def hints_of(args: argparse.Namespace) -> TableHints:
    """What the flags state."""
    from usmm.datasets.table_inference import TableHints

    return TableHints(
        case_id=args.id,
        patient_id=args.patient,
        patient_pattern=args.patient_pattern,
        label=args.label,
        classes=tuple(args.classes or ()),
        positive=args.positive,
        files=pairs_of(args.files, '--files'),
        masks=pairs_of(args.masks, '--masks'),
        clinical=None if args.clinical is None else tuple(args.clinical),
        ignore=tuple(args.ignore or ()),
        split=args.split,
        image_roots=tuple(map(Path, args.image_root or ())),
        decimal=args.decimal,
        case_per_file=args.case_per_file,
        modality_column=args.modality_column,
    )


def pairs_of(words: Sequence[str] | None, flag: str) -> dict[str, tuple[str, ...]]:
    """`MODALITY=COLUMN` words as modality -> columns.

    Raises:
        ValueError: A word of another form.

    Example:
        >>> pairs_of(['bus=a', 'bus=b', 'ue=c'], '--files')
        {'bus': ('a', 'b'), 'ue': ('c',)}
    """
    pairs: dict[str, tuple[str, ...]] = {}
    for word in words or ():
        if word == 'none' and flag == '--masks':
            return {'none': ('none',)}
        name, sign, column = word.partition('=')
        if not sign or not name or not column:
            raise ValueError(f'{flag} takes MODALITY=COLUMN, got {word!r}')
        pairs[name] = (*pairs.get(name, ()), column)
    return pairs


def ask(question: Question, hints: TableHints) -> TableHints:
    """Ask a person, until the answer can be used."""
    print(f'\n{question.text}', file=sys.stderr)
    for number, choice in enumerate(question.choices[:30], 1):
        print(f'  {number}  {choice}', file=sys.stderr)
    while True:
        print(f'answer (or stop with Ctrl-C and use {question.flag}): ', end='', file=sys.stderr, flush=True)
        answer = sys.stdin.readline()
        if not answer:
            raise ValueError(f'no answer to: {question.text}\n  {question.flag}')
        answer = answer.strip()
        if answer.isdigit() and answer not in question.choices and 0 < int(answer) <= len(question.choices):
            answer = question.choices[int(answer) - 1]
        try:
            return question.apply(hints, answer)
        except ValueError as error:
            print(error, file=sys.stderr)


def print_result(result: InitResult, dry_run: bool) -> None:
    """What was assumed, and what to do next."""
    print('\n'.join(result.report))
    config = result.config
    if dry_run:
        print(f'\nnothing is written (--dry-run); {config} would be:\n\n{result.config_text}')
        return
    print(f'\nconfig      {config}')
    print(f'case table  {result.table}' + ('' if result.table_text is None else '  (new; the table stays as it is)'))
    earlier = Path('work_dirs', config.stem)
    if (earlier / work_files.FOLDS).is_file():
        print(f'note: {earlier} holds folds of an earlier run; other cases need another --work-dir, or remove it')
    print('\nnext:')
    print(f'  usmm check_data {config} --out {config.with_suffix("").name}_check   # reads every file')
    print(f'  usmm train {config}')
    if result.prepared.schema.split is None:
        print(f'  usmm cross_validate {config}')


def run(args: argparse.Namespace) -> None:
    from usmm.apis.spreadsheet_config import init_config
    from usmm.datasets.table_inference import UndecidedError

    hints = hints_of(args)
    while True:
        try:
            result = init_config(args.table, args.out, hints, args.force, args.dry_run)
        except UndecidedError as error:
            if not sys.stdin.isatty():
                raise ValueError(f'{args.table}: {error}') from error
            hints = ask(error.questions[0], hints)
        else:
            print_result(result, args.dry_run)
            return


main = Command(
    __name__,
    __doc__,
    add_arguments,
    run,
    examples=(
        'usmm init hospital.xlsx --out my_config.py',
        'usmm init hospital.csv --label histology --positive malignant --clinical age sex',
        "usmm init patients.csv --files 'lus=clips/{patient_id}_*.mp4' --case-per-file",
    ),
)
