"""A phantom of each preset, made without test cases, trains with the small config that is shipped for it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch

from usmm.config import load_config
from usmm.engine import Experiment, RunOptions
from usmm.phantoms import PRESETS, make_phantom
from usmm.structures import Schema

# preset -> config, what is made of it, overrides that make it quick, patients that test
CONFIGS: dict[str, tuple[str, list[str] | None, dict[str, object], int]] = {
    'cla': ('msmfn_small_phantom', ['bus', 'clinical'], dict(modalities=('bus', 'clinical'), image_size=32), 4),
    'liver_mr': ('mcl_cgc_small_phantom', None, dict(stages=['${schedules.finetune}']), 3),
    'fibrosis': ('mmfn_al_small_phantom', ['lste', 'lus'], dict(min_samples=None, draws=1, test_draws=1, image_size=32), 3),
    'liver_blood': ('bmode_blood_small_phantom', None, dict(image_size=32), 3),
    # its pre-training reads BrEaST and lung clips, which are no part of a phantom
    'lymph': ('lymph_multitask/small_phantom', ['bus'], dict(stages=['${schedules.finetune}'], image_size=32), 3),
}
QUICK = dict(max_epochs=1, batch_size=4, num_workers=0, cache_dir=None)


def test_every_preset_has_a_config() -> None:
    assert set(CONFIGS) == set(PRESETS)


@pytest.mark.parametrize('preset', CONFIGS)
def test_a_phantom_of_default_options_trains(preset: str, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    name, modalities, options, tested = CONFIGS[preset]
    # the smallest cohort in which every class of the preset is in every part
    count = 15 if preset == 'fibrosis' else 14
    data = make_phantom(tmp_path / 'data', count, preset=preset, modalities=modalities, clip_seconds=1, workers=1)
    config = load_config(name, {**QUICK, **options, 'data_root': str(data), 'work_dir': str(tmp_path / 'work')})
    experiment = Experiment(config, options=RunOptions(progress=False))
    metrics = experiment.train()
    tests = {case.case_id for case in experiment.parts['test'].cases}
    assert len(tests) == tested and 0 <= metrics['test']['accuracy'] <= 100
    table = pd.read_excel(data / 'cases.xlsx')
    if Schema.of(config.schema.to_dict()).split == 'split':
        assert tests == set(table['case_id'][table['split'] == 'test'])
    # every third patient of a class, whatever the others are
    for _, group in table.groupby('label'):
        assert [k for k, part in enumerate(group['split'], 1) if part == 'test'] == list(range(3, len(group) + 1, 3))
