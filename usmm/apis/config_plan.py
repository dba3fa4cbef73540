"""The settings that fit a table: folds, weights of the classes, crop, what is done about missing files, batch size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from usmm.datasets.table_inference import PreparedTable, TableRoles
from usmm.datasets.table_inference.table_roles import CLIPS
from usmm.readers import DataError, open_clip

MOST_FOLDS = 5
ENOUGH_TO_SELECT = 500  # patients, from which a validation part chooses an epoch better than the last one is
UNEQUAL = 1.5  # largest class over smallest, from which the loss is weighted
FEW_OF_A_CLASS = 10
LONG_CLIP = 400  # frames, from which a clip is thinned out while it is read
KEPT = 128  # frames that are then kept of it


@dataclass(frozen=True)
class ConfigPlan:
    """Settings of a generated config.

    Args:
        folds: Number of folds; None: the table has a split column.
        selection: How the epoch is chosen, see `Split`.
        weights: Weight of each class in the loss, or None.
        crop: `'mask'`, `'box'` or None: what the images are cropped by.
        missing: What is done about cases without a modality.
        batch_size: Cases of a batch.
        clip_step: Seconds between the frames that are kept of a clip; None: every frame.
        notes: Why, a sentence each.
        warnings: What a person should look at.
    """

    folds: int | None
    selection: str
    weights: tuple[float, ...] | None
    crop: str | None
    missing: str
    batch_size: int
    clip_step: float | None
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def plan_config(roles: TableRoles, prepared: PreparedTable) -> ConfigPlan:
    """Choose settings for a table.

    Args:
        roles: Roles of the columns.
        prepared: The cases that take part.

    Raises:
        ValueError: A class has no case, or, with a split column, none to train or to test on.
    """
    notes: list[str] = []
    warnings: list[str] = []
    empty = [name for name, count in prepared.classes.items() if not count]
    if empty:
        raise ValueError(f'no case of the classes {empty} takes part; left out: {reasons_of(prepared.left_out)}')
    folds = _folds(roles, prepared, notes, warnings)
    total = prepared.num_patients
    selection = 'inner' if total >= ENOUGH_TO_SELECT and roles.modalities else 'last'
    if roles.modalities:
        notes.append(
            f'With {total} patients a validation part of the training patients selects the epoch.'
            if selection == 'inner'
            else f'{total} patients are too few to select an epoch on some of them: the last epoch is kept.'
        )
    weights = _weights(prepared.classes) if roles.modalities else None
    if weights:
        notes.append('The classes differ in size, so that the loss of the rarer ones counts more (root of the ratio).')
    crop = _crop(roles, prepared, notes, warnings)
    missing = 'error'
    if prepared.incomplete:
        streams = len(roles.modalities) + bool(roles.variables)
        missing = 'keep' if streams > 1 else 'drop'
        what = 'stay in, and the network averages over the inputs that are there' if streams > 1 else 'are left out'
        notes.append(f'Cases without a file of a modality ({prepared.incomplete}) {what}.')
    for name, counts in prepared.files.items():
        if counts.several:
            warnings.append(
                f'{name}: {counts.files} files in {counts.cases} cases; the first one of a case is read, so that '
                f'{counts.several} files are not used (--case-per-file makes each file a case).'
            )
    clips = any(m.kind == CLIPS for m in roles.modalities)
    return ConfigPlan(
        folds,
        selection,
        weights,
        crop,
        missing,
        8 if clips or total < 400 else 16,
        _clip_step(roles, prepared, notes, warnings),
        tuple(notes),
        tuple(warnings),
    )


def reasons_of(left_out: Mapping[str, list[str]]) -> str:
    """Cases that are left out, by reason.

    Example:
        >>> reasons_of({'the label is missing': ['c1', 'c2']})
        'the label is missing: 2'
    """
    return '; '.join(f'{reason}: {len(ids)}' for reason, ids in left_out.items()) or 'none'


def _folds(roles: TableRoles, prepared: PreparedTable, notes: list[str], warnings: list[str]) -> int | None:
    fewest = min(prepared.patients, key=lambda name: prepared.patients[name])
    count = prepared.patients[fewest]
    if count < FEW_OF_A_CLASS:
        warnings.append(f'The class {fewest!r} has {count} patients: what is measured on it is not reliable.')
    if roles.split is not None:
        for part in ('train', 'test'):
            absent = [name for name in roles.label.classes if not prepared.parts.get(part, Counter())[name]]
            if absent:
                raise ValueError(
                    f'the part {part!r} of the column {roles.split!r} has no case of {absent}; see --split'
                )
        notes.append(f'The column {roles.split!r} fixes which cases train and test.')
        return None
    if count < 2:
        raise ValueError(f'the class {fewest!r} has {count} patients that take part: it cannot be trained and tested')
    folds = min(MOST_FOLDS, count)
    notes.append(f'{folds} folds by patient, with the share of each class; the first one tests.')
    return folds


def _clip_step(roles: TableRoles, prepared: PreparedTable, notes: list[str], warnings: list[str]) -> float | None:
    """Seconds between the frames that are read of long clips, which would fill the memory else."""
    steps = []
    for modality in roles.modalities:
        largest = prepared.files[modality.name].largest
        if modality.kind == CLIPS and largest is not None:
            try:
                with open_clip(largest) as clip:
                    times = [frame.time for frame in clip.sample(None)]
            except DataError as error:
                warnings.append(f'The largest clip of {modality.name!r} cannot be read: {error}')
                continue
            if len(times) > LONG_CLIP:
                steps.append(round(max(times[-1] / KEPT, 0.01), 2))
                notes.append(
                    f'The largest clip of {modality.name!r} has {len(times)} frames in {times[-1]:.3g} s, of which one '
                    f'every {steps[-1]:g} s is read.'
                )
    return max(steps, default=None)


def _weights(classes: Mapping[str, int]) -> tuple[float, ...] | None:
    """Weights of the classes, as the root of their ratio, on average 1; None where they are about equal."""
    if max(classes.values()) <= UNEQUAL * min(classes.values()):
        return None
    roots = [count**-0.5 for count in classes.values()]
    return tuple(round(root * len(roots) / sum(roots), 2) for root in roots)


def _crop(roles: TableRoles, prepared: PreparedTable, notes: list[str], warnings: list[str]) -> str | None:
    """Crop to the lesion, unless some class never has a mask: then the crop would reveal it."""
    outlined = [m for m in roles.modalities if m.masks and prepared.files[m.name].masks]
    if outlined:
        for m in outlined:
            without = prepared.files[m.name].without_mask
            never = [name for name in roles.label.classes if without[name] == prepared.classes[name]]
            if never:
                warnings.append(
                    f'No case of {never} has a mask of {m.name!r}, so that a crop to it would reveal the class, '
                    'and images are not cropped. Without these classes (--classes) they are.'
                )
                return None
            if total := sum(without.values()):
                counts = ', '.join(f'{name} {count}' for name, count in without.items())
                warnings.append(f'{total} cases have no mask of {m.name!r} and are not cropped: {counts}.')
        names = ', '.join(m.name for m in outlined)
        notes.append(f'Images are cropped to the lesion mask ({names}); a new patient needs a mask too.')
        return 'mask'
    if roles.modalities and all(m.boxes for m in roles.modalities) and not prepared.incomplete:
        columns = [str(m.boxes) for m in roles.modalities]
        if all(row[name] for row in prepared.rows for name in columns):
            notes.append('Images are cropped to the box around the lesion; a new patient needs a box too.')
            return 'box'
    return None
