"""requirements/ci.lock, which `make lock` writes."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PIN = re.compile(r'([a-z0-9-]+)==(\S+)((?: --hash=sha256:[0-9a-f]{64})+)')


@pytest.fixture(scope='module')
def text(project_root: Path) -> str:
    return (project_root / 'requirements' / 'ci.lock').read_text()


def asked_for(setup: Path) -> list[Requirement]:
    """The requirements of setup.py, including those of developers."""
    nodes = [node for node in ast.parse(setup.read_text(encoding='utf-8')).body if isinstance(node, ast.Assign)]
    lists = {node.targets[0].id: node.value for node in nodes if isinstance(node.targets[0], ast.Name)}
    return [Requirement(line) for name in ('INSTALL', 'DEV') for line in ast.literal_eval(lists[name])]


def test_it_pins_everything_that_setup_requires(text: str, project_root: Path) -> None:
    lines = [line for line in re.sub(r' \\\n +', ' ', text).splitlines() if not line.startswith('#')]
    pins = {match[1]: match[2] for match in map(PIN.fullmatch, lines) if match}
    assert len(pins) == len(lines)  # only names, versions and hashes
    required = asked_for(project_root / 'setup.py')
    assert {'torch', 'pytest'} <= {requirement.name for requirement in required}
    for requirement in required:
        name = canonicalize_name(requirement.name)
        assert name in pins, f'{name}: run `make lock`'
        assert requirement.specifier.contains(pins[name]), f'{name}: run `make lock`'


def test_it_names_no_host_and_no_folder(text: str) -> None:
    comments = [line for line in text.splitlines() if line.startswith('#')]
    assert comments[-1].split() == ['#', 'make', 'lock']
    assert re.findall(r'://|/\w+/|--(?:index|extra|find|trusted)', text) == []
