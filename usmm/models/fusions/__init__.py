"""Fusions: the stage maps of the streams -> one vector, and one vector per stream."""

from usmm.models.fusions.base import BaseFusion
from usmm.models.fusions.bilinear import BilinearFusion
from usmm.models.fusions.simple import AddFusion, AverageFusion, ConcatFusion, SingleStream
from usmm.models.fusions.transformer import TransformerFusion

__all__ = [
    'AddFusion',
    'AverageFusion',
    'BaseFusion',
    'BilinearFusion',
    'ConcatFusion',
    'SingleStream',
    'TransformerFusion',
]
