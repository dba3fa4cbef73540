"""Transforms of a case: loading, cropping, key frames, caching, augmentation, formatting."""

from usmm.transforms.augment import (
    RandomAffine,
    RandomFlip,
    RandomResizedCrop,
    RandomRotate,
    RandomShift,
    RandomTransform,
    replay,
)
from usmm.transforms.base import Transform
from usmm.transforms.box import CropBox
from usmm.transforms.cache import Cached
from usmm.transforms.colour import ColourJitter, RandomErase
from usmm.transforms.cropping import CropLesion, Resize, lesion_square
from usmm.transforms.formatting import PackCase, collate_cases, pack
from usmm.transforms.keyframe_speed import time_key_frames
from usmm.transforms.keyframes import KeyFrames, key_frames
from usmm.transforms.lesion_curve import lesion_curve
from usmm.transforms.loading import LoadClip, LoadImage, LoadMask
from usmm.transforms.padding import PadToSize
from usmm.transforms.panels import SplitPanels
from usmm.transforms.region import KeepRegion, ultrasound_region
from usmm.transforms.region_box import CropRegion, coloured_box
from usmm.transforms.store import ArrayStore

__all__ = [
    'ArrayStore',
    'Cached',
    'ColourJitter',
    'CropBox',
    'CropLesion',
    'CropRegion',
    'KeepRegion',
    'KeyFrames',
    'LoadClip',
    'LoadImage',
    'LoadMask',
    'PackCase',
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
    'time_key_frames',
    'ultrasound_region',
]
