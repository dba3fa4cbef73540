from __future__ import annotations

import csv
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from usmm.datasets import CaseSampler, PairPool
from usmm.datasets.transforms import LoadImage, PackCase, Resize, collate_cases
from usmm.readers import DataError

COUNTS = {'a': (2, 3), 'b': (1, 4), 'c': (3, 1), 'd': (2, 2), 'e': (1, 1), 'f': (2, 5)}
LABELS = {'a': 'F0', 'b': 'F1', 'c': 'F0', 'd': 'F1', 'e': 'F0', 'f': 'F1'}
SCHEMA = dict(images=dict(lste='lste', lus='lus'), clips=dict(video='video'))


@pytest.fixture(scope='module')
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Image k of modality m of a case has a grey level of its own; case `a` has a clip of six frames too."""
    folder, rows = tmp_path_factory.mktemp('pool'), []
    for i, (name, counts) in enumerate(COUNTS.items()):
        row = dict(case_id=name, patient_id=f'p{name}', label=LABELS[name], video='', lus_mask='')
        for j, (m, n) in enumerate(zip(('lste', 'lus'), counts)):
            for k in range(n):
                Image.fromarray(np.full((8, 8, 3), 40 * i + 20 * j + k, np.uint8)).save(folder / f'{name}{m}{k}.png')
            row[m] = ';'.join(f'{name}{m}{k}.png' for k in range(n))
        rows.append(row)
    writer = cv2.VideoWriter(str(folder / 'a.avi'), cv2.VideoWriter_fourcc(*'MJPG'), 10, (16, 16))
    for t in range(6):
        writer.write(np.full((16, 16, 3), 40 * t, np.uint8))
    writer.release()
    rows[0]['video'] = 'a.avi'
    for k in range(3):
        Image.fromarray(np.full((8, 8), 255 * (k == 1), np.uint8)).save(folder / f'mask{k}.png')
    rows[0]['lus_mask'] = 'mask0.png;mask1.png;mask2.png'
    with (folder / 'cases.csv').open('w', newline='') as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder


def make(root: Path, **options) -> PairPool:
    given = dict(table=root / 'cases.csv', schema=SCHEMA, classes=('F0', 'F1'), modalities=('lste', 'lus'))
    return PairPool(**{**given, **options})


def expected() -> list[str]:
    return [f'{c}#{i}-{j}' for c, (n, m) in COUNTS.items() for i, j in product(range(n), range(m))]


def test_every_pair_is_there_once_with_its_own_files(root: Path) -> None:
    pool = make(root)
    assert len(pool) == sum(n * m for n, m in COUNTS.values())
    cases = [pool[i] for i in range(len(pool))]
    assert [c.case_id for c in cases] == pool.sample_ids() == expected()
    for case in cases:
        name, _, picks = case.case_id.partition('#')
        i, j = picks.split('-')
        assert [f.name for f in (*case.files['lste'], *case.files['lus'])] == [
            f'{name}lste{i}.png',
            f'{name}lus{j}.png',
        ]
        assert case.info['pair'] == dict(case_id=name, images=dict(lste=int(i), lus=int(j)))
        assert case.patient_id == f'p{name}' and pool.table.classes[case.label] == LABELS[name]


def test_the_pixels_are_those_of_the_pair(root: Path) -> None:
    pool = make(root, pipeline=[LoadImage(), Resize(8), PackCase()])
    batch = collate_cases([pool[3], pool[(5, 26)]])
    ids = [c.case_id for c in batch['data_samples']]
    assert ids == ['a#1-0', 'f#1-3']
    assert batch['inputs']['lste'][:, 0, 0, 0].tolist() == [1, 201]
    assert batch['inputs']['lus'][:, 0, 0, 0].tolist() == [20, 223]


def test_one_modality_and_a_mask_of_each_image(root: Path) -> None:
    assert make(root, modalities=('lus',)).sample_ids()[:4] == ['a#0', 'a#1', 'a#2', 'b#0']
    pool = make(root)
    assert [pool[i].mask_files['lus'][0].name for i in range(3)] == ['mask0.png', 'mask1.png', 'mask2.png']


def test_a_pool_of_the_papers_size_costs_no_copies(root: Path, tmp_path: Path) -> None:
    row = dict(lste=';'.join(['alste0.png'] * 5), lus=';'.join(['alus0.png'] * 20), video='')
    rows = [dict(case_id=f'c{i}', label=['F0', 'F1'][i % 2], **row) for i in range(166)]
    with (root / 'large.csv').open('w', newline='') as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    pool = make(root, table=root / 'large.csv')
    assert len(pool) == 16_600 and len(pool.cases) == 166
    arrays = [v for v in vars(pool).values() if isinstance(v, np.ndarray)]
    assert sum(a.size for a in arrays) < 1000  # nothing has an entry a pair
    assert pool[16_599].case_id == 'c165#4-19' and pool[-1].case_id == 'c165#4-19'
    with pytest.raises(IndexError, match='sample 16600 of 16600'):
        pool[16_600]


def test_parts_are_by_patient_and_stage(root: Path) -> None:
    parts = {p: make(root, part=p, split=dict(folds=3, selection='last')) for p in ('train', 'test')}
    held = {p: {c.patient_id for c in data.cases} for p, data in parts.items()}
    assert held['train'] | held['test'] == {f'p{c}' for c in COUNTS} and not held['train'] & held['test']
    assert sorted(c.label for c in parts['test'].cases) == [0, 1] and set(parts['test'].labels) == {0, 1}


def test_draws_are_anew_in_each_epoch_without_repetition(root: Path) -> None:
    split = dict(folds=3, selection='last')
    pool = make(root, part='train', split=split, draws=2)
    sizes = {c.case_id: int(np.prod(COUNTS[c.case_id])) for c in pool.cases}
    assert len(pool) == sum(min(2, n) for n in sizes.values())
    seen = []
    for epoch in range(6):
        ids = [pool[(epoch, i)].case_id for i in range(len(pool))]
        assert len(set(ids)) == len(ids)
        assert ids == [pool[(epoch, i)].case_id for i in range(len(pool))]
        seen.append(tuple(ids))
    assert len(set(seen)) > 3
    # the seed decides, whoever asks
    assert [make(root, part='train', split=split, draws=2)[(3, i)].case_id for i in range(len(pool))] == list(seen[3])


def test_a_small_set_is_gone_through_again(root: Path) -> None:
    split = dict(folds=3, selection='last')
    pool = make(root, part='train', split=split, draws=1, min_samples=11)
    cases = [c.case_id for c in pool.cases]
    assert len(pool) == 11 and len(cases) == 4
    seen = [[pool[(e, i)] for i in range(11)] for e in range(3)]
    for samples in seen:
        assert [s.case_id[0] for s in samples] == (cases * 3)[:11]
    epochs = [s.epoch for samples in seen for s in samples]
    assert epochs == [3 * e + i // 4 for e in range(3) for i in range(11)]
    plain = make(root, part='train', split=split, min_samples=3)
    assert len(plain) == len(make(root, part='train', split=split)) and plain[(2, 0)].epoch == 2
    assert len(make(root, part='test', split=split, min_samples=999)) < 999


def test_draws_of_a_test_are_spread_and_fixed(root: Path) -> None:
    pool = make(root, test_draws=3)
    ids = [pool[(7, i)].case_id for i in range(len(pool))]
    assert ids == [pool[(0, i)].case_id for i in range(len(pool))]
    assert [i for i in ids if i[0] == 'f'] == ['f#0-1', 'f#1-0', 'f#1-3']  # of ten: 1, 5, 8


def test_frames_of_a_clip_feed_a_modality(root: Path) -> None:
    pool = make(root, modalities=('lus',), frames=dict(lus=('video', 3)), pipeline=[LoadImage()])
    assert pool.sample_ids()[:7] == ['a#0', 'a#1', 'a#2', 'a#3', 'a#4', 'a#5', 'b#0']
    levels = [float(pool[i].data['lus'].mean()) for i in (3, 4, 5)]
    assert levels == pytest.approx([0, 80, 200], abs=6)  # frames 0, 2 and 5 (2.5 is rounded to even) of six
    assert pool[3].info['lus']['frame'] == (0, 3) and 'frame' not in pool[0].info.get('lus', {})


def test_only_some_samples_and_their_labels(root: Path, tmp_path: Path) -> None:
    split = dict(folds=3, selection='last')
    whole = make(root, part='train', split=split)
    wanted = [whole.sample_ids()[i] for i in (7, 2, 3)]
    (tmp_path / 'only.csv').write_text('sample_id,label\n' + ''.join(f'{w},F1\n' for w in wanted))
    pool = make(root, part='train', split=split, only=tmp_path / 'only.csv')
    assert pool.sample_ids() == [pool[i].case_id for i in range(3)] == [whole.sample_ids()[i] for i in (2, 3, 7)]
    assert {c.case_id for c in pool.cases} == {w[0] for w in wanted}
    assert [pool[i].label for i in range(3)] == [1, 1, 1] == pool.labels.tolist()
    test = make(root, part='test', split=split, only=tmp_path / 'only.csv')
    assert len(test) == len(make(root, part='test', split=split))
    drawn = make(root, part='train', split=split, only=tmp_path / 'only.csv', draws=1)
    assert {drawn[(e, i)].case_id for e in range(20) for i in range(len(drawn))} == set(wanted)


def test_units(root: Path) -> None:
    pool = make(root)
    assert pool.units('sample') == expected()
    assert pool.units('image')[:7] == ['a#0'] * 3 + ['a#1'] * 3 + ['b#0']
    assert pool.units('patient')[5:8] == ['pa', 'pb', 'pb']


def test_a_case_without_a_modality_has_pairs_of_the_rest(root: Path) -> None:
    text = (root / 'cases.csv').read_text().replace('blus0.png;blus1.png;blus2.png;blus3.png', '')
    (root / 'gaps.csv').write_text(text)
    with pytest.raises(DataError, match='1 of 6 cases lack a modality'):
        make(root, table=root / 'gaps.csv')
    pool = make(root, table=root / 'gaps.csv', missing='keep', pipeline=[LoadImage(), PackCase()])
    batch = collate_cases([pool[i] for i in range(5, 8)])
    assert [c.case_id for c in batch['data_samples']] == ['a#1-2', 'b#0-0', 'c#0-0']
    assert batch['present']['lus'].tolist() == [True, False, True] and batch['present']['lste'].all()


def test_readings_read_every_file(root: Path) -> None:
    found = make(root, frames=dict(lus=('video', 2))).readings
    files = {f.name for case in found for group in case.files.values() for f in group}
    assert files == {p.name for p in root.glob('?l*.png')} | {'a.avi'}
    assert {case.case_id for case in found} == set(COUNTS)


def test_a_bad_image_is_found_and_its_case_left_out(root: Path, tmp_path: Path) -> None:
    text = (root / 'cases.csv').read_text().replace('flus3.png', 'bad.png')
    (root / 'damaged.csv').write_text(text)
    (root / 'bad.png').write_bytes((root / 'flus3.png').read_bytes()[:40])
    with pytest.raises(DataError, match='1 of 6 cases cannot be read'):
        make(root, table=root / 'damaged.csv', pipeline=[LoadImage()]).verify()
    pool = make(root, table=root / 'damaged.csv', pipeline=[LoadImage()], bad_cases='skip')
    assert list(pool.verify()) == ['f'] and len(pool) == len(expected()) - 10
    chosen = make(root)
    chosen.choose(['a#0-1', 'f#1-1'])
    chosen.leave_out(['f'])
    assert chosen.sample_ids() == ['a#0-1'] and len(chosen) == 1


def test_the_first_sample_of_a_case(root: Path) -> None:
    for pool in (make(root), make(root, test_draws=2)):
        assert [pool[pool.index_of(c)].case_id[0] for c in COUNTS] == [*COUNTS]
        assert pool.index_of('a') == 0 and pool[pool.index_of('f') - 1].case_id == 'e#0-0'
    with pytest.raises(ValueError, match=r"no case 'A', did you mean 'a'\?"):
        make(root).index_of('A')


def test_the_sampler_deals_pairs(root: Path) -> None:
    sampler = CaseSampler(make(root), seed=0)
    sampler.set_epoch(2)
    assert sorted(i for _, i in sampler) == list(range(len(expected())))


@pytest.mark.parametrize(
    ('options', 'error', 'match'),
    [
        (dict(draws=0), ValueError, 'draws must be 1 or more, or None, got 0'),
        (dict(min_samples=0), ValueError, 'min_samples must be 1 or more'),
        (dict(test_draws=-1), ValueError, 'test_draws must be 1 or more'),
        (dict(frames=dict(lus=('video', 0))), ValueError, 'frames of lus must be 1 or more'),
    ],
)
def test_wrong_options(root: Path, options, error, match) -> None:
    with pytest.raises(error, match=match):
        make(root, **options)


def test_errors_of_choice_and_unit(root: Path) -> None:
    with pytest.raises(DataError, match=r"1 samples are not in the whole part, such as \['z#0-0'\]"):
        make(root).choose(['z#0-0', 'a#0-0'])
    with pytest.raises(ValueError, match="got 'hospital'"):
        make(root).units('hospital')
    unreadable = make(root, pipeline=[LoadImage()])
    unreadable.cases[0].files['lus'] = (root / 'cases.csv',) * 3
    with pytest.raises(DataError, match='case a#0-0'):
        unreadable[0]
