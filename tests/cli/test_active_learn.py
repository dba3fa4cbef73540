"""The tool from end to end on a small phantom: curves and report, then a person who answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from usmm.phantoms import make_phantom

SMALL = ['max_epochs=1', 'image_size=32', 'draws=1', 'min_samples=8', 'test_draws=1', 'embed_dims=4', 'split.folds=2',
         'modalities=lste', 'resnet.depth=18', 'net.base_channels=4']  # fmt: skip


@pytest.fixture(scope='module')
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('f') / 'p'
    return make_phantom(folder, 28, preset='fibrosis', workers=1, modalities=['lste'])


@pytest.fixture
def run(usmm: Callable[..., tuple[int, str, str]]) -> Callable[..., tuple[int, str, str]]:
    """`usmm active_learn` on the phantom: exit code, stdout, stderr."""

    def call(work: Path, phantom: Path, *words: str) -> tuple[int, str, str]:
        options = ['--cfg-options', f'data_root={phantom}', f'cache_dir={work.parent / "cache"}', *SMALL]
        return usmm('active_learn', 'mmfn_al_small_phantom', '--work-dir', work, *words, '--quiet', *options)

    return call


def test_curves_and_report(run, phantom: Path, tmp_path: Path) -> None:
    words = ('--strategies', 'rand', 'coreset', '--rounds', '1', '--query', '6', '--start', '8')
    code, out, error = run(tmp_path / 'al', phantom, *words)
    assert code == 0, out + error
    assert 'random: area' in out and 'core-set: area' in out
    content = json.loads((tmp_path / 'al' / 'active_learning.json').read_text())
    assert content['strategies']['coreset']['curve'][-1]['units'] == 14 and '0' in content['full']
    page = (tmp_path / 'al' / 'report.html').read_text()
    assert 'Never asked for' in page and 'known to be noise' in page and 'data:image/jpeg' in page
    code, _, error = run(tmp_path / 'al', phantom, '--query', '7', '--strategies', 'rand')
    assert code == 2 and 'other settings (count, start)' in error


def test_a_sheet_is_written_and_read_back(run, phantom: Path, tmp_path: Path) -> None:
    sheet, words = tmp_path / 'ask.xlsx', ('--strategies', 'margin', '--rounds', '1', '--query', '2')
    work = tmp_path / 'al'
    code, out, error = run(work, phantom, *words, '--unit', 'patient', '--sheet', str(sheet))
    # the phantom's table knows all labels, so that nothing is left to ask for
    assert code == 0, out + error
    assert not sheet.exists()
    blank = tmp_path / 'cases.xlsx'
    book = openpyxl.load_workbook(phantom / 'cases.xlsx')
    table = book.active
    known: dict[str, int] = {}
    for row in table.iter_rows(min_row=2):
        label, known[row[2].value] = row[2].value, known.get(row[2].value, 0) + 1
        if known[label] > 4:
            row[2].value = None
        row[3].value = ';'.join(str(phantom / f) for f in row[3].value.split(';'))
    book.save(blank)
    code, out, error = run(tmp_path / 'al2', tmp_path, *words, '--unit', 'patient', '--sheet', str(sheet))
    assert code == 3, out + error
    assert 'labels are asked for in' in out and sheet.is_file()
