from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from usmm.readers import DataError
from usmm.readers.errors import existing_file, reading


@pytest.mark.parametrize(
    ('known', 'text'),
    [
        ({}, 'is cut'),
        ({'file': 'a.png'}, 'is cut (file a.png)'),
        ({'case': 'c', 'modality': 'bus'}, 'is cut (case c, modality bus)'),
    ],
)
def test_says_all_that_is_known(known, text):
    assert str(DataError('is cut', **known)) == text


def test_at_fills_in_and_leaves_the_original():
    bare = DataError('is cut', file=Path('a.png'))
    full = bare.at(case='c', modality='bus')
    assert (full.cause, full.file, full.case, full.modality) == ('is cut', Path('a.png'), 'c', 'bus')
    assert bare.case is None
    assert full.at(case='d').modality == 'bus'


def test_survives_a_process_boundary():
    error = pickle.loads(pickle.dumps(DataError('is cut', file=Path('a'), case='c', modality='m')))
    assert (error.cause, error.file, error.case, error.modality) == ('is cut', Path('a'), 'c', 'm')


@pytest.mark.parametrize('error', [KeyError('x'), OSError(5, 'broken'), SyntaxError('png'), ZeroDivisionError()])
def test_reading_turns_every_error_into_one(error):
    with pytest.raises(DataError, match='cannot be read as a picture') as caught, reading(Path('f'), 'a picture'):
        raise error
    assert caught.value.file == Path('f')
    assert caught.value.__cause__ is error


def test_reading_keeps_a_data_error_and_names_the_file():
    with pytest.raises(DataError, match=r'^is odd \(file f\)$'), reading(Path('f'), 'x'):
        raise DataError('is odd')
    with pytest.raises(DataError, match=r'^is odd \(file g\)$'), reading(Path('f'), 'x'):
        raise DataError('is odd', file='g')


def test_reading_names_a_lack_of_memory():
    with pytest.raises(DataError, match='needs more memory than there is'), reading(Path('f'), 'x'):
        raise MemoryError


def test_reading_lets_an_interruption_through():
    with pytest.raises(KeyboardInterrupt), reading(Path('f'), 'x'):
        raise KeyboardInterrupt


def test_existing_file(tmp_path):
    (tmp_path / 'empty').touch()
    for name, cause in (('none', 'does not exist'), ('', 'is not a file'), ('empty', 'is empty')):
        with pytest.raises(DataError, match=cause):
            existing_file(tmp_path / name)
    with pytest.raises(DataError, match='cannot be read as a file'):
        existing_file('a' * 5000)
