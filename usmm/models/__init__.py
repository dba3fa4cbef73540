"""Models: encoders, fusions, heads, and the classifier that joins them."""

from usmm import compat

compat.apply()  # before anything of mmpretrain and mmaction2 is imported

from usmm.models.classifier import MultiModalClassifier  # noqa: E402
from usmm.models.encoders import BaseEncoder, ClipEncoder, GuidedEncoder, ImageEncoder, R2Plus1D  # noqa: E402
from usmm.models.fusions import (  # noqa: E402
    AddFusion,
    AverageFusion,
    BaseFusion,
    BilinearFusion,
    CentralNet,
    ConcatFusion,
    HiNet,
    PoolFusion,
    SingleStream,
    TransformerFusion,
)
from usmm.models.heads import ClinicalFusionHead, LateFusionHead, LinearHead, ScoreTreeHead  # noqa: E402
from usmm.models.layers import ChannelAttention, MapFusion, ModalityInteraction  # noqa: E402
from usmm.models.outputs import Outputs  # noqa: E402
from usmm.models.preprocessor import CasePreprocessor  # noqa: E402
from usmm.models.table_classifier import TableClassifier  # noqa: E402

__all__ = [
    'AddFusion',
    'AverageFusion',
    'BaseEncoder',
    'BaseFusion',
    'BilinearFusion',
    'CasePreprocessor',
    'CentralNet',
    'ChannelAttention',
    'ClinicalFusionHead',
    'ClipEncoder',
    'ConcatFusion',
    'GuidedEncoder',
    'HiNet',
    'ImageEncoder',
    'LateFusionHead',
    'LinearHead',
    'MapFusion',
    'ModalityInteraction',
    'MultiModalClassifier',
    'Outputs',
    'PoolFusion',
    'R2Plus1D',
    'ScoreTreeHead',
    'SingleStream',
    'TableClassifier',
    'TransformerFusion',
]
