"""Predict: the cases of a table, or one case whose files and values are given here.

The inputs of the model are options too: --bus a.png --cdfi b.png --age 54 is the same as --case bus=a.png
--case cdfi=b.png --value age=54. --inputs lists them. Several files: give the option several times.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from usmm.cli.arguments import add_device, add_zoo
from usmm.cli.command import Command
from usmm.cli.completers import complete, model_names
from usmm.utils import work_files
from usmm.utils.argument_types import out_file, out_folder, whole
from usmm.utils.command_parser import CommandParser


def add_arguments(parser: CommandParser) -> None:
    text = 'a run (folder), a fold, a published folder or .zip, or a name of the zoo'
    complete(parser.add_argument('model', help=text), model_names)
    parser.add_argument('--checkpoint', help='weights; the model is then a config')
    parser.add_argument('--table', help='case table, CSV or XLSX; labels are not needed')
    parser.add_argument(
        '--files', metavar='TABLE', help='with --table: a table with one row per file (case, modality, file)'
    )
    parser.add_argument('--case', action='append', default=[], metavar='NAME=VALUE', help='an input of one case')
    parser.add_argument('--value', action='append', default=[], metavar='NAME=VALUE', help='a clinical value of it')
    parser.add_argument('--out', type=out_file, help='predictions.csv to write (with --table: default predictions.csv)')
    parser.add_argument('--explain', type=out_folder, metavar='DIR', help='write heat-maps and contributions there')
    parser.add_argument('--inputs', action='store_true', help='list what the model takes, and stop')
    parser.add_argument('--strict', action='store_true', help='implausible values are errors, not warnings')
    add_device(parser)
    parser.add_argument('--batch-size', type=whole(1), help='cases at a time (default: as in training)')
    add_zoo(parser)


def check(args: argparse.Namespace) -> None:
    """Check that the arguments name one source of cases. Raises ValueError."""
    if sum((bool(args.table), bool(args.case or args.value), args.inputs)) != 1:
        raise ValueError('give a --table, or the inputs of one case, or --inputs')
    if args.files and not args.table:
        raise ValueError('--files is a table with the files of the cases of --table: give that as well')


class PredictCommand(Command):
    """A command whose unknown options are inputs of the model."""

    def parse_args(self, argv: Sequence[str] | None = None) -> argparse.Namespace:
        """The arguments, `--bus a.png` as `--case bus=a.png`."""
        from usmm.cli.case_arguments import flags_as_cases

        options = self.parser()._option_string_actions
        return super().parse_args(flags_as_cases(sys.argv[1:] if argv is None else argv, options))


def run(args: argparse.Namespace) -> int:
    from usmm.apis import Predictor
    from usmm.cli.case_arguments import record_of
    from usmm.cli.predict_files import Explanations, check_replaceable, show_case, show_failed, show_inputs, write_csv

    model = args.model if args.checkpoint is None else (args.model, args.checkpoint)
    predictor = Predictor(model, args.device, args.zoo, args.batch_size, args.strict)
    if args.inputs:
        show_inputs(predictor.describe())
        return 0
    cases = args.table or [record_of([*args.case, *args.value], predictor.reader)]
    out = Path(args.out or work_files.PREDICTIONS) if args.out or args.table else None
    if out is not None and args.table and out.resolve() == Path(args.table).resolve():
        raise ValueError(f'--out {out} is the table that is read; give it another name')
    if out is not None:
        check_replaceable(out)
    explanations = None if args.explain is None else Explanations(Path(args.explain))
    found = []
    for one in predictor.iterate(
        cases, explain=explanations is not None, progress=sys.stderr.isatty(), file_table=args.files
    ):
        found.append(one if explanations is None else explanations.add(one))
    if explanations is not None:
        explanations.finish()
    if out is not None:
        write_csv(out, predictor.to_frame(found))
    if not args.table:
        show_case(found[0])
    else:
        show_failed(found, out)
    return int(not any(one.ok for one in found))


main = PredictCommand(
    __name__,
    __doc__,
    add_arguments,
    run,
    check=check,
    examples=(
        'usmm predict work_dirs/my_config --table patients.csv --out predictions.csv',
        'usmm predict msmfn_small_breast --bus image.png --age 54 --explain why',
        'usmm predict msmfn_small_breast --inputs    # what the model takes',
    ),
)
