"""How many patients a study needs: for an AUC interval of a width, an AUC difference, or a sensitivity.

`auc`: an interval of the AUC that is not wider than --width. `difference`: the AUCs of two models on the same patients,
found to differ with a chance of --power. `sensitivity`: an interval of the sensitivity at a fixed specificity.
"""

from __future__ import annotations

import argparse

from usmm.cli.command import Command
from usmm.utils.command_parser import CommandParser

NEEDED = {
    'auc': ('auc', 'width'),
    'difference': ('auc', 'other'),
    'sensitivity': ('sensitivity', 'specificity', 'width'),
}
OWN = {
    'auc': ('confidence',),
    'difference': ('between', 'power', 'alpha'),
    'sensitivity': ('confidence', 'ratio'),
}
DEFAULTS = {'confidence': 0.95, 'between': 0.5, 'power': 0.8, 'alpha': 0.05, 'ratio': 1.0}


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument('question', choices=(*NEEDED,), help='what the study is for')
    parser.add_argument('--prevalence', type=float, required=True, help='share of positive patients in the study')
    parser.add_argument('--auc', type=float, help='the AUC that is expected')
    parser.add_argument('--other', type=float, help='of difference: the AUC of the other model')
    parser.add_argument('--sensitivity', type=float, help='that is expected')
    parser.add_argument('--specificity', type=float, help='at which the sensitivity is read')
    parser.add_argument('--width', type=float, help='of the interval, upper less lower limit')
    parser.add_argument('--between', type=float, help='of difference: correlation of the two AUCs (default 0.5)')
    parser.add_argument('--power', type=float, help='of difference: chance of finding it (default 0.8)')
    parser.add_argument('--alpha', type=float, help='of difference: level of the test (default 0.05)')
    parser.add_argument('--confidence', type=float, help='level of the interval (default 0.95)')
    parser.add_argument(
        '--ratio', type=float, help='of sensitivity: SD of the scores of negatives over that of positives (default 1)'
    )
    parser.add_argument('--cases', type=float, default=1.0, help='cases of a patient (default 1)')
    parser.add_argument(
        '--correlation', type=float, default=0.5, help='of the scores of the cases of a patient (default 0.5)'
    )


def check(args: argparse.Namespace) -> None:
    """Check that what a question needs is there, and nothing that it does not use; fill in defaults. ValueError."""
    needed, own = NEEDED[args.question], OWN[args.question]
    missing = [f'--{name}' for name in needed if getattr(args, name) is None]
    if missing:
        raise ValueError(f'{args.question} needs {" and ".join(missing)}')
    known = dict.fromkeys(name for of in (NEEDED, OWN) for names in of.values() for name in names)
    unused = [f'--{n}' for n in known if n not in (*needed, *own) and getattr(args, n) is not None]
    if unused:
        raise ValueError(f'{args.question} does not use {" and ".join(unused)}')
    for name in own:
        if getattr(args, name) is None:
            setattr(args, name, DEFAULTS[name])


def run(args: argparse.Namespace) -> None:
    from usmm.evaluation.stats import patients_for_auc, patients_for_difference, patients_for_sensitivity

    several = {'cases': args.cases, 'correlation': args.correlation}
    if args.question == 'auc':
        found = patients_for_auc(args.auc, args.width, args.prevalence, args.confidence, **several)
    elif args.question == 'difference':
        found = patients_for_difference(
            args.auc, args.other, args.prevalence, args.between, args.power, args.alpha, **several
        )
    else:
        found = patients_for_sensitivity(
            args.sensitivity, args.specificity, args.width, args.prevalence, args.confidence, args.ratio, **several
        )
    print(f'{found.patients} patients, {found.positives} of them positive and {found.negatives} negative')
    what = 'power' if args.question == 'difference' else 'width'
    print(f'for {found.question}: {what} {found.reached:.3f} ({found.method})')
    if args.cases > 1:
        print(f'{args.cases:g} cases of a patient, whose scores correlate by {args.correlation:g}')


main = Command(
    __name__,
    __doc__,
    add_arguments,
    run,
    check=check,
    examples=(
        'usmm power auc --auc 0.85 --width 0.1 --prevalence 0.3',
        'usmm power difference --auc 0.85 --other 0.80 --prevalence 0.3 --between 0.6',
        'usmm power sensitivity --sensitivity 0.9 --specificity 0.8 --width 0.1 --prevalence 0.3 --cases 3',
    ),
)
