"""What a wheel of usmm carries, and that it works in another environment, from another folder."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

NOT_SOURCE = ('.*', '__pycache__', '*.egg-info', 'build', 'dist', 'data', 'work_dirs')


def run(*command: str | Path, cwd: Path) -> str:
    """Runs in a folder, without what the caller's environment would add; the output, errors included."""
    env = {k: v for k, v in os.environ.items() if k not in ('PYTHONPATH', 'VIRTUAL_ENV')}
    env |= {'OMP_NUM_THREADS': '1', 'PYTHONNOUSERSITE': '1', 'PIP_DISABLE_PIP_VERSION_CHECK': '1'}
    done = subprocess.run(
        [str(c) for c in command], cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, f'{command}\n{done.stdout[-6000:]}'
    return done.stdout


def build(kind: str, source: Path, out: Path) -> Path:
    """A wheel or an sdist of a source tree, with the build tools that are installed here: no network."""
    code = f'from setuptools import build_meta; print(build_meta.build_{kind}({str(out)!r}))'
    return out / run(sys.executable, '-c', code, cwd=source).splitlines()[-1]


@pytest.fixture(scope='module')
def source(project_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the clone, as building leaves files behind; with a file of an older build."""
    folder = tmp_path_factory.mktemp('clone') / 'usmm'
    shutil.copytree(project_root, folder, ignore=shutil.ignore_patterns(*NOT_SOURCE))
    stale = folder / 'build' / 'lib' / 'usmm' / 'gone_long_ago.py'
    stale.parent.mkdir(parents=True)
    stale.write_text('')
    # what a publishing into the zoo of a clone leaves
    (folder / 'model_zoo' / '.lock').write_text('')
    return folder


@pytest.fixture(scope='module')
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp('wheel')
    pip = (sys.executable, '-m', 'pip', 'wheel', '--no-deps', '--no-build-isolation', '--no-index')
    run(*pip, '--wheel-dir', out, '.', cwd=source)
    return next(out.glob('usmm-*.whl'))


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as file:
        return {n for n in file.namelist() if '.dist-info/' not in n}


def test_a_wheel_holds_every_module_and_every_carried_file_and_nothing_else(wheel: Path, source: Path) -> None:
    def below(folder: str) -> set[Path]:
        return {p for p in (source / folder).rglob('*') if p.is_file() and not set(p.parts) & {'__pycache__', '.lock'}}

    modules = {p.relative_to(source).as_posix() for p in below('usmm')}
    carried = {
        f'usmm/.mim/{p.relative_to(source).as_posix()}' for n in ('configs', 'tools', 'model_zoo') for p in below(n)
    }
    assert names(wheel) == modules | carried
    assert {'usmm/.mim/model_zoo/index.yml', 'usmm/.mim/tools/train.py', 'usmm/.mim/tools/dist_train.sh'} <= carried


def test_a_wheel_holds_nothing_that_only_developers_need(wheel: Path) -> None:
    """By names alone, without the list of what belongs into it."""
    parts = {part.lower() for name in names(wheel) for part in Path(name).parts}
    assert {name.partition('/')[0] for name in names(wheel)} == {'usmm'}
    assert not parts & {'proofs', 'tests', 'requirements', 'docs', 'conftest.py', 'makefile', 'setup.py', 'ci.lock'}
    attacks = re.compile(r'(test|prove|attack|hostile|fuzz|bomb|exploit)(s?_.*|s?)\.py|.*\.(lock|pkl|pickle|zip|csv)')
    kept = {'usmm/cli/test.py', 'usmm/.mim/tools/test.py'}  # the command that tests a model
    assert {name for name in names(wheel) if attacks.fullmatch(Path(name).name)} == kept
    assert not [part for part in parts if part.startswith('.') and part != '.mim']
    with zipfile.ZipFile(wheel) as file:
        top = next(name for name in file.namelist() if name.endswith('.dist-info/top_level.txt'))
        assert file.read(top).split() == [b'usmm']


def test_a_wheel_names_its_command_licence_and_versions(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        texts = {Path(n).name: file.read(n).decode() for n in file.namelist() if '.dist-info/' in n}
    assert 'usmm = usmm.cli.main:main' in texts['entry_points.txt']
    assert 'Apache License' in texts['LICENSE']
    meta = texts['METADATA'].splitlines()
    assert {'License: Apache-2.0', 'License-Expression: Apache-2.0'} & set(meta)  # older and newer build tools
    assert {'Requires-Dist: mmengine==0.10.7', 'Requires-Dist: torch<2.14,>=2.10'} <= set(meta)


def test_a_source_archive_builds_the_same_wheel(source: Path, wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(build('sdist', source, tmp_path)) as file:
        file.extractall(tmp_path, filter='data')
    unpacked = next(p for p in tmp_path.iterdir() if p.is_dir())
    assert (unpacked / 'tests' / 'test_packaging.py').is_file()
    assert names(build('wheel', unpacked, tmp_path)) == names(wheel)


@pytest.fixture(scope='module')
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an empty environment with the wheel alone; what it depends on is lent by this environment."""
    home = tmp_path_factory.mktemp('environment')
    venv.create(home, with_pip=False, symlinks=True)
    python = home / 'bin' / 'python'
    run(sys.executable, '-m', 'pip', '--python', python, 'install', '--no-deps', '--no-index', wheel, cwd=home)
    # A folder named in a .pth file comes last on the path, and its own .pth files (an editable usmm) are not read.
    own = Path(run(python, '-c', 'import sysconfig; print(sysconfig.get_path("purelib"))', cwd=home).strip())
    (own / 'lent.pth').write_text(sysconfig.get_path('purelib'))
    return home / 'bin'


@pytest.mark.slow
def test_an_installed_wheel_trains_two_iterations_from_another_folder(installed: Path, tmp_path: Path) -> None:
    found = run(installed / 'python', '-c', 'import usmm; print(usmm.__file__)', cwd=tmp_path).strip()
    assert Path(found).is_relative_to(installed.parent)
    usmm = installed / 'usmm'
    run(usmm, 'make-phantom', 'phantom', '--cases', '12', '--test-cases', '4', '--clip-seconds', '2', cwd=tmp_path)
    settings = (
        'data_root=phantom',
        'max_epochs=1',
        'num_workers=0',
        'keyframe_step=0.1',
        'work_dir=run',
    )
    (tmp_path / 'mine.py').write_text("_base_ = 'usmm::msmfn_small_phantom'\nbatch_size = 5\n")
    run(usmm, 'train', 'mine.py', '--cfg-options', *settings, cwd=tmp_path)
    logs = [json.loads(line) for p in (tmp_path / 'run').rglob('scalars.json') for line in p.read_text().splitlines()]
    assert max(entry.get('iter', 0) for entry in logs) >= 2
    assert json.loads((tmp_path / 'run' / 'metrics.json').read_text())
