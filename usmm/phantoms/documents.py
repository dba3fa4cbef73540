"""What lies beside the files of the patients: case table, truth, a note that all is synthetic."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from usmm.phantoms.patient import Plan
from usmm.phantoms.preset import NOTE
from usmm.phantoms.presets.liver_blood_table import MarkerPlan
from usmm.phantoms.truth import best_auc, best_aucs

Result = tuple[dict[str, Any], dict[str, Any]]


def write_table(folder: Path, results: Sequence[Result], cases: int, test_cases: int) -> None:
    """`cases.xlsx`: one row a case; a column `split` if there are test cases."""
    table = pd.DataFrame([row for row, _ in results])
    if test_cases:
        table['split'] = ['train'] * cases + ['test'] * test_cases
    table.to_excel(folder / 'cases.xlsx', index=False, sheet_name='cases')


def write_truth(folder: Path, plan: Plan, results: Sequence[Result], cases: int, test_cases: int) -> None:
    """`truth.json`: best possible AUC of every subset, d, latents of every case, key-frame step, settings."""
    steps = {m.name: m.key_frame_step * plan.clip_seconds / m.seconds for m in plan.preset.clips}
    truth = {
        'preset': plan.preset.name,
        'strength': plan.strength,
        'seed': plan.seed,
        'cases': cases,
        'test_cases': test_cases,
        'classes': list(plan.preset.classes),
        'positive': plan.preset.positive,
        'modalities': list(plan.modalities),
        'shared': [list(group) for group in plan.shared],
        'd': plan.d,
        'best_auc': {},
        'clip_seconds': plan.clip_seconds,
        'fps': plan.fps,
        'key_frame_step': {name: step for name, step in steps.items() if name in plan.modalities},
        'latents': {row['case_id']: truth for row, truth in results},
    }
    truth |= plan.preset.best(plan.d, plan.shared) | _ladder(plan)
    (folder / 'truth.json').write_text(json.dumps(truth, indent=1) + '\n', encoding='utf-8')


def _ladder(plan: Plan) -> dict[str, Any]:
    """For a table of columns with latents of their own: the sets with the whole table, and the models step by step."""
    table = getattr(plan.preset, 'clinical', None)
    if not isinstance(table, MarkerPlan) or 'clinical' not in plan.modalities:
        return {}
    files = [name for name in plan.modalities if name != 'clinical']
    best = best_aucs(plan.d)
    best |= {'clinical': best_auc(plan.d, table.order), '+'.join([*files, 'clinical']): best_auc(plan.d, list(plan.d))}
    models = [tuple(files)] if files else []
    for step in table.steps:
        models.append((*(models[-1] if models else ()), *step))
    return {'best_auc': best, 'ladder': {'+'.join(names): best_auc(plan.d, names) for names in models}}


def write_readme(folder: Path, plan: Plan, command: str) -> None:
    """`README.txt`: that the files are synthetic, and how they were made."""
    text = f"""These files are SYNTHETIC: numbers drawn by usmm's phantom generator, no patient was ever examined.
Made by: {command or 'usmm.phantoms.make_phantom'}
Preset {plan.preset.name}, seed {plan.seed}, strength {plan.strength:g}.

cases.xlsx  one row a patient: label, files by modality, lesion masks, clinical variables
truth.json  the planted score of every patient and modality, and the best AUC that any set of modalities allows
{getattr(plan.preset, 'note', NOTE)}
"""
    (folder / 'README.txt').write_text(text, encoding='utf-8')
