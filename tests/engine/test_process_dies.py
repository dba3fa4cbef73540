"""Two processes: one dies, the other is stopped, and somebody says which it was; two runs have the same bits."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time

import pytest
import torch

from usmm.engine import load_weights

HOOK = """
import os, signal
from mmengine.hooks import Hook
from usmm.registry import HOOKS

@HOOKS.register_module()
class DieInRankOne(Hook):
    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.rank == 1 and runner.epoch == 1:
            print('dying', flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_a_process_that_dies_stops_the_other_and_is_named(write_tiny_config, project_root, tmp_path):
    config = write_tiny_config(tmp_path)
    (tmp_path / 'die_in_rank_one.py').write_text(HOOK)
    lines = "custom_imports = dict(imports=['die_in_rank_one'])\ncustom_hooks = [dict(type='DieInRankOne')]\n"
    config.write_text(config.read_text() + lines)
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = str(free.getsockname()[1])
    environment = {**os.environ, 'PYTHON': sys.executable, 'PORT': port, 'OMP_NUM_THREADS': '1'}
    environment['PYTHONPATH'] = os.pathsep.join([str(tmp_path), os.environ.get('PYTHONPATH', '')])
    command = ['bash', str(project_root / 'tools' / 'dist_train.sh'), str(config), '2']
    with (tmp_path / 'said').open('w+') as said:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=subprocess.STDOUT)
        while process.poll() is None and 'dying' not in (tmp_path / 'said').read_text():
            time.sleep(0.1)
        died = time.monotonic()
        code = process.wait(timeout=60)
        seconds = time.monotonic() - died
    text = (tmp_path / 'said').read_text()
    assert 'dying' in text, text[-2000:]
    assert code == 1 and seconds < 60
    assert re.search(r'rank\s*: 1 \(local_rank: 1\)\s+exitcode\s*: -9', text), text[-2000:]
    assert 'SIGKILL' in text
    assert [path.name for path in (tmp_path / 'work' / 'image').glob('epoch_*.pth')] == ['epoch_1.pth']


@pytest.mark.slow
def test_two_deterministic_runs_have_the_same_bits(warm_python, write_tiny_config, project_root, tmp_path):
    found = []
    for name in ('one', 'two'):
        (tmp_path / name).mkdir()
        config = write_tiny_config(tmp_path / name)
        command = [project_root / 'tools' / 'train.py', config, '--deterministic']
        (done,) = warm_python.run([*command, '--cfg-options', 'max_epochs=1', 'modalities=["bus"]'])
        assert done.returncode == 0, done.stderr[-1000:]
        found.append(load_weights(tmp_path / name / 'work' / 'model.pth'))
    assert found[0]['meta']['deterministic'] is True
    first, second = (content['state_dict'] for content in found)
    assert [name for name in first if not torch.equal(first[name], second[name])] == []
    assert 'deterministic = True' in (tmp_path / 'one' / 'work' / 'config.py').read_text()
