"""Names of the files and folders of a work directory: what one part of the library writes, and others read."""

from __future__ import annotations

# A run: one training, or one fold of a cross-validation.
CONFIG = 'config.py'  # the config of the run, complete
WEIGHTS = 'model.pth'  # the trained model with its metadata; the last file that a run writes
PREDICTIONS = 'predictions.csv'  # one row per case; also the pooled predictions of a cross-validation
METRICS = 'metrics.json'  # metrics by part, counts, selection, versions
DATA = 'data_record.csv'  # one row per case: what it was when the run began
FOLD_RECORD = 'fold.json'  # of a fold: flags of its training, checksum of its predictions
STAGES = 'stages.json'  # the stages that are done
FIGURES = 'figures'  # a folder
LOCK = '.lock'  # held by the process that works in the folder

# A stage: a folder of its own in a run.
SELECTED = 'selected.pth'  # the weights that the stage ends with
LAST_CHECKPOINT = 'last_checkpoint'  # names the checkpoints to resume from, the newest first
RUNNER = 'runner_config.py'  # the stage as a plain config of mmengine
SCALARS = 'scalars.json'  # the curves that mmengine's visualizer writes

# A cross-validation.
FOLDS = 'folds.csv'  # the fold of every case
SUMMARY = 'summary.json'  # metrics over the folds
REPORT = 'report.html'  # the page of a cross-validation, a study or another report
SCORES = 'scores.json'  # of an inner fold: what a later stage is trained on

# A study.
ROWS = 'rows'  # a folder with the cross-validation of every row
TABLE_CSV, TABLE_MD, TABLE_TEX = 'table.csv', 'table.md', 'table.tex'
PAIRS = 'pairs.csv'  # tests between rows

# An active-learning run.
SETTINGS = 'settings.json'  # of the whole run
LABELLED = 'labelled.csv'  # the samples that a round trains on
ASKED = 'asked.csv'  # the units whose labels a round asks for
ROUND = 'round.json'  # the results of a round that is done
CURVES = 'curves.csv'  # one row per round
ACTIVE_LEARNING = 'active_learning.json'  # the results of the whole run

# A published model.
PUBLISHED = 'model.safetensors'
SCHEMA = 'schema.json'

# Folders of folds, below those of seeds where a run has several.
SEED_PREFIX, FOLD_PREFIX = 'seed_', 'fold_'
FOLD_PATTERNS = (f'{FOLD_PREFIX}*', f'{SEED_PREFIX}*/{FOLD_PREFIX}*')


def fold_folder(fold: int) -> str:
    """Name of the folder of a fold.

    Example:
        >>> fold_folder(2)
        'fold_2'
    """
    return f'{FOLD_PREFIX}{fold}'


def seed_folder(seed: int) -> str:
    """Name of the folder of a seed, where a run has several.

    Example:
        >>> seed_folder(0)
        'seed_0'
    """
    return f'{SEED_PREFIX}{seed}'
