"""Single folds: run once, never over those of another config, never by two processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from usmm.engine import Experiment, FoldTask, RunOptions, run_fold, run_folds
from usmm.engine.studies import fold_task

QUIET = RunOptions(progress=False)
TABLE = {'modalities': ('clinical',), 'max_epochs': 1}


def task(config: Path, folder: Path, fold: int = 0, **options) -> FoldTask:
    return FoldTask(str(config), folder / f'fold_{fold}', 0, fold, {**TABLE, 'split.fold': fold, **options})


def test_a_finished_fold_is_not_run_again(tiny_config, tmp_path):
    one = task(tiny_config, tmp_path)
    assert run_fold(one, QUIET, False)
    before = {p.name: p.stat().st_mtime_ns for p in one.folder.iterdir()}
    assert not run_fold(one, QUIET, False)
    assert {p.name: p.stat().st_mtime_ns for p in one.folder.iterdir()} == before
    assert not [*one.folder.glob('*/*.pth')] and (one.folder / 'model.pth').is_file()


def test_checkpoints_stay_where_asked(tiny_config, tmp_path):
    one = task(tiny_config, tmp_path)
    run_fold(FoldTask(one.config, one.folder, 0, 0, one.options, keep_checkpoints=True), QUIET, False)
    assert [*one.folder.glob('clinical/epoch_*.pth')]


def test_a_half_done_fold_is_run_to_its_end(tiny_config, tmp_path):
    one, other = task(tiny_config, tmp_path), task(tiny_config, tmp_path / 'other')
    run_fold(one, QUIET, False)
    run_fold(other, QUIET, False)
    (one.folder / 'model.pth').unlink()
    assert run_fold(one, QUIET, True)
    assert (one.folder / 'predictions.csv').read_text() == (other.folder / 'predictions.csv').read_text()


def test_results_of_another_config_are_refused(tiny_config, tmp_path):
    run_fold(task(tiny_config, tmp_path), QUIET, False)
    with pytest.raises(ValueError, match=r'fold_0 holds the fold of another config \(it differs in batch_size, seed\)'):
        run_fold(FoldTask(str(tiny_config), tmp_path / 'fold_0', 1, 0, {**TABLE, 'batch_size': 5}), QUIET, False)
    assert not run_fold(task(tiny_config, tmp_path, num_workers=1), QUIET, False), 'workers change no result'


def test_two_processes_do_not_run_one_fold(tiny_config, tmp_path):
    one = task(tiny_config, tmp_path)
    one.folder.mkdir()
    text = (
        'import fcntl, sys, time\n'
        f'file = open({str(one.folder / ".lock")!r}, "w")\n'
        'fcntl.flock(file, fcntl.LOCK_EX)\n'
        'print("locked", flush=True)\n'
        'time.sleep(60)\n'
    )
    with subprocess.Popen([sys.executable, '-c', text], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdout.readline() == 'locked\n'
        with pytest.raises(OSError, match=r'fold_0 is in use: another process works in it; wait for its end'):
            run_fold(one, QUIET, False)
        other.kill()
        other.wait()
    assert run_fold(one, QUIET, False), 'a lock ends with its process'


def test_folds_in_processes_equal_folds_in_a_row_and_one_that_fails_stops_no_other(tiny_config, tmp_path):
    rows, parallel = ([task(tiny_config, tmp_path / name, k) for k in range(2)] for name in ('rows', 'parallel'))
    assert run_folds(rows, QUIET, False) == [True] * 2
    bad = task(tiny_config, tmp_path, 2, data_root=str(tmp_path / 'nowhere'))
    with pytest.raises(ValueError, match=r'1 of 3 folds failed\nfold 2, seed 0 .*DataError.*nowhere'):
        run_folds([bad, *parallel], QUIET, False, jobs=2)
    assert not bad.finished
    for one, other in zip(rows, parallel, strict=True):
        assert (one.folder / 'predictions.csv').read_text() == (other.folder / 'predictions.csv').read_text()


def test_an_error_keeps_the_folds_before_it(tiny_config, tmp_path, monkeypatch):
    tasks = [task(tiny_config, tmp_path, k) for k in range(2)]
    train = Experiment.train

    def fail(self, *args, **kwargs):
        if self.work_dir.name == 'fold_1':
            raise KeyboardInterrupt
        return train(self, *args, **kwargs)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Experiment, 'train', fail)
        run_folds(tasks, QUIET, False)
    assert tasks[0].finished and run_folds(tasks, QUIET, False) == [False, True]


def test_jobs_that_make_no_sense(tiny_config, tmp_path):
    with pytest.raises(ValueError, match='jobs must be 1 or more, got 0'):
        run_folds([], QUIET, False, jobs=0)
    with pytest.raises(ValueError, match="jobs=2 does not go with launcher 'pytorch'"):
        run_folds([task(tiny_config, tmp_path)], RunOptions('pytorch'), False, jobs=2)


def test_nothing_of_a_fold_stays_open(tiny_config, tmp_path):
    """Open files and child processes return to the start after each fold."""

    def state() -> tuple[int, int]:
        children = Path('/proc/self/task').glob('*/children')
        return len([*Path('/proc/self/fd').iterdir()]), sum(len(p.read_text().split()) for p in children)

    run_fold(task(tiny_config, tmp_path, 0, num_workers=2), QUIET, False)  # what starts once stays
    before = state()
    for k in (1, 2):
        run_fold(task(tiny_config, tmp_path, k, num_workers=2), QUIET, False)
        assert state() == before
    assert json.loads((tmp_path / 'fold_2' / 'metrics.json').read_text())['test']


def test_folds_whose_process_is_killed_are_one_message():
    text = r'memory ran out, so 2 of 3 folds are not done: a; b; run the command again with --resume and fewer jobs'
    with pytest.raises(ValueError, match=text):
        fold_task._report_failures(3, [], ['b', 'a'], [])
    with pytest.raises(RuntimeError, match=r'1 of 3 folds failed\nc: KeyError'):
        fold_task._report_failures(3, ["c: KeyError: 'x'"], [], [KeyError('x')])
    fold_task._report_failures(3, [], [], [])
