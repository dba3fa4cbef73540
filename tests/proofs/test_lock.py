from __future__ import annotations

import importlib
import json
import re
import subprocess
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import pytest
from packaging.requirements import Requirement

LINE = re.compile(r'([a-z0-9-]+)==([^ +]+) --hash=sha256:([0-9a-f]{64})')


@pytest.fixture
def tool(project_root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(project_root / 'proofs'))
    return importlib.import_module('lock')


def test_the_lock_file_names_all_that_setup_asks_for(tool, project_root):
    text = (project_root / 'requirements' / 'ci.lock').read_text()
    lines = [line for line in text.splitlines() if not line.startswith('#')]
    found = {match[1]: match[2] for match in map(LINE.fullmatch, lines) if match}
    assert len(found) == len(lines)  # nothing but names, versions and sums: no address of a host, no path
    assert {'torch', 'pytest'} <= {Requirement(text).name for text in tool.roots()}
    for requirement in map(Requirement, tool.roots()):
        name = tool.canonical(requirement.name)
        assert name in found, f'{name}: run `make lock`'
        assert requirement.specifier.contains(found[name]), f'{name}: run `make lock`'


def test_all_that_is_needed_in_the_versions_that_are_installed(tool):
    found = tool.needed(['pytest'])
    assert found['pytest'] == version('pytest') and found['pluggy'] == version('pluggy')
    assert 'colorama' not in found  # of another system
    with pytest.raises(ValueError, match=r'no-such-package-of-usmm, which setup\.py needs, is not installed'):
        tool.needed(['no_such_package_of_usmm'])


def test_what_pip_reports_becomes_a_file(tool, monkeypatch, tmp_path, capsys):
    def pip(command: list, **_: object) -> SimpleNamespace:
        wanted = Path(command[-1]).read_text().split('\n')
        sums = {'url': 'x', 'archive_info': {'hashes': {'sha256': 'ab' * 32}}}
        items = [{'metadata': {'name': w.partition('==')[0].upper()}, 'download_info': sums} for w in wanted]
        Path(command[command.index('--report') + 1]).write_text(json.dumps({'install': items}))
        return SimpleNamespace(returncode=0, stderr='')

    monkeypatch.setattr(subprocess, 'run', pip)
    monkeypatch.setattr(tool, 'needed', lambda _: {'torch': '2.13.0+cpu', 'typing-extensions': '4.0'})
    assert tool.main(['--out', str(tmp_path / 'deep' / 'a.lock')]) == 0
    lines = (tmp_path / 'deep' / 'a.lock').read_text().splitlines()
    assert lines[2:] == [
        f'torch==2.13.0 --hash=sha256:{"ab" * 32}',
        f'typing-extensions==4.0 --hash=sha256:{"ab" * 32}',
    ]
    assert '2 packages' in capsys.readouterr().out


def test_a_version_that_pip_does_not_find(tool, monkeypatch):
    monkeypatch.setattr(subprocess, 'run', lambda *_, **__: SimpleNamespace(returncode=1, stderr='No matching x==1'))
    with pytest.raises(ValueError, match='pip cannot find the packages of this environment: No matching x==1'):
        tool.hashes({'x': '1'})


def test_without_a_clone_there_is_nothing_to_lock(tool, monkeypatch, tmp_path):
    monkeypatch.setattr(tool, 'SETUP', tmp_path / 'setup.py')
    with pytest.raises(ValueError, match='a lock file is made in a clone: there is no'):
        tool.roots()
