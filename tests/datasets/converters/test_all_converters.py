"""What every converter does with a folder that holds nothing of its set."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

HELP = runpy.run_path(str(Path(__file__).with_name('trees.py')))
converter = HELP['converter']


@pytest.mark.parametrize('name', ['auli', 'busi', 'ddti', 'echonet_dynamic', 'ocau'])
def test_a_bad_source_leaves_nothing_and_is_one_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / 'empty').mkdir()
    assert converter(name).main([str(tmp_path / 'empty'), str(tmp_path / 'made/out')]) == 2
    assert capsys.readouterr().err.startswith('error: ')
    assert not (tmp_path / 'made').exists()
