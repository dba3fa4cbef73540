"""Predict: the cases of a table, or one case whose files and values are given here.

The inputs of the model are options too: --bus a.png --cdfi b.png --age 54 is the same as --case bus=a.png
--case cdfi=b.png --value age=54. --inputs tells which there are. Several files: give the option several times.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from usmm.cli.arguments import command_parser
from usmm.utils import work_files
from usmm.utils.console import plain_errors


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = command_parser('predict', __doc__, allow_abbrev=False)
    parser.add_argument('model', help='a run (folder), a fold, a published folder or .zip, or a name of the zoo')
    parser.add_argument('--checkpoint', help='weights; the model is then a config')
    parser.add_argument('--table', help='case table, CSV or XLSX; labels are not needed')
    parser.add_argument('--case', action='append', default=[], metavar='NAME=VALUE', help='an input of one case')
    parser.add_argument('--value', action='append', default=[], metavar='NAME=VALUE', help='a clinical value of it')
    parser.add_argument('--out', type=Path, help='predictions.csv to write (with --table: default predictions.csv)')
    parser.add_argument('--explain', type=Path, metavar='DIR', help='write heat-maps and contributions there')
    parser.add_argument('--inputs', action='store_true', help='tell what the model takes, and stop')
    parser.add_argument('--strict', action='store_true', help='implausible values are errors, not warnings')
    parser.add_argument('--device', help='such as cpu or cuda:0 (default: a GPU if there is one)')
    parser.add_argument('--batch-size', type=int, help='cases at a time (default: as in training)')
    parser.add_argument('--zoo', help='folder or address of the zoo (default: USMM_ZOO, or the one of usmm)')

    from usmm.cli.case_arguments import flags_as_cases

    words = flags_as_cases(sys.argv[1:] if argv is None else argv, parser._option_string_actions)
    args = parser.parse_args(words)
    if sum((bool(args.table), bool(args.case or args.value), args.inputs)) != 1:
        parser.error('give a --table, or the inputs of one case, or --inputs')
    if args.batch_size is not None and args.batch_size < 1:
        parser.error(f'--batch-size must be 1 or more, got {args.batch_size}')
    return args


@plain_errors
def main(argv: Sequence[str] | None = None) -> int:
    args = parse_args(argv)

    from usmm.apis import Predictor
    from usmm.cli.case_arguments import record_of
    from usmm.cli.predict_files import Explanations, show_case, show_failed, show_inputs, write_csv

    model = args.model if args.checkpoint is None else (args.model, args.checkpoint)
    predictor = Predictor(model, args.device, args.zoo, args.batch_size, args.strict)
    if args.inputs:
        show_inputs(predictor.describe())
        return 0
    cases = args.table or [record_of([*args.case, *args.value], predictor.reader)]
    out = args.out or (Path(work_files.PREDICTIONS) if args.table else None)
    if out is not None and args.table and out.resolve() == Path(args.table).resolve():
        raise ValueError(f'--out {out} is the table that is read; give it another name')
    explanations = None if args.explain is None else Explanations(args.explain)
    found = []
    for one in predictor.iterate(cases, explain=explanations is not None, progress=sys.stderr.isatty()):
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
