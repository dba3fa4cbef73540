"""The list of licences that `make sbom` writes, and the comparison of locked versions with advisories."""

from __future__ import annotations

import csv
import importlib
import json
import sys
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from packaging.version import Version


@pytest.fixture(scope='module', autouse=True)
def scripts(project_root: Path) -> Iterator[None]:
    sys.path.insert(0, str(project_root / 'requirements'))
    yield
    sys.path.remove(str(project_root / 'requirements'))


@pytest.fixture
def licences() -> ModuleType:
    return importlib.import_module('licences')


@pytest.fixture
def audit() -> ModuleType:
    return importlib.import_module('audit')


# each way in which CycloneDX states a licence
STATED: list[tuple[Any, str]] = [
    ([{'license': {'id': 'MIT'}}], 'MIT'),
    ([{'expression': 'MIT AND BSD-3-Clause'}], 'MIT AND BSD-3-Clause'),
    ([{'license': {'name': 'License :: OSI Approved :: BSD License'}}, {'license': {'id': 'MIT'}}], 'BSD License; MIT'),
    ([{'license': {'name': '\n  Copyright (c) 2020\nPermission is granted'}}], 'Copyright (c) 2020'),
    ([{'license': {'name': 'UNKNOWN'}}], 'unknown'),
    ([{'license': {}}], 'unknown'),
    ([], 'unknown'),
    (None, 'unknown'),
]


def test_every_package_is_listed_with_its_licence(licences: ModuleType, tmp_path: Path, capsys) -> None:
    components = [dict(name=f'p{i}', version=f'1.{i}', licenses=stated) for i, (stated, _) in enumerate(STATED)]
    (tmp_path / 'sbom.json').write_text(json.dumps(dict(bomFormat='CycloneDX', components=components[::-1])))
    assert licences.main([str(tmp_path / 'sbom.json'), str(tmp_path / 'licences.csv')]) == 0
    with (tmp_path / 'licences.csv').open(encoding='utf-8', newline='') as file:
        rows = [*csv.reader(file)]
    assert rows[0] == ['package', 'version', 'licence']
    assert rows[1:] == [[f'p{i}', f'1.{i}', wanted] for i, (_, wanted) in enumerate(STATED)]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == '   4  unknown' and lines[-1] == '8 packages, 4 of unknown licence: p4, p5, p6, p7'
    assert sum(int(line.split()[0]) for line in lines[:-1]) == 8


def test_an_empty_bill_is_an_error(licences: ModuleType, tmp_path: Path, capsys) -> None:
    (tmp_path / 'sbom.json').write_text('{}')
    with pytest.raises(SystemExit) as ended:
        licences.main([str(tmp_path / 'sbom.json'), str(tmp_path / 'licences.csv')])
    assert ended.value.code == 2 and 'lists no packages' in capsys.readouterr().err


def test_the_packages_of_this_environment(licences: ModuleType) -> None:
    """Fields of real metadata, put into a bill as the tool does it."""
    components = []
    for found in distributions():
        meta = found.metadata
        stated = [meta.get('License-Expression'), *(meta.get_all('Classifier') or ())]
        names = [text for text in stated if text and (text.startswith('License ::') or text == stated[0])]
        components.append(dict(name=meta['Name'], licenses=[dict(license=dict(name=name)) for name in names]))
    rows = {name: licence for name, _, licence in licences.packages(dict(components=components))}
    assert len(rows) > 50 and all(rows.values())
    assert rows['pytest'] == 'MIT' and 'BSD' in rows['numpy']


ADVISORY = """
id: PYSEC-1
details: 'a hole'
modified: '2023-09-25T17:25:13.946374Z'
affected:
- package: {name: Some.Package, ecosystem: PyPI}
  ranges:
  - type: GIT
    events: [{introduced: 0a1b}]
  - type: ECOSYSTEM
    events: [{introduced: '0'}, {fixed: '1.2'}, {introduced: '2.0'}, {fixed: 2.0.3}]
  versions: ['3.0.0rc1']
"""


@pytest.mark.parametrize(
    ('version', 'is_affected'),
    [('0.1', True), ('1.1.9', True), ('1.2', False), ('1.9', False), ('2.0', True), ('2.0.2', True), ('2.0.3', False),
     ('3.0rc1', False), ('3.0.0rc1', True), ('3.0', False)],
)  # fmt: skip
def test_versions_that_an_advisory_names(audit: ModuleType, version: str, is_affected: bool) -> None:
    affected = yaml.safe_load(ADVISORY)['affected'][0]
    assert audit.affects(affected, Version(version)) is is_affected


def test_last_affected_versions(audit: ModuleType) -> None:
    events = [{'introduced': '1.0'}, {'last_affected': '1.5'}]
    affected = {'ranges': [{'type': 'ECOSYSTEM', 'events': events}]}
    assert [audit.affects(affected, Version(v)) for v in ('0.9', '1.0', '1.5', '1.5.1')] == [False, True, True, False]


def test_an_audit(audit: ModuleType, tmp_path: Path, capsys) -> None:
    folder = tmp_path / 'vulns' / 'some-package'
    folder.mkdir(parents=True)
    (folder / 'PYSEC-1.yaml').write_text(ADVISORY)
    (folder / 'PYSEC-2.yaml').write_text(ADVISORY.replace('PYSEC-1', 'PYSEC-2') + "withdrawn: '2024-01-01'\n")
    lock = tmp_path / 'ci.lock'
    for version, code, line in [
        ('2.0.1+cpu', 1, 'some-package 2.0.1: PYSEC-1, fixed in 1.2, 2.0.3'),
        ('2.1', 0, '2 packages, 1 of which have advisories: 0 name the locked version'),
    ]:
        lock.write_text(
            f'# comment\nother==1 \\\n    --hash=sha256:0\nsome-package=={version} \\\n    --hash=sha256:1\n'
        )
        assert audit.main([str(lock), str(tmp_path)]) == code
        assert capsys.readouterr().out.splitlines()[0] == line
    (folder / 'PYSEC-3.yaml').write_text('a: *b')
    with pytest.raises(ValueError, match=r'PYSEC-3\.yaml is no advisory: it'):
        audit.main([str(lock), str(tmp_path)])
    with pytest.raises(SystemExit):
        audit.main([str(lock), str(tmp_path / 'vulns')])
    assert 'has no folder vulns with advisories' in capsys.readouterr().err
