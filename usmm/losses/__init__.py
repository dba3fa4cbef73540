"""Losses: pure functions and the thin modules that configs name."""

from usmm.losses.consistency import ConsistencyLoss, consistency_loss
from usmm.losses.cross_entropy import CrossEntropyLoss, cross_entropy_loss
from usmm.losses.deep_supervision import DeepSupervisionLoss, deep_supervision_loss
from usmm.losses.focal import FocalLoss, focal_loss
from usmm.losses.orthogonal import OrthogonalLoss, orthogonal_loss

__all__ = [
    'ConsistencyLoss',
    'CrossEntropyLoss',
    'DeepSupervisionLoss',
    'FocalLoss',
    'OrthogonalLoss',
    'consistency_loss',
    'cross_entropy_loss',
    'deep_supervision_loss',
    'focal_loss',
    'orthogonal_loss',
]
