"""What usmm check_data runs and prints."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from mmengine.config import Config
from rich.console import Console
from rich.progress import track
from rich.table import Table

from usmm.cli.arguments import options_of
from usmm.config import load_config
from usmm.datasets.checks.case_checks import ModalityCounts
from usmm.datasets.checks.check_data import MANIFEST, CheckResult, check_data, relative
from usmm.datasets.checks.file_facts import FileFacts
from usmm.datasets.checks.manifest import root_of
from usmm.datasets.transforms.depth_options import loader_steps, pipeline_depths
from usmm.datasets.transforms.panels import find_panels
from usmm.readers import read_regions
from usmm.registry import TRANSFORMS
from usmm.structures import Schema
from usmm.structures.settings import CLINICAL
from usmm.utils.console import message_of

SHOWN = 40


def check(args: argparse.Namespace, console: Console) -> CheckResult:
    """Run the check that a config describes."""
    config = load_config(args.config, options_of(args))
    root, schema = Path(config.get('data_root', '.')), Schema.of(config.schema.to_dict())

    manifest = manifest_of(config, root, args.out)
    other = args.out is None and is_of_other_data(manifest, root)

    def progress(files: Iterable[FileFacts], total: int) -> Iterable[FileFacts]:
        return track(files, 'reading files', total, console=console, transient=True)

    result = check_data(
        root / (config.get('table') or 'cases.csv'),
        schema,
        config.classes,
        modalities=file_modalities(config),
        ignore_labels=config.get('ignore_labels') or (),
        missing=config.get('missing') or 'error',
        folds=args.folds or (config.get('split') or {}).get('file'),
        manifest=None if other else manifest,
        update_manifest=args.update_manifest,
        workers=args.workers,
        depth=pipeline_depths(config.get('test_pipeline') or (), tuple(schema.clips), tuple(schema.images)),
        loaders=loaders_of(config),
        describe_panels=describe_panels,
        progress=progress,
    )
    if other:
        result.notes.append(
            f'{manifest} is of the data in another folder and was not compared; --out FOLDER compares and keeps a '
            'manifest elsewhere'
        )
    elif manifest is None:
        result.notes.append('no manifest is kept: a schema has no work directory; --out FOLDER keeps one')
    return result


def file_modalities(config: Config) -> list[str] | None:
    """Modalities in files that a config uses, none where it uses the clinical table alone; None: it names none."""
    names = config.get('modalities')
    return None if not names else [name for name in names if name != CLINICAL]


def manifest_of(config: Config, root: Path, out: str | None) -> Path | None:
    """Where the manifest of a data set is: in the output folder, beside the data, or in the work directory.

    Nothing is written beside the data, which may be shared or read-only; a manifest that is there goes on to be used.

    Args:
        config: The resolved config.
        root: The folder of the data.
        out: The folder that `--out` names.

    Returns:
        Its path; None where there is no place for one: a schema has no work directory.
    """
    if out is not None:
        return Path(out, MANIFEST)
    if (root / MANIFEST).is_file() or not config.get('work_dir'):
        return root / MANIFEST if (root / MANIFEST).is_file() else None
    return Path(config.work_dir, MANIFEST)


def is_of_other_data(manifest: Path | None, root: Path) -> bool:
    """Whether a manifest states that it is of another folder of data."""
    of = None if manifest is None else root_of(manifest)
    return of is not None and of != root.resolve()


def write_results(result: CheckResult, out: str | None) -> None:
    """Write the files of a check whose report is out.

    Args:
        result: What was found.
        out: The folder that `--out` names.

    Raises:
        OSError: They cannot be written; a manifest that was not asked for is only warned of.
    """
    if out is not None:
        result.write(out)
    if result.manifest is not None:
        try:
            print(result.manifest.write())
        except OSError as error:
            if out is not None:
                raise
            print(f'WARNING: {message_of(error)}; --out FOLDER names another place for it', file=sys.stderr)


def loaders_of(config: Config) -> list[object]:
    """The loaders of a config whose cases are read as they stand in the table, without their caches."""
    kind = (config.get('dataset') or {}).get('type', 'CaseDataset')
    if str(kind).rpartition('.')[2] != 'CaseDataset':  # others make samples of the files of a case
        return []
    steps = loader_steps(config.get('test_pipeline') or ())
    return [TRANSFORMS.build({key: value for key, value in step.items() if key != 'cache_dir'}) for step in steps]


def describe_panels(file: Path, picture: np.ndarray) -> str:
    """What `SplitPanels` would do with a picture, in words; empty where it shows one panel."""
    boxes = find_panels(picture, read_regions(file))
    size = f'{picture.shape[1]}x{picture.shape[0]}'
    words = [f'{side} {box.width}x{box.height} at ({box.x0}, {box.y0})' for side, box in zip(('left', 'right'), boxes)]
    return f'{size} -> {", ".join(words)}' if words else ''


def show(result: CheckResult, console: Console, limit: int | None) -> None:
    """Print counts, panels and problems."""
    counts = result.counts
    ignored = f', {counts["ignored"]} more left out by label' if counts['ignored'] else ''
    console.print(f'[bold]{counts["cases"]} cases of {counts["patients"]} patients[/bold]{ignored}')
    table(console, 'classes', ('class', 'cases', 'patients'), [(n, *c.values()) for n, c in counts['classes'].items()])
    rows = [(name, *modality_row(facts)) for name, facts in counts['modalities'].items()]
    table(console, 'modalities', ('modality', 'cases', 'files', 'with mask', 'sizes', 'frames', 'seconds', 'fps'), rows)
    sizes = {name: facts['cases'] for name, facts in counts['classes'].items() if name != 'missing'}
    rows = [
        (name, n['cases'], *[f'{n[label]} ({100 * n[label] / max(size, 1):.0f} %)' for label, size in sizes.items()])
        for name, n in counts['missing'].items()
        if n['cases']
    ]
    table(console, 'missing clinical values', ('variable', 'cases', *sizes), rows)
    panels: dict[str, list[str]] = {}
    for fact in result.facts:
        if fact.panels:
            panels.setdefault(fact.panels, []).append(relative(fact.path, result.root))
    title = 'pictures that look like two panels, and what SplitPanels would do'
    table(
        console,
        title,
        ('files', 'split', 'such as'),
        [(len(names), words, names[0]) for words, names in panels.items()],
    )
    show_problems(result, console, limit)
    for note in result.notes:
        console.print(note, markup=False)


def modality_row(facts: ModalityCounts) -> tuple[object, ...]:
    """The cells of one modality: lowest, median and highest of what a clip has."""
    sizes = list(facts['sizes'].items())
    text = ', '.join(f'{size} ({n})' for size, n in sizes[:3]) + (f', {len(sizes) - 3} more' if len(sizes) > 3 else '')
    clip = (facts.get('frames', ()), facts.get('seconds', ()), facts.get('fps', ()))
    spans = [' / '.join(f'{value:g}' for value in values) for values in clip]
    return (facts['cases'], facts['files'], facts['masked'], text, *spans)


def show_problems(result: CheckResult, console: Console, limit: int | None) -> None:
    """Print the problems, blocking ones first."""
    rows = result.rows()
    blocking = len(result.blocking)
    title = f'{len(rows)} problem{"s" * (len(rows) > 1)}, {blocking} of them blocking' if rows else 'no problems'
    kinds = ', '.join(f'{kind} {n}' for kind, n in Counter(row['kind'] for row in rows).items())
    console.print(f'[bold]{title}[/bold]' + (f': {kinds}' if kinds else ''))
    table(
        console,
        '',
        ('blocking', 'kind', 'case', 'modality', 'file', 'message'),
        [tuple(r.values()) for r in rows[:limit]],
    )
    if limit is not None and len(rows) > limit:
        console.print(f'... and {len(rows) - limit} more in problems.csv')


def table(console: Console, title: str, columns: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> None:
    """Print a table; nothing where it has no rows."""
    if not rows:
        return
    shown = Table(*columns, title=title or None, title_justify='left')
    for row in rows:
        shown.add_row(*[str(cell) for cell in row])
    console.print(shown, markup=False)
