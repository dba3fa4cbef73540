"""Missing modalities in a batch: which rows have which stream, and encoding only the rows that are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from usmm.models.encoders import BaseEncoder, SharedEncoder
from usmm.structures import Case

Present = Mapping[str, Tensor]


def stream_presence(readers: Mapping[str, Sequence[str]], present: Present | None) -> dict[str, Tensor] | None:
    """Stream -> rows that have all of its modalities (B,); None where no row lacks any.

    Args:
        readers: Stream -> the modalities that it reads.
        present: Modality -> rows that have it (B,); a modality that is not named is there.

    Example:
        >>> present = dict(bus=torch.tensor([True, True]), ue=torch.tensor([True, False]))
        >>> stream_presence(dict(static=('bus', 'ue'), dynamic=('dceus',)), present)
        {'static': tensor([ True, False]), 'dynamic': tensor([True, True])}
    """
    asked = {m for modalities in readers.values() for m in modalities}
    given = {m: p.bool() for m, p in (present or {}).items() if m in asked}
    if all(bool(p.all()) for p in given.values()):
        return None
    full = torch.ones_like(next(iter(given.values())))
    return {
        stream: torch.stack([full, *(given[m] for m in modalities if m in given)]).all(0)
        for stream, modalities in readers.items()
    }


def check_presence(
    streams: Mapping[str, Tensor],
    readers: Mapping[str, Sequence[str]],
    present: Present,
    handles_missing: bool,
    data_samples: Sequence[Case] | None,
) -> None:
    """See that the model can do without what is missing.

    Args:
        streams: Stream -> rows that have it, see `stream_presence`.
        readers: Stream -> the modalities that it reads.
        present: Modality -> rows that have it.
        handles_missing: Whether one stream is enough.
        data_samples: The cases, for the message.

    Raises:
        ValueError: Naming the modality and the cases.
    """
    rows = torch.stack(list(streams.values()))
    failed = ~(rows.any(0) if handles_missing else rows.all(0))
    if not bool(failed.any()):
        return
    messages = []
    for modality in dict.fromkeys(m for modalities in readers.values() for m in modalities):
        if modality in present:
            missing = (failed & ~present[modality].bool()).nonzero()[:, 0].tolist()
            if missing:
                messages.append(f'{modality!r} is missing from cases {_names(missing, data_samples)}')
    need = 'all modalities of one stream or more' if handles_missing else 'all of its modalities'
    raise ValueError(f'{"; ".join(messages)}: this model needs {need}')


def encode_streams(
    name: str, encoder: BaseEncoder, inputs: Mapping[str, Tensor], rows: Mapping[str, Tensor] | None
) -> dict[str, list[Tensor]]:
    """Stream -> stage maps, of the streams that some row has.

    Args:
        name: What the config calls the encoder.
        encoder: The encoder, of one stream or (`SharedEncoder`) of several.
        inputs: Modality -> (B, ...).
        rows: Stream -> rows that have it (B,); None: all.
    """
    if isinstance(encoder, SharedEncoder):
        return encoder.encode(inputs, rows)
    maps = encode_rows(encoder, inputs, None if rows is None else rows[name])
    return {} if maps is None else {name: maps}


def encode_rows(encoder: BaseEncoder, inputs: Mapping[str, Tensor], rows: Tensor | None) -> list[Tensor] | None:
    """Stage maps of the rows that are there, zeros in the others; None where there is no row.

    Absent rows do not pass the encoder: their zeros would move the batch statistics.

    Args:
        encoder: The encoder of a stream.
        inputs: Modality -> (B, ...).
        rows: Rows to encode (B,); None: all.
    """
    if rows is None or bool(rows.all()):
        return encoder(inputs)
    if not bool(rows.any()):
        return None
    maps = encoder({m: inputs[m][rows.to(inputs[m].device)] for m in encoder.modalities})
    return [_scatter(m, rows.to(m.device)) for m in maps]


def _scatter(part: Tensor, rows: Tensor) -> Tensor:
    full = part.new_zeros((len(rows), *part.shape[1:]))
    return full.index_copy(0, rows.nonzero()[:, 0], part)


def _names(rows: Sequence[int], data_samples: Sequence[Case] | None) -> list[str]:
    return [f'row {i}' if data_samples is None else data_samples[i].case_id for i in rows]
