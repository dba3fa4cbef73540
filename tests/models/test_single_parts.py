"""docs/single_parts.md: its code runs in a plain PyTorch loop, and its messages are those that come."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from usmm.models.fusions import CrossModalityGroupConv
from usmm.models.layers import ChannelAttention
from usmm.models.losses import FocalLoss, OrthogonalLoss

PAGE = (Path(__file__).resolve().parents[2] / 'docs' / 'single_parts.md').read_text(encoding='utf-8')
BLOCKS = re.findall(r'^```python\n(.*?)^```', PAGE, re.MULTILINE | re.DOTALL)
MESSAGES = re.search(r'states what it expects:\n\n```\n(.*?)^```', PAGE, re.MULTILINE | re.DOTALL)[1].splitlines()


def fusion() -> CrossModalityGroupConv:
    return CrossModalityGroupConv(in_channels={'bus': 16, 'cdfi': 16}, groups=4)


MISTAKES = [
    (ValueError, lambda: ChannelAttention()(torch.rand(8, 64, 64))),
    (TypeError, lambda: fusion()({'bus': torch.rand(8, 16, 15, 15), 'cdfi': torch.rand(8, 16, 15, 15)})),
    (ValueError, lambda: fusion()({'bus': [torch.rand(8, 32, 15, 15)]})),
    (TypeError, lambda: OrthogonalLoss()([torch.rand(8, 4), torch.rand(8, 4)])),
    (ValueError, lambda: FocalLoss()(torch.rand(8, 2), torch.zeros(8, 1, dtype=torch.int64))),
]


def test_the_code_of_the_page_runs(tiny_data: Path) -> None:
    scope: dict[str, object] = {}
    assert len(BLOCKS) == 3
    for code in BLOCKS:
        exec(code.replace("'data/mine/cases.csv'", repr(str(tiny_data / 'cases.csv'))), scope)
    assert scope['joint'].shape == (8, 16) and scope['loss'].item() > 0
    # rows without a modality do not see its map
    maps = dict(scope['streams'])
    maps['cdfi'] = [maps['cdfi'][0] * torch.where(torch.arange(8) < 5, 1.0, 3.0)[:, None, None, None]]
    again, _ = scope['fusion'].eval()(maps, scope['present'])
    first, _ = scope['fusion'](scope['streams'], scope['present'])
    torch.testing.assert_close(again, first)


@pytest.mark.parametrize(('number', 'error', 'call'), [(i, *m) for i, m in enumerate(MISTAKES)])
def test_the_messages_of_the_page_are_those_that_come(number: int, error: type[Exception], call) -> None:
    with pytest.raises(error, match=re.escape(MESSAGES[number])):
        call()


@pytest.mark.parametrize(
    ('error', 'message', 'call'),
    [
        (TypeError, 'expects floating-point images, got torch.uint8',
         lambda: ChannelAttention()(torch.zeros(1, 3, 4, 4, dtype=torch.uint8))),
        (ValueError, r"has the streams \['bus', 'cdfi'\], got 'ue'",
         lambda: fusion()({'ue': [torch.rand(1, 16, 4, 4)]})),
        (TypeError, r'list of stage maps .* got list$', lambda: fusion()([torch.rand(1, 16, 4, 4)])),
        (TypeError, r'list of stage maps .* got \{\}$', lambda: fusion()(streams={})),
        (TypeError, r"got a list for 'bus'", lambda: fusion()({'bus': []})),
        (ValueError, r"'cdfi' is not among the inputs \['bus'\]; for cases without it, pass present",
         lambda: fusion()({'bus': [torch.rand(2, 16, 4, 4)]})),
        (ValueError, r"'cdfi' is not among the inputs \['bus'\]",
         lambda: fusion()({'bus': [torch.rand(2, 16, 4, 4)]}, dict.fromkeys(('bus', 'cdfi'), torch.ones(2)))),
        (ValueError, r"the same number of rows in every stream, got \{'bus': 2, 'cdfi': 3\}",
         lambda: fusion()({'bus': [torch.rand(2, 16, 4, 4)], 'cdfi': [torch.rand(3, 16, 4, 4)]})),
        (TypeError, r'ChannelAttention expects images \(B, 3, H, W\), got a str', lambda: ChannelAttention()('x')),
        (ValueError, 'in_channels of ChannelAttention must be an integer of 1 or more, got 0',
         lambda: ChannelAttention(0)),
        (ValueError, "hidden_channels of ChannelAttention must be an integer of 1 or more, got '8'",
         lambda: ChannelAttention(3, '8')),
        (ValueError, 'focal_loss expects class indices of 0 to 1, got 0 to 2',
         lambda: FocalLoss()(torch.rand(3, 2), torch.tensor([0, 1, 2]))),
        (ValueError, 'focal_loss expects class indices of 0 to 1, got -1 to 1',
         lambda: FocalLoss()(torch.rand(3, 2), torch.tensor([0, 1, -1]))),
        (TypeError, 'expects tensors, logits .* got list and Tensor', lambda: FocalLoss()([[0.1]], torch.tensor([0]))),
    ],
)  # fmt: skip
def test_other_wrong_input_is_named(error: type[Exception], message: str, call) -> None:
    with pytest.raises(error, match=message):
        call()


def test_a_stream_that_no_row_has_may_be_absent() -> None:
    present = {'bus': torch.tensor([True, True]), 'cdfi': torch.tensor([False, False])}
    joint, vectors = fusion()({'bus': [torch.rand(2, 16, 4, 4)]}, present)
    assert joint.shape == (2, 16) and not vectors['cdfi'].any()
