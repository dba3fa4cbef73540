from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from usmm.engine.workdir.rows import arrays, drawn_classes, read_rows

HEAD = 'case_id,patient_id,part,fold,seed,label,pred,prob_a,prob_b\n'


def write(folder: Path, text: str) -> Path:
    path = folder / 'predictions.csv'
    path.write_text(text, encoding='utf-8')
    return path


def test_rows_and_arrays(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + '007,p1,test,0,0,b,a,0.75,0.25\n8,p2,test,1,0,,b,0.5,0.5\n')
    rows = read_rows(path, ('a', 'b'))
    assert [row['case_id'] for row in rows] == ['007', '8']
    np.testing.assert_array_equal(rows[0]['scores'], [0.75, 0.25])
    np.testing.assert_array_equal(read_rows(path, ('b', 'a'))[0]['scores'], [0.25, 0.75])
    labels, scores = arrays(rows, ('a', 'b'))
    assert labels.tolist() == [1]
    assert scores.tolist() == [[0.75, 0.25]]


def test_no_rows_keep_their_shape() -> None:
    labels, scores = arrays([], ('a', 'b', 'c'))
    assert (labels.shape, scores.shape) == ((0,), (0, 3))


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        (HEAD.replace('prob_b', 'prob_z'), r"no table of predictions for \['a', 'b'\]: it has no columns \['prob_b'\]"),
        ('', "it has no columns .'case_id', 'patient_id'"),
        (HEAD + 'c1,p,test,0,0,z,a,1,0\n', r"case 'c1' has the label 'z', not of \['a', 'b'\]"),
        (HEAD + 'c2,p,test,0,0,a,a,,0\n', "case 'c2' has a probability that is no number"),
        (HEAD + 'c3,p,test,0,0,a,a,0.5\n', "case 'c3' has a probability that is no number"),
    ],
)
def test_refuses(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_rows(write(tmp_path, text), ('a', 'b'))


def test_classes_with_a_curve() -> None:
    assert drawn_classes(('a', 'b'), 'a') == ('a',)
    assert drawn_classes(('a', 'b', 'c'), 'a') == ('a', 'b', 'c')
