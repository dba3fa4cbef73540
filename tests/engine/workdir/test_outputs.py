from __future__ import annotations

import errno
import json
import math
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from usmm.engine.workdir.outputs import (
    load_weights,
    prediction_rows,
    read_predictions,
    replacing,
    save_checkpoint,
    write_json,
    write_predictions,
)


def test_nothing_half_written_stays_when_writing_fails(tmp_path):
    path = tmp_path / 'out.txt'
    path.write_text('old')
    with pytest.raises(RuntimeError, match='stop'), replacing(path) as temporary:
        temporary.write_text('new, not whole')
        raise RuntimeError('stop')
    assert path.read_text() == 'old'
    assert [p.name for p in tmp_path.iterdir()] == ['out.txt']


def test_json_has_no_nan(tmp_path):
    content = {'a': math.nan, 'b': np.float32(0.5), 'c': [np.int64(3), (1, math.inf)], 'd': Path('x')}
    write_json(tmp_path / 'deep' / 'm.json', {**content, 'e': torch.ones(2), 'f': np.arange(2)})
    read = json.loads((tmp_path / 'deep' / 'm.json').read_text())
    assert read == {'a': None, 'b': 0.5, 'c': [3, [1, None]], 'd': 'x', 'e': [1.0, 1.0], 'f': [0, 1]}


def test_checkpoints_come_back_under_safe_loading(tmp_path):
    save_checkpoint(tmp_path / 'm.pth', {'w': torch.arange(3.0)}, {'seed': np.int64(1), 'classes': ('a', 'b')})
    content = load_weights(tmp_path / 'm.pth')
    assert torch.equal(content['state_dict']['w'], torch.tensor([0.0, 1.0, 2.0]))
    assert content['meta'] == {'seed': 1, 'classes': ['a', 'b']}


class Hostile:
    def __reduce__(self):
        return (Path.touch, (Path(__file__).with_name('was_run'),))


def test_files_that_are_no_safe_checkpoint_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r'no checkpoint at .*absent.pth'):
        load_weights(tmp_path / 'absent.pth')
    (tmp_path / 'text.pth').write_text('hello')
    with pytest.raises(ValueError, match=r'text.pth is no checkpoint that can be loaded safely'):
        load_weights(tmp_path / 'text.pth')
    (tmp_path / 'code.pth').write_bytes(pickle.dumps({'state_dict': Hostile()}))
    with pytest.raises(ValueError, match=r'code.pth is no checkpoint that can be loaded safely'):
        load_weights(tmp_path / 'code.pth')
    assert not Path(__file__).with_name('was_run').exists()
    torch.save({'weights': {}}, tmp_path / 'other.pth')
    with pytest.raises(ValueError, match=r'other.pth has no state_dict'):
        load_weights(tmp_path / 'other.pth')


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
    with pytest.raises(ValueError, match=r"p.csv is no predictions table: it has no columns \['patient_id'"):
        read_predictions(tmp_path / 'p.csv')


def test_a_file_that_does_not_come_back_as_written_is_not_taken(tmp_path):
    path = tmp_path / 'out.txt'
    path.write_text('old')

    def refuse(written: Path) -> None:
        raise ValueError(f'{written.read_text()} is damaged')

    with pytest.raises(OSError, match=r'cannot write .*out.txt: new is damaged'), replacing(path, refuse) as temporary:
        temporary.write_text('new')
    assert [p.name for p in tmp_path.iterdir()] == ['out.txt'] and path.read_text() == 'old'


def test_a_file_is_on_the_disk_before_it_takes_the_place_of_the_old_and_the_folder_after(tmp_path, monkeypatch):
    done = []

    def note(name: str) -> None:
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *args: (done.append(name), real(*args)))

    note('fsync')
    note('replace')
    with replacing(tmp_path / 'out.txt', lambda path: done.append('verify')) as temporary:
        temporary.write_text('new')
    assert done == ['fsync', 'verify', 'replace', 'fsync']


def test_a_disk_that_fails_is_named(tmp_path, monkeypatch):
    def fail(handle: int) -> None:
        raise OSError(errno.EIO, 'Input/output error')

    monkeypatch.setattr(os, 'fsync', fail)
    with pytest.raises(OSError, match=r'cannot write .*m.pth: Input/output error'):
        save_checkpoint(tmp_path / 'm.pth', {'w': torch.ones(1)}, {})
    assert not [*tmp_path.iterdir()]
