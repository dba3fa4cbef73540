from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

TINY = ['msmfn_small_phantom', '--device', 'cpu', '--batch-size', '2', '--repeats', '2', '--matrix', '64']
SIZES = ['--cfg-options', 'image_size=32', 'clip_size=32', 'static_net.depth=10', 'clip_net.depth=10']


@pytest.fixture(scope='module')
def tool() -> ModuleType:
    return importlib.import_module('usmm.cli.benchmark')


@pytest.fixture(scope='module')
def sections() -> ModuleType:
    return importlib.import_module('usmm.cli.benchmark_sections')


@pytest.fixture(scope='module')
def steps(tool: ModuleType) -> ModuleType:
    return importlib.import_module('usmm.cli.benchmark_steps')


def test_ratio_is_the_median_of_the_pairs(steps):
    clock = steps.Clock('cpu', repeats=3, warmup=1)
    row = clock.compare('a', [9, 2, 30, 4], [1, 1, 10, 4], '<= 1')
    # Pairs after the warm-up: 2/1, 30/10, 4/4.
    assert (row.value, row.first, row.second, row.unit, row.target) == (2, 4, 4, 'x', '<= 1')


def test_both_sides_run_equally_often_and_in_changing_order(steps):
    calls: list[str] = []
    steps.Clock('cpu', repeats=3, warmup=1).in_turn('a', lambda: calls.append('a'), lambda: calls.append('b'), '')
    assert ''.join(calls) == 'baabbaab'


def test_the_plain_loop_computes_what_the_model_computes(tool, sections, steps):
    args = tool.main.parse_args([*TINY, *SIZES])
    config = sections.read_config(args)
    assert 'clinical' not in config.modalities
    batch = steps.random_batch(config, 2)
    model = steps.build_model(config, 'cpu')
    model.eval()
    scores = np.stack([row['scores'] for row in steps.test_step(model, batch, 'cpu')()])
    np.testing.assert_allclose(steps.plain_inference(model, batch, 'cpu')(), scores, atol=1e-6)
    loss = model.train_step(batch, optim_wrapper=steps.OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.0)))
    model.eval()
    assert steps.plain_training(model, batch, 'cpu')() == pytest.approx(loss['loss'].item(), rel=1e-5)


def test_operations_are_counted(sections):
    x, layer = torch.rand(5, 7), torch.nn.Linear(7, 3, bias=False)
    assert sections.operations(lambda: layer(x)) == 2 * 5 * 7 * 3
    assert torch.backends.mha.get_fastpath_enabled()


@pytest.mark.slow
def test_a_tiny_run_of_everything(
    tool, sections, warm_python, tmp_path: Path, monkeypatch, capsys: pytest.CaptureFixture[str]
):
    def run(words, **_):
        """`--peak-of` in a process of its own, which need not load the packages first."""
        (done,) = warm_python.run(words[1:])
        return done

    monkeypatch.setattr(sections, 'subprocess', SimpleNamespace(run=run, PIPE=None))
    out = tmp_path / 'benchmark.json'
    assert tool.main([*TINY, '--clip-seconds', '2', '--out', str(out), *SIZES]) == 0
    content = json.loads(out.read_text(encoding='utf-8'))
    found = {row['what']: row for row in content['rows']}
    assert len(found) == 17
    assert (content['config'], content['batch_size']) == ('msmfn_small_phantom', 2)
    assert all(row['value'] >= 0 for row in found.values())
    runner = found['training step, Runner / plain loop']
    assert runner['first'] > 0
    assert found['largest change of a probability by bfloat16']['value'] < 0.1
    assert 0.1 < found['peak memory, training float32']['value'] < 20
    assert 'key frames / bare decoding, 2 s clip' in capsys.readouterr().out


def test_errors(tool, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        tool.main(['--only', 'everything'])
    assert "unknown value 'everything'" in capsys.readouterr().err
