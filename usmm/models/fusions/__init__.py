"""Fusions: the stage maps of the streams -> one vector, and one vector per stream."""

from usmm.models.fusions.base_fusion import BaseFusion
from usmm.models.fusions.bilinear import BilinearFusion
from usmm.models.fusions.central_net import CentralNet
from usmm.models.fusions.cross_modality import CrossModalityConv, CrossModalityGroupConv
from usmm.models.fusions.film import FiLMFusion
from usmm.models.fusions.gated import GatedFusion
from usmm.models.fusions.hi_net import HiNet
from usmm.models.fusions.layerwise import LayerwiseFusion
from usmm.models.fusions.projected import ProjectedFusion
from usmm.models.fusions.simple import AddFusion, AverageFusion, ConcatFusion, PoolFusion, SingleStream
from usmm.models.fusions.squeeze_excitation import SqueezeExcitationFusion
from usmm.models.fusions.transformer import TransformerFusion

__all__ = [
    'AddFusion',
    'AverageFusion',
    'BaseFusion',
    'BilinearFusion',
    'CentralNet',
    'ConcatFusion',
    'CrossModalityConv',
    'CrossModalityGroupConv',
    'FiLMFusion',
    'GatedFusion',
    'HiNet',
    'LayerwiseFusion',
    'PoolFusion',
    'ProjectedFusion',
    'SingleStream',
    'SqueezeExcitationFusion',
    'TransformerFusion',
]
