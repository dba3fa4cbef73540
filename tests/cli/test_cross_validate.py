"""The commands that cross-validate: what they leave, and how single folds are gathered."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable

import pytest

STUDY = """
config = './tiny.py'
folds = 2
reference = 'table'
variants = [dict(name='table'), dict(name='<age>', options={'schema.clinical': [dict(name='age', unit='year')]})]
"""
FAST = ['--cfg-options', 'modalities=clinical', 'max_epochs=1']


@pytest.fixture
def call(usmm: Callable[..., tuple[int, str, str]]) -> Callable[..., str]:
    """A command that must end with a code: its stdout and stderr."""

    def run(tool: str, *arguments: object, code: int = 0) -> str:
        ended, out, error = usmm(tool, *arguments)
        assert ended == code, out + error
        return out + error

    return run


def test_folds_as_single_jobs_are_gathered_by_the_same_command(call, tiny_config, tmp_path):
    work = tmp_path / 'cv'
    arguments = [tiny_config, '--folds', 2, '--work-dir', work]
    said = call('cross_validate', *arguments, '--fold', 1, *FAST)
    assert '1 folds are still to be run: fold 0, seed 0' in said and not (work / 'summary.json').exists()
    before = (work / 'fold_1' / 'model.pth').stat().st_mtime_ns
    (work / 'fold_1' / 'fold.json').unlink()  # as of an earlier version
    said = call('cross_validate', *arguments, *FAST)
    assert (work / 'fold_1' / 'model.pth').stat().st_mtime_ns == before
    assert '95 % interval' in said and 'report.html' in said
    assert json.loads((work / 'summary.json').read_text())['cases'] == 19
    page = (work / 'report.html').read_text()
    assert 'WARNING: 1 of 2 folds (fold_1) is without a record of flags' in said
    assert '1 of 2 folds (fold_1) is without a record of flags' in page
    assert '<html' in page and 'http://' not in page.replace('http://www.w3.org', '')
    said = call('cross_validate', *arguments, '--cfg-options', 'modalities=bus', 'max_epochs=1', code=2)
    assert 'holds the fold of another config' in said and 'modalities' in said


def test_a_study_leaves_its_tables(call, tiny_config, tmp_path):
    study = tmp_path / 'two.py'
    study.write_text(STUDY)
    work = tmp_path / 'work'
    said = call('study', study, '--work-dir', work, '--quiet', *FAST)
    assert 'differences to table' in said
    rows = [*csv.reader((work / 'table.csv').open())]
    assert len(rows) == 3 and any('<age>' in cell for cell in rows[2])
    for name in ('table.md', 'table.tex', 'report.html', 'rows/table/report.html', 'rows/age/summary.json'):
        assert (work / name).is_file(), name
    assert '<age>' not in (work / 'report.html').read_text()
    assert 'unknown key' in call('study', write_wrong(tmp_path), code=2)


def write_wrong(folder):
    path = folder / 'wrong.py'
    path.write_text(STUDY + 'fold = 1\n')
    return path


def test_two_processes_of_a_launcher_share_each_fold(warm_python, tiny_config, tmp_path):
    work = tmp_path / 'cv'
    options = ['--folds', '2', '--work-dir', work, '--launcher', 'pytorch', *FAST]
    first, second = warm_python.run_two(['-m', 'usmm', 'cross_validate', tiny_config, *options])
    summary = json.loads((work / 'summary.json').read_text())
    assert summary['cases'] == 19
    assert first.stdout.count('report.html') == 1 and 'report.html' not in second.stdout
