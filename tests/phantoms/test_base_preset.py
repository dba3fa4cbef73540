"""The generator needs no more of a preset than what `BasePreset` states."""

from __future__ import annotations

import ast
import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import usmm.phantoms
from usmm.phantoms import (
    PRESETS,
    AlignedPreset,
    BasePreset,
    CaseResult,
    OrderedPreset,
    Patient,
    PhantomOptions,
    TablePlan,
    make_phantom,
)
from usmm.phantoms.base_modality import BaseModality
from usmm.phantoms.table_plan import CLINICAL
from usmm.phantoms.truth import best_aucs

ROOM = Path(usmm.phantoms.__file__).parent


class TablePreset(BasePreset):
    """A table with one number, which is the latent itself: nothing of the shipped presets."""

    @property
    def files(self) -> Sequence[BaseModality]:
        return ()

    @property
    def modalities(self) -> tuple[str, ...]:
        return ('test',)

    @property
    def positive(self) -> str:
        return self.classes[1]

    def label(self, seed: int, index: int) -> int:
        return index % 2

    def separations(self, strength: float, modalities: Sequence[str]) -> dict[str, float]:
        return dict.fromkeys(modalities, 2 * strength)

    def latents(
        self, rng: np.random.Generator, label: int, d: Mapping[str, float], shared: Sequence[Sequence[str]] = ()
    ) -> dict[str, float]:
        return {name: value * (label - 0.5) + float(rng.standard_normal()) for name, value in d.items()}

    def best(self, d: Mapping[str, float], shared: Sequence[Sequence[str]] = ()) -> dict[str, dict[str, float]]:
        return {'best_auc': best_aucs(d)}

    def make_case(self, options: PhantomOptions, folder: Path, index: int) -> CaseResult:
        patient = self.patient(options, index)
        return CaseResult(patient.row() | patient.latents, {'label': patient.label, **patient.latents})


class OneCell(TablePlan):
    """The latent itself as the only cell."""

    @property
    def names(self) -> tuple[str, ...]:
        return ('marker',)

    @property
    def can_share(self) -> bool:
        return True

    def separations(self, strength: float) -> dict[str, float]:
        return {CLINICAL: 1.5 * strength}

    def row(self, latents: Mapping[str, float], rng: np.random.Generator) -> dict[str, float]:
        return {'marker': latents[CLINICAL]}


def test_a_kind_of_ones_own_is_made(tmp_path: Path) -> None:
    preset = TablePreset('table', ('no', 'yes'), (1, 1), note='Nothing else is written.')
    out = make_phantom(tmp_path / 'p', 3, preset=preset, workers=1, test_cases=1)
    table, truth = pd.read_excel(out / 'cases.xlsx'), json.loads((out / 'truth.json').read_text())
    assert list(table) == ['case_id', 'patient_id', 'label', 'test', 'split']
    assert table['label'].tolist() == ['no', 'yes', 'no', 'yes']
    assert table['test'].tolist() == pytest.approx([truth['latents'][c]['test'] for c in table['case_id']])
    assert truth['best_auc'] == {'test': pytest.approx(0.921350, abs=1e-6)}  # Phi(2 / sqrt 2)
    assert (truth['d'], truth['key_frame_step'], truth['clip_seconds']) == ({'test': 2.0}, {}, 90.0)
    assert (out / 'README.txt').read_text().endswith('Nothing else is written.\n')
    with pytest.raises(ValueError, match="'table' have latents of their own, got shared='test'"):
        make_phantom(tmp_path / 'q', 1, preset=preset, shared='test')


def test_a_table_plan_of_ones_own_is_written(tmp_path: Path) -> None:
    preset = dataclasses.replace(PRESETS['cla'], clinical=OneCell())
    out = make_phantom(tmp_path / 'p', 2, preset=preset, workers=1, modalities=['clinical'])
    table, truth = pd.read_excel(out / 'cases.xlsx'), json.loads((out / 'truth.json').read_text())
    assert table['marker'].tolist() == pytest.approx([truth['latents'][c]['clinical'] for c in table['case_id']])
    assert truth['d'] == {'clinical': 1.5} and 'ladder' not in truth


@pytest.mark.parametrize('kind', [BasePreset, OrderedPreset, AlignedPreset, BaseModality, TablePlan])
def test_base_classes_are_abstract(kind: type) -> None:
    with pytest.raises(TypeError, match='abstract'):
        kind()


@pytest.mark.parametrize(
    ('name', 'options', 'message'),
    [
        ('lymph', dict(counts=(1, 2)), r"'lymph' needs two or more classes and a count of each.* and counts \[1, 2\]"),
        ('fibrosis', dict(classes=('F0',), counts=(1,)), r"two or more classes .* got classes \['F0'\]"),
        ('cla', dict(classes=('a', 'b', 'c'), counts=(1, 1, 1)), r"'cla' is of two classes, got \['a', 'b', 'c'\]"),
    ],
)  # fmt: skip
def test_classes_that_do_not_fit(name: str, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(PRESETS[name], **options)


def test_which_presets_can_share_latents() -> None:
    assert {name for name, preset in PRESETS.items() if preset.can_share} == {'cla', 'liver_mr'}


def test_the_draws_of_a_patient_depend_on_seed_index_and_purpose() -> None:
    draws = {
        Patient(seed, index, 'ADC', {}).rng(name).random() for seed in (0, 1) for index in (0, 1) for name in ('a', 'b')
    }
    assert len(draws) == 8


def test_the_room_asks_no_preset_plan_or_modality_what_it_is() -> None:
    """`str` and `bool` of arguments may be checked; kinds of presets, plans and modalities answer by methods.

    Registration checks that its argument is a preset; it does not ask which kind.
    """
    allowed = {'str', 'tuple', 'list', 'BasePreset'}
    for path in sorted(ROOM.rglob('*.py')):
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                words = [ast.unparse(argument) for argument in node.args]
                assert node.func.id != 'getattr', f'{path.name}: getattr({", ".join(words)})'
                assert node.func.id != 'hasattr' or words[0] == 'os', f'{path.name}: hasattr({", ".join(words)})'
                assert node.func.id != 'isinstance' or words[1] in allowed, f'{path.name}: isinstance({words})'
            assert not (isinstance(node, ast.Name) and node.id == 'Any'), f'{path.name} uses Any'
