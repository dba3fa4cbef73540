"""`Cached(each=True)`: an entry an image, however many pairs it is in."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from usmm.datasets.transforms import Cached, LoadImage, Resize
from usmm.structures import Case


@pytest.fixture
def cases(tmp_path: Path) -> list[Case]:
    for k, name in enumerate(('a0', 'a1', 'b0', 'b1', 'b2')):
        Image.fromarray(np.full((9, 9, 3), 10 * k, np.uint8)).save(tmp_path / f'{name}.png')
    found = []
    for i, j in product(range(2), range(3)):
        files = dict(a=(tmp_path / f'a{i}.png',), b=(tmp_path / f'b{j}.png',))
        info = {'pair': dict(case_id='c'), 'table': dict(clips=())}
        found.append(Case(f'c#{i}-{j}', 'p', files=files, info=info))
    return found


def test_five_images_give_five_entries_for_six_pairs(cases: list[Case], tmp_path: Path) -> None:
    steps = [LoadImage(), Resize(4)]
    cached = Cached(steps, tmp_path / 'cache', each=True)
    for _ in range(2):
        for case in cases:
            plain = Resize(4)(LoadImage()(Case(case.case_id, 'p', files=case.files)))
            found = cached(Case(case.case_id, 'p', files=case.files, info={k: dict(v) for k, v in case.info.items()}))
            assert {m: a.tolist() for m, a in found.data.items()} == {m: a.tolist() for m, a in plain.data.items()}
            assert found.info['a'] == plain.info['a'] and found.info['pair'] == dict(case_id='c')
    assert len([*(tmp_path / 'cache').rglob('*.npz')]) == 5


def test_a_frame_has_an_entry_of_its_own(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / 'a.png')
    cached = Cached([LoadImage()], tmp_path / 'cache', each=True)
    keys = {cached.key(Case('c', 'p', files=dict(a=(tmp_path / 'a.png',)), info=info))
            for info in ({}, {'a': dict(frame=(0, 3))}, {'a': dict(frame=(1, 3))})}  # fmt: skip
    assert len(keys) == 3
