from __future__ import annotations

from typing import Any

import pytest
import torch

from usmm.models import CasePreprocessor
from usmm.registry import MODELS


def batch(**inputs: torch.Tensor) -> dict[str, Any]:
    return dict(inputs=inputs, present=dict(bus=torch.tensor([True])), clinical=None, data_samples=['case'])


def test_grey_levels_become_standard_scores() -> None:
    image = torch.randint(0, 256, (2, 3, 4, 5), dtype=torch.uint8)
    out = CasePreprocessor()(batch(bus=image))['inputs']['bus']
    mean, std = torch.tensor([123.675, 116.28, 103.53]), torch.tensor([58.395, 57.12, 57.375])
    torch.testing.assert_close(out, (image.float() - mean.view(3, 1, 1)) / std.view(3, 1, 1))


def test_mean_and_std_by_modality() -> None:
    values = dict(bus=(10, 20, 30), dceus=(0, 0, 0))
    net = CasePreprocessor(mean=values, std=dict(bus=(2, 2, 2), dceus=(5, 5, 5)))
    inputs = dict(bus=torch.full((1, 3, 1, 1), 50.0), dceus=torch.full((1, 3, 2, 1, 1), 50.0))
    out = net(batch(**inputs))['inputs']
    assert out['bus'].flatten().tolist() == [20, 15, 10]
    assert out['dceus'].unique().tolist() == [10]
    assert inputs['bus'].unique().tolist() == [50]  # the batch itself is left alone


def test_channels_last() -> None:
    net = CasePreprocessor(channels_last=True)
    inputs = dict(bus=torch.zeros(2, 3, 4, 4, dtype=torch.uint8), dceus=torch.zeros(2, 3, 5, 4, 4, dtype=torch.uint8))
    out = net(batch(**inputs))['inputs']
    assert out['bus'].is_contiguous(memory_format=torch.channels_last)
    assert out['dceus'].is_contiguous(memory_format=torch.channels_last_3d)


def test_everything_else_passes() -> None:
    logits = torch.randn(1, 2)
    given = {**batch(image_logits=logits), 'clinical': torch.ones(1, 2, dtype=torch.float64)}
    out = MODELS.build(dict(type='CasePreprocessor'))(given, training=True)
    assert torch.equal(out['inputs']['image_logits'], logits)
    assert out['clinical'].dtype == torch.float32
    assert out['data_samples'] == ['case']
    assert out['present']['bus'].tolist() == [True]


def test_a_modality_without_mean() -> None:
    with pytest.raises(ValueError, match=r"no mean for modality 'ue'; it has \['bus'\]"):
        CasePreprocessor(mean=dict(bus=(0, 0, 0)))(batch(ue=torch.zeros(1, 3, 2, 2)))


@pytest.mark.parametrize('std', [(1, 0, 1), dict(bus=(1, -1, 1))])
def test_std_above_zero(std: Any) -> None:
    with pytest.raises(ValueError, match='must be above zero'):
        CasePreprocessor(std=std)


def test_not_a_batch() -> None:
    with pytest.raises(TypeError, match=r'expects a collated batch \(dict with inputs\), got list'):
        CasePreprocessor()([1])  # type: ignore[arg-type]
