"""Two processes on gloo against one; `test_process_dies.py` starts them as a user does."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
import torch

from usmm.config import load_config
from usmm.engine import Experiment, RunOptions, load_weights, read_predictions


@pytest.mark.slow
def test_two_processes_test_as_one_does(warm_python, write_tiny_config, project_root, tmp_path):
    config = write_tiny_config(tmp_path)
    # 19 cases in 4 folds: the test part has 5, which 2 does not divide
    words = {'split.folds': 4, 'max_epochs': 1, 'work_dir': str(tmp_path / 'one')}
    one = Experiment(load_config(config, words), options=RunOptions(progress=False))
    alone = one.train()
    assert alone['cases']['test'] % 2 == 1
    command = [project_root / 'tools' / 'test.py', config, tmp_path / 'one' / 'model.pth', '--launcher', 'pytorch']
    options = ['--cfg-options', 'split.folds=4', f'split.file={tmp_path / "one" / "folds.csv"}']
    warm_python.run_two([*command, '--work-dir', tmp_path / 'two', *options])
    both = json.loads((tmp_path / 'two' / 'metrics.json').read_text())
    for name, value in alone['test'].items():
        if both['test'][name] is not None:
            assert both['test'][name] == pytest.approx(value, abs=1e-6), name
    before = {r['case_id']: r['prob_SCC'] for r in read_predictions(tmp_path / 'one' / 'predictions.csv')}
    after = read_predictions(tmp_path / 'two' / 'predictions.csv')
    assert len(after) == alone['cases']['test'] == len({r['case_id'] for r in after})
    assert all(r['prob_SCC'] == pytest.approx(before[r['case_id']], abs=1e-6) for r in after)


@pytest.mark.slow
def test_two_processes_train_both_stages_and_end_with_one_set_of_files(
    warm_python, write_tiny_config, project_root, tmp_path
):
    config = write_tiny_config(tmp_path)
    command = [project_root / 'tools' / 'train.py', config, '--launcher', 'pytorch', '--cfg-options', 'max_epochs=1']
    warm_python.run_two(command)
    work = tmp_path / 'work'
    metrics = json.loads((work / 'metrics.json').read_text())
    assert set(metrics['stages']) == {'image', 'clinical'}
    assert len(read_predictions(work / 'predictions.csv')) == metrics['cases']['val'] + metrics['cases']['test']
    assert all(torch.isfinite(t.float()).all() for t in load_weights(work / 'model.pth')['state_dict'].values())


@pytest.mark.parametrize(
    ('script', 'usage'),
    [
        ('dist_train.sh', 'CONFIG GPUS'),
        ('dist_test.sh', 'CONFIG CHECKPOINT GPUS'),
        ('slurm_train.sh', 'PARTITION JOB_NAME CONFIG'),
        ('slurm_test.sh', 'PARTITION JOB_NAME CONFIG CHECKPOINT'),
    ],
)
def test_scripts_say_how_they_are_used(project_root, script, usage):
    done = subprocess.run(['bash', str(project_root / 'tools' / script)], capture_output=True, text=True)
    assert done.returncode == 2 and usage in done.stderr


@pytest.mark.parametrize('script', ['dist_train.sh', 'dist_test.sh'])
@pytest.mark.parametrize('gpus', ['0', '-1', 'two', ''])
def test_the_number_of_processes_must_be_one_or_more(project_root, script, gpus):
    words = ['config', *(['weights'] if script == 'dist_test.sh' else []), gpus]
    command = ['bash', str(project_root / 'tools' / script), *words]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and f"must be a whole number of 1 or more, got '{gpus}'" in done.stderr


@pytest.mark.parametrize(
    ('script', 'words', 'passed'),
    [
        ('dist_train.sh', ['c', '3', '--amp'], 'tools/train.py c --launcher pytorch --amp'),
        ('dist_test.sh', ['c', 'w.pth', '3', '--parts', 'val'], 'tools/test.py c w.pth --launcher pytorch --parts val'),
    ],
)
def test_scripts_start_as_many_processes_and_pass_the_arguments_on(project_root, tmp_path, script, words, passed):
    fake = tmp_path / 'python'
    fake.write_text('#!/bin/sh\necho "$@"\n')
    fake.chmod(0o755)
    environment = {**os.environ, 'PYTHON': str(fake), 'PORT': '1234', 'NNODES': '2', 'NODE_RANK': '1'}
    command = ['bash', str(project_root / 'tools' / script), *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith('-m torch.distributed.run --nnodes=2 --node_rank=1 --nproc_per_node=3 ')
    assert '--master_port=1234 ' in done.stdout and done.stdout.strip().endswith(passed)


def test_slurm_script_asks_for_the_job_and_passes_the_arguments_on(project_root, tmp_path):
    fake = tmp_path / 'srun'
    fake.write_text('#!/bin/sh\necho "$@"\n')
    fake.chmod(0o755)
    environment = {**os.environ, 'PATH': f'{tmp_path}:{os.environ["PATH"]}', 'GPUS': '4', 'GPUS_PER_NODE': '2'}
    script = str(project_root / 'tools' / 'slurm_train.sh')
    words = ['bash', script, 'part', 'job', 'some_config', '--amp']
    done = subprocess.run(words, env=environment, capture_output=True, text=True)
    assert '--partition=part --job-name=job --gres=gpu:2 --ntasks=4 --ntasks-per-node=2' in done.stdout
    assert done.stdout.strip().endswith('train.py some_config --launcher slurm --amp')
