from __future__ import annotations

import importlib
import json
import subprocess
import sys

import pandas as pd
import pytest


@pytest.fixture(scope='module')
def main():
    return importlib.import_module('usmm.cli.make_phantom').main


def test_makes_a_phantom(main, tmp_path, capsys):
    out = tmp_path / 'sub' / 'p'
    arguments = ['--cases', '2', '--test-cases', '1', '--seed', '3', '--strength', '2', '--clip-seconds', '1']
    more = ['--fps', '10', '--workers', '1', '--modalities', 'dceus,clinical', '--shared', 'dceus,clinical']
    assert main([str(out), *arguments, *more]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    assert pd.read_excel(out / 'cases.xlsx')['split'].tolist() == ['train', 'train', 'test']
    truth = json.loads((out / 'truth.json').read_text())
    assert (truth['seed'], truth['strength'], truth['shared']) == (3, 2, [['dceus', 'clinical']])
    assert '--clip-seconds 1' in (out / 'README.txt').read_text()
    assert main([str(out), *arguments, *more]) == 2
    assert 'is not empty' in capsys.readouterr().err
    assert main([str(out), *arguments, *more, '--force']) == 0


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [(['--cases', '0'], "--cases: expected a whole number of 1 or more, got '0'"),
     (['--cases', 'x'], "--cases: expected a whole number of 1 or more, got 'x'"),
     (['--cases', '1', '--test-cases', '-1'], "--test-cases: expected a whole number of 0 or more, got '-1'")],
)  # fmt: skip
def test_bad_arguments(main, tmp_path, capsys, arguments, message):
    with pytest.raises(SystemExit, match='2'):
        main([str(tmp_path / 'p'), *arguments])
    assert message in capsys.readouterr().err


def test_a_preset_that_is_none(main, tmp_path, capsys):
    assert main([str(tmp_path / 'p'), '--cases', '1', '--preset', 'x']) == 2
    assert "no preset 'x'" in capsys.readouterr().err


def test_cases_must_be_given(main, capsys):
    with pytest.raises(SystemExit, match='2'):
        main(['out'])
    assert '--cases' in capsys.readouterr().err


def test_help_tells_about_short_clips(main, capsys):
    with pytest.raises(SystemExit, match='0'):
        main(['--help'])
    assert 'key_frame_step in truth.json' in capsys.readouterr().out.replace('`', '')


def test_generator_imports_no_torch(project_root):
    """The package itself; importing it as a part of usmm.datasets may load more."""
    code = (
        'import sys, types; m = types.ModuleType("usmm.datasets"); '
        f'm.__path__ = [{str(project_root / "usmm" / "datasets")!r}]; sys.modules["usmm.datasets"] = m; '
        'import usmm.phantoms; print(sorted({"torch", "mmengine"} & set(sys.modules)))'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == '[]'
