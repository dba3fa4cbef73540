"""Names of config values, and the type of settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

# Settings of a component as a config holds them: its constructor's arguments, and its name in a registry as `type`.
Settings: TypeAlias = Mapping[str, object]

CLINICAL = 'clinical'  # the clinical table, among modalities, and the part of a model that reads it last
IMAGE_LOGITS: Final = 'image_logits'  # the input of a model that holds logits of its image part, computed before

# What a stage trains (`train` of a stage), beside a list of parts
TRAIN_ALL = 'all'
TRAIN_CLINICAL = CLINICAL
TRAIN_IMAGES = f'all but {CLINICAL}'

TRAIN_WORDS = (TRAIN_ALL, TRAIN_CLINICAL, TRAIN_IMAGES)

# What selects the epoch (`split.selection`), and what becomes of cases that lack a modality or cannot be read
SELECTIONS = ('inner', 'last', 'test')
MISSING = ('error', 'drop', 'keep')
BAD_CASES = ('error', 'skip')
SEEN_PATIENTS = ('error', 'warn')  # what becomes of patients to test on that trained the weights to start from
NEAR_DUPLICATES = ('warn', 'error', 'ignore')  # what becomes of pictures in two parts that look alike

# Parts of a split
TRAIN, VAL, TEST = 'train', 'val', 'test'
EVERY_CASE = 'all'  # instead of a part: every case of the table


def known_arguments(value: Settings, known: Iterable[str], what: str) -> dict[str, Any]:
    """The arguments in a dict of a config, once its keys are seen to be valid.

    Args:
        value: The dict.
        known: Valid keys.
        what: What it is, for the message.

    Raises:
        ValueError: An unknown key; names the valid ones.

    Example:
        >>> known_arguments({'path': 'f.csv'}, ['path'], 'file_table')
        {'path': 'f.csv'}
    """
    valid = list(known)
    unknown = sorted(set(value) - set(valid))
    if unknown:
        raise ValueError(f'unknown keys {unknown} in {what}; valid keys are {valid}')
    return dict(value)  # the types of the values are what the class checks
