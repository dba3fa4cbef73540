"""Heat-maps of several models side by side, on the same cases: a row a case and modality, a column a model.

    usmm compare_maps 'fine-tuned=work_dirs/t1,work_dirs/t2' 'CGC=work_dirs/cgc'

Each model is the work directory of a run (or a fold of a cross-validation) with config.py and model.pth; several of
them under one name, where each modality has a network of its own. Writes the sheets, and heat.csv: how much of each
model's heat is on the lesion, where lesions are outlined.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from usmm.cli.arguments import command_parser
from usmm.cli.explain_cases import Explained, Explainer
from usmm.cli.explain_drawing import PointingOf, measure, show
from usmm.config import load_config, parse_options
from usmm.engine import Experiment
from usmm.evaluation.stats.pointing import PointingSummary, summarise_pointing
from usmm.utils import work_files
from usmm.utils.console import plain_errors
from usmm.visualization.figures.overlays import overlay
from usmm.visualization.figures.sheets import SheetRow, draw_sheet

Answers = Mapping[str, Explained]
"""Modality -> the answer of the network that reads it."""

METHODS = ('layercam', 'gradcam')


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = command_parser('compare_maps', __doc__)
    parser.add_argument('models', nargs='+', metavar='NAME=WORK_DIR[,WORK_DIR...]', help='two models or more')
    parser.add_argument('--part', default='test', choices=('train', 'val', 'test', 'all'))
    parser.add_argument('--cases', nargs='+', metavar='ID', help='cases that all models know (default: the first)')
    parser.add_argument('--num', type=int, default=4, help='cases that are drawn without --cases (default 4)')
    parser.add_argument('--modalities', nargs='+', metavar='NAME', help='draw these alone')
    parser.add_argument('--class', dest='target', metavar='NAME', help="class to explain (default: the case's own)")
    parser.add_argument('--method', default='layercam', choices=METHODS)
    parser.add_argument('--score', default='margin', choices=('logit', 'margin'), help='what the heat is a gradient of')
    parser.add_argument('--height', type=int, default=128, help='pixels of a picture (default 128)')
    parser.add_argument('--rows', type=int, default=4, help='cases of a sheet (default 4)')
    parser.add_argument('--out', default='compared_maps', help='folder of the results')
    parser.add_argument('--cfg-options', nargs='+', metavar='KEY=VALUE', help='override settings of all configs')
    args = parser.parse_args(argv)
    for name in ('num', 'rows', 'height'):
        if getattr(args, name) < 1:
            parser.error(f'--{name} must be 1 or more, got {getattr(args, name)}')
    wrong = [text for text in args.models if not all(text.partition('=')[::2])]
    if wrong or len(args.models) < 2 or len({m.partition('=')[0] for m in args.models}) < len(args.models):
        parser.error(f'expected two models or more as NAME=WORK_DIR, each with a name of its own, got {args.models}')
    return args


def explainer_of(work_dir: Path, args: argparse.Namespace) -> Explainer:
    """The model of a work directory. Raises ValueError if it is not the one of a finished run."""
    for name in (work_files.CONFIG, work_files.WEIGHTS):
        if not (work_dir / name).is_file():
            raise ValueError(f'{work_dir} has no {name}: expected the work directory of a finished run, or its fold_0')
    config = load_config(work_dir / work_files.CONFIG, parse_options(args.cfg_options))
    experiment = Experiment(config, args.out, parts=[args.part], checkpoint=work_dir / work_files.WEIGHTS)
    if args.part not in experiment.parts:
        raise ValueError(f'part {args.part!r} of {work_dir} has no cases')
    if args.target is not None and args.target not in config.classes:
        raise ValueError(f'there is no class {args.target!r} in {work_dir}; the classes are {list(config.classes)}')
    explainer = Explainer(experiment, args.method, args.score, None, {})
    if not explainer.layers:
        raise ValueError(f'the model of {work_dir} has no heat-maps: it reads {list(explainer.model.modalities)}')
    return explainer


def choose(explainers: Mapping[str, Sequence[Explainer]], args: argparse.Namespace) -> list[str]:
    """Cases that every model's part has. Raises ValueError where there is none, or one that is asked for is not."""
    known = [[c.case_id for c in e.experiment.parts[args.part].cases] for found in explainers.values() for e in found]
    shared = [name for name in known[0] if all(name in ids for ids in known)]
    absent = [name for name in args.cases or () if name not in shared]
    if absent or not shared:
        raise ValueError(
            f'cases {absent or "of all models"}: part {args.part!r} of these models has {len(shared)} cases in common, '
            f'such as {shared[:3]}; take models of the same fold'
        )
    return list(args.cases or shared[: args.num])


def explain(explainers: Sequence[Explainer], case_id: str, args: argparse.Namespace) -> Answers:
    """Modality -> the answer of the network that reads it, for the case's own class or the one that is asked for."""
    answers: dict[str, Explained] = {}
    for explainer in explainers:
        dataset = explainer.experiment.parts[args.part]
        classes = list(explainer.experiment.config.classes)
        cases, batch = next(explainer.batches(dataset, [dataset.index_of(case_id)]))
        explainer.target = cases[0].label if args.target is None else classes.index(args.target)
        one = explainer.explain(cases, batch)[0]
        for modality in explainer.layers:
            answers.setdefault(modality, one)
    return answers


def row(found: Mapping[str, Answers], modality: str, classes: Sequence[str]) -> SheetRow | None:
    """The picture as the network sees it, and each model's heat on it; None where the case lacks the modality."""
    seen = [answers[modality] for answers in found.values() if modality in answers]
    one = next((o for o in seen if o.case.data.get(modality) is not None), None)
    if one is None:
        return None
    pictures: dict[str, np.ndarray | None] = {modality: np.moveaxis(np.asarray(one.case.data[modality]), 0, -1)}
    outlines = {}
    for name, answers in found.items():
        own = answers.get(modality)
        heat = None if own is None else own.heat_of(modality)
        if own is None or heat is None:
            pictures[f'{name}, {"not read" if own is None else own.note_of(modality)}'] = None
            continue
        title = f'{name}: {own.scores[own.shown]:.2f}'
        pictures[title] = overlay(np.moveaxis(np.asarray(own.case.data[modality]), 0, -1), heat)
        if modality in own.case.masks:
            outlines[title] = own.case.masks[modality]
    label = '' if one.case.label is None else f'   label {classes[one.case.label]}'
    return SheetRow(f'{one.case.case_id}{label}   heat and scores: {classes[one.shown]}', '', pictures, {}, outlines)


def draw(
    cases: Sequence[Mapping[str, Answers]], classes: Sequence[str], args: argparse.Namespace, out: Path
) -> list[Path]:
    """The sheets, a row a case and modality."""
    paths = []
    for number, start in enumerate(range(0, len(cases), args.rows), 1):
        rows = []
        for found in cases[start : start + args.rows]:
            names = dict.fromkeys(m for answers in found.values() for m in answers)
            wanted = names if args.modalities is None else [m for m in args.modalities if m in names]
            rows += [drawn for m in wanted if (drawn := row(found, m, classes)) is not None]
        paths.append(out / f'sheet_{number:02d}.png')
        Image.fromarray(draw_sheet(rows, args.height)).save(paths[-1])
    return paths


def on_lesion(cases: Sequence[Mapping[str, Answers]], name: str) -> dict[str, PointingSummary]:
    """Modality -> how much of a model's heat is on the lesions."""
    pointing: PointingOf = defaultdict(list)
    for found in cases:
        for modality, one in found[name].items():
            mine: PointingOf = defaultdict(list)
            measure([one], mine)
            pointing[modality] += mine.get(modality, [])
    return {
        m: summarise_pointing([p for _, p in rows], [who for who, _ in rows]) for m, rows in pointing.items() if rows
    }


@plain_errors
def main(argv: Sequence[str] | None = None) -> int:
    args = parse_args(argv)
    named = {name: folders.split(',') for name, _, folders in (m.partition('=') for m in args.models)}
    explainers = {name: [explainer_of(Path(f), args) for f in folders] for name, folders in named.items()}
    cases = [{name: explain(e, i, args) for name, e in explainers.items()} for i in choose(explainers, args)]
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    classes = next(iter(explainers.values()))[0].experiment.config.classes
    for path in draw(cases, classes, args, out):
        print(path)
    found = {f'{name}, {m}': s for name in named for m, s in on_lesion(cases, name).items()}
    if found:
        show(found)
        with (out / 'heat.csv').open('w', newline='', encoding='utf-8') as file:
            writer = csv.writer(file)
            writer.writerow(['model', 'modality', 'cases', 'heat_inside', 'hits', 'random'])
            writer.writerows(
                [*key.rsplit(', ', 1), s.cases, s.share, s.hits.estimate, s.random] for key, s in found.items()
            )
    return 0
