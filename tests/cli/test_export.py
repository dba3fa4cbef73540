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


WRONG: dict[str, tuple[Callable[[Path], list[str]], str]] = {
    'no weights': (lambda d: [str(d / 'config.py')], 'needs weights, or --untrained and no weights'),
    'weights and none': (lambda d: [str(d), '--untrained'], 'needs weights, or --untrained and no weights'),
    'weights twice': (lambda d: [str(d), str(d / 'model.pth')], 'is a folder: it brings its own weights'),
    'empty folder': (lambda d: [str(d / 'made')], 'has no config.py with one of'),
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
