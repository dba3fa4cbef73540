"""Explain predictions: heat-maps of every modality, what each contributed, and whether the heat is on the lesion.

Writes sheets (a row a case, its modalities and frames side by side: above as the network sees them, below with heat),
a PNG of each modality and a GIF of each clip, contributions.csv, and, where lesions are outlined, pointing.json. The
pictures are those of the first --num cases; pointing is measured on all cases of the part, or on --cases.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from usmm.cli.arguments import add_checkpoint, add_config, add_config_file, add_part
from usmm.cli.arguments import options_of as overrides_of
from usmm.cli.command import Command
from usmm.utils.argument_types import out_folder, whole
from usmm.utils.command_parser import CommandParser
from usmm.utils.suggestions import did_you_mean

if TYPE_CHECKING:
    from usmm.datasets import CaseDataset

METHODS = ('layercam', 'gradcam')


def add_arguments(parser: CommandParser) -> None:
    add_config_file(parser)
    add_checkpoint(parser)
    add_part(parser)
    parser.add_argument('--cases', nargs='+', metavar='ID', help='these cases of the part')
    parser.add_argument('--num', type=whole(1), default=8, help='cases that are drawn (default 8)')
    parser.add_argument('--limit', type=whole(1), help='cases that pointing is measured on (default: all of the part)')
    parser.add_argument('--out', type=out_folder, default='explained', help='folder of the results (default explained)')
    parser.add_argument('--method', default='layercam', choices=METHODS, help='kind of heat-map (default: %(default)s)')
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
    parser.add_argument('--height', type=whole(1), default=96, help='pixels of a picture in the sheets (default 96)')
    parser.add_argument('--frames', type=whole(1), help='frames of a clip in the sheets, spread evenly (default: all)')
    parser.add_argument('--rows', type=whole(1), default=4, help='cases of a sheet (default 4)')
    add_config(parser)


def fill_in(args: argparse.Namespace) -> None:
    """The baseline that goes with the part: of all cases no training part is known."""
    if args.baseline is None:
        args.baseline = 'zero' if args.part == 'all' else 'train'


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
        raise ValueError(f'there is no class {args.target!r}; {did_you_mean(args.target, classes)}')
    wrong = [text for text in args.layer if '=' not in text]
    if wrong:
        raise ValueError(f'--layer takes MODALITY=NAME, got {wrong}')
    target = None if args.target is None else classes.index(args.target)
    return target, {name: layer for name, _, layer in (text.partition('=') for text in args.layer)}


def run(args: argparse.Namespace) -> int:
    from usmm.config import TESTED, load_config

    config = load_config(args.config, overrides_of(args), needed=TESTED)

    from rich.progress import track

    from usmm.cli.explain_cases import Explainer, with_region_only
    from usmm.cli.explain_drawing import Drawer, PointingOf, measure, show, write_pointing
    from usmm.datasets.transforms.depth_options import pipeline_depths
    from usmm.engine import Experiment
    from usmm.structures import Schema

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
    schema = Schema.of(config.schema.to_dict())
    depth = pipeline_depths(config.test_pipeline, tuple(schema.clips), tuple(schema.images))
    drawer = Drawer(out, list(config.classes), args, depth)
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


main = Command(
    __name__,
    __doc__,
    add_arguments,
    run,
    check=fill_in,
    examples=(
        'usmm explain my_config.py work_dirs/my_config/model.pth',
        'usmm explain my_config.py work_dirs/my_config/model.pth --cases c12 c31 --class malignant --method gradcam',
    ),
)
