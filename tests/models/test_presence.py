from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from usmm.models.presence import check_presence, encode_rows, stream_presence
from usmm.structures import Case

READERS = dict(static=('bus', 'ue'), dynamic=('dceus',))


def rows(*values: int) -> Tensor:
    return torch.tensor(values, dtype=torch.bool)


class Doubling(nn.Module):
    """Counts the rows that pass."""

    modalities = ('bus',)
    seen = 0

    def forward(self, inputs: dict[str, Tensor]) -> list[Tensor]:
        self.seen += len(inputs['bus'])
        return [2 * inputs['bus'], inputs['bus'].mean((2, 3))]


@pytest.mark.parametrize(
    ('present', 'expected'),
    [
        (None, None),
        ({}, None),
        (dict(bus=rows(1, 1), ue=rows(1, 1), dceus=rows(1, 1)), None),
        (dict(bus=rows(1, 1), other=rows(0, 0)), None),
        (dict(bus=rows(1, 0), ue=rows(0, 1)), dict(static=[False, False], dynamic=[True, True])),
        (dict(dceus=rows(0, 1)), dict(static=[True, True], dynamic=[False, True])),
    ],
)
def test_a_stream_is_present_only_with_all_its_modalities(present: Any, expected: Any) -> None:
    found = stream_presence(READERS, present)
    assert (None if found is None else {s: v.tolist() for s, v in found.items()}) == expected


def test_only_present_rows_are_encoded() -> None:
    encoder, x = Doubling(), torch.randn(3, 3, 2, 2, requires_grad=True)
    maps = encode_rows(encoder, dict(bus=x), rows(1, 0, 1))  # type: ignore[arg-type]
    assert maps is not None
    assert encoder.seen == 2
    expected = 2 * x.detach()
    expected[1] = 0
    assert torch.equal(maps[0].detach(), expected)
    assert maps[1].shape == (3, 3)
    maps[0].sum().backward()
    assert x.grad is not None
    assert x.grad.sum((1, 2, 3)).tolist() == [24, 0, 24]


@pytest.mark.parametrize(('present', 'seen'), [(None, 2), (rows(1, 1), 2), (rows(0, 0), 0)])
def test_all_rows_or_none(present: Tensor | None, seen: int) -> None:
    encoder = Doubling()
    maps = encode_rows(encoder, dict(bus=torch.ones(2, 3, 2, 2)), present)  # type: ignore[arg-type]
    assert encoder.seen == seen
    assert (maps is None) == (seen == 0)


@pytest.mark.parametrize(
    ('present', 'handles_missing', 'message'),
    [
        (dict(ue=rows(1, 0)), False, r"'ue' is missing from cases \['b'\]: this model needs all of its modalities"),
        (
            dict(bus=rows(0, 1), dceus=rows(0, 0)),
            True,
            r"'bus' is missing from cases \['a'\]; 'dceus' is missing from cases \['a'\]: .* of one stream or more",
        ),
    ],
)
def test_what_a_model_cannot_do_without(present: Any, handles_missing: bool, message: str) -> None:
    streams = stream_presence(READERS, present)
    assert streams is not None
    with pytest.raises(ValueError, match=message):
        check_presence(streams, READERS, present, handles_missing, [Case('a', 'p'), Case('b', 'p')])


def test_rows_are_named_without_cases() -> None:
    present = dict(ue=rows(1, 0))
    with pytest.raises(ValueError, match=r"missing from cases \['row 1'\]"):
        check_presence(stream_presence(READERS, present) or {}, READERS, present, False, None)


def test_one_stream_is_enough_where_the_fusion_can() -> None:
    present = dict(bus=rows(0, 1), dceus=rows(1, 0))
    streams = stream_presence(READERS, present)
    assert streams is not None
    check_presence(streams, READERS, present, True, None)
