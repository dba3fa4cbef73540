"""Explain predictions: heat-maps of every modality, what each contributed, and whether the heat is on the lesion.

Writes sheets (a row a case, its modalities and frames side by side: above as the network sees them, below with heat),
a PNG of each modality and a GIF of each clip, contributions.csv, and, where lesions are outlined, pointing.json. The
pictures are those of the first --num cases; pointing is measured on all cases of the part, or on --cases.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import track

from usmm.cli.arguments import command_parser
from usmm.config import load_config, parse_options
from usmm.utils.console import plain_errors

if TYPE_CHECKING:
    from usmm.datasets import CaseDataset

METHODS = ('layercam', 'gradcam')


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = command_parser('explain', __doc__)
    parser.add_argument('config', help='path of a config, or the name of a shipped one')
    parser.add_argument('checkpoint', help='weights, as usmm train writes them (model.pth)')
    parser.add_argument('--part', default='test', choices=('train', 'val', 'test', 'all'))
    parser.add_argument('--cases', nargs='+', metavar='ID', help='these cases of the part')
    parser.add_argument('--num', type=int, default=8, help='cases that are drawn (default 8)')
    parser.add_argument('--limit', type=int, help='cases that pointing is measured on (default: all of the part)')
    parser.add_argument('--out', default='explained', help='folder of the results (default explained)')
    parser.add_argument('--method', default='layercam', choices=METHODS)
    parser.add_argument('--class', dest='target', metavar='NAME', help='class to explain (default: the predicted one)')
    parser.add_argument('--score', default='logit', choices=('logit', 'margin'), help='what the heat is a gradient of')
    parser.add_argument('--layer', nargs='+', default=[], metavar='MODALITY=NAME', help='layers of the heat-maps')
    parser.add_argument('--mask-text', action='store_true', help='blank burnt-in text and all around the ultrasound')
    parser.add_argument('--missing', default='auto', choices=('auto', 'baseline'), help='how a modality is taken away')
    parser.add_argument(
        '--baseline', choices=('train', 'zero'), help='picture in its place (default: mean of training)'
    )
    parser.add_argument('--curves', metavar='CLIP', help='draw the time-intensity curve of the lesion in this clip')
    parser.add_argument('--time-factor', type=float, default=1.0, help='seconds of examination a second of the clip')
    parser.add_argument('--height', type=int, default=96, help='pixels of a picture in the sheets (default 96)')
    parser.add_argument('--frames', type=int, help='frames of a clip in the sheets, spread evenly (default: all)')
    parser.add_argument('--rows', type=int, default=4, help='cases of a sheet (default 4)')
    parser.add_argument('--cfg-options', nargs='+', metavar='KEY=VALUE', help='override settings of the config')
    args = parser.parse_args(argv)
    for name in ('num', 'rows', 'height', 'frames', 'limit'):
        if getattr(args, name) is not None and getattr(args, name) < 1:
            parser.error(f'--{name} must be 1 or more, got {getattr(args, name)}')
    if args.baseline is None:
        args.baseline = 'zero' if args.part == 'all' else 'train'
    return args


def choose(dataset: CaseDataset, args: argparse.Namespace) -> list[int]:
    """Indices of the cases. Raises ValueError for a case id that the part does not have."""
    ids = [case.case_id for case in dataset.cases]
    if args.cases is None:
        return [dataset.index_of(name) for name in ids[: args.limit]]
    absent = [name for name in args.cases if name not in ids]
    if absent:
        raise ValueError(f'part {args.part} has no cases {absent}; it has {len(ids)}, such as {ids[:3]}')
    return [dataset.index_of(name) for name in args.cases]


def options_of(args: argparse.Namespace, classes: list[str]) -> tuple[int | None, dict[str, str]]:
    """Class index and layers. Raises ValueError for a class or a form that is not known."""
    if args.target is not None and args.target not in classes:
        raise ValueError(f'there is no class {args.target!r}; the classes are {classes}')
    wrong = [text for text in args.layer if '=' not in text]
    if wrong:
        raise ValueError(f'--layer takes MODALITY=NAME, got {wrong}')
    target = None if args.target is None else classes.index(args.target)
    return target, {name: layer for name, _, layer in (text.partition('=') for text in args.layer)}


@plain_errors
def main(argv: Sequence[str] | None = None) -> int:
    args = parse_args(argv)
    config = load_config(args.config, parse_options(args.cfg_options))

    from usmm.cli.explain_cases import Explainer, with_region_only
    from usmm.cli.explain_drawing import Drawer, PointingOf, measure, show, write_pointing
    from usmm.engine import Experiment

    target, layers = options_of(args, list(config.classes))
    if args.mask_text:
        config = with_region_only(config)
    parts = dict.fromkeys([args.part, *(['train'] if args.baseline == 'train' else [])])
    experiment = Experiment(config, args.out, parts=list(parts), checkpoint=args.checkpoint)
    if args.part not in experiment.parts:
        raise ValueError(f'part {args.part!r} has no cases')
    dataset = experiment.parts[args.part]
    explainer = Explainer(experiment, args.method, args.score, target, layers)
    if not explainer.layers:
        print(f'this model has no heat-maps: it reads {list(explainer.model.modalities)} and no image')
    indices = choose(dataset, args)
    baseline = explainer.mean_pictures(experiment.parts['train']) if args.baseline == 'train' else None
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    drawer = Drawer(out, list(config.classes), args)
    pointing: PointingOf = defaultdict(list)
    batches = explainer.batches(dataset, indices)
    count = -(-len(indices) // config.batch_size)
    for cases, batch in track(batches, 'explaining', total=count, disable=not sys.stdout.isatty()):
        found = explainer.explain(cases, batch)
        measure(found, pointing)
        if drawer.left:
            shares = explainer.contribute(batch, [e.shown for e in found], baseline, args.missing)
            drawer.add(found, shares)
    for path in drawer.finish():
        print(path)
    if pointing:
        show(write_pointing(out / 'pointing.json', pointing, args))
    return 0
