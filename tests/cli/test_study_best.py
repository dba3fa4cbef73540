"""The best possible AUC beside the rows of a study: that of the inputs of each row, of phantoms alone."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from usmm.config import load_config
from usmm.engine import StudySpec

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def tool() -> ModuleType:
    return importlib.import_module('usmm.cli.study')


def plans(spec: StudySpec, data_root: Path) -> dict[str, SimpleNamespace]:
    def loader(options: dict) -> object:
        return lambda: load_config(ROOT / 'configs/clinical_fusion/bmode_blood_small_phantom.py', options)

    return {v.name: SimpleNamespace(load=loader({**v.options, 'data_root': str(data_root)})) for v in spec.variants}


def test_each_step_of_the_ladder_has_its_own(tool: ModuleType, tmp_path: Path) -> None:
    ladder = {
        'bus': 0.721, 'bus+age+sex': 0.803, 'bus+age+sex+ast+alt': 0.955, 'bus+age+sex+ast+alt+platelets': 0.982,
        'bus+age+sex+ast+alt+platelets+albumin': 0.994, 'bus+clinical': 0.5,
    }  # fmt: skip
    (tmp_path / 'truth.json').write_text(json.dumps({'best_auc': ladder}))
    spec = StudySpec.read('clinical_fusion/studies/ladder')
    assert list(tool.known_best(plans(spec, tmp_path)).values()) == [0.721, 0.803, 0.955, 0.982, 0.994]
    assert tool.known_best(plans(spec, tmp_path / 'no phantom')) == {}


@pytest.mark.parametrize(
    ('modalities', 'model', 'expected'),
    [
        (('bus', 'clinical'), {}, {'bus', 'clinical'}),
        (('bus',), {'encoder': {'clinical': {'variables': ('age',)}}}, {'bus'}),
        (('bus', 'clinical'), {'clinical': {'variables': ('age', 'sex')}}, {'bus', 'age', 'sex'}),
        (('clinical',), {'variables': ('age',)}, {'age'}),
        (('clinical',), {'clinical': {'variables': ({'name': 'age'},)}}, {'clinical'}),
    ],
)
def test_the_table_counts_as_what_is_read_of_it(
    tool: ModuleType, modalities: tuple[str, ...], model: dict, expected: set[str]
) -> None:
    assert tool.inputs_of(SimpleNamespace(modalities=modalities, model=model)) == expected
