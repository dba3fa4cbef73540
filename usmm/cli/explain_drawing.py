"""What usmm explain writes: sheets, pictures by modality, contributions, pointing."""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from torch import Tensor

from usmm.cli.explain_cases import Explained
from usmm.datasets.transforms import lesion_curve
from usmm.datasets.transforms.depth_options import DepthOptions
from usmm.engine import write_json
from usmm.evaluation.stats.pointing import Pointing, PointingSummary, point, summarise_pointing
from usmm.evaluation.stats.time_intensity import time_intensity
from usmm.explain import Contribution
from usmm.structures.case_info import TABLE
from usmm.visualization.figures.explain_figures import contribution_figure, time_intensity_figure
from usmm.visualization.figures.figures import save
from usmm.visualization.figures.overlays import ExplainedCase, heat_sheet, pairs, save_moving

PointingOf = dict[str, list[tuple[str, Pointing]]]
"""Modality -> patient and pointing of each case."""


class Drawer:
    """Draws the first cases.

    Args:
        out: Folder.
        classes: Class names.
        args: Options of the tool.
        depth: The grey values that become 0 and 255 of each modality.
    """

    def __init__(self, out: Path, classes: Sequence[str], args: argparse.Namespace, depth: DepthOptions) -> None:
        self.depth = depth
        self.out, self.classes, self.args, self.left = out, list(classes), args, args.num
        self.rows: list[ExplainedCase] = []
        self.table: list[dict[str, str | float]] = []
        self.note = ''

    def add(self, found: Sequence[Explained], shares: Contribution) -> None:
        """Keep the cases of a batch that are still wanted, and write their pictures."""
        self.note = shares.note
        for i, one in enumerate(found[: self.left]):
            values = dict(zip(shares.players, shares.values[:, i].tolist()))
            row = self._row(one, values)
            self.rows.append(row)
            facts = dict(case_id=one.case.case_id, label=self._label(one), explained=self.classes[one.shown])
            self.table.append({**facts, 'none': float(shares.empty[i]), **values, 'all': float(shares.full[i])})
            self._files(one, row, shares, i, values)
        self.left -= min(self.left, len(found))

    def finish(self) -> Iterator[Path]:
        """Write the sheets and the table of contributions."""
        for number, start in enumerate(range(0, len(self.rows), self.args.rows), 1):
            path = self.out / f'sheet_{number:02d}.png'
            rows = self.rows[start : start + self.args.rows]
            Image.fromarray(heat_sheet(rows, self.args.height, self.args.frames)).save(path)
            yield path
        path = self.out / 'contributions.csv'
        with path.open('w', newline='', encoding='utf-8') as file:
            writer = csv.DictWriter(file, list(self.table[0]))
            writer.writeheader()
            writer.writerows({k: f'{v:.6f}' if isinstance(v, float) else v for k, v in r.items()} for r in self.table)
        yield path

    def _label(self, one: Explained) -> str:
        return '' if one.case.label is None else self.classes[one.case.label]

    def _row(self, one: Explained, values: Mapping[str, float]) -> ExplainedCase:
        case = one.case
        scores = ', '.join(f'{name} {p:.2f}' for name, p in zip(self.classes, one.scores))
        names = list(case.info[TABLE]['modalities'])
        times = {m: case.info.get(m, {}).get('times') for m in names}
        factor = self.args.time_factor
        return ExplainedCase(
            title=f'{case.case_id}   label {self._label(one) or "unknown"}   {scores}   heat and bars: '
            f'{self.classes[one.shown]}',
            pictures={m: _picture(case.data.get(m)) for m in names},
            heat={m: one.heat_of(m) for m in names},
            notes={m: note for m in names if (note := one.note_of(m))},
            captions={m: [f'{t * factor:.1f} s' for t in found] for m, found in times.items() if found is not None},
            masks=case.masks,
            contributions=values,
            extra=self._curve(one),
        )

    def _curve(self, one: Explained) -> dict[str, np.ndarray]:
        clip, case = self.args.curves, one.case
        if clip is None or clip not in case.files or not case.masks_of(clip):
            return {}
        factor = self.args.time_factor
        window, _ = self.depth.at(clip)
        times, grey = lesion_curve(case.files[clip][0], case.masks_of(clip), time_factor=factor, window=window)
        marks = np.asarray(case.info.get(clip, {}).get('times', ())) * factor
        figure = time_intensity_figure(times, grey, time_intensity(times, grey), marks=marks)
        save(figure, self.out / case.case_id / f'{clip}_curve')
        buffer = io.BytesIO()
        figure.savefig(buffer, format='png', dpi=100)
        return {f'{clip} inside the lesion': np.asarray(Image.open(buffer).convert('RGB'))}

    def _files(
        self, one: Explained, row: ExplainedCase, shares: Contribution, i: int, values: Mapping[str, float]
    ) -> None:
        folder = self.out / one.case.case_id
        folder.mkdir(parents=True, exist_ok=True)
        for modality, picture in row.pictures.items():
            tiles = pairs(row, modality, 2 * self.args.height)
            if tiles:
                Image.fromarray(np.concatenate(tiles, axis=1)).save(folder / f'{modality}.png')
            if picture is not None and picture.ndim == 4:
                save_moving(tiles, folder / f'{modality}.gif')
        title = f'{one.case.case_id}: probability of {self.classes[one.shown]}'
        figure = contribution_figure(values, float(shares.empty[i]), float(shares.full[i]), 'probability', title)
        save(figure, folder / 'contributions')


def measure(found: Sequence[Explained], pointing: PointingOf) -> None:
    """Add where the heat of these cases lies, for each modality with a mask that does not fill the picture."""
    for one in found:
        for modality, mask in one.case.masks.items():
            heat = one.heat_of(modality)
            if modality not in one.case.data or one.note_of(modality) == 'no map' or not mask.any() or mask.all():
                continue
            empty = np.zeros(mask.shape)
            pointing[modality].append((one.case.patient_id, point(empty if heat is None else heat, mask)))


def write_pointing(path: Path, pointing: PointingOf, args: argparse.Namespace) -> dict[str, PointingSummary]:
    """Write and return the summary of each modality."""
    found = {m: summarise_pointing([p for _, p in rows], [who for who, _ in rows]) for m, rows in pointing.items()}
    facts = dict(method=args.method, score=args.score, part=args.part, explained=args.target or 'predicted class')
    write_json(path, {**facts, 'modalities': {m: asdict(s) for m, s in found.items()}})
    return found


def show(found: Mapping[str, PointingSummary]) -> None:
    """Print the pointing game."""
    table = Table(title='heat on the lesion, in the picture that the network sees', box=SIMPLE)
    for name in ('modality', 'heat inside', 'hits', 'random', 'p'):
        table.add_column(name, justify='left' if name == 'modality' else 'right', no_wrap=True)
    for modality, s in found.items():
        table.add_row(
            modality, _interval(s.share, s.share_ci), f'{round(s.hits.estimate * s.cases)} of {s.cases}',
            f'{s.random:.3f}', f'{s.pvalue:.2g}',
        )  # fmt: skip
    Console().print(table)


def _interval(value: float, ci: tuple[float, float]) -> str:
    return f'{value:.2f} [{ci[0]:.2f}, {ci[1]:.2f}]'


def _picture(x: Tensor | None) -> np.ndarray | None:
    """(H, W, 3) or (T, H, W, 3) of a packed tensor."""
    return None if x is None else np.moveaxis(np.asarray(x), 0, -1)
