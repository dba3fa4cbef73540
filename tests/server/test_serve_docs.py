"""The commands of docs/serve.md: each is run as it stands, against a server with the real models."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from usmm.server.server_limits import MIB, Limits

PAGE = Path(__file__).resolve().parents[2] / 'docs' / 'serve.md'
COMMANDS = [
    line
    for block in re.findall(r'^```sh\n(.*?)^```', PAGE.read_text(encoding='utf-8'), re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]


class Shared:
    """The engine of all tests, which no server closes."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def close(self) -> None:
        """Nothing."""


@pytest.mark.skipif(shutil.which('curl') is None, reason='there is no curl on this machine')
def test_the_commands_work(live: Callable[..., Any], engine: Any, phantom: Path, tmp_path: Path) -> None:
    server = live(engine=Shared(engine))
    shutil.copy(phantom / 'bus' / 'C0001.png', tmp_path / 'bus.png')
    shutil.copy(phantom / 'bus_mask' / 'C0001.png', tmp_path / 'mask.png')
    (tmp_path / 'cases.csv').write_text('case_id,patient_id,bus,age\n1,p,images/bus.png,50\n2,p,images/bus.png,60\n')
    assert len(COMMANDS) >= 9
    for command in COMMANDS:
        words = shlex.split(command.replace('localhost:8000', f'127.0.0.1:{server.port}'))
        done = subprocess.run([*words, '--fail-with-body'], cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f'{command}: {done.stdout[:300]} {done.stderr}'
        if 'text/csv' in command:
            assert len(done.stdout.splitlines()) == 3, command
        elif '/batch' in command:
            assert [row['error'] for row in json.loads(done.stdout)['rows']] == [None, None]
        elif not command.endswith('/card'):
            assert json.loads(done.stdout), command


def test_the_table_of_limits_is_that_of_the_program() -> None:
    rows = dict(re.findall(r'^\| `(\w+)` \| ([^|]+) \|', PAGE.read_text(encoding='utf-8'), re.MULTILINE))
    assert set(rows) == {field.name for field in fields(Limits)}
    for name, words in rows.items():
        number = float(words.split()[0].replace(',', ''))
        scale = 1024 * MIB if 'GiB' in words else MIB if 'MiB' in words else 1
        assert number * scale == getattr(Limits(), name), name
