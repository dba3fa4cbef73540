"""Names of config values, and the type of settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

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
