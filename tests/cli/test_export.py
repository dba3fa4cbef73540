"""The tool on the tiny data set: what it writes, what it says, and when it writes nothing."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from usmm.config import load_config
from usmm.engine import Experiment
from usmm.engine.workdir.outputs import save_checkpoint
from usmm.export import OnnxModel, random_batches
from usmm.export.parity import run_torch

ROOT = Path(__file__).resolve().parents[2]
LOGISTIC = """
_base_ = './tiny.py'
model = dict(_delete_=True, type='TableClassifier', modalities='${modalities}', classes='${classes}',
             positive='${positive}', schema='${schema}')
modalities = ('clinical',)
stages = [dict(name='table', train='all', fit=True)]
"""


@pytest.fixture(scope='module')
def tool() -> ModuleType:
    return importlib.import_module('usmm.cli.export')


@pytest.fixture(scope='module')
def run_dir(write_tiny_config: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a run leaves it, of the images alone; the config is that of one image, to be quick."""
    folder = tmp_path_factory.mktemp('run')
    path = write_tiny_config(folder)
    text = path.read_text().replace(
        "modalities = ('bus', 'ue', 'clip', 'clinical')", "modalities = ('bus', 'clinical')"
    )
    (folder / 'config.py').write_text(text)
    experiment = Experiment(load_config(folder / 'config.py'), folder / 'made')
    experiment.model.clinical.fit(torch.tensor([[40.0, 0.0], [60.0, 1.0]]))
    meta = dict(categories={k: list(v) for k, v in experiment.categories.items()}, selection='inner')
    save_checkpoint(folder / 'model.pth', experiment.model.state_dict(), meta | dict(calibration={'slope': 2.0}))
    return folder


@pytest.fixture
def threads() -> Iterator[None]:
    """The tool sets the number of threads of torch."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


pytestmark = pytest.mark.usefixtures('threads')


def test_a_folder_of_a_run(run_dir: Path, tmp_path: Path, tool: ModuleType, capsys: pytest.CaptureFixture) -> None:
    out = tmp_path / 'new' / 'model.onnx'
    assert tool.main([str(run_dir), '--out', str(out), '--parity', '12']) == 0
    said = capsys.readouterr().out
    found = re.search(r'12 inputs: largest difference (\S+), another class in 0; torch .* ratio', said)
    assert found is not None and float(found[1]) <= 1e-4
    model = OnnxModel(out, threads=1)
    assert (model.classes, model.positive, model.modalities) == (('ADC', 'SCC'), 'SCC', ('bus', 'clinical'))
    assert model.shapes == dict(bus=(3, 32, 32)) and model.schema.clinical[1].values == ('left', 'right')
    assert model.meta['calibration'] == {'slope': 2.0} and model.meta['selection'] == 'inner'
    assert [step['type'] for step in model.meta['settings']['test_pipeline']][-1] == 'PackCase'
    # nothing of this machine is in the file
    content = out.read_bytes()
    assert not [word for word in (str(ROOT), str(run_dir), sys.prefix, 'stack_trace') if word.encode() in content]
    # the same weights, loaded by the engine
    experiment = Experiment(load_config(run_dir / 'config.py'), tmp_path, checkpoint=run_dir / 'model.pth')
    batch = next(random_batches(model, 1, seed=5))
    expected = run_torch(experiment.model.eval(), batch)
    np.testing.assert_allclose(model.predict(**batch)['probabilities'], expected['probabilities'], atol=1e-5)


def test_on_the_cases_of_the_data_set(
    run_dir: Path, tmp_path: Path, tool: ModuleType, capsys: pytest.CaptureFixture
) -> None:
    config, weights = str(run_dir / 'config.py'), str(run_dir / 'model.pth')
    words = [config, weights, '--data', '--part', 'all', '--out', str(tmp_path / 'm.onnx')]
    assert tool.main([*words, '--opset', '18']) == 0
    assert '19 inputs' in capsys.readouterr().out  # the tiny data set has 19 cases


def test_a_table_without_weights(run_dir: Path, tmp_path: Path, tool: ModuleType, write_tiny_config: Any) -> None:
    write_tiny_config(tmp_path)
    (tmp_path / 'logistic.py').write_text(LOGISTIC)
    out = tmp_path / 'm.onnx'
    assert tool.main([str(tmp_path / 'logistic.py'), '--untrained', '--out', str(out), '--parity', '5']) == 0
    model = OnnxModel(out)
    assert model.shapes == {} and model.reads_clinical
    assert model.predict({}, np.full((2, 2), np.nan))['image_probabilities'] is None


def test_a_file_that_differs_is_not_left(
    run_dir: Path, tmp_path: Path, tool: ModuleType, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict = OnnxModel.predict
    monkeypatch.setattr(
        OnnxModel, 'predict', lambda *a, **k: {n: v + 2e-4 for n, v in predict(*a, **k).items()}
    )  # fmt: skip
    (tmp_path / 'model.onnx').write_text('older')
    assert tool.main([str(run_dir), '--out', str(tmp_path / 'model.onnx'), '--parity', '3']) == 2
    error = capsys.readouterr().err
    assert 'largest difference of probabilities 2.00e-04 (limit 1e-04), another class in 0 of 3' in error
    assert [p.name for p in tmp_path.iterdir()] == ['model.onnx']
    assert (tmp_path / 'model.onnx').read_text() == 'older'


def published(run_dir: Path, folder: Path) -> Path:
    """A folder as `usmm publish` leaves it, whose config.py writes a file when it runs."""
    from usmm.apis.bundle import from_config
    from usmm.weights.tensor_file import write_tensors

    bundle = from_config(run_dir / 'config.py', run_dir / 'model.pth')
    settings = {
        k: bundle.settings[k] for k in ('model', 'test_pipeline', 'schema', 'classes', 'modalities', 'batch_size')
    }
    settings['positive'] = 'SCC'
    folder.mkdir(parents=True)
    meta = {k: v for k, v in bundle.meta.items() if k in ('categories', 'selection', 'classes', 'positive')}
    write_tensors(folder / 'model.safetensors', dict(bundle.state), {**meta, 'settings': settings, 'format': 1})
    (folder / 'config.py').write_text(
        f"open({str(folder / 'ran')!r}, 'w').close()\n{(run_dir / 'config.py').read_text()}"
    )
    return folder


@pytest.mark.parametrize('how', ['folder', 'file', 'name beside the folder'])
def test_the_config_of_a_published_model_does_not_run(
    how: str, run_dir: Path, tmp_path: Path, tool: ModuleType, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:  # fmt: skip
    folder = published(run_dir, tmp_path / 'small')
    monkeypatch.chdir(tmp_path)
    out = tmp_path / 'm.onnx'
    source = {'folder': './small', 'file': 'small/model.safetensors', 'name beside the folder': 'small'}[how]
    code = tool.main([source, '--out', str(out), '--parity', '3'])
    if how == 'name beside the folder':  # the zoo is asked, which has no such model
        assert code == 2 and 'A text without a slash is a name of the zoo' in capsys.readouterr().err
    else:
        assert code == 0, capsys.readouterr().err
        mine, theirs = OnnxModel(out, threads=1), tmp_path / 'run.onnx'
        assert tool.main([str(run_dir), '--out', str(theirs), '--parity', '3']) == 0
        batch = next(random_batches(mine, 2, seed=1))
        expected = OnnxModel(theirs, threads=1).predict(**batch)['probabilities']
        np.testing.assert_allclose(mine.predict(**batch)['probabilities'], expected, atol=1e-6)
        assert mine.meta['settings']['positive'] == 'SCC'
    assert not (folder / 'ran').exists()


def test_a_name_with_weights_is_a_config_and_no_folder(
    run_dir: Path, tmp_path: Path, tool: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = published(run_dir, tmp_path / 'msmfn_small_phantom')
    monkeypatch.chdir(tmp_path)
    words = ['msmfn_small_phantom', '--untrained', '--out', 'm.onnx', '--parity', '1']
    assert tool.main([*words, '--shape', 'dceus=4x32x32']) == 0
    assert not (folder / 'ran').exists()


def test_settings_of_a_published_model_are_fixed(
    run_dir: Path, tmp_path: Path, tool: ModuleType, capsys: pytest.CaptureFixture
) -> None:
    folder = published(run_dir, tmp_path / 'small')
    for more in (['--data'], ['--cfg-options', 'batch_size=3']):
        assert tool.main([str(folder), '--out', str(tmp_path / 'm.onnx'), *more]) == 2
        assert 'is a published model, whose settings are fixed and name no data set' in capsys.readouterr().err


WRONG: dict[str, tuple[Callable[[Path], list[str]], str]] = {
    'no weights': (lambda d: [str(d / 'config.py')], 'needs weights, or --untrained and no weights'),
    'a name of nothing': (lambda d: ['no_such_model'], 'A config needs weights beside it, or --untrained'),
    'weights beside weights': (
        lambda d: [str(d / 'model.safetensors'), str(d / 'model.pth')],
        'brings its own weights, so',
    ),
    'weights and none': (lambda d: [str(d), '--untrained'], 'needs weights, or --untrained and no weights'),
    'weights twice': (lambda d: [str(d), str(d / 'model.pth')], 'is a folder: it brings its own weights'),
    'empty folder': (lambda d: [str(d / 'made')], 'holds no model: expected config.py and model.pth of a finished run'),
    'no number of frames': (
        lambda d: [str(d / 'config.py'), '--untrained', '--cfg-options', 'modalities=clip'],
        "shape of 'clip' must be (frames, height, width)",
    ),
    'other network': (
        lambda d: [str(d / 'config.py'), str(d / 'model.pth'), '--cfg-options', 'model.encoder.static.base_channels=8'],
        'model.pth',
    ),
    'no data': (
        lambda d: [str(d / 'config.py'), str(d / 'model.pth'), '--data', '--cfg-options', 'split.folds=1'],
        "part 'test' has no cases",
    ),
}


@pytest.mark.parametrize('name', WRONG)
def test_mistakes(name: str, run_dir: Path, tmp_path: Path, tool: ModuleType, capsys: pytest.CaptureFixture) -> None:
    words, message = WRONG[name]
    (run_dir / 'made').mkdir(exist_ok=True)
    assert tool.main([*words(run_dir), '--out', str(tmp_path / 'm.onnx'), '--parity', '1']) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ('words', 'message'),
    [(['--parity', '0'], "--parity: expected a whole number of 1 or more, got '0'"),
     (['--opset', '11'], "--opset: expected a whole number from 18 to 23, got '11'"),
     (['--opset', '99'], "--opset: expected a whole number from 18 to 23, got '99'"),
     (['--shape', 'bus=32'], "--shape: expected MODALITY=HEIGHTxWIDTH or MODALITY=FRAMESxHEIGHTxWIDTH, each size 1 or"),
     (['--shape', 'bus=0x32'], "each size 1 or more, got 'bus=0x32'"),
     (['--shape', '=32x32'], "each size 1 or more, got '=32x32'"),
     (['--shape', 'bus=32x32', 'bus=64x64'], '--shape names a modality twice: bus=32x32 bus=64x64'),
     (['--untrained', '--data'], '--untrained has no categories of a data set')],
)  # fmt: skip
def test_options_that_cannot_be(
    words: list[str], message: str, tool: ModuleType, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit):
        tool.main(['config', *words])
    assert message in capsys.readouterr().err
