"""The names of OpenMMLab."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from usmm.apis import Predictor, get_model, inference_model, init_model, list_models


@pytest.fixture
def row(tiny_data: Path) -> dict[str, object]:
    return dict(bus=tiny_data / '0_bus.png', ue=tiny_data / '0_ue.png', clip=tiny_data / '0.avi', age=44, side='left')


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('USMM_CACHE', str(tmp_path))


def test_all_ways_to_the_same_answer(run, published, predictor: Predictor, row) -> None:
    expected = predictor.predict(row)[0].probabilities
    models = [
        init_model(run / 'config.py', run / 'model.pth'), get_model('tiny', pretrained=True, zoo=published),
        get_model(str(run / 'config.py'), pretrained=run / 'model.pth'), predictor, run,
    ]  # fmt: skip
    for model in models:
        assert inference_model(model, row).probabilities == pytest.approx(expected, abs=1e-6)
    assert not models[0].training
    assert inference_model(models[0], row, explain=True).contributions


def test_names_of_the_zoo(published: Path) -> None:
    assert list_models('t*', published) == list_models(zoo=published) == ['tiny'] and list_models('x', published) == []


def test_patterns(published: Path) -> None:
    assert list_models(None, published) == list_models('in', published) == ['tiny']
    assert list_models(zoo=published, exclude_patterns='other*') == ['tiny']
    assert list_models(zoo=published, exclude_patterns=['other', 't?ny']) == []


def test_overrides_of_a_config(run: Path, row) -> None:
    model = init_model(run / 'config.py', run / 'model.pth', cfg_options={'batch_size': 3})
    assert Predictor(model).batch_size == 3
    assert inference_model(model, row).probabilities == inference_model(run, row).probabilities


def test_without_weights(published, row) -> None:
    torch.manual_seed(0)
    model, other = get_model('tiny', zoo=published), get_model('tiny', zoo=published)
    names = [n for n, p in model.named_parameters() if p.ndim == 4]
    pairs = [(model.get_parameter(n), other.get_parameter(n)) for n in names]
    assert isinstance(model, torch.nn.Module) and all(torch.equal(a, b) for a, b in pairs)  # no draw of the caller's
    with pytest.raises(ValueError, match='has no weights: a model that is not trained predicts nothing'):
        inference_model(model, row)


def test_mistakes(published, predictor, row) -> None:
    with pytest.raises(ValueError, match=r"no model 'tinny' in .*; did you mean "):
        get_model('tinny', pretrained=True, zoo=published)
    with pytest.raises(ValueError, match='case_1: lacks bus, ue, clip: this model needs them'):
        inference_model(predictor, {'age': 44})
