"""Linear head: class logits of the joint vector, and of each stream's where a loss asks for them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import torch
from mmengine.logging import print_log
from mmengine.model import ModuleDict
from torch import Tensor, nn

from usmm.models.building import build
from usmm.models.heads.base_head import BaseHead
from usmm.registry import MODELS
from usmm.structures import Settings
from usmm.structures.contract import missing_members
from usmm.structures.protocols import HeadLoss

TAKES = ('logits', 'aux_logits', 'vectors')  # what a loss may read of a head


@MODELS.register_module()
class LinearHead(BaseHead):
    """One fully connected layer, the losses, and an auxiliary layer per stream only if a loss takes their logits.

    Args:
        num_classes: Number of classes K.
        in_channels: Width of the joint vector.
        streams: Stream -> width D of its vector.
        losses: Configs of losses, summed; None: cross entropy. A loss that needs more streams than there are is
            dropped with a line in the log.
        dropout: Drop rate before the final layer.
        init_cfg: Initialisation.

    Raises:
        ValueError: If no loss is left, or one has weights for another number of classes.

    References:
        Meng et al., IEEE TMI 2022, eq. 6 and 12.

    Example:
        >>> head = LinearHead(2, 256, dict(static=256, dynamic=256), losses=[dict(type='CrossEntropyLoss')])
        >>> sum(p.numel() for p in head.parameters()), len(head.aux)
        (514, 0)
    """

    # whether streams have auxiliary layers of their own where no loss takes them
    always_aux = False

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        streams: Mapping[str, int] | None = None,
        losses: Sequence[Settings] | None = None,
        dropout: float = 0.0,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        streams = dict(streams or {})
        self.num_classes = num_classes
        self.losses = build_losses(losses or [dict(type='CrossEntropyLoss')], len(streams))
        for name, loss in self.losses.items():
            for weights in loss.buffers(recurse=False):
                if weights.ndim == 1 and len(weights) != num_classes:
                    raise ValueError(f'{name} has {len(weights)} class weights for {num_classes} classes')
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.fc = nn.Linear(in_channels, num_classes)
        supervised = self.always_aux or 'aux_logits' in map(takes_of, self.losses.values())
        aux = {s: nn.Linear(width, num_classes) for s, width in streams.items()} if supervised else {}
        self.aux = ModuleDict(aux)

    def forward(
        self, vector: Tensor, vectors: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Logits (B, K) of the joint vector, and stream -> logits (B, K) of the streams with an auxiliary layer.

        Args:
            vector: Joint vector (B, D).
            vectors: Stream -> (B, D).
            present: Stream -> which rows have it (B,); None: all. What it means to the joint vector is the fusion's.
        """
        return self.fc(self.dropout(vector)), {s: layer(vectors[s]) for s, layer in self.aux.items()}

    def loss(
        self,
        logits: Tensor,
        aux_logits: Mapping[str, Tensor],
        vectors: Mapping[str, Tensor],
        target: Tensor,
        complete: Tensor | None = None,
        present: Mapping[str, Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Named losses, in float32.

        Args:
            logits, aux_logits: As `forward` returns them.
            vectors: Stream -> (B, D).
            target: Class indices (B,).
            complete: Rows in which every stream is present (B,); None: all. Losses over streams look at these only.
            present: Stream -> which rows have it (B,); None: all.
        """
        by_stream = dict(aux_logits=_float(aux_logits), vectors=_float(vectors))
        losses = {}
        for name, loss in self.losses.items():
            takes = takes_of(loss)
            if takes == 'logits':
                losses[name] = loss(logits.float(), target)
                continue
            x = by_stream[takes]
            if complete is None:
                losses[name] = loss(x, target)
            elif bool(complete.any()):
                losses[name] = loss({s: v[complete] for s, v in x.items()}, target[complete])
            else:
                # Nothing to compare: zero, but still of the graph, so that distributed training sees every parameter.
                losses[name] = torch.stack([v.sum() for v in x.values()]).sum() * 0
        return losses


def _float(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {k: v.float() for k, v in tensors.items()}


def build_losses(cfgs: Sequence[Settings], num_streams: int) -> ModuleDict:
    """Name in the log -> loss, without those that need more streams than there are (a line in the log says so).

    Raises:
        ValueError: If no loss is left.
            Or if a loss takes what a head does not give.
        TypeError: If a config is not one of a loss of a head; names the members that are missing.
    """
    built = ModuleDict()
    for cfg in cfgs:
        loss = build(cfg)
        if not isinstance(loss, HeadLoss):
            members = missing_members(loss, HeadLoss)
            raise TypeError(
                f'expected the config of a loss of a head, got type={cfg.get("type")!r}, which has no {members}'
            )
        if loss.takes not in TAKES:
            raise ValueError(f'{type(loss).__name__}.takes must be one of {list(TAKES)}, got {loss.takes!r}')
        if loss.takes != 'logits' and num_streams < loss.min_streams:
            print_log(
                f'{type(loss).__name__} needs {loss.min_streams} streams, this model has {num_streams}: dropped',
                logger='current',
            )
            continue
        name = _loss_name(type(loss).__name__)
        built[name if name not in built else f'{name}_{len(built)}'] = loss
    if not len(built):
        raise ValueError(f'no loss is left for a model with {num_streams} stream(s): {[c["type"] for c in cfgs]}')
    return built


def takes_of(loss: nn.Module) -> str:
    """What a loss reads; `build_losses` has checked that it states it."""
    return str(loss.takes)


def _loss_name(cls: str) -> str:
    """FocalLoss -> loss_focal, DeepSupervisionLoss -> loss_deep_supervision."""
    return 'loss_' + re.sub(r'(?<!^)(?=[A-Z])', '_', cls.removesuffix('Loss')).lower()
