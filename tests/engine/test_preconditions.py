from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from usmm.config import load_config
from usmm.engine import Experiment, RunOptions, preconditions, read_predictions
from usmm.engine.preconditions import check_classes, check_launcher, check_stages
from usmm.readers import DataError

QUIET = RunOptions(progress=False)


@pytest.fixture
def tiny_config(tiny, tiny_data, tmp_path) -> Path:
    """With the clip, which cases may lack."""
    path = tmp_path / 'tiny.py'
    path.write_text(tiny.CONFIG.format(root=tiny_data, work_dir=tmp_path / 'work'))
    return path


def experiment(config: Path, options: dict | None = None) -> Experiment:
    return Experiment(load_config(config, {'max_epochs': 1, **(options or {})}), options=QUIET)


@pytest.fixture
def holes(tiny_data: Path, tmp_path: Path):
    """The tiny data without some cells: column -> numbers of the rows that lack it."""

    def _holes(**columns: range) -> str:
        root = tmp_path / 'holes'
        shutil.copytree(tiny_data, root)
        rows = list(csv.DictReader((root / 'cases.csv').open(newline='')))
        for column, numbers in columns.items():
            for i in numbers:
                rows[i][column] = ''
        with (root / 'cases.csv').open('w', newline='') as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return str(root)

    return _holes


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (
            {'stages.0.train': ['clinical'], 'stages.1.train': 'all but clinical', 'stages.1.cache': False},
            "stage 'image' trains the clinical part on the score of the images, which no stage before it trains",
        ),
        ({'stages.1.train': ['clinicl']}, r"this model has no part \['clinicl'\]; its parts are"),
        ({'stages.1.train': 'all'}, "stage 'clinical' trains .*: scores are cached where only the clinical part"),
        ({'monitor': 'auroc'}, "stage 'image': monitor 'auroc' is not measured; there are .*'auc'"),
    ],
)
def test_a_mistake_of_a_later_stage_is_found_before_the_first(tiny_config, options, message):
    # a caller may have set it in a config that was loaded; the check of the file refuses most of these
    run = Experiment(load_config(tiny_config, options, check=False), options=RunOptions(progress=False))
    with pytest.raises(ValueError, match=message):
        run.train()
    assert not (tiny_config.parent / 'work' / 'image').exists()


def test_a_monitor_that_nothing_uses_is_reported(tiny_config, monkeypatch):
    options = {'split.selection': 'last', 'max_epochs': 1, 'modalities': ['bus']}
    run = experiment(tiny_config, options)
    run.config.monitor = 'auroc'  # as of a config that was made in Python
    texts = []
    monkeypatch.setattr(preconditions, 'print_log', lambda text, *how: texts.append(text))
    check_stages(run.config, run.model, validated=False)
    expected = "stage 'image': monitor 'auroc' is not measured; nothing uses it, as there is no validation part"
    assert texts[0] == expected


def test_monitor_may_be_a_metric_of_the_image_scores(tiny_config):
    metrics = experiment(tiny_config, {'monitor': 'image/auc'}).train()
    assert metrics['stages']['clinical']['selected_by'] == 'image/auc'


@pytest.mark.parametrize('mode', ['keep', 'drop'])
def test_cases_without_a_clip_train_through_both_stages(tiny_config, holes, mode):
    # 14 of 19: there are batches of two in which no case has the clip
    root = holes(clip=range(0, 14))
    options = {'data_root': root, 'dataset.missing': mode, 'batch_size': 2}
    metrics = experiment(tiny_config, options).train()
    assert sum(metrics['cases'].values()) == (19 if mode == 'keep' else 5)
    assert set(metrics['stages']) == {'image', 'clinical'}


def test_an_unknown_category_of_a_dropped_case_is_no_mistake(tiny_config, holes):
    # 'right' is the side of every third case; without their clips the training part never sees it
    run = experiment(tiny_config, {'data_root': holes(clip=range(0, 19, 3)), 'dataset.missing': 'drop'})
    assert run.categories == {'side': ('left',)}


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'model.fusion': dict(type='ConcatFusion', embed_dims=16, _delete_=True)}, r"c1 lacks \['clip'\]"),
        ({'modalities': ['clip']}, r"c1 lacks \['clip'\]"),
    ],
)
def test_a_model_that_cannot_do_without_says_so_when_it_is_built(tiny_config, holes, options, message):
    root = holes(clip=range(0, 9))
    with pytest.raises(ValueError, match=f"9 cases lack what this model needs.*missing='keep'.*{message}"):
        experiment(tiny_config, {'data_root': root, 'dataset.missing': 'keep', **options})


def test_weights_are_not_measured_on_patients_that_trained_them(tiny_config, tmp_path):
    run = experiment(tiny_config, {'modalities': ['bus']})
    run.train()
    other = {'modalities': ['bus'], 'split.fold': 1, 'split.file': str(tmp_path / 'other.csv')}
    again = experiment(tiny_config, other)
    again.load(tiny_config.parent / 'work' / 'model.pth')
    shared = {c.patient_id for c in again.parts['test'].cases} & {c.patient_id for c in run.parts['train'].cases}
    with pytest.raises(ValueError, match=f'{len(shared)} patients of the test part trained these weights'):
        again.evaluate(['test'])
    assert 'train' in again.evaluate(['train'])[0]


def test_a_part_without_cases_is_said(tiny_config):
    run = experiment(tiny_config, {'modalities': ['bus'], 'split.folds': 1})
    with pytest.raises(ValueError, match=r"there is no 'test' part; the parts with cases are \['train', 'val'\]"):
        run.evaluate(['test'])


def test_categories_of_other_data_are_refused(tiny_config, holes, tmp_path):
    experiment(tiny_config).train()
    other = Path(holes())
    text = (other / 'cases.csv').read_text()
    (other / 'cases.csv').write_text(text.replace('left', 'sinistra').replace('right', 'destra'))
    again = experiment(tiny_config, {'data_root': str(other)})
    with pytest.raises(
        ValueError, match=r"categories of 'side': \['destra', 'sinistra'\] instead of \['left', 'right'\]"
    ):
        again.load(tiny_config.parent / 'work' / 'model.pth')


def test_selection_is_that_of_the_training(tiny_config):
    config = load_config(tiny_config, {'max_epochs': 1, 'modalities': ['bus']})
    metrics = Experiment(config, options=RunOptions(validate=False, progress=False)).train()
    assert metrics['selection'] == 'last'
    again = experiment(tiny_config, {'modalities': ['bus']})
    assert again.facts()['selection'] == 'inner'
    again.load(tiny_config.parent / 'work' / 'model.pth')
    assert again.facts()['selection'] == 'last'


def test_weights_of_a_clinical_head_that_never_learnt_are_not_shown(tiny_config):
    run = experiment(tiny_config)
    assert run.clinical_weights() is None
    assert 'clinical_weights' not in run.train(stage='image')


def test_the_clinical_head_may_read_some_of_the_variables(tiny_config):
    run = experiment(tiny_config, {'model.clinical.variables': ['side']})
    assert set(run.train()['clinical_weights']) == {'image', 'side'}


def test_parts_of_a_split_column_are_no_folds(tiny_config, holes):
    table = Path(holes(), 'cases.csv')
    header, *rows = table.read_text().splitlines()
    parts = ['train', 'train', 'val', 'test']
    table.write_text(
        '\n'.join([f'{header},part', *(f'{row},{parts[i // 2 % 4]}' for i, row in enumerate(rows))]) + '\n'
    )
    options = {'data_root': str(table.parent), 'schema.split': 'part', 'modalities': ['bus']}
    _, found = experiment(tiny_config, options).evaluate(['test'])
    assert {row['fold'] for row in found} == {''}
    _, found = experiment(tiny_config, {'modalities': ['bus']}).evaluate(['test'])
    assert {row['fold'] for row in found} == {0}


class Labels(list):
    @property
    def labels(self) -> np.ndarray:
        return np.array(self)


def test_every_class_needs_a_training_case():
    with pytest.raises(ValueError, match=r"no case of the classes \['SCC'\]; it has 3 cases"):
        check_classes(('ADC', 'SCC', 'LYM'), Labels([0, 0, 2]))
    check_classes(('ADC', 'SCC'), Labels([0, 1]))


@pytest.mark.parametrize(
    ('launcher', 'message'),
    [('pytorch', 'wants RANK in the environment: start it with tools/dist_train.sh'), ('slurm', 'wants SLURM_PROCID')],
)
def test_a_launcher_that_did_not_launch(monkeypatch, launcher, message):
    for name in ('RANK', 'SLURM_PROCID'):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match=message):
        check_launcher(launcher)
    monkeypatch.setenv('RANK', '0')
    check_launcher('pytorch')


def test_a_clinical_part_that_no_stage_trains(tiny_config):
    config = load_config(tiny_config)
    config.stages = config.stages[:1]
    with pytest.raises(ValueError, match='no stage trains the clinical part'):
        Experiment(config, options=QUIET).train()


def test_every_case_of_another_table_can_be_tested_with_the_categories_of_the_weights(tiny_config, holes, tmp_path):
    experiment(tiny_config).train()
    weights = tiny_config.parent / 'work' / 'model.pth'
    # elsewhere nobody has a side: 'auto' could not be settled from these data
    root = holes(side=range(19))
    table = (Path(root) / 'cases.csv').read_text().replace(',p', ',q')
    (Path(root) / 'cases.csv').write_text(table)
    config = load_config(tiny_config, {'data_root': root})
    other = Experiment(config, tmp_path / 'other', QUIET, ['all'], weights)
    metrics, rows = other.evaluate(['all'])
    other.write_results({**metrics, **other.facts()}, rows)
    rows = read_predictions(tmp_path / 'other' / 'predictions.csv')
    assert len(rows) == 19 and {r['part'] for r in rows} == {'all'} and {r['fold'] for r in rows} == {''}
    assert other.categories == {'side': ('left', 'right')}


def test_all_cases_of_the_training_table_are_refused(tiny_config, tmp_path):
    experiment(tiny_config).train()
    weights = tiny_config.parent / 'work' / 'model.pth'
    same = Experiment(load_config(tiny_config), tmp_path / 'same', QUIET, ['all'], weights)
    with pytest.raises(ValueError, match='patients of the all part trained these weights'):
        same.evaluate(['all'])


@pytest.fixture
def damaged(tiny_data: Path, tmp_path: Path) -> str:
    """The tiny data, in which three files are cut."""
    root = tmp_path / 'damaged'
    shutil.copytree(tiny_data, root)
    rows = list(csv.DictReader((root / 'cases.csv').open(newline='')))
    for i, column in ((2, 'bus'), (7, 'ue'), (11, 'clip')):
        file = root / rows[i][column]
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    return str(root)


def test_bad_files_stop_a_run_before_the_first_epoch(tiny_config, damaged):
    run = experiment(tiny_config, {'data_root': damaged})
    with pytest.raises(DataError, match='3 of 19 cases cannot be read') as caught:
        run.train()
    assert str(caught.value).count('modality') == 3
    assert not (tiny_config.parent / 'work' / 'image').exists()


def test_bad_files_are_left_out_and_listed_by_option(tiny_config, damaged):
    metrics = experiment(tiny_config, {'data_root': damaged, 'dataset.bad_cases': 'skip'}).train()
    assert sum(metrics['cases'].values()) == 16
    skipped = {case: text for bad in metrics['skipped'].values() for case, text in bad.items()}
    assert len(skipped) == 3 and all('modality' in text for text in skipped.values())
    kept = {row['case_id'] for row in read_predictions(tiny_config.parent / 'work' / 'predictions.csv')}
    assert not kept & set(skipped)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (
            {'stages.1.optimizer.lr': -1.0},
            r"stage 'clinical': the optimizer .* cannot be built: .*nvalid learning rate",
        ),
        ({'stages.0.optimizer': dict(type='Adam', lr=0.1, betas=(2, 2))}, "stage 'image': the optimizer .*nvalid beta"),
        (
            {'stages.0.optimizer': dict(_delete_=True, type='SGD', lr=0.1, nesterov=True)},
            "stage 'image': the optimizer .* cannot be built: .*Nesterov",
        ),
        ({'stages.0.optimizer.lr': 'fast'}, "stage 'image': the optimizer .* cannot be built: "),
    ],
)
def test_an_optimizer_that_cannot_be_built(tiny_config, options, message):
    config = load_config(tiny_config, {'modalities': ['bus', 'clinical'], **options}, check=False)
    run = Experiment(config, options=RunOptions(progress=False))
    with pytest.raises(ValueError, match=message):
        run.train()
    assert not (tiny_config.parent / 'work' / 'image').exists()


@pytest.mark.parametrize('pipeline', ['train_pipeline', 'test_pipeline'])
def test_a_pipeline_that_does_not_pack(tiny_config, pipeline):
    config = load_config(tiny_config, {'modalities': ['bus']})
    config[pipeline] = [t for t in config[pipeline] if t['type'] != 'PackCase']
    message = r"the pipeline of the \w+ part must .* end with PackCase, got \['LoadImage', .* no tensor of \['bus'\]"
    with pytest.raises(ValueError, match=message):
        Experiment(config, options=QUIET).train()


def test_a_pipeline_that_loads_nothing(tiny_config):
    config = load_config(tiny_config, {'modalities': ['bus']})
    config.test_pipeline = [dict(type='PackCase')]
    with pytest.raises(ValueError, match=r"got \['PackCase'\], which leaves nothing of the files"):
        Experiment(config, options=QUIET).verify()


def test_before_a_test_all_bad_files_are_listed(tiny_config, damaged, tmp_path):
    config = load_config(tiny_config, {'data_root': damaged})
    run = Experiment(config, tmp_path / 'out', QUIET, ['train', 'val', 'test'])
    with pytest.raises(DataError, match='3 of 19 cases cannot be read') as caught:
        run.verify()
    assert str(caught.value).count('modality') == 3 and "bad_cases='skip'" in str(caught.value)


def test_bad_cases_of_a_test_are_skipped_by_option(tiny_config, damaged, tmp_path):
    options = {'data_root': damaged, 'dataset.bad_cases': 'skip'}
    run = Experiment(load_config(tiny_config, options), tmp_path / 'out', QUIET, ['train', 'val', 'test'])
    run.verify()
    assert sum(len(bad) for bad in run.skipped.values()) == 3
    assert sum(len(data) for data in run.parts.values()) == 16


def test_a_last_batch_of_one_case_is_said(caplog: pytest.LogCaptureFixture) -> None:
    texts = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preconditions, 'print_log', lambda text, *how: texts.append(text))
        for cases, size in ((12, 11), (12, 6), (1, 4), (5, 1)):
            preconditions.report_last_batch(cases, size)
    assert texts == [
        '12 training cases in batches of 11: each epoch leaves out another case, as a last batch of one case cannot be '
        'trained on'
    ]
