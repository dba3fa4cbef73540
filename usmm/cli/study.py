"""Cross-validate the variants of a study on the same folds, and compare each with the reference."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmengine.config import Config
from rich.console import Console

from usmm.cli.arguments import add_config, add_folds, add_training, command_parser, options_of
from usmm.cli.case_pictures import pictures_of
from usmm.structures.settings import CLINICAL
from usmm.utils.console import plain_errors

if TYPE_CHECKING:
    from usmm.engine import CrossValidation


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = command_parser('study', __doc__)
    parser.add_argument('study', help='path of a study file, or the name of a shipped one')
    parser.add_argument('--config', help="the config that the variants change (default: the study's)")
    parser.add_argument('--rows', nargs='+', metavar='NAME', help='these rows alone, and the reference')
    parser.add_argument('--published', action='store_true', help='set the published numbers beside ours')
    parser.add_argument('--work-dir', help='where everything is written (default: work_dirs/<study>_study)')
    add_folds(parser)
    add_training(parser)
    add_config(parser)
    parser.add_argument('--quiet', action='store_true', help='no progress lines')
    return parser.parse_args(argv)


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
    model = config.model
    parts = [model.get('clinical'), *(model.get('encoder') or {}).values(), model]
    variables = next((part['variables'] for part in parts if part and part.get('variables')), None)
    names = frozenset(config.modalities)
    if variables is None or CLINICAL not in names or not all(isinstance(v, str) for v in variables):
        return names
    return names - {CLINICAL} | frozenset(variables)


@plain_errors
def main(argv: Sequence[str] | None = None) -> None:
    args = parse_args(argv)
    from usmm.engine import RunOptions, Study, StudySpec, run_folds
    from usmm.visualization.pages.cross_validation_page import report_cross_validation
    from usmm.visualization.pages.study_page import report_study
    from usmm.visualization.pages.summary_table import study_table

    spec = StudySpec.read(args.study)
    given = {'config': args.config, 'folds': args.folds, 'fold_seed': args.fold_seed}
    given['seeds'] = None if args.seeds is None else tuple(args.seeds)
    spec = dataclasses.replace(spec, **{name: value for name, value in given.items() if value is not None})
    work_dir = Path(args.work_dir or f'work_dirs/{Path(args.study).stem}_study')
    study = Study(spec, work_dir, options_of(args), args.rows, args.keep_checkpoints)
    flags = RunOptions('none', args.amp, not args.no_validate, args.auto_scale_lr, not args.quiet)
    run_folds(study.tasks(args.fold), flags, args.resume, args.jobs)
    undone = [task.name for task in study.tasks() if not task.finished]
    if undone:
        print(f'{len(undone)} folds are still to be run: {"; ".join(undone[:8])}')
        return
    rows = study.gather(known_best(study.plans))
    for plan in study.plans.values():
        report_cross_validation(plan.work_dir, pictures_of(plan.tasks()[0].load()))
    Console().print(study_table(rows, spec.reference))
    published = {'source': spec.published} if args.published else None
    written = report_study(work_dir, rows, spec.reference, published, spec.title, study.pairs())
    print('\n'.join(f'{name}: {path}' for name, path in written.items()))
