"""Where models come from, and what is refused without being run."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from usmm.apis import Predictor, open_bundle
from usmm.weights import read_checkpoint, read_tensors, write_tensors
from usmm.zoo import Zoo


def test_categories_come_with_the_weights(run: Path) -> None:
    bundle = open_bundle(run)
    assert [v.get('values') for v in bundle.settings['schema']['clinical']] == [None, ['left', 'right']]
    assert open_bundle(bundle) is bundle


def test_a_zoo_that_is_open_already(published: Path, tmp_path: Path) -> None:
    found = open_bundle('tiny', Zoo(published, cache=tmp_path))
    assert found.meta['classes'] == ['ADC', 'SCC'] and tmp_path in Path(found.source).parents


def folder(make: Callable[[Path], Any]) -> Callable[[Path, Path], Any]:
    def given(root: Path, run: Path) -> Any:
        return make(root) or root

    return given


@pytest.mark.parametrize(
    ('given', 'error', 'message'),
    [
        (lambda root, run: 7, TypeError, 'expected a run .* got int'),
        (lambda root, run: root / 'no', ValueError, 'no model at .*no: expected a run'),
        (lambda root, run: root, ValueError, 'holds no model: expected config.py and model.pth of a finished run'),
        (
            folder(lambda r: (r / 'summary.json').write_text('{}') and None),
            ValueError,
            'is a cross-validation, .*fold_0',
        ),
        (lambda root, run: shutil.copy(run / 'model.pth', root / 'w.pth'), ValueError, 'give its config too'),
        (lambda root, run: (run / 'config.py', run / 'config.py'), ValueError, 'config.py'),
        (lambda root, run: (run / 'config.py', run / 'no.pth'), ValueError, 'no checkpoint at'),
    ],
)
def test_what_is_no_model(given: Any, error: type[Exception], message: str, run: Path, tmp_path: Path) -> None:
    found = given(tmp_path, run)
    with pytest.raises(error, match=message):
        open_bundle(found)


def change(published: Path, target: Path, edit: Callable[[dict[str, Any]], Any]) -> Path:
    """A copy of the published weights with other metadata."""
    state, meta = read_tensors(published / 'tiny' / 'model.safetensors')
    edit(meta)
    write_tensors(target / 'model.safetensors', state, meta)
    return target / 'model.safetensors'


def run_command(meta: dict[str, Any]) -> None:
    meta['settings']['model']['head'] = dict(type='os.system', command='touch hacked')


HOSTILE = {
    'in the model': run_command,
    'in place of it': lambda meta: meta['settings'].update(
        model=dict(type='builtins.exec', object='open("hacked", "w")')
    ),
    'in the pipeline': lambda meta: meta['settings']['test_pipeline'].append(dict(type='os.mkdir', path='hacked')),
    'by its scope': lambda meta: meta['settings']['model']['head'].update(_scope_='subprocess', type='run'),
    'upstream functions': lambda meta: meta['settings']['model']['head'].update(type='mmengine.dump'),
    'no text': lambda meta: meta['settings']['model']['head'].update(type=['x']),
}


@pytest.mark.parametrize('kind', HOSTILE)
def test_settings_that_run_code_are_refused(kind: str, published: Path, tmp_path: Path, monkeypatch) -> None:
    path = change(published, tmp_path, HOSTILE[kind])
    (tmp_path / 'here').mkdir()
    monkeypatch.chdir(tmp_path / 'here')
    with pytest.raises(ValueError, match='which is no registered component of usmm: it is not built'):
        Predictor(path, device='cpu')
    assert list((tmp_path / 'here').iterdir()) == []


def test_published_weights_that_lack_settings(published: Path, tmp_path: Path) -> None:
    path = change(published, tmp_path, lambda meta: meta['settings'].pop('test_pipeline'))
    with pytest.raises(ValueError, match=r"the settings in .* lack \['test_pipeline'\]"):
        open_bundle(path)
    path = change(published, tmp_path, lambda meta: meta.pop('settings'))
    with pytest.raises(ValueError, match='says nothing of its model: give its config too'):
        open_bundle(path)


def test_weights_of_another_model(published: Path, tmp_path: Path) -> None:
    state, meta = read_tensors(published / 'tiny' / 'model.safetensors')
    name = next(k for k, v in state.items() if v.ndim == 4)
    for wrong, message in ((state[name][:1], 'does not fit its model'), (state[name] * float('nan'), 'not finite')):
        write_tensors(tmp_path / 'w.safetensors', {**state, name: wrong}, meta)
        with pytest.raises(ValueError, match=message):
            Predictor(tmp_path / 'w.safetensors')


def test_archives_that_are_none(published: Path, tmp_path: Path) -> None:
    path = tmp_path / 'a.zip'
    path.write_bytes(b'PK\x03\x04 nothing')
    with pytest.raises(ValueError, match='is no archive of a published model: its archive is damaged: '):
        open_bundle(path)
    for names in ([], ['a/model.safetensors', 'b/model.safetensors']):
        with zipfile.ZipFile(path, 'w') as archive:
            for name in names:
                archive.writestr(name, b'x')
        with pytest.raises(ValueError, match=f'it must have one model.safetensors, and has {len(names)}'):
            open_bundle(path)


def test_a_checkpoint_without_weights(run: Path, tmp_path: Path) -> None:
    import torch

    torch.save({'meta': {}}, tmp_path / 'w.pth')
    with pytest.raises(ValueError, match='has no state_dict'):
        open_bundle((run / 'config.py', tmp_path / 'w.pth'))
    assert 'state_dict' in read_checkpoint(run / 'model.pth')
