"""Reading and answering apart: the same numbers, also where a case was read in another process."""

from __future__ import annotations

import csv
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from usmm.apis import Predictor
from usmm.apis.pipeline import error_text, no_outline
from usmm.readers import DataError


@pytest.fixture
def rows(tiny_data: Path) -> list[dict[str, Any]]:
    """The rows of the tiny table, paths absolute."""
    table = csv.DictReader((tiny_data / 'cases.csv').open(newline=''))
    return [{**row, **{m: str(tiny_data / row[m]) for m in ('bus', 'ue', 'clip')}} for row in table]


def test_reading_then_answering_is_predicting(predictor: Predictor, rows: list[dict[str, Any]]) -> None:
    for row in rows[:3]:
        (expected,) = predictor.predict([row], explain=True)
        found = predictor.answer(pickle.loads(pickle.dumps(predictor.prepare(row))), explain=True)
        assert found.probabilities == expected.probabilities and found.warnings == expected.warnings
        assert (found.case_id, found.label, found.predicted) == (row['case_id'], row['label'], expected.predicted)
        assert found.contributions == expected.contributions
        assert all(np.array_equal(found.heat[m], heat) for m, heat in expected.heat.items())


def test_reading_needs_no_network(predictor: Predictor, rows: list[dict[str, Any]], monkeypatch) -> None:
    monkeypatch.setattr(predictor, 'model', None)
    prepared = predictor.prepare({**rows[0], 'case_id': ''}, number=7)
    assert prepared.case is not None and prepared.case_input.case.case_id == 'case_7'
    assert {m: tuple(x.shape) for m, x in prepared.case.data.items()} == {
        'bus': (3, 32, 32), 'ue': (3, 32, 32), 'clip': (3, 6, 32, 32),
    }  # fmt: skip


def test_relative_paths_start_from_the_root(predictor: Predictor, tiny_data: Path) -> None:
    with (tiny_data / 'cases.csv').open(newline='') as file:
        row = next(csv.DictReader(file))
    assert predictor.prepare(row, root=tiny_data).case_input.error is None
    lost = predictor.prepare(row, root=tiny_data / 'other')
    assert lost.case is None and 'does not exist' in (lost.case_input.error or '')
    assert predictor.answer(lost).error == lost.case_input.error


def test_what_is_wrong_with_a_record_stays_with_it(predictor: Predictor, rows: list[dict[str, Any]]) -> None:
    prepared = predictor.prepare({**rows[0], 'age': 'old'})
    assert prepared.case is None and 'is not a number' in (predictor.answer(prepared).error or '')


def test_errors_in_words() -> None:
    assert (
        error_text(DataError('is cut', file='a.png', case='c', modality='bus')) == 'is cut (file a.png, modality bus)'
    )
    assert error_text(ValueError('words')) == 'words' and error_text(KeyError('k')) == "KeyError: 'k'"
    assert no_outline(['bus']).startswith('no outline of the lesion in bus')
