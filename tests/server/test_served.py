"""What a model says of itself: inputs, outlines, figures with intervals, and words where nothing was published."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from usmm.apis import Predictor
from usmm.server.published import performance_of, published_of, section
from usmm.server.served import Served, label_of, unique, url_name, variable_info
from usmm.structures import Variable


@pytest.fixture(scope='module')
def predictor() -> Predictor:
    return Predictor('msmfn_small_phantom', device='cpu')


@pytest.fixture
def zoo(project_root: Path) -> Path:
    return project_root / 'model_zoo'


def test_info_of_a_published_model(engine: Any) -> None:
    info = {one['id']: one for one in engine.models()}['msmfn_small_breast']
    assert info['inputs'] == [{'name': 'bus', 'label': 'B-mode', 'kind': 'image', 'required': True, 'outline': True}]
    assert (info['classes'], info['positive']) == (['benign', 'malignant'], 'malignant')
    figures = {one['metric']: one for one in info['performance']}
    assert round(figures['auc']['value'], 3) == 0.877  # as its page says
    assert [round(v, 3) for v in figures['auc']['ci95']] == [0.826, 0.915]
    assert figures['ece']['ci95'] is None and not any('/' in name or name.endswith('_std') for name in figures)
    assert '5 folds' in info['performance_note'] and '252 cases of 252 patients' in info['performance_note']
    assert info['limits'].startswith('252 patients, no external test') and info['licence'] == 'CC-BY-4.0'
    assert info['purpose'].startswith('Benign or malignant breast lesion') and 'BrEaST' in info['data']
    assert info['links']['data'] == 'https://doi.org/10.7937/9WKK-Q141'
    assert info['links']['card'] == '/api/v1/models/msmfn_small_breast/card'
    age, tissue = info['variables'][:2]
    assert (age['kind'], age['unit'], age['range'], age['values']) == ('number', 'year', [0, 120], None)
    assert (tissue['kind'], tissue['range'], len(tissue['values'])) == ('category', None, 4)
    assert engine.card('msmfn_small_breast').startswith('# msmfn_small_breast\n')


def test_inputs_of_a_model_that_can_do_without_some(engine: Any) -> None:
    info = engine.models()[0]
    assert [(i['name'], i['label'], i['kind']) for i in info['inputs']] == [
        ('bus', 'B-mode', 'image'), ('cdfi', 'Colour Doppler', 'image'), ('ue', 'Elastography', 'image'),
        ('dceus', 'Contrast clip', 'clip'),
    ]  # fmt: skip
    assert not any(i['required'] for i in info['inputs'])
    assert info['streams'] == [['bus', 'cdfi', 'ue'], ['dceus']]
    fields = engine.fields('msmfn_small_phantom')
    assert fields.files['dceus'] == 'clip' and fields.files['bus_mask'] == 'mask' and len(fields.files) == 8
    assert fields.values >= {'bus_box', 'age', 'gender'} and 'clinical' not in fields.values


def test_a_run_that_was_not_published_says_so(predictor: Predictor) -> None:
    served = Served('work_dirs/own run/fold_0', predictor)
    info = served.info()
    assert info['id'] == 'own-run-fold_0' and info['performance'] == []
    assert all('ot published' in info[key] for key in ('purpose', 'performance_note', 'limits', 'data'))
    assert served.card().startswith('# own-run-fold_0\n') and 'Not a medical device' in served.card()


def test_a_published_folder_is_known_by_its_place(zoo: Path, tmp_path: Path) -> None:
    for name in (zoo / 'msmfn_small_breast', zoo / 'msmfn_small_breast' / 'model.safetensors'):
        found = published_of(str(name), None)
        assert found is not None and found.licence == 'CC-BY-4.0' and found.performance
    shutil.copytree(zoo / 'msmfn_small_breast', tmp_path / 'copy')
    alone = published_of(str(tmp_path / 'copy'), None)
    assert alone is not None and alone.performance == [] and alone.note == 'No figures were published.'
    assert alone.limits.startswith('252 patients') and alone.licence == 'CC-BY-4.0'
    (tmp_path / 'copy' / 'README.md').unlink()
    assert published_of(str(tmp_path / 'copy'), None) is None
    assert published_of('no_such_model', zoo) is None


def folder_of_a_model(root: Path, readme: object = 'm/README.md') -> Path:
    """A zoo with the model `m`, and a file `secret.md` beside it."""
    (root / 'zoo' / 'm').mkdir(parents=True)
    (root / 'secret.md').write_text('SECRET')
    files = [{'Path': 'm/model.safetensors', 'SHA256': 'ab' * 32, 'Size': 1}]
    (root / 'zoo' / 'm' / 'model.safetensors').write_text('x')
    record = {'Name': 'm', 'Weights': 'm/model.safetensors', 'Files': files, 'README': readme}
    (root / 'zoo' / 'index.yml').write_text(json.dumps({'Models': [record]}))  # JSON is YAML, too
    return root / 'zoo'


def put(kind: str, path: Path, secret: Path) -> None:
    """What is not a file of the model, under the name of its card."""
    if kind == 'link':
        path.symlink_to(secret)
    elif kind == 'fifo':
        os.mkfifo(path)
    elif kind == 'folder':
        path.mkdir()
    elif kind == 'large':
        path.write_text('x' * (2**20 + 1))
    else:
        os.link(secret, path)
        path.parent.chmod(0o777)


@pytest.mark.parametrize(
    ('kind', 'words'),
    [('link', 'is a link, or lies behind one'), ('fifo', 'is no regular file'), ('folder', 'is no regular file'),
     ('large', 'has 1048577 bytes, over the limit of 1048576'), ('hard link', 'also lies elsewhere')],
)  # fmt: skip
def test_a_card_is_a_file_of_the_model(kind: str, words: str, tmp_path: Path) -> None:
    zoo = folder_of_a_model(tmp_path)
    card = zoo / 'm' / 'README.md'
    assert published_of('m', zoo) is not None and published_of(str(zoo / 'm'), None) is None  # without a card
    put(kind, card, tmp_path / 'secret.md')
    for name in ('m', str(zoo / 'm'), str(zoo / 'm' / 'model.safetensors')):
        with pytest.raises(ValueError, match=f'the model card .*README.md {words}.*: put a file in its place'):
            published_of(name, zoo)


def test_a_card_behind_a_linked_folder(tmp_path: Path) -> None:
    zoo = folder_of_a_model(tmp_path)
    (zoo / 'm' / 'README.md').write_text('SECRET')
    (zoo / 'm').rename(tmp_path / 'else')
    (zoo / 'm').symlink_to(tmp_path / 'else')
    with pytest.raises(ValueError, match='is a link, or lies behind one'):
        published_of('m', zoo)


@pytest.mark.parametrize('readme', ['../secret.md', '/etc/passwd', 'm/../../secret.md', 'secret.md', 'index.yml', 7])
def test_a_card_that_an_index_puts_elsewhere(readme: object, tmp_path: Path) -> None:
    zoo = folder_of_a_model(tmp_path, readme)
    (zoo / 'secret.md').write_text('SECRET')
    for name in ('m', str(zoo / 'm')):
        (zoo / 'm' / 'README.md').write_text('The card.')
        with pytest.raises(ValueError, match=r"index\.yml is no index of a model zoo: model 'm'"):
            published_of(name, zoo)


@pytest.mark.parametrize(
    ('steps', 'words'),
    [
        ([dict(type='LoadImage')], 'its pipeline has no step PackCase'),
        ([dict(type='Resize', size=8), dict(type='PackCase')], 'its pipeline loads files by none of'),
    ],
)
def test_a_pipeline_that_cannot_be_blanked_is_not_served(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch, steps: list[dict[str, Any]], words: str
) -> None:
    monkeypatch.setitem(predictor.bundle.settings, 'test_pipeline', steps)
    with pytest.raises(ValueError, match=words):
        Served('m', predictor)


def test_outlines_follow_the_pipeline(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    load, pack = dict(type='LoadImage'), dict(type='PackCase')
    crops = [dict(type='usmm.CropBox', modalities='bus'), dict(type='CropRegion', modalities=['ue'])]
    inner = dict(type='Cached', transforms=[load, *crops])
    monkeypatch.setitem(predictor.bundle.settings, 'test_pipeline', [inner, pack])
    served = Served('m', predictor)
    assert (served.by_box, served.by_mask) == ({'bus'}, {'ue'})
    assert [i['outline'] for i in served.info()['inputs']] == [True, False, True, False]
    assert set(served.fields().files) == {'bus', 'cdfi', 'ue', 'dceus', 'bus_mask', 'ue_mask'}


@pytest.mark.parametrize(
    ('name', 'url'),
    [
        ('msmfn_small_breast', 'msmfn_small_breast'),
        ('/a/b/Run 1/seed_0', 'run-1-seed_0'),
        ('../..', 'model'),
        ('x/<script>', 'x-script'),
        ('models/b.zip', 'models-b'),
        ('Größe', 'gr-e'),
    ],
)
def test_ids_are_safe_in_addresses(name: str, url: str) -> None:
    assert url_name(name) == url


def test_ids_are_unique() -> None:
    assert unique(['a', 'a', 'a-2', 'a']) == ['a', 'a-2', 'a-2-2', 'a-3']


def test_words() -> None:
    assert (label_of('dceus'), label_of('BUS'), label_of('arterial_phase')) == (
        'Contrast clip',
        'B-mode',
        'Arterial phase',
    )
    assert variable_info(Variable('node_side', values=('left', 'right'))) == {
        'name': 'node_side', 'label': 'Node side', 'kind': 'category', 'unit': None, 'range': None,
        'values': ['left', 'right'],
    }  # fmt: skip
    assert section('# a\n\n## Limits of x\n\nno\n', 'Limits') == ''
    assert performance_of({'auc': 0.5, 'auc_std': 0.1, 'words': 'x'}) == [{'metric': 'auc', 'value': 0.5, 'ci95': None}]
