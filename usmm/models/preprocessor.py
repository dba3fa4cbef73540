"""Preprocessor: a collated batch -> normalised tensors on the model's device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import torch
from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from usmm.registry import MODELS
from usmm.structures.packed_batch import Batch
from usmm.structures.settings import IMAGE_LOGITS

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)

Channels: TypeAlias = Sequence[float] | Mapping[str, Sequence[float]]  # a number per channel, or modality -> such
Plain: TypeAlias = tuple[float, ...] | dict[str, tuple[float, ...]]


@MODELS.register_module()
class CasePreprocessor(BaseDataPreprocessor):
    """Move to the device as uint8, then (x - mean) / std in float32.

    Args:
        mean, std: Per colour channel, in grey levels 0 to 255; or modality -> such triples.
        channels_last: Give images and clips the channels-last memory format (quicker convolutions in bf16 and fp16).
        non_blocking: Overlap the copy to the device.

    Raises:
        ValueError: If a standard deviation is not above zero.

    Example:
        >>> batch = dict(inputs=dict(bus=torch.full((1, 3, 2, 2), 255, dtype=torch.uint8)), data_samples=[])
        >>> CasePreprocessor(mean=(127.5,) * 3, std=(127.5,) * 3)(batch)['inputs']['bus'].unique()
        tensor([1.])
    """

    def __init__(
        self,
        mean: Channels = IMAGENET_MEAN,
        std: Channels = IMAGENET_STD,
        channels_last: bool = False,
        non_blocking: bool = False,
    ) -> None:
        super().__init__(non_blocking)
        self.channels_last = channels_last
        self.mean, self.std = _plain(mean), _plain(std)
        for values in self.std.values() if isinstance(self.std, dict) else [self.std]:
            if min(values) <= 0:
                raise ValueError(f'std of CasePreprocessor must be above zero, got {values}')

    def forward(self, data: Batch, training: bool = False) -> Batch:  # type: ignore[override]  # any dict upstream
        """The batch with float32 inputs on the device; `present` stays on the CPU, where it is asked about.

        Args:
            data: A collated batch: inputs, present, clinical, data_samples.
            training: Not used; part of the interface.

        Raises:
            TypeError: If the batch is not a dict with `inputs`.
            ValueError: If mean or std is given by modality and lacks one.
        """
        if not isinstance(data, Mapping) or 'inputs' not in data:
            raise TypeError(f'CasePreprocessor expects a collated batch (dict with inputs), got {type(data).__name__}')
        clinical = data.get('clinical')
        return dict(
            inputs={name: self._normalise(name, x) for name, x in data['inputs'].items()},
            present=data.get('present'),
            clinical=None if clinical is None else clinical.to(self.device, torch.float32),
            data_samples=data.get('data_samples'),
        )

    def _normalise(self, name: str, x: Tensor) -> Tensor:
        x = x.to(self.device, non_blocking=bool(self._non_blocking))
        if name == IMAGE_LOGITS:
            return x.float()
        layout = torch.contiguous_format
        if self.channels_last:
            layout = torch.channels_last if x.ndim == 4 else torch.channels_last_3d
        shape = (1, -1, *[1] * (x.ndim - 2))
        mean = torch.tensor(by_modality(self.mean, name, 'mean'), device=x.device).view(shape)
        std = torch.tensor(by_modality(self.std, name, 'std'), device=x.device).view(shape)
        return x.to(torch.float32, memory_format=layout, copy=True).sub_(mean).div_(std)


def _plain(values: Channels) -> Plain:
    """Tuples of floats, by modality or for all."""
    if isinstance(values, Mapping):
        return {k: tuple(float(v) for v in vs) for k, vs in values.items()}
    return tuple(float(v) for v in values)


def by_modality(values: Plain, modality: str, what: str) -> tuple[float, ...]:
    """The triple of a modality, of such triples by modality or of one for all."""
    if not isinstance(values, dict):
        return values
    if modality not in values:
        raise ValueError(f'CasePreprocessor has no {what} for modality {modality!r}; it has {sorted(values)}')
    return values[modality]
