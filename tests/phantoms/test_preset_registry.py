"""Presets register themselves: those of the package and those of other packages, when their module is imported."""

from __future__ import annotations

import dataclasses
import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from usmm.phantoms import PRESETS, BasePreset, make_phantom, presets, register_preset, unregister_preset

OUTSIDE = """
from dataclasses import replace
from usmm.phantoms import PRESETS, register_preset

OWN = register_preset(replace(PRESETS['lymph'], name='own_lymph', counts=(1, 1, 2)))
"""


@pytest.fixture
def clean() -> Iterator[None]:
    """Presets that a test registers are removed afterwards."""
    before = set(PRESETS)
    yield
    for name in set(PRESETS) - before:
        unregister_preset(name)


def write_module(folder: Path, name: str) -> None:
    (folder / f'{name}.py').write_text(OUTSIDE)


def test_every_module_of_the_folder_registers_the_preset_of_its_name() -> None:
    files = Path(presets.__file__).parent.glob('*.py')
    assert set(PRESETS) == {path.stem for path in files} - {'__init__'}
    assert all(isinstance(preset, BasePreset) and preset.name == name for name, preset in PRESETS.items())


def test_a_module_outside_of_the_package_registers_its_own(
    clean: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_module(tmp_path, 'first_preset')
    write_module(tmp_path, 'second_preset')
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module('first_preset')
    assert PRESETS['own_lymph'] is module.OWN
    out = make_phantom(tmp_path / 'p', 4, preset='own_lymph', modalities=['ue'], workers=1)
    truth = json.loads((out / 'truth.json').read_text())
    labels = [case['label'] for case in truth['latents'].values()]
    assert truth['preset'] == 'own_lymph' and sorted(labels) == ['benign', 'lymphoma', 'metastatic', 'metastatic']
    with pytest.raises(ValueError, match="called 'own_lymph': one of module first_preset, one of module second_preset"):
        importlib.import_module('second_preset')
    for name in ('first_preset', 'second_preset'):
        sys.modules.pop(name, None)


def test_a_name_of_the_package_is_taken() -> None:
    before = PRESETS['cla']
    message = f"'cla': one of module usmm.phantoms.presets.cla, one of module {__name__}; give one of them another name"
    with pytest.raises(ValueError, match=message):
        register_preset(dataclasses.replace(PRESETS['cla'], counts=(1, 1)))
    with pytest.raises(ValueError, match=r'one of module another\.module'):
        register_preset(PRESETS['cla'], module='another.module')
    assert PRESETS['cla'] is before


def test_a_removed_preset_is_gone(clean: None) -> None:
    register_preset(dataclasses.replace(PRESETS['lymph'], name='short_lived'))
    unregister_preset('short_lived')
    assert 'short_lived' not in PRESETS
    with pytest.raises(ValueError, match="no preset 'short_lived'; valid names are cla, "):
        unregister_preset('short_lived')


@pytest.mark.parametrize('preset', [None, 'cla', BasePreset])
def test_only_presets_are_registered(preset: object) -> None:
    with pytest.raises(TypeError, match='a preset must be an instance of BasePreset, got '):
        register_preset(preset)  # type: ignore[type-var]
