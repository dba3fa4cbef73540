"""Heads: vectors -> logits and losses."""

from usmm.models.heads.clinical_fusion import ClinicalFusionHead
from usmm.models.heads.linear import LinearHead

__all__ = ['ClinicalFusionHead', 'LinearHead']
