"""Which columns name files: a modality each, images or clips, and the masks that belong to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from usmm.datasets.file_cells import CLIP_SUFFIXES, IMAGE_SUFFIXES
from usmm.datasets.table_inference.column_facts import ColumnFacts
from usmm.datasets.table_inference.file_lookup import CellFiles, FileLookup, has_suffix
from usmm.datasets.table_inference.mask_pixels import PictureLooks
from usmm.datasets.table_inference.name_words import (
    CLIP_WORDS,
    FILE_WORDS,
    LESION_WORDS,
    MASK_WORDS,
    identifier,
    listing_of,
    words_of,
)
from usmm.datasets.table_inference.table_hints import NONE, Question, TableHints, UndecidedError, is_pattern
from usmm.datasets.table_inference.table_roles import CLIPS, IMAGES, Findings, ModalityRole
from usmm.readers import DataError, read_dicom
from usmm.structures.settings import CLINICAL

DICOM_SUFFIXES = frozenset({'.dcm', '.dicom'})
SAMPLED = 60  # cells that decide whether a column names files


@dataclass(frozen=True)
class FileColumn:
    """A column that names files.

    Args:
        name: The column.
        bare: Whether the names lack their suffix.
        exist: Cells with a file that exists.
        named: Cells that are not empty.
        unclear: Names that several files have, one for each cell with such a name.
    """

    name: str
    bare: bool
    exist: int
    named: int
    unclear: tuple[str, ...] = ()


def infer_files(
    facts: Mapping[str, ColumnFacts],
    rows: Sequence[dict[str, str | None]],
    lookup: FileLookup,
    hints: TableHints,
    findings: Findings,
) -> tuple[ModalityRole, ...]:
    """The modalities of a table.

    Args:
        facts: Column -> what its cells are.
        rows: The rows, column -> cell, missing cells None.
        lookup: Finds files.
        hints: What a person stated.
        findings: Collects roles, assumptions and warnings.

    Raises:
        UndecidedError: The files of a column do not exist, columns may be one modality or several, or it is open which
            modality a mask belongs to.
        DataError: A modality has images and clips.
    """
    columns = {c.name: c for name in findings.free() if (c := file_column(facts[name], lookup)) is not None}
    stated = {name for group in (*hints.files.values(), *hints.masks.values()) for name in group}
    masks = [n for n in columns if n not in stated and MASK_WORDS & {*words_of(n)}]
    free = [n for n in columns if n not in stated and n not in masks]
    if not hints.files:
        by_pixels = _masks_by_pixels([columns[n] for n in free], rows, lookup, findings)
        masks, free = [*masks, *by_pixels], [n for n in free if n not in by_pixels]
    modalities = dict(hints.files) if hints.files else _named(free)
    if hints.files:
        for name in free:
            findings.leave(name, 'names files, but is not among the ones of --files')
    _check_existence(columns, modalities, lookup, findings)
    roles = []
    for name, sources in modalities.items():
        # who states a column may mean names without their suffix
        bare = bool(hints.files) or any(columns[s].bare for s in sources if s in columns)
        role = ModalityRole(identifier(name, 'image'), IMAGES, sources, bare=bare)
        if role.name == CLINICAL:
            raise ValueError(
                f'{CLINICAL!r} stands for the table: give the files of {sources} another name with --files'
            )
        roles.append(replace(role, kind=_kind(role, rows, lookup)))
        if (why := _renamed(name, sources, role.name, bool(hints.files))) is not None:
            findings.assumptions.append(why)
    names = [role.name for role in roles]
    if len(set(names)) < len(names):
        raise ValueError(
            f'modalities must have different names, got {names}: name them with --files MODALITY=COLUMN, in letters of '
            'the English alphabet, digits and underscores'
        )
    for role in roles:
        for source in role.sources:
            if source in facts:
                reason = 'stated' if hints.files else 'its cells name files'
                exist = f'; {columns[source].exist} of {columns[source].named} cells' if source in columns else ''
                findings.take(source, f'{role.kind}: {role.name}', f'{reason}{exist}')
    with_masks = _with_masks(roles, masks, columns, hints, findings)
    return tuple(_with_boxes(with_masks, facts, findings))


def _masks_by_pixels(
    columns: Sequence[FileColumn], rows: Sequence[dict[str, str | None]], lookup: FileLookup, findings: Findings
) -> list[str]:
    """Columns whose pictures are masks, though their names do not state it.

    Raises:
        DataError: The cells of a column join images and masks.
    """
    looks = PictureLooks()
    files = {
        c.name: [() if (cell := row[c.name]) is None else lookup.cell(cell, c.bare).files for row in rows]
        for c in columns
        if c.exist
    }
    for name, paths in files.items():
        if (pair := looks.mixed(paths)) is not None:
            mask, image = pair
            raise DataError(
                f'the cells of {name!r} name images together with pictures of two values, which are probably their '
                f'masks, as {image.name} and {mask.name}: give masks a column of their own, or use patterns, such as '
                f"--files 'image=FOLDER/{{COLUMN}}.png' --masks 'image=FOLDER/{{COLUMN}}_mask.png'; "
                f'--files image={name!r} takes them all as images'
            )
    masks = looks.masks(files)
    for name, other in masks.items():
        findings.assumptions.append(
            f'The pictures of {name!r} have two values each and the size of those of {other!r}: they are taken as '
            f'masks. To use them as images, name all columns of images with --files.'
        )
    for name in files:
        if name not in masks and looks.two_valued(files[name]):
            findings.warnings.append(
                f'The pictures of {name!r} have two values each, as masks have. Are they images? If they are masks, '
                'name the column of the images with --files, and this one with --masks.'
            )
    return [*masks]


def _renamed(name: str, sources: Sequence[str], used: str, stated: bool) -> str | None:
    """Why a modality has another name than its column, or than a person stated; None where it is plain to see."""
    words = '_'.join(word for word in words_of(sources[0]) if word not in FILE_WORDS)
    if name == used and (stated or words == used or (not words and sources[0].isascii())):
        return None
    return (
        f'The modality of {listing_of(sources)} is called {used!r}: a name has letters of the English alphabet, digits '
        'and underscores, and is not a word of Python or of the network.'
    )


def file_column(fact: ColumnFacts, lookup: FileLookup) -> FileColumn | None:
    """What a column of file names is, or None where it is none: its cells end like images or clips, or are their names.

    Args:
        fact: The column.
        lookup: Finds files.
    """
    if not fact.filled or fact.is_date:
        return None
    sample = [*fact.counts][:SAMPLED]
    like_files = sum(any(has_suffix(part) for part in _split(text)) for text in sample)
    if 2 * like_files >= len(sample):
        return _counted(fact, lookup, bare=False)
    words = {*words_of(fact.name)} - {'name'}
    if (FILE_WORDS | MASK_WORDS) & words:
        column = _counted(fact, lookup, bare=True)
        if 2 * (column.exist + len(column.unclear)) >= fact.filled:
            return column
    return None


def _counted(fact: ColumnFacts, lookup: FileLookup, bare: bool) -> FileColumn:
    cells = [lookup.cell(text, bare) for text in fact.cells if text is not None]
    unclear = tuple(cell.unclear[0] for cell in cells if cell.unclear)
    return FileColumn(fact.name, bare, sum(bool(cell.files) for cell in cells), fact.filled, unclear)


def files_in(role: ModalityRole, row: Mapping[str, str | None], lookup: FileLookup) -> CellFiles:
    """The files of a modality in a row, from all of its columns and patterns."""
    return united_files(role.sources, row, lookup, role.bare)


def united_files(
    sources: Sequence[str], row: Mapping[str, str | None], lookup: FileLookup, bare: bool = False
) -> CellFiles:
    """The files that several columns or patterns name in a row."""
    parts: list[CellFiles] = []
    for source in sources:
        if source not in row and is_pattern(source):
            parts.append(lookup.matching(source, dict(row)))
        elif (cell := row[source]) is not None:
            parts.append(lookup.cell(cell, bare))
    return CellFiles(
        tuple(dict.fromkeys(path for part in parts for path in part.files)),
        tuple(name for part in parts for name in part.absent),
        tuple(name for part in parts for name in part.unclear),
        frozenset().union(*(part.how for part in parts)),
    )


def _split(text: str) -> list[str]:
    for mark in (';', '&', '|', '\n'):
        text = text.replace(mark, ',')
    return text.split(',')


def _named(columns: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Modality -> its column, the modality named after the column.

    Raises:
        UndecidedError: Columns whose names differ in a number alone.
    """
    names: dict[str, tuple[str, ...]] = {}
    numbered: dict[str, list[str]] = {}
    for column in columns:
        words = [w for w in words_of(column) if w not in FILE_WORDS]
        default = 'clip' if CLIP_WORDS & {*words_of(column)} else 'image'
        base = '_'.join(w for w in words if not w.isdigit()) or default
        numbered.setdefault(base, []).append(column)
        name = identifier('_'.join(words), default)
        names[name] = (*names.get(name, ()), column)
    for base, group in numbered.items():
        if len(group) > 1:
            rest = {name: cs for name, cs in names.items() if not {*cs} & {*group}}
            united, apart = {base: tuple(group)}, _apart(group, base)
            one = ' '.join(f'{base}={column!r}' for column in group)
            each = ' '.join(f'{name}={columns[0]!r}' for name, columns in apart.items())
            text = f'Do the columns {listing_of(group)} hold several files of one modality, or one modality each?'
            answers = {'one': {**rest, **united}, 'each': {**rest, **apart}}
            flag = f'--files {one}   or   --files {each}   (and those of other modalities, and --masks for masks)'
            raise UndecidedError([Question('files', text, flag, ('one', 'each'), files=answers)])
    return names


def _apart(columns: Sequence[str], base: str) -> dict[str, tuple[str, ...]]:
    """A modality for each column; names that are the same in ASCII get a number."""
    names: dict[str, tuple[str, ...]] = {}
    for column in columns:
        name, count = identifier(column, base), 2
        while name in names:
            name, count = f'{identifier(column, base)}_{count}', count + 1
        names[name] = (column,)
    return names


def _check_existence(
    columns: Mapping[str, FileColumn], modalities: Mapping[str, Sequence[str]], lookup: FileLookup, findings: Findings
) -> None:
    for sources in modalities.values():
        for name in sources:
            column = columns.get(name)
            if column is not None and column.unclear and 2 * column.exist < column.named:
                text = (
                    f'Which files does {name!r} name? (in {len(column.unclear)} of {column.named} cells: '
                    f'{lookup.described(tuple(dict.fromkeys(column.unclear)), column.bare)})'
                )
                flag = '--image-root FOLDER (files in it alone count), or write the folder into the cells'
                raise UndecidedError([Question('image_roots', text, flag, open=True)])
            if column is not None and 2 * column.exist < column.named:
                text = (
                    f'Where are the files of {name!r}? (of {column.named} cells that name files, {column.exist} name '
                    'one that is beside the table or in a folder below it)'
                )
                raise UndecidedError([Question('image_roots', text, '--image-root FOLDER', open=True)])
            if column is not None and column.exist < column.named:
                findings.warnings.append(
                    f'{column.named - column.exist} of {column.named} cells of {name!r} name files that do not exist.'
                )


def _kind(role: ModalityRole, rows: Sequence[dict[str, str | None]], lookup: FileLookup) -> str:
    """Whether a modality has images or clips.

    Raises:
        DataError: Both, or no file at all.
    """
    files = [path for row in rows for path in files_in(role, row, lookup).files]
    if not files:
        raise DataError(f'no file of the modality {role.name!r} exists: {listing_of(role.sources)}; see --image-root')
    suffixes = Counter(path.suffix.lower() for path in files)
    plain = {suffix for suffix in suffixes if suffix not in DICOM_SUFFIXES}
    kinds = {
        CLIPS if suffix in CLIP_SUFFIXES else IMAGES for suffix in plain if suffix in IMAGE_SUFFIXES | CLIP_SUFFIXES
    }
    if not kinds or plain != {*suffixes}:  # DICOM: stills and clips have the same suffix
        one = next(path for path in files if path.suffix.lower() in DICOM_SUFFIXES or not kinds)
        kinds.add(CLIPS if len(read_dicom(one).frames) > 1 else IMAGES)
    if len(kinds) > 1:
        counts = ', '.join(f'{count} {suffix}' for suffix, count in suffixes.most_common())
        raise DataError(f'the modality {role.name!r} has images and clips ({counts}): give each a column of its own')
    return kinds.pop()


def _with_masks(
    roles: Sequence[ModalityRole],
    masks: Sequence[str],
    columns: Mapping[str, FileColumn],
    hints: TableHints,
    findings: Findings,
) -> list[ModalityRole]:
    """The modalities with their mask columns."""
    chosen: dict[str, tuple[str, ...]] = {}
    for stated, names in hints.masks.items():
        modality = stated if stated == NONE else identifier(stated, 'image')
        if modality != NONE and modality not in {role.name for role in roles}:
            raise ValueError(
                f'--masks names the modality {modality!r}; the modalities are {[role.name for role in roles]}'
            )
        chosen[modality] = () if NONE in names else names
    for role in roles if hints.masks == {} else ():
        others = {word for other in roles if other is not role for word in words_of(other.name)}
        own = {*words_of(role.name)}
        named = [n for n in masks if own & {*words_of(n)}]
        named = named or [n for n in masks if len(roles) == 1 or not ({*words_of(n)} & others)]
        if len(named) > 1:
            named = [n for n in named if LESION_WORDS & {*words_of(n)}] or named
        if len(named) > 1 or (named and len(roles) > 1 and not own & {*words_of(named[0])}):
            text = f'Which column holds the masks of {role.name!r}? (columns of masks: {listing_of(masks)})'
            flag = f'--masks {role.name}=COLUMN, or --masks {role.name}=none'
            raise UndecidedError([Question('masks', text, flag, (*masks, NONE), modality=role.name)])
        chosen[role.name] = tuple(named)
    used = {name for names in chosen.values() for name in names}
    for name in masks:
        if name not in used:
            reason = 'names masks; another column holds those of the lesion' if used else 'names masks of no modality'
            findings.leave(name, reason if not hints.masks else 'names masks, but is not among the ones of --masks')
    result = []
    for role in roles:
        for name in chosen.get(role.name, ()):
            cells = f'; {columns[name].exist} of {columns[name].named} cells' if name in columns else ''
            findings.take(
                name, f'mask: {role.name}', f'{"stated" if hints.masks else "its cells name files of masks"}{cells}'
            )
        result.append(replace(role, masks=chosen.get(role.name, ())))
    return result


def _with_boxes(
    roles: Sequence[ModalityRole], facts: Mapping[str, ColumnFacts], findings: Findings
) -> list[ModalityRole]:
    """The modalities with their columns of boxes, named as the schema's default has them."""
    result = []
    for role in roles:
        name = f'{role.name}_box'
        if name in findings.free() and facts[name].filled:
            findings.take(name, f'box: {role.name}', 'by its name, the rectangle around the lesion')
            role = replace(role, boxes=name)
        result.append(role)
    return result
