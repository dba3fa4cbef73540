"""Pairs of views: what is paired, what it depends on, and what is refused."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from usmm.datasets import PairedViews
from usmm.datasets.transforms import collate_cases
from usmm.readers import DataError

NAMES = ('t1', 't2', 'oop')
LEVEL = dict(t1=40, t2=120, oop=200)  # the grey level of a modality's images
LOAD = [dict(type='LoadImage'), dict(type='PadToSize', size=8)]
PACK = dict(type='PackCase')


@pytest.fixture(scope='module')
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp('pairs')
    rows = []
    for i in range(6):
        row = dict(case_id=f'c{i}', patient_id=f'p{i}', label=['A', 'B'][i % 2])
        for name in NAMES:
            row[name] = f'{i}_{name}.png'
            cv2.imwrite(str(root / row[name]), np.full((8, 8, 3), LEVEL[name] + i, np.uint8))
        rows.append(row)
    clip = cv2.VideoWriter(str(root / 'clip.avi'), cv2.VideoWriter_fourcc(*'MJPG'), 10, (16, 16))
    for t in range(8):
        clip.write(np.full((16, 16, 3), 20 + 25 * t, np.uint8))
    clip.release()
    rows[5] |= dict(t2='', oop='')
    pd.DataFrame(rows).to_csv(root / 'cases.csv', index=False)
    pd.DataFrame([dict(case_id='k', label='A', clip='clip.avi')]).to_csv(root / 'clips.csv', index=False)
    return root / 'cases.csv'


def pairs(table: Path, **given) -> PairedViews:
    settings = dict(
        table=table, schema=dict(images={n: n for n in NAMES}), classes=('A', 'B'), pipeline=LOAD, augment=[PACK],
        missing='keep',
    )  # fmt: skip
    return PairedViews(**{**settings, **given})


def drawn(data: PairedViews, epochs: int = 1) -> list[tuple[str, str, str]]:
    cases = [data[epoch, i] for epoch in range(epochs) for i in range(len(data))]
    return [(c.case_id, *c.info['views']['modalities']) for c in cases]


def test_every_image_is_the_first_view_once_an_epoch(table):
    data = pairs(table)
    assert len(data) == 16  # six cases of three images, of which one lacks two
    assert Counter((c, m) for c, m, _ in drawn(data)) == Counter(
        (f'c{i}', m) for i in range(6) for m in NAMES if i < 5 or m == 't1'
    )


def test_a_pair_is_of_two_modalities_of_one_case(table):
    found = drawn(pairs(table), epochs=30)
    assert all(a != b for case, a, b in found if case != 'c5')
    assert {(a, b) for case, a, b in found if case == 'c5'} == {('t1', 't1')}
    # both others of an image are drawn alike: 150 draws a modality, five standard deviations are 31
    for name in NAMES:
        counts = Counter(b for case, a, b in found if a == name and case != 'c5')
        assert all(abs(n - 75) < 31 for n in counts.values()) and len(counts) == 2


def test_pixels_are_those_of_the_named_modalities(table):
    for case in (pairs(table)[i] for i in range(15)):
        for view, name in zip(('view1', 'view2'), case.info['views']['modalities']):
            assert case.data[view].shape == (3, 8, 8)
            assert case.data[view].unique().tolist() == [LEVEL[name] + int(case.case_id[1])]


def test_the_same_modality_may_be_allowed(table):
    found = drawn(pairs(table, allow_same=True), epochs=30)
    share = np.mean([a == b for case, a, b in found if case != 'c5'])
    assert 0.25 < share < 0.42  # a third; 450 draws, so five standard deviations are 0.11


def test_two_views_of_one_image(table):
    assert all(a == b for _, a, b in drawn(pairs(table, pairs='views')))


@pytest.mark.parametrize('pair', ['views', 'modalities'])
def test_the_views_are_augmented_each_by_its_own_draws(table, pair):
    augment = [dict(type='ColourJitter', brightness=0.9, contrast=0.0, prob=1.0), PACK]
    data = pairs(table, pairs=pair, augment=augment)
    factors = []
    for case in (data[i] for i in range(15)):
        level = [LEVEL[m] + int(case.case_id[1]) for m in case.info['views']['modalities']]
        factors.append([float(case.data[v].float().mean()) / n for v, n in zip(('view1', 'view2'), level)])
    first, second = np.array(factors).T
    assert (np.abs(first - second) > 1e-3).sum() > 12 and len({*first.round(2)}) > 8  # white stays white


def test_draws_depend_on_seed_epoch_and_case_alone(table):
    augment = [dict(type='ColourJitter', prob=1.0), PACK]
    one, other = pairs(table, augment=augment), pairs(table, augment=augment)
    order = list(range(len(one)))
    same = {i: other[3, i] for i in reversed(order)}
    for i in order:
        a, b = one[3, i], same[i]
        assert a.info['views'] == b.info['views'] and torch.equal(a.data['view2'], b.data['view2'])
    assert drawn(one) != drawn(pairs(table, seed=1))
    assert [one[0, i].info['views'] for i in order] != [one[1, i].info['views'] for i in order]


def test_a_batch_has_the_two_views(table):
    data = pairs(table)
    batch = collate_cases([data[0], data[4]])
    assert {n: tuple(x.shape) for n, x in batch['inputs'].items()} == dict(view1=(2, 3, 8, 8), view2=(2, 3, 8, 8))
    assert all('views' in case.info for case in batch['data_samples'])


@pytest.mark.parametrize(('pair', 'equal'), [('modalities', False), ('views', True)])
def test_frames_of_a_clip(table, pair, equal):
    data = pairs(
        table.with_name('clips.csv'), schema=dict(clips=dict(clip='clip')), pairs=pair,
        pipeline=[dict(type='LoadClip'), dict(type='PadToSize', size=16)],
    )  # fmt: skip
    levels = [[round(float(data[e, 0].data[v].float().mean())) for v in ('view1', 'view2')] for e in range(12)]
    assert len({a for a, _ in levels}) > 3
    assert all(a == b for a, b in levels) is equal


def test_cases_that_are_left_out_have_no_pairs(table):
    data = pairs(table)
    assert len(data) == 16
    data.leave_out(['c0'])
    assert len(data) == 13 and 'c0' not in {case for case, _, _ in drawn(data)}


def clips(table: Path, **given) -> dict:
    return dict(table=table.with_name('clips.csv'), schema=dict(clips=dict(clip='clip')), classes=('A', 'B'), **given)


def test_cases_of_another_table_take_part(table):
    load = [dict(type='LoadImage'), dict(type='LoadClip'), dict(type='PadToSize', size=16)]
    data = pairs(table, part='train', split=dict(folds=3, selection='last'), pipeline=load, extra=[clips(table)])
    assert {case for case, _, _ in drawn(data)} == {case.case_id for case in data.cases} and len(data.cases) == 5
    assert ('k', 'clip', 'clip') in drawn(data) and data.modalities == (*NAMES, 'clip')
    assert collate_cases([data[0], data[len(data) - 1]])['inputs']['view1'].shape == (2, 3, 16, 16)


def test_a_table_that_may_hold_test_patients_is_refused(table):
    same = dict(table=table, schema=dict(images=dict(t1='t1')), classes=('A', 'B'), modalities=('t1',))
    with pytest.raises(DataError, match=r'the case, or a file of it, is in .*cases\.csv too'):
        pairs(table, extra=[same])


def test_images_are_met_several_times_with_other_draws(table):
    augment = [dict(type='ColourJitter', brightness=0.5, prob=1.0), PACK]
    once, thrice = pairs(table, augment=augment), pairs(table, augment=augment, repeats=3)
    assert len(thrice) == 48
    assert [(c, a) for c, a, _ in drawn(thrice)] == [(c, a) for c, a, _ in drawn(once)] * 3
    first, second = thrice[2].data['view1'], thrice[18].data['view1']
    assert torch.equal(first, once[2].data['view1']) and not torch.equal(first, second)


def test_what_cannot_be(table, tmp_path):
    with pytest.raises(ValueError, match='repeats of PairedViews must be 1 or more, got 0'):
        pairs(table, repeats=0)
    with pytest.raises(ValueError, match=r"pairs must be one of \['modalities', 'views'\], got 'images'"):
        pairs(table, pairs='images')
    with pytest.raises(ValueError, match=r'augment of PairedViews must end with PackCase, got \[\]'):
        pairs(table, augment=[])
    with pytest.raises(DataError, match=r"1 cases have none of \['t2', 'oop'\]: c5"):
        pairs(table, modalities=('t2', 'oop'))
    (table.parent / '0_t1.png').rename(tmp_path / 'kept.png')
    try:
        (table.parent / '0_t1.png').write_bytes(b'no image')
        with pytest.raises(DataError, match='c0'):
            pairs(table)[0]
    finally:
        (tmp_path / 'kept.png').rename(table.parent / '0_t1.png')
