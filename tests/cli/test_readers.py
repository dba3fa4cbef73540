"""usmm readers as a user runs it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from usmm.engine.workdir.predictions import prediction_rows, write_predictions
from usmm.evaluation.stats import compare_with_model


@pytest.fixture
def readings(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 2
    table = {'case_id': [f'c{i}' for i in range(40)], 'label': np.where(labels, 'SCC', 'ADC')}
    for name, skill in (('A', 1.0), ('B', 1.4), ('A2', 1.6), ('B2', 1.7), ('score', 2.0)):
        table[name] = 1 / (1 + np.exp(0.5 * skill - rng.normal(size=40) - skill * labels))
    pd.DataFrame(table).to_csv(tmp_path / 'readings.csv', index=False)
    return tmp_path / 'readings.csv'


def test_the_console_and_the_files(usmm, readings: Path, tmp_path: Path) -> None:
    words = ['--positive', 'SCC', '--readers', 'A', 'B', '--aided', 'A2', 'B2', '--model', 'score']
    out = tmp_path / 'out'
    code, text, error = usmm('readers', readings, *words, '--reader-threshold', '0.5', '--out', out)
    assert code == 0, error
    assert 'Mean of the readers less the model, AUC: ' in text and 'Alone less with the model: ' in text
    rows = list(csv.DictReader((out / 'readers.csv').open()))
    assert [row['reader'] for row in rows] == ['A', 'B', 'A2', 'B2', 'score']
    content = json.loads((out / 'readers.json').read_text())
    table = pd.read_csv(readings)
    expected = compare_with_model(table['label'] == 'SCC', table[['A', 'B']].to_numpy().T, table['score'])
    assert content['readers_less_model']['estimate'] == pytest.approx(expected.estimate)
    assert content['readers_less_model']['pvalue'] == pytest.approx(expected.pvalue)
    page = (out / 'report.html').read_text()
    assert all(f'id="{anchor}"' in page for anchor in ('roc-plane', 'each-reader', 'over-readers'))
    assert '40 cases of 40 patients, 20 of SCC' in page and 'Readers and cases are' in page
    assert (out / 'figures' / 'readers.png').is_file()
    assert f'written: {out / "report.html"}' in text


def test_the_predictions_of_a_run(usmm, readings: Path, tmp_path: Path) -> None:
    table = pd.read_csv(readings)
    rows = [
        {'case_id': c, 'patient_id': c, 'label': int(y == 'SCC'), 'scores': np.array([1 - s, s])}
        for c, y, s in zip(table['case_id'], table['label'], table['score'], strict=True)
    ]
    path = tmp_path / 'predictions.csv'
    write_predictions(path, prediction_rows(rows, 'test', 0, 0, ('ADC', 'SCC')), ('ADC', 'SCC'))
    words = ['readers', readings, '--positive', 'SCC', '--readers', 'A', 'B']
    one, other = (usmm(*words, *more)[1] for more in (('--model', 'score'), ('--predictions', path)))
    assert one.splitlines()[-1] == other.splitlines()[-1] and 'p = ' in one
    code, _, error = usmm(*words, '--predictions', path, '--part', 'val')
    assert code == 2 and "has no rows of the part 'val'; it has ['test']" in error
    code, _, error = usmm('readers', readings, '--positive', 'XY', '--readers', 'A', '--predictions', path)
    assert code == 2 and "has no class 'XY'" in error
    path.write_text(path.read_text() + path.read_text().splitlines()[-1].replace(',0,0,', ',0,1,') + '\n')
    code, _, error = usmm(*words, '--predictions', path)
    assert code == 2 and 'has several predictions of one case: take the run of one seed' in error


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (
            ['--readers', 'A', '--model', 'score', '--predictions', 'p'],
            'is --model COLUMN or --predictions RUN, not both',
        ),
        (['--readers', 'A', 'A'], "these columns are named twice: ['A']"),
        (['--readers', 'A', 'C'], "has no column 'C'"),
        (['--readers', 'A', 'B', '--aided', 'A2'], 'each of 2 readers needs a column of reading with the model, got 1'),
    ],
)
def test_mistakes(usmm, readings: Path, words: list[str], message: str) -> None:
    code, _, error = usmm('readers', readings, '--positive', 'SCC', *words)
    assert code == 2 and message in error
