"""What lies beside the files of the patients: case table, truth, a note that all is synthetic."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from usmm.phantoms.base_preset import BasePreset
from usmm.phantoms.patient import CaseResult
from usmm.phantoms.phantom_options import PhantomOptions

TEST_EVERY = 3  # without test cases of its own, a phantom tests every third patient of each class


def split_of(labels: Sequence[str], test_cases: int) -> list[str]:
    """The part of each case, `train` or `test`, for the column `split`.

    Args:
        labels: Class of each case, in the order of the table.
        test_cases: The last so many cases are for testing; 0: every third patient of each class is, so that the part of
            a patient does not depend on how many are made.

    Example:
        >>> split_of(['ADC', 'SCC', 'ADC', 'ADC', 'SCC'], test_cases=0)
        ['train', 'train', 'train', 'test', 'train']
        >>> split_of(['ADC', 'SCC', 'ADC'], test_cases=1)
        ['train', 'train', 'test']
    """
    if test_cases:
        return ['train'] * (len(labels) - test_cases) + ['test'] * test_cases
    counts: Counter[str] = Counter()
    parts = []
    for label in labels:
        counts[label] += 1
        parts.append('train' if counts[label] % TEST_EVERY else 'test')
    return parts


def write_table(folder: Path, results: Sequence[CaseResult], test_cases: int) -> None:
    """`cases.xlsx`: one row a case, the last column `split` as `split_of` makes it."""
    table = pd.DataFrame([result.row for result in results])
    table['split'] = split_of([str(result.row['label']) for result in results], test_cases)
    table.to_excel(folder / 'cases.xlsx', index=False, sheet_name='cases')


def write_truth(
    folder: Path,
    preset: BasePreset,
    options: PhantomOptions,
    results: Sequence[CaseResult],
    cases: int,
    test_cases: int,
) -> None:
    """`truth.json`: best possible AUC of every subset, d, latents of every case, key-frame step, settings."""
    truth: dict[str, object] = {
        'preset': preset.name,
        'strength': options.strength,
        'seed': options.seed,
        'cases': cases,
        'test_cases': test_cases,
        'classes': list(preset.classes),
        'positive': preset.positive,
        'modalities': list(options.modalities),
        'shared': [list(group) for group in options.shared],
        'd': preset.separations(options.strength, options.modalities),
        'best_auc': {},
        'clip_seconds': options.clip_seconds,
        'fps': options.fps,
        'key_frame_step': preset.key_frame_steps(options),
        'latents': {str(result.row['case_id']): result.truth for result in results},
    }
    truth |= preset.truth_entries(options)
    (folder / 'truth.json').write_text(json.dumps(truth, indent=1) + '\n', encoding='utf-8')


def write_readme(folder: Path, preset: BasePreset, options: PhantomOptions, command: str, test_cases: int) -> None:
    """`README.txt`: that the files are synthetic, how they were made, and which patients are for testing."""
    who = f'the last {test_cases} patients' if test_cases else 'every third patient of each class'
    text = f"""These files are SYNTHETIC: numbers drawn by usmm's phantom generator, no patient was ever examined.
Made by: {command or 'usmm.phantoms.make_phantom'}
Preset {preset.name}, seed {options.seed}, strength {options.strength:g}.

cases.xlsx  one row a patient: label, files by modality, lesion masks, clinical variables; split: `test` marks {who}
truth.json  the planted score of every patient and modality, and the best AUC that any set of modalities allows
{preset.note}
"""
    (folder / 'README.txt').write_text(text, encoding='utf-8')
