"""Where models come from, and what is refused without being run."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from usmm.apis import Predictor, open_bundle
from usmm.cli.main import main
from usmm.weights import read_checkpoint, read_tensors, write_tensors
from usmm.zoo import Zoo


def test_categories_come_with_the_weights(run: Path) -> None:
    bundle = open_bundle(run)
    assert [v.get('values') for v in bundle.settings['schema']['clinical']] == [None, ['left', 'right']]
    assert open_bundle(bundle) is bundle


def test_a_zoo_that_is_open_already(published: Path, tmp_path: Path) -> None:
    found = open_bundle('tiny', Zoo(published, cache=tmp_path))
    assert found.meta['classes'] == ['ADC', 'SCC'] and tmp_path in Path(found.source).parents


def test_a_name_of_the_zoo_is_not_a_folder(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ('tiny', 'other'):
        (tmp_path / name).mkdir()
        (tmp_path / name / 'config.py').write_text('open("../hacked", "w").close()')
        (tmp_path / name / 'model.pth').touch()
    assert open_bundle('tiny', Zoo(published, cache=tmp_path / 'cache')).stored_bytes
    with pytest.raises(ValueError, match=r"no model 'other' in .* name of the zoo: for the folder write \./other"):
        open_bundle('other', published)
    (tmp_path / 'file').touch()
    with pytest.raises(ValueError, match=r'no model zoo at .* for the file write \./file'):
        open_bundle('file', tmp_path / 'no_zoo')
    with pytest.raises(FileNotFoundError, match='no model zoo at'):
        open_bundle('nothing', tmp_path / 'no_zoo')
    assert not (tmp_path / 'hacked').exists()
    with pytest.raises(ValueError, match=r'model\.pth'):
        open_bundle('./other')  # a run: its config is code, and runs
    assert (tmp_path.parent / 'hacked').exists()


def folder(make: Callable[[Path], Any]) -> Callable[[Path, Path], Any]:
    def given(root: Path, run: Path) -> Any:
        return make(root) or root

    return given


@pytest.mark.parametrize(
    ('given', 'error', 'message'),
    [
        (lambda root, run: 7, TypeError, 'expected a run .* got int'),
        (lambda root, run: root / 'no', ValueError, 'no model at .*no: expected a run'),
        (
            lambda root, run: Path('/dev/null'),
            ValueError,
            '/dev/null is not a model: it is not a regular file',
        ),
        (
            lambda root, run: os.mkfifo(root / 'f') or str(root / 'f'),
            ValueError,
            'f is not a model: it is not a regular file',
        ),
        (lambda root, run: '', ValueError, 'the name of the model is empty: expected a run'),
        (lambda root, run: ' ', ValueError, 'the name of the model is empty'),
        (lambda root, run: 'http://127.0.0.1:9/x', ValueError, '^http://127.0.0.1:9/x is an address, .* as --zoo'),
        (lambda root, run: Path('file:///x'), ValueError, '^file:/x is an address, which is not a model'),
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


@pytest.mark.parametrize(
    ('text', 'message'), [('', 'the name of the model is empty'), ('https://host/m.onnx', 'm.onnx is an address')]
)
def test_texts_that_name_no_model(text: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match=message):
        Predictor(text)
    assert main(['predict', text, '--inputs']) == 2
    assert message in capsys.readouterr().err


def test_published_weights_that_lack_settings(change: Callable[..., Path]) -> None:
    path = change(lambda meta: meta['settings'].pop('test_pipeline'))
    with pytest.raises(ValueError, match=r"the settings in .* lack \['test_pipeline'\]"):
        open_bundle(path)
    path = change(lambda meta: meta.pop('settings'))
    with pytest.raises(ValueError, match='says nothing of its model: give its config too'):
        open_bundle(path)


def test_published_weights_that_contradict_themselves(change: Callable[..., Path], capsys: Any) -> None:
    path = change(lambda meta: meta.update(classes=['SCC', 'ADC']))
    with pytest.raises(ValueError, match=r"^\S+ contradicts itself: its metadata, .* \['SCC', 'ADC'\] instead of"):
        open_bundle(path)
    path = change(lambda meta: meta['settings']['test_pipeline'][-1]['clinical'].reverse())
    assert main(['predict', str(path), '--inputs']) == 2
    assert "clinical variables: ['side', 'age'] instead of ['age', 'side']" in capsys.readouterr().err


@pytest.mark.parametrize(
    ('stated', 'message'),
    [(2, 'has the format 2, and this version of usmm reads format 1: a newer version wrote it'),
     (0, "has the format '0', and this version of usmm reads format 1$"),
     (True, "has the format 'True'"), ('2', "has the format '2'")],
)  # fmt: skip
def test_published_weights_of_another_format(stated: object, message: str, change: Callable[..., Path]) -> None:
    path = change(lambda meta: meta.update(format=stated))
    with pytest.raises(ValueError, match=message):
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
