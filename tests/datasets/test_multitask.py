"""Several labelled data sets at once: parts, frames, what is refused."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from usmm.datasets import MultiTaskDataset
from usmm.datasets.transforms import collate_cases
from usmm.readers import DataError

LOAD = [dict(type='LoadImage'), dict(type='LoadClip'), dict(type='Resize', size=8)]
PACK = dict(type='PackCase')
LEVEL = {'organs': 40, 'hearts': 120, 'own': 200}


@pytest.fixture(scope='module')
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty patients with two images each in three classes, ten clips in two classes, and a table of the run."""
    root = tmp_path_factory.mktemp('tasks')
    for name, count, kind in (('organs', 40, 'png'), ('hearts', 10, 'avi'), ('own', 6, 'png')):
        rows = []
        for i in range(count):
            file = root / f'{name}{i}.{kind}'
            if kind == 'png':
                cv2.imwrite(str(file), np.full((8, 8, 3), LEVEL[name] + i, np.uint8))
            else:
                clip = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*'MJPG'), 10, (16, 16))
                for t in range(8):
                    clip.write(np.full((16, 16, 3), 20 + 25 * t + i, np.uint8))
                clip.release()
            patient = f'{name}-p{i // 2 if name == "organs" else i}'
            label = 'abc'[i // 2 % 3] if name == 'organs' else 'ab'[i % 2]
            rows.append(dict(case_id=f'{name}-{i}', patient_id=patient, label=label, file=file.name))
        pd.DataFrame(rows).to_csv(root / f'{name}.csv', index=False)
    return root


def task(root: Path, name: str, **given) -> dict:
    schema = dict(clips=dict(clip='file')) if name == 'hearts' else dict(images=dict(us='file'))
    classes = tuple('abc') if name == 'organs' else tuple('ab')
    return {**dict(name=name, table=root / f'{name}.csv', schema=schema, classes=classes), **given}


def make(root: Path, **given) -> MultiTaskDataset:
    tasks = [task(root, 'organs'), task(root, 'hearts')]
    own = dict(table=root / 'own.csv', schema=dict(images=dict(bus='file')), classes=('a', 'b'))
    return MultiTaskDataset(**{**dict(tasks=tasks, pipeline=LOAD, augment=[PACK]), **own, **given})


def test_every_task_is_divided_four_to_one_by_patient(root):
    data = make(root)
    assert data.tasks == {'organs': ('a', 'b', 'c'), 'hearts': ('a', 'b')}
    assert data.task_sizes() == {'organs': 32, 'hearts': 8} and len(data) == 40
    assert data.held_out().task_sizes() == {'organs': 8, 'hearts': 2} and len(data.held_out()) == 10
    train, val = ([part[i] for i in range(len(part))] for part in (data, data.held_out()))
    assert not {c.patient_id for c in train} & {c.patient_id for c in val}
    assert len({c.case_id for c in [*train, *val]}) == 50
    for name in ('organs', 'hearts'):  # every label has its share
        counts = Counter(c.label for c in val if c.info['task']['name'] == name)
        assert max(counts.values()) - min(counts.values()) <= 2 and len(counts) == (3 if name == 'organs' else 2)


def test_images_are_those_of_the_case_and_name_task_and_modality(root):
    data = make(root)
    for case in (data[i] for i in range(32)):
        assert case.data['image'].shape == (3, 8, 8) and case.data['image'].dtype == torch.uint8
        assert case.data['image'].unique().tolist() == [LEVEL['organs'] + int(case.case_id.split('-')[1])]
        assert (case.info['task']['name'], case.info['views']['modalities']) == ('organs', ('us',))
    batch = collate_cases([data[0, 0], data[0, 39]])
    assert list(batch['inputs']) == ['image'] and batch['inputs']['image'].shape == (2, 3, 8, 8)
    assert [c.info['task']['name'] for c in batch['data_samples']] == ['organs', 'hearts']


def test_a_frame_is_drawn_in_each_epoch_of_training_and_is_the_same_in_each_validation(root):
    data, val = make(root), make(root).held_out()
    first = [round(float(data[epoch, 32].data['image'].float().mean())) for epoch in range(12)]
    again = [round(float(make(root)[epoch, 32].data['image'].float().mean())) for epoch in range(12)]
    assert len({*first}) > 3 and first == again
    steady = [round(float(val[epoch, 8].data['image'].float().mean())) for epoch in range(12)]
    assert len({*steady}) == 1


def test_the_validation_part_is_not_augmented(root):
    jitter = [dict(type='ColourJitter', brightness=0.9, contrast=0.0, prob=1.0), PACK]
    data = make(root, augment=jitter)
    levels = [int(c.case_id.split('-')[1]) + LEVEL['organs'] for c in (data[i] for i in range(32))]
    assert sum(int(data[0, i].data['image'].max()) != levels[i] for i in range(32)) > 20
    val = data.held_out()
    for case in (val[i] for i in range(8)):
        assert case.data['image'].unique().tolist() == [LEVEL['organs'] + int(case.case_id.split('-')[1])]


def test_what_decides_the_weights(root):
    one, other = make(root).decides, make(root, seed=1).decides
    assert len(one) == 50 and one[0][0] == 'organs/organs-0' and one != other
    assert [row[:3] for row in one] == [row[:3] for row in other]  # the parts alone differ


def test_cases_that_cannot_be_read_are_left_out(root, tmp_path):
    table = pd.read_csv(root / 'organs.csv')
    table['file'] = [str(root / name) for name in table['file']]
    (tmp_path / 'bad.png').write_bytes(b'no image')
    table.loc[table.index[0], 'file'] = str(tmp_path / 'bad.png')
    table.to_csv(tmp_path / 'organs.csv', index=False)
    tasks = [task(root, 'organs', table=tmp_path / 'organs.csv', bad_cases='skip'), task(root, 'hearts')]
    data = make(root, tasks=tasks)
    before = len(data) + len(data.held_out())
    assert list(data.verify()) == ['organs/organs-0']
    assert len(data) + len(data.held_out()) == before - 1
    assert 'organs-0' not in {data[i].case_id for i in range(len(data))}


@pytest.mark.parametrize(
    ('change', 'message'),
    [(dict(order='random'), r"order must be one of \['sequential', 'interleaved'\], got 'random'"),
     (dict(augment=[]), 'augment of MultiTaskDataset must end with PackCase'),
     (dict(tasks=[]), r'needs tasks, each with a name of its own, got \[\]')],
)  # fmt: skip
def test_settings_that_make_no_sense(root, change, message):
    with pytest.raises(ValueError, match=message):
        make(root, **change)


def test_tasks_that_make_no_sense(root):
    organs = task(root, 'organs')
    with pytest.raises(ValueError, match=r"each with a name of its own, got \['organs', 'organs'\]"):
        make(root, tasks=[organs, organs])
    with pytest.raises(ValueError, match=r"task 'organs': lacks \['classes'\], unknown \['labels'\]"):
        make(root, tasks=[{k: v for k, v in organs.items() if k != 'classes'} | dict(labels=('a',))])
    with pytest.raises(DataError, match=r'40 cases have none of \[\]'):
        make(root, tasks=[task(root, 'organs', modalities=())])


def test_the_message_of_a_damaged_file_names_the_case(root, tmp_path):
    (tmp_path / 'bad.png').write_bytes(b'no image')
    rows = [dict(case_id=f'x{i}', label='ab'[i % 2], file='bad.png' if i == 0 else str(root / f'organs{i}.png'))
            for i in range(4)]  # fmt: skip
    pd.DataFrame(rows).to_csv(tmp_path / 'x.csv', index=False)
    data = make(root, tasks=[task(root, 'x', table=tmp_path / 'x.csv')])
    with pytest.raises(DataError, match='x0'):
        [part[i] for part in (data, data.held_out()) for i in range(len(part))]


def test_what_is_in_the_runs_own_table_is_refused(root, tmp_path, monkeypatch):
    monkeypatch.setattr('usmm.datasets.folds._is_blank', lambda path: False)  # the pictures are of one grey
    with pytest.raises(DataError, match=r'6 cases are in .*own.csv too; if they are not the same ones'):
        make(root, tasks=[task(root, 'own')])
    # other ids, the same files: by name, and as copies
    table = pd.read_csv(root / 'own.csv').assign(case_id=list('uvwxyz'), patient_id=list('uvwxyz'))
    table.assign(file=[str(root / f) for f in table['file']]).to_csv(tmp_path / 'same.csv', index=False)
    with pytest.raises(DataError, match=r"files are both in the table of this run and in task 'same'"):
        make(root, tasks=[task(root, 'same', table=tmp_path / 'same.csv')])
    for name in table['file']:
        (tmp_path / name).write_bytes((root / name).read_bytes())
    table.to_csv(tmp_path / 'copied.csv', index=False)
    for more in ({}, {'other_patients': True}):
        with pytest.raises(DataError, match='the same picture is in'):
            make(root, tasks=[task(root, 'copied', table=tmp_path / 'copied.csv', **more)])


def test_ids_may_be_those_of_other_patients(root, tmp_path):
    table = pd.read_csv(root / 'organs.csv')
    table['case_id'] = table['case_id'].str.replace('organs', 'own')
    table['patient_id'] = table['patient_id'].str.replace('organs', 'own')
    table['file'] = [str(root / name) for name in table['file']]
    table.to_csv(tmp_path / 'organs.csv', index=False)
    given = task(root, 'organs', table=tmp_path / 'organs.csv')
    with pytest.raises(DataError, match='6 cases are in'):
        make(root, tasks=[given])
    assert len(make(root, tasks=[given | dict(other_patients=True)])) == 32
