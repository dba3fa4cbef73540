"""Trainings that go on from other weights, tests with them, and folders whose results would be replaced."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.hooks import EarlyStoppingHook

from usmm.apis import Predictor
from usmm.apis.training import train
from usmm.cli.predict_files import check_replaceable
from usmm.config import load_config
from usmm.config.runner_settings import _early_stop
from usmm.datasets.checks.label_leaks import presence_leaks
from usmm.datasets.folds import forget_folds
from usmm.engine import Experiment, RunOptions
from usmm.engine.going_on import check_origin, origin_of
from usmm.engine.loaded_weights import use_folds_of, weights_notes
from usmm.engine.preconditions import check_unseen
from usmm.engine.workdir.outputs import check_no_folds, check_no_run, load_weights, save_checkpoint
from usmm.structures import Case, ModelMeaning, Schema
from usmm.structures.preparation import preparation_differences, preparation_of

QUIET = RunOptions(progress=False)


def experiment(run: Path, work_dir: Path, checkpoint: Path | None = None, **options: object) -> Experiment:
    """An experiment with the config of a run, some settings of it changed (`__` in place of a point)."""
    changes = {key.replace('__', '.'): value for key, value in options.items()}
    config = load_config(run / 'config.py', {**changes, 'work_dir': str(work_dir)})
    return Experiment(config, work_dir, QUIET, ['test'] if checkpoint else None, checkpoint)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'seed': 3}, r'cannot resume: .*work holds a run of another config \(it differs in seed'),
        (
            {'classes': ('SCC', 'ADC'), 'positive': 'ADC'},
            r'holds a run of another config \(it differs in classes, posit',
        ),
        ({'batch_size': 5}, r'it differs in batch_size'),
    ],
)
def test_a_checkpoint_of_another_folder_is_compared_with_its_run(
    tiny_run: Path, tmp_path: Path, options: dict, message: str
) -> None:
    checkpoint = next((tiny_run / 'image').glob('epoch_*.pth'))
    shutil.copy(tiny_run / 'folds.csv', tmp_path)
    with pytest.raises(ValueError, match=message):
        experiment(tiny_run, tmp_path, **options).train(resume=str(checkpoint))
    assert not (tmp_path / 'config.py').exists(), 'a refused run leaves no state'


def test_a_checkpoint_alone_is_compared_by_what_it_states(tiny_run: Path, tmp_path: Path, caplog) -> None:
    folder = tmp_path / 'alone' / 'image'
    folder.mkdir(parents=True)
    checkpoint = Path(shutil.copy(next((tiny_run / 'image').glob('epoch_*.pth')), folder))
    with pytest.raises(ValueError, match=r'patients of the (val|test) part trained the weights that this tra'):
        experiment(tiny_run, tmp_path / 'w', split__fold=1).train(resume=str(checkpoint))
    other = dict(classes=('SCC', 'ADC'), positive='ADC')
    with pytest.raises(ValueError, match=r"classes: \['SCC', 'ADC'\] instead of \['ADC', 'SCC'\] \(another order\)"):
        experiment(tiny_run, tmp_path / 'v', **other).train(resume=str(checkpoint))


def test_a_stage_goes_on_with_the_settings_of_the_stages_before(tiny_run: Path, tmp_path: Path) -> None:
    work = tmp_path / 'work'
    shutil.copytree(tiny_run, work)
    (work / 'model.pth').unlink()
    shutil.rmtree(work / 'clinical')
    with pytest.raises(ValueError, match='it differs in split'):
        experiment(tiny_run, work, split__fold=1).train(stage='clinical')
    with pytest.raises(ValueError, match='it differs in stages'):
        experiment(tiny_run, work, stages__0__optimizer__lr=9.0).train(stage='clinical')
    source = (work / 'config.py').read_text()
    check_origin(work, source + '\nstages[1]["epochs"] = 9\n', ['image'])
    assert origin_of(work, ['image', 'clinical'], False, 'clinical') == work
    assert origin_of(work, ['image', 'clinical'], False, 'image') is None
    assert origin_of(work, ['image'], str(tmp_path / 'a' / 'image' / 'epoch_1.pth'), None) == tmp_path / 'a'


def test_weights_to_start_from_must_not_have_seen_the_test_patients(tiny_run: Path, tmp_path: Path, caplog) -> None:
    run = experiment(tiny_run, tmp_path, load_from=str(tiny_run / 'model.pth'), split__fold=1)
    with pytest.raises(ValueError, match=r"weights that this training starts from .*set split\.seen_patients='warn'"):
        run.train()
    with caplog.at_level(logging.WARNING):
        check_unseen('test', run.parts['test'], run.trained_on, True, 'warn')
    assert run.trained_on == frozenset(load_weights(tiny_run / 'model.pth')['meta']['trained_on'])


@pytest.mark.parametrize('name', ['model.pth', 'image/selected.pth', 'clinical/selected.pth'])
def test_every_file_of_weights_states_its_patients(tiny_run: Path, tmp_path: Path, name: str) -> None:
    run = experiment(tiny_run, tmp_path, tiny_run / name, split__fold=1, split__file=str(tmp_path / 'folds.csv'))
    with pytest.raises(ValueError, match='patients of the test part trained these weights'):
        run.evaluate()
    epoch = next((tiny_run / 'image').glob('epoch_*.pth'))
    assert load_weights(epoch)['meta']['trained_on'] == load_weights(tiny_run / 'model.pth')['meta']['trained_on']


def test_another_preparation_of_inputs_is_stated(tiny_run: Path, tmp_path: Path) -> None:
    run = experiment(tiny_run, tmp_path, tiny_run / 'model.pth', model__data_preprocessor__mean=[0, 0, 0])
    (note,) = run.weights.notes
    assert (
        'inputs are prepared in another way than in the training: data_preprocessor.mean [0, 0, 0] instead of' in note
    )
    assert run.facts()['weights'] == [note]
    config = tmp_path / 'other.py'
    config.write_text((tiny_run / 'config.py').read_text() + '\nmodel["data_preprocessor"]["std"] = [1, 1, 1]\n')
    predictor = Predictor((config, tiny_run / 'model.pth'), 'cpu')
    (prediction,) = predictor.predict([dict(case_id='c')])
    assert predictor.bundle.notes and 'data_preprocessor.std [1, 1, 1] instead of' in predictor.bundle.notes[0]
    assert Predictor(tiny_run, 'cpu').bundle.notes == () and prediction.error is not None


def test_columns_that_changed_places_are_stated(tiny_run: Path) -> None:
    config = load_config(tiny_run / 'config.py')
    before = preparation_of(config)
    assert preparation_differences(before, before) is None and preparation_differences(before, {}) is None
    config.schema.images.bus, config.schema.images.ue = 'ue', 'bus'
    assert preparation_differences(preparation_of(config), before) == (
        "inputs are prepared in another way than in the training: column of bus 'ue' instead of 'bus', column of ue "
        "'bus' instead of 'ue'"
    )


def test_weights_that_state_nothing_or_are_not_finished_are_said(tiny_run: Path, tmp_path: Path) -> None:
    config = load_config(tiny_run / 'config.py')
    content = load_weights(tiny_run / 'model.pth')
    save_checkpoint(tmp_path / 'bare.pth', content['state_dict'], {})
    run = experiment(tiny_run, tmp_path / 'w', tmp_path / 'bare.pth')
    assert [note.partition('bare.pth ')[2] for note in run.weights.notes] == [
        'states no classes, modalities and variables: they were not compared with the config',
        'does not state which patients trained it: a test on these is not noticed',
    ]
    meta = {**content['meta'], 'untrained': ['clinical']}
    assert weights_notes('w.pth', meta, config) == [
        'w.pth was saved before the training of clinical: what that adds is not used'
    ]


@pytest.mark.parametrize('meaning', [3, {'classes': 3}, {'classes': ['a', 'b'], 'variables': [3]}])
def test_a_damaged_meaning_is_named(meaning: object) -> None:
    with pytest.raises(ValueError, match='weights state a meaning that cannot be read'):
        ModelMeaning.of_meta({'meaning': meaning, 'classes': ['a', 'b']})


def test_a_test_uses_the_folds_of_the_weights_and_writes_none(tiny_run: Path, tmp_path: Path) -> None:
    config = load_config(tiny_run / 'config.py', {'work_dir': str(tmp_path)})
    use_folds_of(config, tiny_run / 'image' / 'selected.pth')
    assert config.dataset.split.file == str(tiny_run / 'folds.csv') and not (tmp_path / 'folds.csv').exists()
    config = load_config(tiny_run / 'config.py', {'work_dir': str(tmp_path)})
    use_folds_of(config, tmp_path / 'a' / 'b' / 'c' / 'model.pth')
    assert config.dataset.split.file is None
    own = tmp_path / 'own' / 'folds.csv'
    own.parent.mkdir()
    shutil.copy(tiny_run / 'folds.csv', own)
    config = load_config(tiny_run / 'config.py', {'work_dir': str(tmp_path), 'split.file': str(own)})
    use_folds_of(config, tiny_run / 'model.pth')
    assert config.dataset.split.file == str(own), 'a file that is named stays'


def test_a_new_start_makes_new_folds(tmp_path: Path) -> None:
    (tmp_path / 'folds.csv').write_text('x')
    elsewhere = tmp_path / 'b' / 'folds.csv'
    elsewhere.parent.mkdir()
    elsewhere.write_text('x')
    forget_folds(Config(dict(work_dir=str(tmp_path), split=dict(file=str(elsewhere)))))
    forget_folds(Config(dict(work_dir=str(tmp_path), split=dict(file=None))))
    assert elsewhere.is_file() and (tmp_path / 'folds.csv').is_file()
    forget_folds(Config(dict(work_dir=str(tmp_path), split=dict(file=str(tmp_path / 'folds.csv')))))
    assert not (tmp_path / 'folds.csv').exists()


def test_results_of_a_training_are_not_replaced(tiny_run: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r'holds the results of a training \(model\.pth\), which those of a test would'
    ):
        check_no_run(tiny_run, 'w.pth')
    check_no_run(tmp_path, 'w.pth')
    (tmp_path / 'metrics.json').write_text('{"checkpoint": "v.pth"}')
    check_no_run(tmp_path, Path('v.pth').absolute())
    with pytest.raises(ValueError, match=r'holds a test of other weights \(v\.pth\): name another fo'):
        check_no_run(tmp_path, 'w.pth')
    (tmp_path / 'fold_0').mkdir()
    with pytest.raises(ValueError, match='holds a cross-validation, whose results a run would replace: use'):
        check_no_folds(tmp_path)
    with pytest.raises(ValueError, match=r'is a file of the run in .*; name a file in another folder'):
        check_replaceable(tiny_run / 'predictions.csv')
    (tmp_path / 'notes.csv').write_text('mine')
    with pytest.raises(ValueError, match='is there and is not a table of predictions; give it another name'):
        check_replaceable(tmp_path / 'notes.csv')
    (tmp_path / 'p.csv').write_text('case_id,patient_id,label\n')
    check_replaceable(tmp_path / 'p.csv')
    check_replaceable(tmp_path / 'new.csv')
    with pytest.raises(ValueError, match='resume goes on with a run, overwrite starts over: give one of both'):
        train(str(tiny_run / 'config.py'), resume=True, overwrite=True)


def test_equal_scores_count_as_no_improvement() -> None:
    for monitor, first, better in (('auc', 0.5, 0.6), ('loss', 0.5, 0.4)):
        (settings,) = _early_stop(dict(early_stop=dict(patience=2)), monitor)
        hook = EarlyStoppingHook(**{k: v for k, v in settings.items() if k != 'type'})
        assert [hook._check_stop_condition(score)[0] for score in (first, first, first)] == [False, False, True]
        assert hook.wait_count == 2 and not hook._check_stop_condition(better)[0] and hook.wait_count == 0


def test_masks_of_one_class_are_named() -> None:
    cases = [Case(str(i), str(i), i % 2, files={'bus': (Path('a.png'),)}) for i in range(40)]
    assert presence_leaks(['bus'], cases, ('A', 'B')) == {}
    for case in cases[1::2]:
        case.mask_files['bus'] = (Path('m.png'),)
    for case in cases[::2]:
        case.files['ue'] = (Path('u.png'),)
    reason = 'its missing cells nearly determine the label (exceptions: 0 of 40)'
    assert presence_leaks(['bus', 'ue'], cases, ('A', 'B')) == {'masks of bus': reason, 'files of ue': reason}


@pytest.mark.parametrize(('name', 'pattern'), [('masks', '{modality}_mask'), ('boxes', '{modality}_box')])
def test_masks_and_boxes_are_a_pattern_or_columns(name: str, pattern: str) -> None:
    with pytest.raises(ValueError, match=f"{name} of the schema must be a pattern such as '{pattern}', or a d"):
        Schema(**{name: None})
