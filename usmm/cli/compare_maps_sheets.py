"""The models, cases and sheets of usmm compare_maps."""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from usmm.cli.arguments import options_of
from usmm.cli.explain_cases import Explained, Explainer
from usmm.cli.explain_drawing import PointingOf, measure
from usmm.config import TESTED, load_config
from usmm.engine import Experiment
from usmm.evaluation.stats.pointing import PointingSummary, summarise_pointing
from usmm.utils import work_files
from usmm.visualization.figures.overlays import overlay
from usmm.visualization.figures.sheets import SheetRow, draw_sheet

Answers = Mapping[str, Explained]
"""Modality -> the answer of the network that reads it."""


def explainer_of(work_dir: Path, args: argparse.Namespace) -> Explainer:
    """The model of a work directory. Raises ValueError if it is not the one of a finished run."""
    for name in (work_files.CONFIG, work_files.WEIGHTS):
        if not (work_dir / name).is_file():
            raise ValueError(f'{work_dir} has no {name}: expected the work directory of a finished run, or its fold_0')
    config = load_config(work_dir / work_files.CONFIG, options_of(args), needed=TESTED)
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
