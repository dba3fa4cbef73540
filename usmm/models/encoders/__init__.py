"""Encoders: the modalities of a case -> the stage maps of one stream."""

from usmm.models.encoders.backbones import DLRE, InceptionMaps, ScaledEfficientNet
from usmm.models.encoders.base_encoder import BaseEncoder
from usmm.models.encoders.clinical_encoder import ClinicalEncoder
from usmm.models.encoders.clip_encoder import ClipEncoder
from usmm.models.encoders.guided_encoder import GuidedEncoder
from usmm.models.encoders.image_encoder import ImageEncoder
from usmm.models.encoders.r2plus1d import R2Plus1D
from usmm.models.encoders.shared_encoder import SharedEncoder

__all__ = [
    'DLRE',
    'BaseEncoder',
    'ClinicalEncoder',
    'ClipEncoder',
    'GuidedEncoder',
    'ImageEncoder',
    'InceptionMaps',
    'R2Plus1D',
    'ScaledEfficientNet',
    'SharedEncoder',
]
