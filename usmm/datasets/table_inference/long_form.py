"""A table with one row per file, as hospitals export it, turned into one row per case for the inference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from usmm.datasets.file_cells import CLIP_SUFFIXES, IMAGE_SUFFIXES
from usmm.datasets.repeated_rows import merge_rows
from usmm.datasets.table_inference.file_lookup import has_suffix
from usmm.datasets.table_inference.name_words import (
    CASE_NAMES,
    LABEL_NAMES,
    PATIENT_NAMES,
    listing_of,
    plain_name,
    words_of,
)
from usmm.datasets.table_inference.table_hints import NONE, TableHints
from usmm.readers import DataError
from usmm.readers.table import ROW_NUMBERS
from usmm.structures import TableFormat
from usmm.utils.suggestions import did_you_mean

Row = dict[str, str | None]
MODALITY_NAMES = frozenset(
    {'modality', 'modalities', 'imagingmodality', 'modalitaet', 'modalitat', 'modalidad', 'modalite', 'imagetype'}
)
# names that mean something else as often: only where the rows of a case differ in them
LOOSE_NAMES = frozenset({
    'type', 'typ', 'series', 'seriesdescription', 'sequence', 'technique', 'mode', 'usmode', 'examtype', 'scan',
    'scantype', 'kind', 'bildart', 'untersuchungsart', 'verfahren',
})  # fmt: skip
MASK_WORDS = frozenset({'mask', 'masks', 'seg', 'segmentation', 'roi', 'annotation', 'contour', 'outline', 'maske'})
FILE_SHARE = 0.9  # of the filled cells of a column of files end like an image or a clip


def widen(frame: pd.DataFrame, table: Path, hints: TableHints) -> tuple[pd.DataFrame, list[str]]:
    """The table with one row per case, and what was done, as sentences; as it is where it has one row per case.

    A table counts as one row per file where a column is named like a modality, one column names files, and cases with
    several rows have several modalities. Of each modality come a column of files, and of masks where there are any;
    clips and images of one modality get columns of their own.

    Args:
        frame: Text cells.
        table: The table, for messages.
        hints: `modality_column` names the column of the modality, or switches this off (`'none'`).

    Raises:
        DataError: The label or the patient differs between the rows of a case, or masks cannot be assigned to files.
        ValueError: The column that is stated does not fit.
    """
    columns = _Columns.find(frame, hints)
    if columns is None:
        return frame, []
    rows: list[Row] = [{str(k): v for k, v in row.items()} for row in frame.to_dict('records')]
    of_file = {columns.modality, columns.file, *([columns.mask] if columns.mask else [])}
    stated = [str(name) for name in frame.columns if name not in of_file]
    numbers: list[int] = frame.attrs[ROW_NUMBERS]
    differing = _differing(rows, numbers, columns.case, stated)
    for name, text in differing.items():
        if name == hints.label or plain_name(name) in {n for names in LABEL_NAMES for n in names} | {*PATIENT_NAMES}:
            raise DataError(f'{text}: the rows of a case must agree in {name!r}', file=table)
    kept = [name for name in stated if name not in differing]
    merged = merge_rows(rows, numbers, columns.case, kept, TableFormat())
    files = _files(rows, columns, table)
    words = list(dict.fromkeys(name for cells in files.values() for name in cells))
    wide = [
        {name: row.get(name) for name in kept}
        | {word: files.get(str(row[columns.case]), {}).get(word) for word in words}
        for row in merged.rows
    ]
    result = pd.DataFrame(wide, columns=[*kept, *words], dtype=object)
    result.attrs = {**frame.attrs, ROW_NUMBERS: merged.numbers}
    notes = [
        f'The table has one row per file, with its modality in {columns.modality!r}: {len(rows)} rows are '
        f'{len(wide)} cases. --modality-column none reads each row as a case.',
        *(f'{note[0].upper()}{note[1:]}.' for note in merged.notes),
    ]
    if differing:
        notes.append(f'Columns that differ between the files of a case are not used: {listing_of(list(differing))}.')
    return result, notes


class _Columns:
    """The columns of a table with one row per file."""

    def __init__(self, case: str, modality: str, file: str, mask: str | None) -> None:
        self.case, self.modality, self.file, self.mask = case, modality, file, mask

    @classmethod
    def find(cls, frame: pd.DataFrame, hints: TableHints) -> _Columns | None:
        if hints.modality_column == NONE or hints.case_per_file:
            return None
        names = [str(name) for name in frame.columns]
        stated = hints.modality_column
        if stated is not None and stated not in names:
            raise ValueError(f'the table has no column {stated!r}; {did_you_mean(stated, names)}')
        known_names = (*MODALITY_NAMES, *LOOSE_NAMES)
        modality = stated or next((name for name in names if plain_name(name) in MODALITY_NAMES), None)
        modality = modality or next((name for name in names if plain_name(name) in known_names), None)
        files = [name for name in names if name != modality and _names_files(frame[name].tolist())]
        masks = [name for name in files if {*words_of(name)} & MASK_WORDS]
        pictures = [name for name in files if name not in masks]
        case = hints.case_id or next(
            (name for known in (*CASE_NAMES, *PATIENT_NAMES) for name in names if plain_name(name) == known), None
        )
        if modality is None or case is None or case == NONE or len(pictures) != 1 or len(masks) > 1:
            if stated is not None:
                raise ValueError(
                    f'--modality-column {stated!r} needs a column of cases (--id), one column of files and at most '
                    f'one of masks; files: {listing_of(pictures) or "none"}, masks: {listing_of(masks) or "none"}'
                )
            return None
        pairs = [(c, m) for c, m in zip(frame[case], frame[modality]) if c is not None and m is not None]
        several = len({c for c, _ in pairs}) < len({*pairs})
        if modality is not None and plain_name(modality) in MODALITY_NAMES:  # also where all rows have one modality
            several = len({c for c, _ in pairs}) < len(pairs)
        return cls(case, modality, pictures[0], masks[0] if masks else None) if several or stated else None


def _names_files(cells: Sequence[str | None]) -> bool:
    filled = [cell for cell in cells if cell]
    return bool(filled) and sum(map(has_suffix, filled)) >= FILE_SHARE * len(filled)


def _differing(rows: Sequence[Row], numbers: Sequence[int], case: str, columns: Sequence[str]) -> dict[str, str]:
    """Column -> the first case whose rows differ in it, as a text."""
    first: dict[tuple[str, str], tuple[str, int]] = {}
    texts: dict[str, str] = {}
    for number, row in zip(numbers, rows, strict=True):
        for column in columns:
            name, value = row[case], row[column]
            if name is None or value is None or column in texts:
                continue
            other, line = first.setdefault((name, column), (value, number))
            if other != value:
                texts[column] = f'case {name} has {other!r} in row {line} and {value!r} in row {number}'
    return texts


def _files(rows: Sequence[Row], columns: _Columns, table: Path) -> dict[str, dict[str, str]]:
    """Case -> column of files or masks -> its cell."""
    entries: dict[tuple[str, str], list[tuple[str, tuple[str, ...]]]] = {}
    for row in rows:
        case, word, file = row[columns.case], row[columns.modality], row[columns.file]
        if case is None or word is None or file is None:
            continue
        mask = row[columns.mask] if columns.mask else None
        masks = tuple(part.strip() for part in (mask or '').split(';') if part.strip())
        entries.setdefault((case, word), []).append((file, masks))
    both = {
        word
        for word in {word for _, word in entries}
        if len({_is_clip(file) for (_, w), found in entries.items() if w == word for file, _ in found}) > 1
    }
    for word in both:
        kinds = {_is_clip(file): bool(masks) for (_, w), found in entries.items() if w == word for file, masks in found}
        if len(kinds) == 2 and any(kinds.values()) and not all(kinds.values()):
            raise DataError(
                f'the images and clips of {word!r} have masks of one kind alone: give the clips a modality of their '
                f'own in {columns.modality!r}', file=table,
            )  # fmt: skip
    cells: dict[str, dict[str, str]] = {}
    for (case, word), found in entries.items():
        for clip in (False, True):
            part = [entry for entry in found if _is_clip(entry[0]) == clip] if word in both else found * (not clip)
            if part:
                name = f'cine {word}' if word in both and clip else word
                cells.setdefault(case, {}).update(_cells(name, part, case, table))
    return cells


def _is_clip(file: str) -> bool:
    suffix = Path(file).suffix.lower()
    return suffix in CLIP_SUFFIXES and suffix not in IMAGE_SUFFIXES


def _cells(name: str, found: Sequence[tuple[str, tuple[str, ...]]], case: str, table: Path) -> Mapping[str, str]:
    """The cells of files and masks. With one mask each they belong together in their order; else none may be lost."""
    masks = [mask for _, of_file in found for mask in of_file]
    if masks and len(found) > 1 and any(len(of_file) != 1 for _, of_file in found):
        raise DataError(
            f'case {case}: {len(found)} files of {name!r} have {len(masks)} masks, not one each, which one row per '
            'case cannot state; write the config by hand with schema.file_table (docs/case_table.md)',
            file=table,
        )
    return {name: ';'.join(file for file, _ in found)} | ({f'{name} mask': ';'.join(masks)} if masks else {})
