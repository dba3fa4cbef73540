"""From a work directory to an entry that another machine downloads and loads."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from usmm.config import ConfigError, load_config
from usmm.engine import Experiment, RunOptions, load_weights
from usmm.engine.workdir.outputs import save_checkpoint, write_json
from usmm.registry import MODELS
from usmm.utils.locks import LockedError
from usmm.weights import check_fits, read_tensors
from usmm.zoo import Zoo
from usmm.zoo.clean import without_folders
from usmm.zoo.measured import find_run, measure
from usmm.zoo.model_page import Card, page
from usmm.zoo.placing import publishing
from usmm.zoo.publish import publish

CARD = Card('To try.', 'Tiny data', 'MIT', 'Not for patients.', 'Nobody 2020', 'Tiny', ('usmm train CONFIG',))


def settings_of(path: Path) -> dict[str, Any]:
    return load_config(path)._cfg_dict.to_dict()


@pytest.fixture
def run(tiny_run: Path) -> Path:
    """A run that was trained for one epoch a stage."""
    return tiny_run


@pytest.fixture
def folds(run: Path, tmp_path: Path) -> Path:
    """A cross-validation, whose fold 1 is the run."""
    root = tmp_path / 'cv'
    root.mkdir()
    (root / 'fold_1').symlink_to(run)
    content = json.loads((run / 'metrics.json').read_text())
    auc = dict(mean=0.7, std=0.05, ci95=[0.6, 0.8], folds=[0.65, 0.75], method='clustered bootstrap')
    summary = {k: content[k] for k in ('classes', 'positive', 'modalities', 'config', 'selection', 'versions')}
    warnings = ['2 cases were skipped because their files cannot be used: secret-1, secret-2']
    summary |= dict(metrics={'auc': auc, 'mcc': dict(mean=None)}, cases=19, patients=19, folds=2, seeds=[0], seed=0)
    write_json(root / 'summary.json', {**summary, 'warnings': warnings})
    return root


@pytest.fixture
def zoo_of_run(run: Path, tmp_path: Path) -> Path:
    publish(run, 'tiny', tmp_path / 'zoo', CARD, settings_of)
    return tmp_path / 'zoo'


def test_round_trip(run: Path, zoo_of_run: Path, tmp_path: Path, write_tiny_config) -> None:
    zoo = Zoo(zoo_of_run, tmp_path / 'cache')
    assert zoo.list_models() == ['tiny']
    before = load_weights(run / 'model.pth')
    weights = zoo.weights('tiny')
    state, meta = read_tensors(weights)
    assert state.keys() == before['state_dict'].keys()
    assert all(torch.equal(v, before['state_dict'][k]) for k, v in state.items())
    for key in ('classes', 'positive', 'modalities', 'categories', 'selection', 'seed', 'versions', 'config'):
        assert meta[key] == before['meta'][key]
    side = next(v for v in meta['schema']['clinical'] if v['name'] == 'side')
    assert side['values'] == before['meta']['categories']['side'] == ['left', 'right']
    # what is published is enough to build the model, without running a config
    model = MODELS.build(meta['settings']['model'])
    check_fits(weights, state, model.state_dict())
    model.load_state_dict(state)
    # and is taken wherever a model.pth is
    config = load_config(write_tiny_config(tmp_path), {'split.file': str(run / 'folds.csv')})
    found, _ = Experiment(config, checkpoint=weights, options=RunOptions(progress=False)).evaluate()
    measured = json.loads((run / 'metrics.json').read_text())['test']
    assert found['test'] == pytest.approx(
        {k: float('nan') if v is None else v for k, v in measured.items()}, nan_ok=True
    )


def test_the_entry(run: Path, zoo_of_run: Path) -> None:
    (record,) = yaml.safe_load((zoo_of_run / 'index.yml').read_text())['Models']
    measured = json.loads((run / 'metrics.json').read_text())
    figures = record['Results'][0]['Metrics']
    assert figures == {k: v for k, v in measured['test'].items() if v is not None}
    assert record['Results'][0]['Patients'] == measured['patients']['test']
    assert record['Metadata']['Training Patients'] == measured['patients']['train'] == 10
    assert {f['Path'] for f in record['Files']} == {
        f'tiny/{n}' for n in ('model.safetensors', 'config.py', 'schema.json')
    }
    text = (zoo_of_run / record['README']).read_text()
    for words in ['To try.', 'Tiny data', 'MIT', 'Not for patients.', 'Nobody 2020', 'usmm train CONFIG', '10 patients',
                  '`age`: a number, 0 to 120 year', '`side`: one of left, right', '`clip`: clips', record['SHA256'],
                  f'| auc | {figures["auc"]:.3f} |', 'Not a medical device']:  # fmt: skip
        assert words in text
    assert {p.name for p in zoo_of_run.iterdir()} == {'index.yml', 'tiny', '.lock'}


def test_no_patient_and_no_folder_is_published(run: Path, zoo_of_run: Path, tiny_data: Path) -> None:
    tokens = load_weights(run / 'model.pth')['meta']['trained_on']
    everything = b''.join(p.read_bytes() for p in sorted(zoo_of_run.rglob('*')) if p.is_file())
    assert len(tokens) == 10 and not any(token.encode() in everything for token in tokens)
    assert not [folder for folder in (tiny_data, run, run.parent) if str(folder).encode() in everything]
    assert re.search(rb'\bp1?\d\b', everything.partition(b'PK')[0]) is None or b"'p1'" not in everything
    assert load_config(zoo_of_run / 'tiny' / 'config.py').data_root == tiny_data.name


def test_tokens_on_request(run: Path, tmp_path: Path) -> None:
    publish(run, 'tiny', tmp_path, CARD, settings_of, tokens=True)
    _, meta = read_tensors(tmp_path / 'tiny' / 'model.safetensors')
    assert len(meta['trained_on']) == 10


def test_figures_of_a_cross_validation_are_copied(folds: Path, run: Path, tmp_path: Path) -> None:
    publish(folds, 'of_fold', tmp_path / 'zoo', CARD, settings_of, fold=1)
    publish(folds, 'of_all', tmp_path / 'zoo', CARD, settings_of, weights=run)
    first, second = sorted(yaml.safe_load((tmp_path / 'zoo/index.yml').read_text())['Models'], key=lambda m: m['Name'])
    for record in (first, second):
        assert record['Results'][0]['Metrics'] == dict(auc=0.7, auc_std=0.05, auc_ci95=[0.6, 0.8])
        text = (tmp_path / 'zoo' / record['README']).read_text()
        assert '| auc | 0.700 | 0.600 to 0.800 | clustered bootstrap | 0.050 |' in text
        assert '2 cases were skipped because their files cannot be used.' in text and 'secret' not in text
    assert 'the weights themselves were not measured' in (tmp_path / 'zoo' / first['README']).read_text()
    assert 'were not measured' not in (tmp_path / 'zoo' / second['README']).read_text()
    assert [c['Name'] for c in yaml.safe_load((tmp_path / 'zoo/index.yml').read_text())['Collections']] == ['Tiny']


def test_names_are_not_taken_twice(run: Path, zoo_of_run: Path) -> None:
    before = (zoo_of_run / 'tiny' / 'README.md').read_bytes()
    with pytest.raises(ValueError, match=r"has a model 'tiny' already; force replaces it"):
        publish(run, 'tiny', zoo_of_run, CARD, settings_of)
    publish(run, 'other', zoo_of_run, CARD, settings_of)
    publish(run, 'tiny', zoo_of_run, Card('New.', 'd', 'l', 'x'), settings_of, force=True)
    assert (zoo_of_run / 'tiny' / 'README.md').read_bytes() != before
    assert Zoo(zoo_of_run).list_models() == ['other', 'tiny']
    assert {p.name for p in zoo_of_run.iterdir()} == {'index.yml', 'tiny', 'other', '.lock'}
    with pytest.raises(ValueError, match='a model name has lower-case letters'):
        publish(run, '../x', zoo_of_run, CARD, settings_of)


def test_nothing_stays_of_what_fails(run: Path, zoo_of_run: Path, tmp_path: Path, monkeypatch) -> None:
    def fails(path: Path) -> dict[str, Any]:
        raise RuntimeError('no config')

    before = {p: p.stat().st_mtime_ns for p in zoo_of_run.rglob('*')}
    with pytest.raises(RuntimeError, match='no config'):
        publish(run, 'other', zoo_of_run, CARD, fails)
    monkeypatch.setattr('usmm.zoo.publish.read_tensors', lambda path: ({}, {}))
    with pytest.raises(OSError, match='did not come back as it was written'):
        publish(run, 'other', zoo_of_run, CARD, settings_of)
    assert {p: p.stat().st_mtime_ns for p in zoo_of_run.rglob('*') if p.is_file()}.items() <= before.items()
    assert {p.name for p in zoo_of_run.iterdir()} == {'index.yml', 'tiny', '.lock'}


def test_components_of_one_s_own_are_not_published(run: Path, tmp_path: Path) -> None:
    def settings(path: Path) -> dict[str, Any]:
        own = settings_of(path)
        own['model']['fusion'] = dict(type='MaxFusion')
        own['test_pipeline'].append(dict(type='hospital.Blur'))
        return own

    with pytest.raises(ValueError, match=r'MaxFusion, hospital\.Blur of its config is not on the list') as caught:
        publish(run, 'tiny', tmp_path / 'zoo', CARD, settings)
    text = str(caught.value)
    assert text.startswith(f'{run} cannot be published: ') and 'holds settings and no code' in text
    assert f'Share {run / "config.py"} with model.pth instead' in text and '.part' not in text
    assert {p.name for p in (tmp_path / 'zoo').iterdir()} <= {'.lock'}


def test_errors_of_a_config_name_the_run(run: Path, tmp_path: Path) -> None:
    def fails(path: Path) -> dict[str, Any]:
        raise ConfigError(f'{path}:1: custom_imports: no module')

    message = rf'^{run} cannot be published: its config cannot be read: {run}/config\.py:1: custom_imports'
    with pytest.raises(ValueError, match=message):
        publish(run, 'tiny', tmp_path / 'zoo', CARD, fails)


def test_a_run_whose_config_contradicts_its_weights_is_not_published(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf'^{run}/model\.pth contradicts itself: its metadata, .* classes:'):
        publish(run, 'tiny', tmp_path / 'zoo', CARD, lambda path: {**settings_of(path), 'classes': ['SCC', 'ADC']})


def test_weights_that_are_not_finite(run: Path, tmp_path: Path) -> None:
    content = load_weights(run / 'model.pth')
    name = next(iter(content['state_dict']))
    content['state_dict'][name] = content['state_dict'][name] * float('nan')
    save_checkpoint(tmp_path / 'run' / 'model.pth', content['state_dict'], content['meta'])
    with pytest.raises(ValueError, match=f'model.pth holds numbers that are not finite, in {name}'):
        publish(tmp_path / 'run', 'tiny', tmp_path / 'zoo', CARD, settings_of)
    assert not (tmp_path / 'zoo').exists()


def test_whose_weights(folds: Path, run: Path, tmp_path: Path) -> None:
    assert find_run(folds, 1, None, None) == folds / 'fold_1'
    assert find_run(run, None, None, None) == find_run(folds, None, None, run) == run
    (folds / 'seed_3').mkdir()
    (folds / 'seed_3' / 'fold_1').symlink_to(run)
    assert find_run(folds, 1, 3, None) == folds / 'seed_3' / 'fold_1'
    with pytest.raises(ValueError, match=r'is no cross-validation \(it has no summary.json\): there is nothing'):
        find_run(run, 1, None, None)
    for choice in [(None, None, None), (1, None, run)]:
        with pytest.raises(ValueError, match='is a cross-validation: say whose weights'):
            find_run(folds, *choice)
    with pytest.raises(ValueError, match=r'fold_9 has no model.pth: it is no finished run'):
        find_run(folds, 9, None, None)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (None, 'no figures at .*metrics.json'),
        ('{', 'metrics.json cannot be used: it is no JSON: '),
        ('[]', 'metrics.json cannot be used: it is no JSON object'),
        ('{}', 'has figures of neither a test nor a validation part'),
    ],
)
def test_runs_without_figures(content: str | None, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / 'metrics.json').write_text(content)
    with pytest.raises(ValueError, match=message):
        measure(tmp_path, tmp_path, {})


def test_figures_of_another_model(folds: Path, run: Path) -> None:
    meta = load_weights(run / 'model.pth')['meta']
    assert measure(folds, run, meta).patients == 19
    assert measure(folds, folds / 'fold_1', meta).warnings == (
        '2 cases were skipped because their files cannot be used',
    )
    other = measure(folds, run, {**meta, 'selection': 'last'}).warnings
    assert other[-1] == "the models that were measured had their epoch selected by 'inner', these weights by 'last'"
    for key, value in dict(config='x', classes=['a'], positive='ADC', modalities=['bus']).items():
        with pytest.raises(ValueError, match=f'model.pth has {key} .*: they are of another model'):
            measure(folds, run, {**meta, key: value})


def test_figures_of_the_validation_part_are_marked(tmp_path: Path) -> None:
    write_json(tmp_path / 'metrics.json', dict(val=dict(auc=0.5, mcc=None), cases=dict(val=3), patients=dict(val=2)))
    found = measure(tmp_path, tmp_path, {})
    assert (found.cases, found.patients, found.metrics) == (3, 2, {'auc': {'mean': 0.5}})
    assert 'the figures are optimistic' in found.warnings[-1]
    meta = dict(config='c', classes=['A', 'B'], modalities=['bus'], schema={}, selection='other')
    assert 'epochs selected by other' in page('x', CARD, meta, found, [])


@pytest.mark.parametrize('name', ['purpose', 'data', 'licence', 'limits', 'collection'])
def test_a_card_must_be_filled_in(name: str) -> None:
    with pytest.raises(ValueError, match=f'a published model must say its {name}'):
        Card(**{**dict(purpose='a', data='b', licence='c', limits='d'), name: ' '})


@pytest.mark.parametrize(
    ('path', 'last'),
    [('/home/me/data/cla', 'cla'), ('~/data', 'data'), ('C:\\Users\\me\\cla', 'cla'), ('D:/x/cla', 'cla'),
     ('\\\\server\\share\\cla', 'cla'), ('/', '.'), ('data/cla', 'data/cla'), ('https://a.org/x', 'https://a.org/x'),
     ('a/b', 'a/b')],
)  # fmt: skip
def test_folders_of_the_machine(path: str, last: str) -> None:
    scope: dict[str, Any] = {}
    exec(without_folders(f'a = {path!r}\nb = dict(c=[{path!r}])'), scope)
    assert scope['a'] == last and scope['b'] == dict(c=[last])


def test_a_zoo_that_another_process_publishes_in(run: Path, zoo_of_run: Path, monkeypatch) -> None:
    monkeypatch.setattr('usmm.zoo.placing.LOCK_SECONDS', 0.0)
    with (
        publishing(zoo_of_run),
        pytest.raises(LockedError, match=r'another process publishes in .*zoo; wait until it has ended'),
    ):
        publish(run, 'other', zoo_of_run, CARD, settings_of)


def test_a_place_that_is_no_folder(run: Path, zoo_of_run: Path, tmp_path: Path) -> None:
    (zoo_of_run / 'link').symlink_to(tmp_path)
    (zoo_of_run / 'file').write_text('x')
    for name in ('link', 'file'):
        with pytest.raises(ValueError, match=f'{name} is not a folder: choose another name, or remove it'):
            publish(run, name, zoo_of_run, CARD, settings_of, force=True)


def test_what_fails_behind_the_index_is_finished_later(
    run: Path, zoo_of_run: Path, tmp_path: Path, monkeypatch
) -> None:
    def fails(path: Path, text: bytes) -> None:
        path.write_bytes(text)
        raise OSError(5, 'the disk fails')

    with monkeypatch.context() as patch:
        patch.setattr('usmm.zoo.publish.write_bytes', fails)
        with pytest.raises(OSError, match='the disk fails'):
            publish(run, 'tiny', zoo_of_run, Card('New.', 'd', 'l', 'x'), settings_of, force=True)
    assert Zoo(zoo_of_run, tmp_path / 'cache').weights('tiny').is_file()
    with pytest.raises(ValueError, match='has a model'):
        publish(run, 'tiny', zoo_of_run, CARD, settings_of)  # refused, and mends all the same
    assert 'New.' in (zoo_of_run / 'tiny' / 'README.md').read_text()
    assert {p.name for p in zoo_of_run.iterdir()} == {'index.yml', 'tiny', '.lock'}


def test_an_index_that_cannot_be_read_removes_nothing(run: Path, zoo_of_run: Path, monkeypatch) -> None:
    def fails(path: Path, text: bytes) -> None:
        path.write_bytes(b'[')
        raise OSError(5, 'the disk fails')

    with monkeypatch.context() as patch:
        patch.setattr('usmm.zoo.publish.write_bytes', fails)
        with pytest.raises(OSError, match='the disk fails'):
            publish(run, 'tiny', zoo_of_run, CARD, settings_of, force=True)
    assert len([*zoo_of_run.glob('*tiny*')]) == 2
    with pytest.raises(ValueError, match='is no index of a model zoo'):
        publish(run, 'other', zoo_of_run, CARD, settings_of)


def test_the_last_copy_of_a_model_is_put_back(run: Path, zoo_of_run: Path) -> None:
    (zoo_of_run / 'tiny').rename(zoo_of_run / '.gone.0123abcd.old')
    (zoo_of_run / '.tiny.0123abcd.part').mkdir()
    publish(run, 'tiny', zoo_of_run, CARD, settings_of, force=True)
    assert {p.name for p in zoo_of_run.iterdir()} == {'index.yml', 'tiny', 'gone', '.lock'}
    assert (zoo_of_run / 'gone' / 'model.safetensors').is_file()


def test_a_zoo_that_cannot_be_locked(run: Path, tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('x')
    with pytest.raises(OSError, match=r'cannot publish in .*file: .*file: File exists'):
        publish(run, 'tiny', tmp_path / 'file', CARD, settings_of)
    (tmp_path / 'zoo' / '.lock').mkdir(parents=True)
    with pytest.raises(OSError, match=r'cannot publish in .*zoo: .*\.lock: Is a directory'):
        publish(run, 'tiny', tmp_path / 'zoo', CARD, settings_of)


def test_hidden_folders_of_others_stay(run: Path, zoo_of_run: Path) -> None:
    for name in ('....0123abcd.old', '.Mine.0123abcd.part', '.mine.part'):
        (zoo_of_run / name).mkdir()
    before = {p.name for p in zoo_of_run.iterdir()}
    publish(run, 'other', zoo_of_run, CARD, settings_of)
    assert {p.name for p in zoo_of_run.iterdir()} == {*before, 'other'}
