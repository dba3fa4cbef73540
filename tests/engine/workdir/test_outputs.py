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
    save_checkpoint,
    write_json,
)


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


def test_a_disk_that_fails_is_named(tmp_path, monkeypatch):
    def fail(handle: int) -> None:
        raise OSError(errno.EIO, 'Input/output error')

    monkeypatch.setattr(os, 'fsync', fail)
    with pytest.raises(OSError, match=r'cannot write .*m.pth: Input/output error'):
        save_checkpoint(tmp_path / 'm.pth', {'w': torch.ones(1)}, {})
    assert not [*tmp_path.iterdir()]
