from __future__ import annotations

import importlib
import json
from email.message import Message
from importlib.metadata import distributions, version
from pathlib import Path

import pytest


@pytest.fixture
def tool(project_root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(project_root / 'proofs'))
    return importlib.import_module('sbom')


def test_bill_names_every_package(tool, tmp_path, capsys):
    out = tmp_path / 'sbom.json'
    assert tool.main(['--out', str(out)]) == 0
    bill = json.loads(out.read_text())
    assert (bill['bomFormat'], bill['specVersion'], bill['version']) == ('CycloneDX', '1.5', 1)
    assert bill['metadata']['component']['name'] == 'usmm'
    names = {c['name']: c for c in bill['components']}
    installed = {d.metadata['Name'].lower().replace('_', '-').replace('.', '-') for d in distributions()}
    assert set(names) == installed - {'usmm'}
    assert names['numpy']['purl'] == f'pkg:pypi/numpy@{version("numpy")}'
    assert names['pillow']['version'] == version('pillow')
    refs = [c['bom-ref'] for c in bill['components']]
    assert refs == sorted(set(refs))
    assert tool.main([]) == 0 and json.loads(capsys.readouterr().out) == bill


@pytest.mark.parametrize(
    ('fields', 'expected'),
    [
        ({'License-Expression': ['MIT OR Apache-2.0']}, {'expression': 'MIT OR Apache-2.0'}),
        ({'Classifier': ['License :: OSI Approved :: BSD License']}, {'license': {'name': 'BSD License'}}),
        ({'License': ['ISC\nlong text']}, {'license': {'name': 'ISC'}}),
        ({'License': ['UNKNOWN']}, None),
        ({}, None),
    ],
)
def test_licence(tool, fields, expected):
    meta = Message()
    for key, values in fields.items():
        for value in values:
            meta[key] = value if '\n' not in value else value.replace('\n', '\n ')
    assert tool.licence_of(meta) == expected
