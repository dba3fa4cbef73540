"""usmm/cli/test.py on data in which files are damaged."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from usmm.config import load_config
from usmm.engine import Experiment, RunOptions, read_predictions


@pytest.fixture(scope='module')
def harmed(write_tiny_config, tiny_data, tmp_path_factory) -> tuple[Path, Path, Path, list[str]]:
    """A config, weights, data of which two test cases are cut, and those cases."""
    folder = tmp_path_factory.mktemp('harmed')
    config = write_tiny_config(folder)
    options = {'max_epochs': 1, 'modalities': ['bus']}
    run = Experiment(load_config(config, options), options=RunOptions(progress=False))
    run.train()
    data = Path(shutil.copytree(tiny_data, folder / 'data'))
    files = {row['case_id']: row['bus'] for row in csv.DictReader((data / 'cases.csv').open(newline=''))}
    bad = [case.case_id for case in run.parts['test'].cases][:2]
    for case in bad:
        path = data / files[case]
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return config, folder / 'work' / 'model.pth', data, bad


@pytest.fixture
def tool(usmm: Callable[..., tuple[int, str, str]], harmed: tuple) -> Callable[..., tuple[int, str, str]]:
    """`usmm test` on the damaged data: exit code, stdout, stderr."""

    def run(out: Path, *options: str) -> tuple[int, str, str]:
        config, weights, data, _ = harmed
        words = ['--cfg-options', f'data_root={data}', 'modalities=["bus"]', *options]
        return usmm('test', config, weights, '--work-dir', out, *words)

    return run


def test_bad_files_are_named_before_it_starts(harmed, tool, tmp_path):
    code, _, error = tool(tmp_path / 'out')
    assert code == 2 and 'Traceback' not in error
    message = error[error.index('error: ') :]
    assert '2 of 6 cases cannot be read' in message and all(f'case {case}' in message for case in harmed[3])
    assert not (tmp_path / 'out' / 'metrics.json').exists()


def test_bad_cases_are_left_out_and_listed_by_option(harmed, tool, tmp_path):
    code, out, error = tool(tmp_path / 'out', 'dataset.bad_cases=skip')
    assert code == 0, error
    found = json.loads((tmp_path / 'out' / 'metrics.json').read_text())
    assert sorted(found['skipped']['test']) == sorted(harmed[3]) and found['cases'] == {'test': 4}
    assert '2 of 6 cases of test cannot be read' in out + error
    kept = {row['case_id'] for row in read_predictions(tmp_path / 'out' / 'predictions.csv')}
    assert len(kept) == 4 and not kept & set(harmed[3])


def test_a_result_folder_that_is_a_file(tool, tmp_path):
    (tmp_path / 'out').write_text('here')
    code, _, error = tool(tmp_path / 'out')
    assert code == 2 and 'Traceback' not in error
    assert f'error: --work-dir: cannot write into {tmp_path}/out: it is a file, not a folder' in error
