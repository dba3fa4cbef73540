"""Heads: vectors -> logits and losses."""

from usmm.models.heads.base_head import BaseHead
from usmm.models.heads.boosted_table import BoostedTableHead
from usmm.models.heads.clinical_fusion import ClinicalFusionHead
from usmm.models.heads.late_fusion import LateFusionHead
from usmm.models.heads.linear import LinearHead
from usmm.models.heads.mlp import MLPHead
from usmm.models.heads.score_tree import ScoreTreeHead

__all__ = [
    'BaseHead',
    'BoostedTableHead',
    'ClinicalFusionHead',
    'LateFusionHead',
    'LinearHead',
    'MLPHead',
    'ScoreTreeHead',
]
