"""Masks and boxes of a folder or a table, as drawings that can be compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from usmm.evaluation.stats.agreement import Box, Overlap, Spacing, box_overlap, mask_overlap
from usmm.readers import DataError, read_mask, read_table

SUFFIXES = ('.png', '.bmp', '.tif', '.tiff', '.jpg', '.jpeg', '.dcm')
TABLES = ('.csv', '.tsv', '.txt', '.xlsx', '.xlsm')
CORNERS = ['x0', 'y0', 'x1', 'y1']


@dataclass(frozen=True)
class Region:
    """One drawn region.

    Args:
        case, file: Whose it is and where it stands.
        box: (x0, y0, x1, y1) in whole or part pixels, ends excluded; of a mask: its bounds.
        mask: The mask within its bounds, (h, w) bool; None for a box.
        size: (H, W) of the whole mask; None for a box.
        spacing: Height and width of a pixel in mm, where known.
    """

    case: str
    file: Path
    box: Box
    mask: np.ndarray | None = None
    size: tuple[int, ...] | None = None
    spacing: Spacing | None = None

    def within(self, bounds: Sequence[float]) -> np.ndarray:
        """The region on the pixels of `bounds`, (H, W) bool."""
        x0, y0, x1, y1 = (round(v) for v in bounds)
        found = np.zeros((y1 - y0, x1 - x0), dtype=bool)
        left, top, right, bottom = (round(v) for v in self.box)
        found[top - y0 : bottom - y0, left - x0 : right - x0] = True if self.mask is None else self.mask
        return found


@dataclass
class Drawing:
    """The regions of one observer in one session; case id -> region."""

    name: str
    source: Path
    observer: str = ''
    session: str = ''
    regions: dict[str, Region] = field(default_factory=dict)


def read_drawings(path: Path, column: str | None, pattern: str, spacing: Spacing | None) -> list[Drawing]:
    """The drawings of a folder of masks (one drawing) or a table (one for each observer and session)."""
    if path.is_dir():
        return [_folder(path, pattern, spacing)]
    if path.suffix.lower() not in TABLES:
        raise DataError(f'expected a folder of masks or a table ({", ".join(TABLES)})', file=path)
    return _table(path, column, spacing)


def bounds_of(first: Region, second: Region) -> Box:
    """The box around two regions."""
    a, b = first.box, second.box
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


def overlap_of(first: Region, second: Region) -> Overlap:
    """Overlap of two regions of a case; both boxes, or both masks of images of one size."""
    if (first.mask is None) != (second.mask is None):
        raise DataError(f'a mask and a box cannot be compared: {first.file} and {second.file}', case=first.case)
    if first.size != second.size:
        raise DataError(
            f'masks must be of one size, got {first.size} in {first.file} and {second.size} in {second.file}',
            case=first.case,
        )
    if first.spacing != second.spacing:
        raise DataError(f'pixels must have one spacing, got {first.spacing} and {second.spacing}', case=first.case)
    if first.mask is None:
        return box_overlap(first.box, second.box, first.spacing)
    bounds = bounds_of(first, second)
    return mask_overlap(first.within(bounds), second.within(bounds), first.spacing)


def _folder(path: Path, pattern: str, spacing: Spacing | None) -> Drawing:
    files = sorted(p for p in path.glob(pattern) if p.is_file() and p.suffix.lower() in SUFFIXES)
    if not files:
        raise DataError(f'holds no image named {pattern!r}', file=path)
    drawing = Drawing(path.name, path)
    for file in files:
        if file.stem in drawing.regions:
            raise DataError(
                f'has a second mask in {path}, {drawing.regions[file.stem].file.name}', case=file.stem, file=file
            )
        drawing.regions[file.stem] = _mask(file.stem, [file], spacing)
    return drawing


def _table(path: Path, column: str | None, spacing: Spacing | None) -> list[Drawing]:
    rows = read_table(path)
    corners = column is None and all(name in rows for name in CORNERS)
    name = column or next((n for n in ('mask', 'box') if n in rows), None)
    if 'case_id' not in rows or not (corners or name in rows):
        wanted = f'{column!r}' if column else "'mask', 'box' or x0, y0, x1, y1"
        raise DataError(f'needs the columns case_id and {wanted}; it has {list(rows)}', file=path)
    drawings: dict[tuple[str, str], Drawing] = {}
    for row in rows.to_dict('records'):
        case, who, when = (row.get(key) or '' for key in ('case_id', 'observer', 'session'))
        text = ','.join(row[key] or '' for key in CORNERS) if corners else row[name]
        if not case or not text:
            raise DataError('has a row without a case id or a region', case=case or None, file=path)
        title = f'{who} (session {when})' if who and when else who or (f'session {when}' if when else path.name)
        drawing = drawings.setdefault((who, when), Drawing(title, path, who, when))
        if case in drawing.regions:
            raise DataError(
                f'has two rows of {title}; several drawings of a case need the columns observer and session',
                case=case, file=path,
            )  # fmt: skip
        drawing.regions[case] = _cell(case, text, path, _spacing(case, row.get('spacing'), path) or spacing)
    return list(drawings.values())


def _cell(case: str, text: str, table: Path, spacing: Spacing | None) -> Region:
    numbers = [_number(part) for part in text.replace(';', ',').split(',')]
    if any(n is None for n in numbers):
        return _mask(case, [table.parent / part.strip() for part in text.split(';')], spacing)
    if len(numbers) != 4 or not (numbers[0] < numbers[2] and numbers[1] < numbers[3]):  # type: ignore[operator]
        raise DataError(f'a box is x0,y0,x1,y1 with x0 < x1 and y0 < y1, got {text!r}', case=case, file=table)
    return Region(case, table, tuple(numbers), spacing=spacing)  # type: ignore[arg-type]


def _mask(case: str, files: Sequence[Path], spacing: Spacing | None) -> Region:
    """The union of the masks of a case."""
    whole: np.ndarray | None = None
    for file in files:
        mask = read_mask(file)
        if whole is not None and mask.shape != whole.shape:
            raise DataError(
                f'masks of one case must be of one size, got {whole.shape} and {mask.shape}', case=case, file=file
            )
        whole = mask if whole is None else whole | mask
    if whole is None or not whole.any():
        raise DataError('the mask is empty: it has no pixel of a lesion', case=case, file=files[0])
    rows, columns = (np.flatnonzero(whole.any(axis)) for axis in (1, 0))
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    crop = whole[top:bottom, left:right].copy()
    return Region(case, files[0], (left, top, right, bottom), crop, whole.shape, spacing)


def _spacing(case: str, text: str | None, table: Path) -> Spacing | None:
    if text is None:
        return None
    numbers = [_number(part) for part in text.replace(';', ',').replace(',', ' ').split()]
    if len(numbers) not in (1, 2) or any(n is None or n <= 0 for n in numbers):
        raise DataError(f'spacing is one or two positive lengths in mm, got {text!r}', case=case, file=table)
    return (numbers[0], numbers[-1])  # type: ignore[return-value]


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def pairs_of(drawings: Sequence[Drawing]) -> Iterator[tuple[Drawing, Drawing]]:
    """Every pair of drawings, in order."""
    for i, first in enumerate(drawings):
        yield from ((first, second) for second in drawings[i + 1 :])
