"""Bad files stop a training before it starts, all of them in one error, or are left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from usmm.datasets import CaseDataset
from usmm.datasets.checks.verify import steady_part
from usmm.datasets.transforms import Cached, LoadImage
from usmm.readers import DataError
from usmm.structures import Case

SCHEMA = dict(images=dict(bus='bus'))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """15 cases; of the first 12 every file is bad in a way of its own: cut, empty of sense, or no image at all."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(15):
        path = tmp_path / f'{i}.png'
        Image.fromarray(rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(path)
        content = path.read_bytes()
        if i < 12:
            path.write_bytes((content[:900], b'not an image', content[:40])[i % 3])
        rows.append(f'c{i},{("A", "B")[i % 2]},{path.name}')
    table = tmp_path / 'cases.csv'
    table.write_text('\n'.join(['case_id,label,bus', *rows]) + '\n', encoding='utf-8')
    return table


def data(table: Path, bad_cases: str = 'error', pipeline: list | None = None) -> CaseDataset:
    pipeline = [LoadImage()] if pipeline is None else pipeline
    return CaseDataset(table, schema=SCHEMA, classes=('A', 'B'), pipeline=pipeline, bad_cases=bad_cases)


@pytest.mark.parametrize('workers', [0, 2])
def test_one_error_lists_the_first_ten_and_counts_all(table, workers):
    with pytest.raises(DataError, match='12 of 15 cases cannot be read') as caught:
        data(table).verify(workers)
    text = str(caught.value)
    assert text.count('case c') == 10 and '... and 2 more' in text and "bad_cases='skip'" in text
    assert f'(file {table.parent / "0.png"}, case c0, modality bus)' in text


def test_skip_leaves_them_out_and_says_which(table, caplog):
    found = data(table, 'skip')
    bad = found.verify()
    assert sorted(bad) == sorted(f'c{i}' for i in range(12))
    assert [case.case_id for case in found.cases] == ['c12', 'c13', 'c14']
    assert [found[i].data['bus'].shape for i in range(len(found))] == [(20, 30, 3)] * 3
    assert data(table, 'skip', []).verify() == {**bad}  # the same without a pipeline: then each file is read


def test_files_that_are_drawn_are_all_read(table):
    rows = table.read_text(encoding='utf-8').splitlines()
    table.write_text('\n'.join([rows[0], 'c,A,12.png;13.png', 'd,B,14.png;3.png']) + '\n', encoding='utf-8')
    assert data(table).verify() == {}  # the first file of each is whole
    found = data(table, 'skip', [LoadImage(pick='random')])
    assert list(found.verify()) == ['d']


def test_nothing_left(table):
    rows = table.read_text(encoding='utf-8').splitlines()
    table.write_text('\n'.join(rows[:10]) + '\n', encoding='utf-8')
    with pytest.raises(DataError, match='9 of 9 cases of all cannot be read'):
        data(table, 'skip').verify()


def test_a_cache_is_filled_on_the_way(table, tmp_path):
    pipeline = [Cached([LoadImage()], cache_dir=tmp_path / 'cache')]
    found = data(table, 'skip', pipeline)
    found.verify()
    assert len(list((tmp_path / 'cache').rglob('*.npz'))) == 3


def test_progress_sees_every_case(table):
    seen = []

    def progress(items, total):
        seen.append(total)
        for item in items:
            seen.append(item)
            yield item

    data(table, 'skip').verify(progress=progress)
    assert seen[0] == 15 and len(seen) == 16


def test_only_the_beginning_is_run():
    class Draws:
        random = True

        def __call__(self, case: Case) -> Case:
            raise AssertionError

    load, after = LoadImage(), LoadImage()
    assert steady_part([load, Draws(), after]) == [load]
    assert steady_part([load, after]) == [load, after]


def test_another_word(table):
    with pytest.raises(ValueError, match='bad_cases must be one of'):
        data(table, 'ignore')
