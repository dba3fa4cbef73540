"""Encoder of the clinical table: a raw row becomes a map of one pixel, so that every fusion can take it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from usmm.models.encoders.base_encoder import BaseEncoder
from usmm.models.tables.table_encoding import TableEncoding, own_columns
from usmm.registry import MODELS
from usmm.structures import CLINICAL, Settings, Variable


@MODELS.register_module()
class ClinicalEncoder(BaseEncoder):
    """The clinical table as a stream: encoded columns -> fully connected layer -> ReLU, (B, C, 1, 1).

    A number is z-scored (after log(1 + x) where its variable says `log`); missing, it is the median, and a column of
    its own says so. A category is one-hot with a column for unknown. Everything is fitted on the training part and
    kept in buffers, so that a checkpoint needs the raw row only.

    Args:
        variables: The clinical variables to read. In a config names of the schema's, or nothing for all of them; the
            classifier then fills in what they are and where they stand.
        columns: Where the variables stand in a table that has more; None: the table has these columns alone.
        hidden_channels: Channels C of the map.
        init_cfg: Initialisation.

    Raises:
        ValueError: If there is no variable, the categories of one are not known yet, or C is below 1.

    References:
        The liver system of B-mode and blood tests, which joins the table to the image's feature.

    Example:
        >>> encoder = ClinicalEncoder([Variable('age'), Variable('sex', values=('F', 'M'))], hidden_channels=8)
        >>> encoder.fit(torch.tensor([[40.0, 0.0], [60.0, 1.0]]))
        >>> encoder(dict(clinical=torch.tensor([[float('nan'), 1.0]])))[-1].shape
        torch.Size([1, 8, 1, 1])
    """

    modalities = (CLINICAL,)
    fitted: Tensor

    def __init__(
        self,
        variables: Sequence[Variable | Settings] = (),
        columns: Sequence[int] | None = None,
        hidden_channels: int = 32,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if hidden_channels < 1:
            raise ValueError(f'hidden_channels of ClinicalEncoder must be 1 or more, got {hidden_channels}')
        self.variables = tuple(Variable.of(v) for v in variables)
        self.columns = None if columns is None else list(columns)
        self.encoding = TableEncoding(self.variables)
        self.fc = nn.Linear(len(self.encoding.names), hidden_channels)
        self.out_channels = (hidden_channels,)
        self.register_buffer('fitted', torch.tensor(False))

    @classmethod
    def modalities_of(cls, cfg: Settings) -> tuple[str, ...]:
        """The table."""
        return cls.modalities

    def cam_layers(self) -> dict[str, str]:
        """None: a table has no heat-map."""
        return {}

    def fit(self, clinical: Tensor) -> None:
        """Take medians, means and standard deviations from the training part.

        Args:
            clinical: Raw table (N, K): numbers, category indices, NaN where missing.
        """
        self.encoding.fit(own_columns(clinical, self.columns))
        self.fitted.fill_(True)

    def forward(self, inputs: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None) -> list[Tensor]:
        """One map (B, C, 1, 1) of the raw table (B, K).

        Raises:
            ValueError: If the encoder is not fitted, or the table has other columns.
        """
        if not bool(self.fitted):
            raise ValueError('ClinicalEncoder is not fitted: call fit(clinical table of the training part) first')
        columns = self.encoding(own_columns(inputs[CLINICAL], self.columns))
        return [self.fc(columns.to(self.fc.weight.dtype)).relu()[:, :, None, None]]


def table_encoders(encoders: nn.ModuleDict | None) -> list[ClinicalEncoder]:
    """The encoders of the table among those of a classifier."""
    return [] if encoders is None else [e for e in encoders.values() if isinstance(e, ClinicalEncoder)]
