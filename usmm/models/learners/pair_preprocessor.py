"""Preprocessor of pairs: each row is normalised by the modality that it was drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

import torch

from usmm.models.preprocessor import CasePreprocessor, by_modality
from usmm.registry import MODELS
from usmm.structures import Case


class PairBatch(TypedDict):
    """A batch of `PairedViews` or `MultiTaskDataset`.

    Args:
        inputs: `view1` and `view2`, or `image` -> (B, 3, H, W), uint8 before and float32 after the preprocessor.
        data_samples: The cases, whose `info` names the modality of each view.
    """

    inputs: dict[str, torch.Tensor]
    data_samples: list[Case]


@MODELS.register_module()
class PairPreprocessor(CasePreprocessor):
    """`CasePreprocessor` for the two views of `PairedViews`, or the image of `MultiTaskDataset`.

    A view has another modality in each row.

    Args:
        mean, std, channels_last, non_blocking: As in `CasePreprocessor`.

    Raises:
        ValueError: If a standard deviation is not above zero.

    Example:
        >>> from usmm.structures import Case
        >>> one = Case('c', 'p', info=dict(views=dict(modalities=('t1', 't2'))))
        >>> inputs = {v: torch.full((1, 3, 2, 2), 100, dtype=torch.uint8) for v in ('view1', 'view2')}
        >>> norm = PairPreprocessor(mean=dict(t1=(0,) * 3, t2=(50,) * 3), std=(50.0,) * 3)
        >>> [x.unique().item() for x in norm(dict(inputs=inputs, data_samples=[one]))['inputs'].values()]
        [2.0, 1.0]
    """

    def forward(self, data: PairBatch, training: bool = False) -> PairBatch:  # type: ignore[override]  # no table
        """The batch with float32 views on the device.

        Args:
            data: A collated batch: inputs `view1` and `view2`, or `image`, and data_samples that name their modalities.
            training: Not used; part of the interface.

        Raises:
            TypeError: If the batch is not a dict with `inputs`.
            ValueError: If mean or std is given by modality and lacks one, or the cases do not name theirs.
        """
        if not isinstance(data, Mapping) or 'inputs' not in data:
            raise TypeError(f'PairPreprocessor expects a collated batch (dict with inputs), got {type(data).__name__}')
        cases = data.get('data_samples') or []
        if not cases or any('views' not in case.info for case in cases):
            raise ValueError('PairPreprocessor expects a batch of PairedViews, whose cases name their modalities')
        drawn = list(zip(*[case.info['views']['modalities'] for case in cases], strict=True))
        views = data['inputs'].items()
        return dict(
            inputs={name: self._rows(x, names) for (name, x), names in zip(views, drawn, strict=True)},
            data_samples=cases,
        )

    def _rows(self, x: torch.Tensor, modalities: tuple[str, ...]) -> torch.Tensor:
        x = x.to(self.device, non_blocking=bool(self._non_blocking))
        mean, std = (
            torch.tensor([by_modality(values, m, what) for m in modalities], device=x.device)[..., None, None]
            for values, what in ((self.mean, 'mean'), (self.std, 'std'))
        )
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        return x.to(torch.float32, memory_format=layout, copy=True).sub_(mean).div_(std)
