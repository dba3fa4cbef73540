"""Calibrate a model on predictions of patients that did not train it: a copy of the run that carries the calibration.

Of a cross-validation the test rows of all folds are taken, each predicted by a model that had not seen the patient; of
a single run its validation rows.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from usmm.cli.command import Command
from usmm.utils import work_files
from usmm.utils.argument_types import out_folder
from usmm.utils.command_parser import CommandParser
from usmm.utils.plain_json import read_json_object


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument('run', type=run_folder, help='the run to calibrate: folder with config.py and model.pth')
    parser.add_argument('--predictions', type=Path, required=True, help='a cross-validation, a run, or predictions.csv')
    parser.add_argument('--part', choices=('val', 'test'), help='rows to take (default: test of folds, else val)')
    parser.add_argument('--out', type=out_folder, help='folder of the copy (default: <run>/calibrated)')
    parser.add_argument('--force', action='store_true', help='replace a copy that is there')


def run_folder(text: str) -> Path:
    """The folder of a run. A text without a slash is a name of the zoo in all commands that take a model."""
    from usmm.zoo.index import is_name

    if is_name(text):
        raise argparse.ArgumentTypeError(
            f'{text!r} has no slash, so it is a name of the zoo, whose models are not calibrated: for the folder write '
            f'./{text}'
        )
    return Path(text)


def rows_of(args: argparse.Namespace) -> tuple[list[dict[str, Any]], str]:
    """The rows to fit on, and their part."""
    from usmm.engine import read_predictions

    path = args.predictions
    part = args.part or ('test' if (path / work_files.SUMMARY).is_file() else 'val')
    path = path / work_files.PREDICTIONS if path.is_dir() else path
    rows = [row for row in read_predictions(path) if row['part'] == part]
    if not rows:
        raise ValueError(f'{path} has no rows of the part {part!r}')
    return rows, part


def check_rows(args: argparse.Namespace, rows: list[dict[str, Any]], meta: Mapping[str, Any]) -> None:
    """See that predictions are of the classes of the model, one for each case, of patients that did not train it.

    Raises:
        ValueError: They are not; names the classes, the case or the patients.
    """
    from usmm.engine.workdir.predictions import PROBABILITY
    from usmm.structures import TRAINED_ON, Case, has_trained

    classes = [str(name) for name in meta['classes']]
    stated = [name.removeprefix(PROBABILITY) for name in rows[0] if name.startswith(PROBABILITY)]
    if set(stated) != set(classes):
        raise ValueError(
            f'{args.predictions} has predictions of the classes {stated}, the model {args.run} has {classes}'
        )
    unknown = sorted({str(row['label']) for row in rows} - {*classes, ''})
    if unknown:
        raise ValueError(f'{args.predictions} has labels that are not classes of the model {classes}: {unknown}')
    counts = Counter((row['case_id'], row.get('seed')) for row in rows)
    twice = [case for (case, _), count in counts.items() if count > 1]
    if twice:
        raise ValueError(f'{args.predictions} has several rows of one case and seed: {", ".join(twice[:5])}')
    folder = args.predictions if args.predictions.is_dir() else args.predictions.parent
    if (folder / work_files.SUMMARY).is_file():
        tested = read_json_object(folder / work_files.SUMMARY).get('cases')
        there = len({row['case_id'] for row in rows})
        if tested is not None and tested != there:
            raise ValueError(
                f'{args.predictions} has predictions of {there} cases, the cross-validation tested {tested}: lines '
                'were removed or added; pool the folds again (usmm cross_validate)'
            )
        return  # of a cross-validation: each row is by a model that had not seen the patient
    trained = frozenset(meta.get(TRAINED_ON, ()))
    patients = {str(row['patient_id']) for row in rows}
    known = sorted(p for p in patients if has_trained(Case('', p), trained))
    if known:
        raise ValueError(
            f'{len(known)} of {len(patients)} patients of {args.predictions} trained {args.run}: '
            f'{", ".join(known[:5])}; take predictions of other patients, or a cross-validation (its folder)'
        )


def check_model(args: argparse.Namespace, meta: Mapping[str, Any]) -> list[str]:
    """See that predictions are those of a model with the meaning of the one that is calibrated.

    Args:
        args: The arguments.
        meta: Metadata of the model that is calibrated.

    Returns:
        Settings in which the config of the predictions differs from that of the model, where both are there.

    Raises:
        ValueError: Their classes, modalities or clinical variables differ; names them.
    """
    from usmm.engine.workdir.kept_config import FREE, changed_settings
    from usmm.engine.workdir.outputs import load_weights
    from usmm.structures import ModelMeaning

    folder = args.predictions if args.predictions.is_dir() else args.predictions.parent
    runs = [folder, *sorted(f for pattern in work_files.FOLD_PATTERNS for f in folder.glob(pattern))]
    source = next((f for f in runs if (f / work_files.WEIGHTS).is_file()), None)
    if source is None or source.resolve() == args.run.resolve():
        return []
    theirs = ModelMeaning.of_meta(load_weights(source / work_files.WEIGHTS)['meta'])
    mine = ModelMeaning.of_meta(meta)
    if theirs is not None and mine is not None and (different := theirs.differences(mine)):
        raise ValueError(
            f'{args.predictions} has predictions of another model than {args.run}: {source} has '
            f'{"; ".join(different)}. Take predictions of the config of the run'
        )
    if not (source / work_files.CONFIG).is_file():
        return []
    text = (source / work_files.CONFIG).read_text(encoding='utf-8')
    return changed_settings(args.run, text, (*FREE, 'split', 'seed', 'schema'))


def run(args: argparse.Namespace) -> int:
    from usmm.apis import fit_calibration
    from usmm.config import TRAINED, load_config
    from usmm.engine.workdir.outputs import load_weights, save_checkpoint
    from usmm.structures import ModelMeaning
    from usmm.utils.atomic_files import write_text

    out = args.run / 'calibrated' if args.out is None else Path(args.out)
    if out.resolve() == args.run.resolve():
        raise ValueError(f'--out {out} is the run itself; the calibrated copy needs a folder of its own')
    if (out / work_files.WEIGHTS).exists() and not args.force:
        raise ValueError(f'{out} holds a model already; --force replaces it')
    content = load_weights(args.run / work_files.WEIGHTS)
    config, meta = (args.run / work_files.CONFIG).read_text(encoding='utf-8'), content['meta']
    settings = args.run / work_files.CONFIG
    meaning = ModelMeaning.of_settings(load_config(settings, needed=TRAINED))
    meaning.check(meta, args.run / work_files.WEIGHTS, str(settings))
    rows, part = rows_of(args)
    check_rows(args, rows, meta)
    changed = check_model(args, meta)
    calibration = replace(fit_calibration(rows, meta['classes'], meta.get('positive')), part=part).to_dict()
    write_text(out / work_files.CONFIG, config)
    save_checkpoint(out / work_files.WEIGHTS, content['state_dict'], {**meta, 'calibration': calibration})
    facts = ', '.join(f'{k} {v:.4f}' if isinstance(v, float) else f'{k} {v}' for k, v in calibration.items())
    print(f'{out}: {facts}')
    if (unlabelled := sum(not row['label'] for row in rows)) > 0:
        print(f'{unlabelled} of {len(rows)} rows of the part {part!r} have no label and were left out')
    if changed:
        print(f'WARNING: the predictions were made with another config than {args.run}: it differs in {changed}')
    return 0


main = Command(
    __name__,
    __doc__,
    add_arguments,
    run,
    examples=(
        'usmm calibrate work_dirs/my_config --predictions work_dirs/my_config_cv',
        'usmm calibrate work_dirs/my_config --predictions work_dirs/my_config --part val --out calibrated',
    ),
)
