"""Losses: pure functions and the thin modules that configs name."""

from usmm.models.losses.consistency import ConsistencyLoss, consistency_loss
from usmm.models.losses.cross_entropy import CrossEntropyLoss, cross_entropy_loss
from usmm.models.losses.deep_supervision import DeepSupervisionLoss, deep_supervision_loss
from usmm.models.losses.focal import FocalLoss, focal_loss
from usmm.models.losses.nt_xent import NTXentLoss, nt_xent_loss
from usmm.models.losses.orthogonal import OrthogonalLoss, orthogonal_loss
from usmm.models.losses.pair_distance import PairDistanceLoss, pair_distance_loss

__all__ = [
    'ConsistencyLoss',
    'CrossEntropyLoss',
    'DeepSupervisionLoss',
    'FocalLoss',
    'NTXentLoss',
    'OrthogonalLoss',
    'PairDistanceLoss',
    'consistency_loss',
    'cross_entropy_loss',
    'deep_supervision_loss',
    'focal_loss',
    'nt_xent_loss',
    'orthogonal_loss',
    'pair_distance_loss',
]
