from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from usmm.engine.workdir.predictions import prediction_rows, read_predictions, write_predictions

HEAD = 'case_id,patient_id,part,fold,seed,label,pred,prob_a,prob_b\n'


def write(folder: Path, text: str) -> Path:
    path = folder / 'predictions.csv'
    path.write_text(text, encoding='utf-8')
    return path


def test_scores_have_the_order_of_the_classes(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + '007,p1,test,0,0,b,a,0.75,0.25\n8,p2,test,1,0,,b,0.5,0.5\n')
    rows = read_predictions(path, ('a', 'b'))
    assert [row['case_id'] for row in rows] == ['007', '8']
    np.testing.assert_array_equal(rows[0]['scores'], [0.75, 0.25])
    np.testing.assert_array_equal(read_predictions(path, ('b', 'a'))[0]['scores'], [0.25, 0.75])


def test_predictions_table_round_trip(tmp_path):
    found = [
        dict(case_id='001', patient_id='p', label=1, scores=np.array([0.25, 0.75])),
        dict(case_id='2', patient_id='q', label=None, scores=np.array([0.5, 0.5])),
    ]
    rows = prediction_rows(found, 'test', 2, 7, ('ADC', 'SCC'))
    write_predictions(tmp_path / 'p.csv', rows, ('ADC', 'SCC'))
    first, second = read_predictions(tmp_path / 'p.csv')
    assert first == {
        'case_id': '001', 'patient_id': 'p', 'part': 'test', 'fold': '2', 'seed': '7', 'label': 'SCC', 'pred': 'SCC',
        'prob_ADC': 0.25, 'prob_SCC': 0.75,
    }  # fmt: skip
    assert second['label'] == '' and second['pred'] == 'ADC'


def test_a_table_without_the_columns(tmp_path):
    (tmp_path / 'p.csv').write_text('case_id,label\n1,a\n')
    with pytest.raises(ValueError, match=r"p.csv is not a table of predictions: it has no columns \['patient_id'"):
        read_predictions(tmp_path / 'p.csv')


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        (
            HEAD.replace('prob_b', 'prob_z'),
            r"is not a table of predictions for \['a', 'b'\]: it has no columns \['prob_b'\]",
        ),
        ('', "it has no columns .'case_id', 'patient_id'"),
        (HEAD + 'c1,p,test,0,0,z,a,1,0\n', r"case 'c1' has the label 'z', not of \['a', 'b'\]"),
        (HEAD + 'c2,p,test,0,0,a,a,,0\n', "case 'c2' has a probability that is not a number"),
        (
            HEAD + 'c3,p,test,0,0,a,a,0.5\n',
            r"predictions.csv, line 2, case 'c3': the line ends before the columns \['prob_b'\]",
        ),
        (
            HEAD + 'c1,p,test,0,0,a,a,1,0\nc4,p,te',
            r"line 3, case 'c4': the line ends before the columns \['fold', 'seed'",
        ),
        (
            HEAD + 'c5,p,test,0,0,a,a,-0.5,1.5\n',
            r"case 'c5' has probabilities that are not from 0 to 1: {'prob_a': -0.5",
        ),
        (HEAD + 'c6,p,test,0,0,a,a,80,20\n', 'percentages are not accepted'),
        (HEAD + 'c6,p,test,0,0,a,a,inf,0\n', "'prob_a': inf"),
        (HEAD + 'c7,p,test,0,0,a,a,0.5,0.25\n', "case 'c7' has probabilities that sum to 0.75 instead of 1"),
    ],
)
def test_refuses(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_predictions(write(tmp_path, text), ('a', 'b'))


def test_a_probability_that_is_not_a_number_without_classes(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"predictions.csv, line 2, case 'c2' has a probability that is not a number: .*'x'"
    ):
        read_predictions(write(tmp_path, HEAD + 'c2,p,test,0,0,a,a,x,0\n'))


def test_rounded_probabilities_and_those_of_a_model_that_diverged_are_accepted(tmp_path: Path) -> None:
    rows = read_predictions(write(tmp_path, HEAD + 'c1,p,test,0,0,a,a,0.6667,0.3337\nc2,p,test,0,0,a,a,nan,nan\n'))
    assert rows[0]['prob_a'] == 0.6667 and np.isnan(rows[1]['prob_a'])


def test_cells_beyond_the_header_are_ignored(tmp_path: Path) -> None:
    (row,) = read_predictions(write(tmp_path, HEAD + 'c1,p,test,0,0,z,a,0.5,nan,more\n'))
    assert (row['label'], row['prob_a']) == ('z', 0.5) and np.isnan(row['prob_b'])


def test_a_spreadsheet_may_have_saved_it(tmp_path: Path) -> None:
    path = tmp_path / 'predictions.csv'
    text = 'case_id,patient_id,part,fold,seed,label,pred,prob_A,prob_B\nc1,p1,test,0,0,A,A,0.75,0.25\n'
    path.write_text(text, encoding='utf-8-sig')
    assert [row['case_id'] for row in read_predictions(path)] == ['c1']
    path.write_text(text, encoding='utf-16')
    with pytest.raises(ValueError, match=r'predictions\.csv is not a table of predictions: it is not UTF-8 text'):
        read_predictions(path)
    path.write_text(text.replace(',', ';'))
    with pytest.raises(ValueError, match=r"it has no columns .*, only \['case_id;patient_id;"):
        read_predictions(path)
