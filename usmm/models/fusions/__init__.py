"""Fusions: the stage maps of the streams -> one vector, and one vector per stream."""

from usmm.models.fusions.base import BaseFusion
from usmm.models.fusions.bilinear import BilinearFusion
from usmm.models.fusions.central_net import CentralNet
from usmm.models.fusions.hi_net import HiNet
from usmm.models.fusions.layerwise import LayerwiseFusion
from usmm.models.fusions.simple import AddFusion, AverageFusion, ConcatFusion, PoolFusion, SingleStream
from usmm.models.fusions.transformer import TransformerFusion

__all__ = [
    'AddFusion',
    'AverageFusion',
    'BaseFusion',
    'BilinearFusion',
    'CentralNet',
    'ConcatFusion',
    'HiNet',
    'LayerwiseFusion',
    'PoolFusion',
    'SingleStream',
    'TransformerFusion',
]
