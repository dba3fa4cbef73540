"""Cross-validate the variants of a study on the same folds, and compare each with the reference."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from usmm.cli.arguments import add_config, add_folds, add_training, options_of
from usmm.cli.command import Command
from usmm.cli.completers import complete, config_names, study_names
from usmm.utils.argument_types import config_file, out_folder
from usmm.utils.command_parser import CommandParser

if TYPE_CHECKING:
    from mmengine.config import Config

    from usmm.engine import CrossValidation


def add_arguments(parser: CommandParser) -> None:
    text = 'path of a study file, or the name of a shipped one'
    complete(parser.add_argument('study', type=config_file, help=text), study_names)
    text = "the config that the variants change (default: the study's)"
    complete(parser.add_argument('--config', type=config_file, help=text), config_names)
    parser.add_argument('--rows', nargs='+', metavar='NAME', help='these rows alone, and the reference')
    parser.add_argument('--published', action='store_true', help='set the published numbers beside ours')
    text = 'where everything is written (default: work_dirs/<study>_study)'
    parser.add_argument('--work-dir', type=out_folder, help=text)
    add_folds(parser)
    add_training(parser)
    add_config(parser)
    parser.add_argument('--quiet', action='store_true', help='no progress lines')


def known_best(plans: Mapping[str, CrossValidation]) -> dict[str, float | None]:
    """Row -> the best AUC that its inputs allow, for phantoms, whose truth.json says so."""
    found: dict[str, float | None] = {}
    for name, plan in plans.items():
        config = plan.load()
        truth = Path(config.get('data_root', '.'), 'truth.json')
        if truth.is_file():
            best = json.loads(truth.read_text(encoding='utf-8'))['best_auc']
            wanted = inputs_of(config)
            found[name] = next((value for key, value in best.items() if frozenset(key.split('+')) == wanted), None)
    return found


def inputs_of(config: Config) -> frozenset[str]:
    """The modalities of a config, the table as the variables that are read of it where the config names some."""
    from usmm.structures.settings import CLINICAL

    model = config.model
    parts = [model.get('clinical'), *(model.get('encoder') or {}).values(), model]
    variables = next((part['variables'] for part in parts if part and part.get('variables')), None)
    names = frozenset(config.modalities)
    if variables is None or CLINICAL not in names or not all(isinstance(v, str) for v in variables):
        return names
    return names - {CLINICAL} | frozenset(variables)


def run(args: argparse.Namespace) -> None:
    from rich.console import Console

    from usmm.cli.case_pictures import pictures_of
    from usmm.engine import RunOptions, Study, StudySpec, run_folds
    from usmm.engine.workdir.ownership import Ownership
    from usmm.visualization.pages.cross_validation_page import report_cross_validation
    from usmm.visualization.pages.study_page import report_study
    from usmm.visualization.pages.summary_table import study_table

    spec = StudySpec.read(args.study)
    given = {'config': args.config, 'folds': args.folds, 'fold_seed': args.fold_seed}
    given['seeds'] = None if args.seeds is None else tuple(args.seeds)
    spec = dataclasses.replace(spec, **{name: value for name, value in given.items() if value is not None})
    options = options_of(args)
    work_dir = Path(args.work_dir or str(options.pop('work_dir', '')) or f'work_dirs/{Path(args.study).stem}_study')
    study = Study(spec, work_dir, options, args.rows, args.keep_checkpoints)
    flags = RunOptions('none', args.amp, not args.no_validate, args.auto_scale_lr, not args.quiet)
    with Ownership(work_dir, shared=args.fold is not None).held():
        run_folds(study.tasks(args.fold), flags, args.resume, args.jobs)
        undone = [task.name for task in study.tasks() if not task.finished]
        if undone:
            print(f'{len(undone)} folds are still to be run: {"; ".join(undone[:8])}')
            return
        rows = study.gather(known_best(study.plans))
        for plan in study.plans.values():
            report_cross_validation(plan.work_dir, pictures_of(plan.tasks()[0].load()))
        console = Console(width=None if sys.stdout.isatty() else 160)
        console.print(study_table(rows, spec.reference))
        for row in rows:
            for text in row['warnings']:
                console.print(f'WARNING: row {row["name"]}: {text}', markup=False, soft_wrap=True)
        published = {'source': spec.published} if args.published else None
        written = report_study(work_dir, rows, spec.reference, published, spec.title, study.pairs())
        print('\n'.join(f'{name}: {path}' for name, path in written.items()))


main = Command(
    __name__,
    __doc__,
    add_arguments,
    run,
    examples=(
        'usmm study msmfn/studies/inputs',
        'usmm study msmfn/studies/breast --rows B-mode --seeds 0 1 2',
        'usmm study my_study.py --config my_config.py --jobs 2',
    ),
)
