"""Models: encoders, fusions, heads, and the classifier that joins them."""

from usmm import compat

compat.apply()  # before anything of mmpretrain and mmaction2 is imported

from usmm.models.classifier import MultiModalClassifier, Outputs  # noqa: E402
from usmm.models.encoders import (  # noqa: E402
    BaseEncoder,
    ClinicalEncoder,
    ClipEncoder,
    GuidedEncoder,
    ImageEncoder,
    R2Plus1D,
    SharedEncoder,
)
from usmm.models.fusions import (  # noqa: E402
    AddFusion,
    AverageFusion,
    BaseFusion,
    BilinearFusion,
    CentralNet,
    ConcatFusion,
    CrossModalityConv,
    CrossModalityGroupConv,
    FiLMFusion,
    GatedFusion,
    HiNet,
    PoolFusion,
    ProjectedFusion,
    SingleStream,
    SqueezeExcitationFusion,
    TransformerFusion,
)
from usmm.models.heads import (  # noqa: E402
    BaseHead,
    BoostedTableHead,
    ClinicalFusionHead,
    LateFusionHead,
    LinearHead,
    MLPHead,
    ScoreTreeHead,
)
from usmm.models.layers import ChannelAttention, MapFusion, ModalityInteraction  # noqa: E402
from usmm.models.learners.contrastive import BYOL, SimCLR, SimSiam  # noqa: E402
from usmm.models.learners.multitask_learner import MultiTaskLearner  # noqa: E402
from usmm.models.learners.pair_preprocessor import PairPreprocessor  # noqa: E402
from usmm.models.preprocessor import CasePreprocessor  # noqa: E402
from usmm.models.tables.table_classifier import TableClassifier  # noqa: E402

__all__ = [
    'BYOL',
    'AddFusion',
    'AverageFusion',
    'BaseEncoder',
    'BaseFusion',
    'BaseHead',
    'BilinearFusion',
    'BoostedTableHead',
    'CasePreprocessor',
    'CentralNet',
    'ChannelAttention',
    'ClinicalEncoder',
    'ClinicalFusionHead',
    'ClipEncoder',
    'ConcatFusion',
    'CrossModalityConv',
    'CrossModalityGroupConv',
    'FiLMFusion',
    'GatedFusion',
    'GuidedEncoder',
    'HiNet',
    'ImageEncoder',
    'LateFusionHead',
    'LinearHead',
    'MLPHead',
    'MapFusion',
    'ModalityInteraction',
    'MultiModalClassifier',
    'MultiTaskLearner',
    'Outputs',
    'PairPreprocessor',
    'PoolFusion',
    'ProjectedFusion',
    'R2Plus1D',
    'ScoreTreeHead',
    'SharedEncoder',
    'SimCLR',
    'SimSiam',
    'SingleStream',
    'SqueezeExcitationFusion',
    'TableClassifier',
    'TransformerFusion',
]
