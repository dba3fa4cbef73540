"""Transforms of a case: loading, cropping, key frames, caching, augmentation, formatting."""

from usmm.datasets.transforms.augment import (
    RandomAffine,
    RandomFlip,
    RandomResizedCrop,
    RandomRotate,
    RandomShift,
    RandomTransform,
    replay,
)
from usmm.datasets.transforms.base_transform import Transform
from usmm.datasets.transforms.boxes import coloured_box, lesion_square
from usmm.datasets.transforms.cache import Cached
from usmm.datasets.transforms.classifier_inputs import PackClassifierInputs
from usmm.datasets.transforms.colour import ColourJitter, RandomErase
from usmm.datasets.transforms.cropping import CropBox, CropLesion, CropRegion
from usmm.datasets.transforms.formatting import PackCase, collate_cases, pack
from usmm.datasets.transforms.image_transform import ImageTransform
from usmm.datasets.transforms.keyframes import KeyFrames, key_frames
from usmm.datasets.transforms.lesion_curve import lesion_curve
from usmm.datasets.transforms.loading import LoadClip, LoadImage, LoadMask
from usmm.datasets.transforms.panels import SplitPanels
from usmm.datasets.transforms.region import KeepRegion, ultrasound_region
from usmm.datasets.transforms.resizing import PadToSize, Resize
from usmm.datasets.transforms.store import ArrayStore

__all__ = [
    'ArrayStore',
    'Cached',
    'ColourJitter',
    'CropBox',
    'CropLesion',
    'CropRegion',
    'ImageTransform',
    'KeepRegion',
    'KeyFrames',
    'LoadClip',
    'LoadImage',
    'LoadMask',
    'PackCase',
    'PackClassifierInputs',
    'PadToSize',
    'RandomAffine',
    'RandomErase',
    'RandomFlip',
    'RandomResizedCrop',
    'RandomRotate',
    'RandomShift',
    'RandomTransform',
    'Resize',
    'SplitPanels',
    'Transform',
    'collate_cases',
    'coloured_box',
    'key_frames',
    'lesion_curve',
    'lesion_square',
    'pack',
    'replay',
    'ultrasound_region',
]
