"""Rounds of active learning on a tiny pool: curves that resume, test patients outside, a person who answers."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from usmm.engine import RunOptions
from usmm.engine.active import active_learning
from usmm.engine.active.active_learning import ActiveLearning, AnswersMissing
from usmm.engine.active.active_state import read_labelled, read_rows
from usmm.readers import DataError, read_table

CONFIG = """
default_scope = 'usmm'
data_root = '{root}'
classes = ('F0', 'F1')
modalities = ('lste', 'lus')
max_epochs = None
batch_size = 8
num_workers = 0
seed = 0
work_dir = 'unused'
schema = dict(images=dict(lste='lste', lus='lus'))
split = dict(folds=3, fold=0, seed='${{seed}}', selection='last', file='${{work_dir}}/folds.csv')
dataset = dict(
    type='PairPool', table='${{data_root}}/cases.csv', schema='${{schema}}', classes='${{classes}}',
    modalities='${{modalities}}', split='${{split}}', seed='${{seed}}', draws=2)
evaluator = [dict(type='CaseMetrics', classes='${{classes}}', ordered=True)]
test_pipeline = [dict(type='LoadImage'), dict(type='Resize', size=32), dict(type='PackCase')]
train_pipeline = [dict(type='LoadImage'), dict(type='Resize', size=32), dict(type='RandomFlip'), dict(type='PackCase')]
net = dict(type='DLRE', channels=(2, 4, 4, 4))
model = dict(
    type='MultiModalClassifier', modalities='${{modalities}}', classes='${{classes}}',
    encoder=dict(
        lste=dict(type='ImageEncoder', modality='lste', backbone='${{net}}'),
        lus=dict(type='ImageEncoder', modality='lus', backbone='${{net}}')),
    fusion=dict(type='SqueezeExcitationFusion', embed_dims=4, reduction=2), head=dict(type='LinearHead', dropout=0.5))
stages = [dict(name='image', train='all', optimizer=dict(type='Adam', lr=1e-3), max_epochs=1)]
"""
QUIET = RunOptions(progress=False)


@pytest.fixture(scope='module')
def config(tmp_path_factory: pytest.TempPathFactory) -> str:
    root, rng, rows = tmp_path_factory.mktemp('al'), np.random.default_rng(0), []
    for c in range(12):
        row = dict(case_id=f'c{c}', patient_id=f'p{c}', label=f'F{c % 2}')
        for m, count in (('lste', 2), ('lus', 1 + c % 3)):
            files = [f'{m}{c}_{k}.png' for k in range(count)]
            for f in files:
                image = np.clip(rng.normal(90 + 60 * (c % 2), 25, (16, 16, 3)), 0, 255).astype(np.uint8)
                Image.fromarray(image).save(root / f)
            row[m] = ';'.join(files)
        rows.append(row)
    for name, blank in (('cases', False), ('open', True)):
        with (root / f'{name}.csv').open('w', newline='') as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows({**r, 'label': ''} if blank else r for r in rows)
    path = root / 'tiny_pool.py'
    path.write_text(CONFIG.format(root=root))
    return str(path)


def plan(config: str, work: Path, strategies: tuple[str, ...] = ('es',), **options) -> ActiveLearning:
    given = dict(seeds=(0,), rounds=2, count=3, start=4, full=False)
    return ActiveLearning(config, work, strategies, **{**given, **options})


def contents(work: Path) -> dict[str, str]:
    """What a curve is made of: who is labelled, and the scores; the clock left out."""
    found = {}
    for path in sorted([*work.rglob('labelled.csv'), *work.rglob('asked.csv'), *work.rglob('round.json')]):
        text = path.read_text()
        if path.suffix == '.json':
            text = json.dumps({k: v for k, v in json.loads(text).items() if k != 'seconds'})
        found[str(path.relative_to(work))] = text
    return found


@pytest.fixture(scope='module')
def done(config: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = tmp_path_factory.mktemp('work') / 'al'
    plan(config, work, ('es', 'esd', 'badge'), full=True).run(QUIET)
    return work


def test_rounds_grow_by_the_query_and_end_with_scores(config: str, done: Path) -> None:
    for strategy in ('es', 'esd', 'badge'):
        names: set[str] = set(read_labelled(done / 'seed_0' / 'start' / 'labelled.csv'))
        assert len(names) == 4
        for k in (1, 2):
            folder = done / 'seed_0' / strategy / f'round_{k}'
            now, asked = (
                set(read_labelled(folder / 'labelled.csv')),
                [r['unit'] for r in read_rows(folder / 'asked.csv')],
            )
            assert now == names | set(asked) and len(now) == len(names) + 3
            content = json.loads((folder / 'round.json').read_text())
            assert content['labelled'] == content['units'] == len(now) and 0 <= content['metrics']['auc'] <= 1
            assert {'quadratic_kappa', 'stage_error'} <= set(content['metrics'])
            assert content['patients'] == len({n.partition('#')[0] for n in now})
            names = now
        assert not (done / 'seed_0' / strategy / 'round_1' / 'model.pth').exists()
    full = json.loads((done / 'seed_0' / 'full' / 'round.json').read_text())
    assert full['share'] == 1 and full['labelled'] == full['pool']
    assert len(plan(config, done, ('es', 'esd', 'badge'), full=True).finished()) == 8


def test_test_patients_are_never_in_the_pool(config: str, done: Path) -> None:
    folds = {r['case_id']: r['fold'] for r in read_rows(done / 'seed_0' / 'folds.csv')}
    for path in done.rglob('labelled.csv'):
        assert all(folds[name.partition('#')[0]] != '0' for name in read_labelled(path))
    rows = read_rows(done / 'seed_0' / 'es' / 'round_2' / 'predictions.csv')
    assert sorted(r['case_id'] for r in rows) == sorted(c for c, f in folds.items() if f == '0')  # a row a patient


def test_every_class_is_in_the_first_set(done: Path) -> None:
    assert set(read_labelled(done / 'seed_0' / 'start' / 'labelled.csv').values()) == {'F0', 'F1'}


def test_a_second_run_does_nothing(config: str, done: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(done)
    monkeypatch.setattr(active_learning, 'run_fold', lambda *a, **k: pytest.fail('a round was run again'))
    plan(config, done, ('es', 'esd', 'badge'), full=True).run(QUIET)
    assert contents(done) == before


@pytest.mark.parametrize('where', ['before training', 'after training', 'while asking'])
def test_a_killed_run_ends_with_the_same_curve(config: str, done: Path, tmp_path: Path, monkeypatch, where) -> None:
    work, calls = tmp_path / 'al', []
    name = {'while asking': 'write_labelled'}.get(where, 'run_fold')
    real = getattr(active_learning, name)

    def dying(*args, **options):
        calls.append(1)
        if len(calls) == 3 and where != 'after training':
            raise KeyboardInterrupt
        result = real(*args, **options)
        if len(calls) == 3 and where == 'after training':
            raise KeyboardInterrupt
        return result

    monkeypatch.setattr(active_learning, name, dying)
    with pytest.raises(KeyboardInterrupt):
        plan(config, work, ('es', 'esd')).run(QUIET)
    rounds = len([*work.rglob('round.json')])
    monkeypatch.setattr(active_learning, name, real)
    plan(config, work, ('es', 'esd')).run(QUIET)
    assert 0 < rounds < 5
    expected = {k: v for k, v in contents(done).items() if '/badge/' not in k and '/full/' not in k}
    assert contents(work) == expected


def test_fine_tuning_starts_from_the_round_before(config: str, tmp_path: Path) -> None:
    plan(config, tmp_path / 'al', ('rand',), training='fine-tune').run(QUIET)
    texts = [(tmp_path / 'al' / 'seed_0' / 'rand' / f'round_{k}' / 'config.py').read_text() for k in (1, 2)]
    assert "load_from = '${work_dir}/../../start/model.pth'" in texts[0]
    assert "load_from = '${work_dir}/../round_1/model.pth'" in texts[1]


def test_whole_patients_until_nothing_is_left(config: str, tmp_path: Path) -> None:
    plan(config, tmp_path / 'al', ('rand',), unit='patient', count=3, start=3, rounds=5).run(QUIET)
    folders = sorted((tmp_path / 'al' / 'seed_0' / 'rand').iterdir())
    last = json.loads((folders[-1] / 'round.json').read_text())
    assert [f.name for f in folders] == ['round_1', 'round_2'] and last['patients'] == 8 and last['share'] == 1


def read(path: Path) -> list[dict]:
    return read_table(path).to_dict('records')


def test_a_person_answers(config: str, tmp_path: Path) -> None:
    sheet, truth = tmp_path / 'ask.xlsx', {f'p{c}': f'F{c % 2}' for c in range(12)}
    options = {'dataset.table': str(Path(config).parent / 'open.csv')}
    run = plan(config, tmp_path / 'al', unit='patient', sheet=sheet, rounds=1, count=2, start=4, options=options)

    def answer(leave: int = 0) -> None:
        import openpyxl

        book = openpyxl.load_workbook(sheet)
        head, *rows = book.active.iter_rows()
        at = [cell.value for cell in head].index('label')
        for row in rows[leave:]:
            row[at].value = truth[row[0].value]
        book.save(sheet)

    with pytest.raises(AnswersMissing, match=r'4 labels are asked for in .*ask\.xlsx'):
        run.run(QUIET, read)
    asked = [row['unit'] for row in read(sheet)]
    with pytest.raises(AnswersMissing, match='4 of 4 labels are missing'):
        run.run(QUIET, read)
    answer(leave=1)
    with pytest.raises(AnswersMissing, match='1 of 4 labels are missing'):
        run.run(QUIET, read)
    answer()
    if len({truth[u] for u in asked}) < 2:
        pytest.skip('one class alone was asked for')
    with pytest.raises(AnswersMissing, match='2 labels are asked for'):
        run.run(QUIET, read)
    first = read_labelled(tmp_path / 'al' / 'seed_0' / 'start' / 'labelled.csv')
    assert {n.partition('#')[0] for n in first} == {u.replace('p', 'c') for u in asked}
    assert all(label == truth[n.partition('#')[0].replace('c', 'p')] for n, label in first.items())
    sheet.unlink()
    with pytest.raises(AnswersMissing, match=r'ask\.xlsx is gone; remove .*sheet_written'):
        run.run(QUIET, read)
    (tmp_path / 'al' / 'seed_0' / 'es' / 'round_1' / 'sheet_written').unlink()
    with pytest.raises(AnswersMissing, match='2 labels are asked for'):
        run.run(QUIET, read)
    answer()
    run.run(QUIET, read)
    assert json.loads((tmp_path / 'al' / 'seed_0' / 'es' / 'round_1' / 'round.json').read_text())['units'] == 6


def test_labels_that_the_table_lacks(config: str, tmp_path: Path) -> None:
    options = {'dataset.table': str(Path(config).parent / 'open.csv'), 'dataset.require_labels': False}
    with pytest.raises(ValueError, match='samples have no label in the table, such as'):
        plan(config, tmp_path / 'al', options=options).run(QUIET)
    options.pop('dataset.require_labels')
    with pytest.raises(DataError, match='the label is missing'):
        plan(config, tmp_path / 'al2', options=options).run(QUIET)


def test_other_settings_in_the_same_folder(config: str, done: Path) -> None:
    with pytest.raises(ValueError, match=r'a run with other settings \(count, unit\)'):
        plan(config, done, count=4, unit='patient').run(QUIET)


@pytest.fixture
def begun(config: str, done: Path, tmp_path: Path) -> tuple[str, Path]:
    """A copy of the data, the config and the rounds that are done; a test may change all of them."""
    root = Path(config).parent
    shutil.copytree(root, tmp_path / 'data')
    shutil.copytree(done, tmp_path / 'al')
    path = tmp_path / 'data' / 'tiny_pool.py'
    path.write_text(path.read_text().replace(str(root), str(tmp_path / 'data')))
    return str(path), tmp_path / 'al'


@pytest.mark.parametrize(
    ('old', 'new', 'name'),
    [
        ('lr=1e-3', 'lr=1e-2', 'stages'),
        ("('F0', 'F1')", "('F1', 'F0')", 'classes, dataset'),
        ('seed = 0', 'seed = 3', 'seed'),
    ],
)
def test_a_config_that_has_changed_is_refused(begun, old: str, new: str, name: str) -> None:
    path, work = begun
    Path(path).write_text(Path(path).read_text().replace(old, new))
    settings = json.loads((work / 'settings.json').read_text())
    (work / 'settings.json').write_text(json.dumps({**settings, 'config': path}))
    with pytest.raises(
        ValueError, match=rf'al was begun with another config \(it differs in .*{name.partition(",")[0]}'
    ):
        plan(path, work, rounds=3).run(QUIET)
    (work / 'config.py').unlink()  # as of an earlier version: stated, and kept from now on
    run = plan(path, work, rounds=3)
    run._check_settings()
    assert new in (work / 'config.py').read_text().replace('0.01', '1e-2').replace('"', "'")


def repaint(data: Path) -> None:
    Image.new('RGB', (16, 16), (9, 9, 9)).save(data / 'lste3_0.png')


def relabel(data: Path) -> None:
    text = (data / 'cases.csv').read_text()
    (data / 'cases.csv').write_text(text.replace('c4,p4,F0', 'c4,p4,F1'))


@pytest.mark.parametrize(
    ('change', 'text'),
    [(repaint, r'files of 1 case \(c3\)'), (relabel, r'label.* 1 cases? \(c4: F0 -> F1\)')],
)
def test_data_that_have_changed_are_refused(begun, change, text: str) -> None:
    path, work = begun
    settings = json.loads((work / 'settings.json').read_text())
    (work / 'settings.json').write_text(json.dumps({**settings, 'config': path}))
    change(Path(path).parent)
    with pytest.raises((ValueError, DataError), match=text):  # folds.csv is compared first
        plan(path, work, rounds=3).run(QUIET)
    assert not (work / 'seed_0' / 'es' / 'round_3').exists()


def test_a_folder_with_other_work_is_refused(config: str, tmp_path: Path) -> None:
    (tmp_path / 'model.pth').touch()
    with pytest.raises(ValueError, match='holds a run, and an active-learning run would write over its files'):
        plan(config, tmp_path).run(QUIET)
    assert [f.name for f in tmp_path.iterdir()] == ['model.pth']


@pytest.mark.parametrize(
    ('options', 'match'),
    [
        (dict(training='never'), "training must be one of .*, got 'never'"),
        (dict(how='median'), "how must be one of .*, got 'median'"),
        (dict(rounds=0), 'rounds must be 1 or more, got 0'),
        (dict(start=0), 'start must be 1 or more, got 0'),
        (dict(seeds=(1, 1)), 'seeds must be one or more different numbers'),
        (dict(strategies=('x',)), r"strategies must be some of .*, got \['x'\]"),
        (dict(sheet=Path('a.csv'), seeds=(0, 1)), 'one strategy and one seed'),
        (dict(sheet=Path('a.txt')), 'a sheet of questions ends in'),
    ],
)
def test_settings_that_cannot_be(options, match) -> None:
    with pytest.raises(ValueError, match=match):
        plan('c', Path('w'), **options)
