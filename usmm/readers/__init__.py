"""readers: file -> arrays and tables. They import nothing of usmm and raise one error, `DataError`."""

from usmm.readers.box import outside, read_box
from usmm.readers.clips.clip import open_clip, read_clip
from usmm.readers.clips.frames import Clip, ClipFrame
from usmm.readers.depth import Window, check_depth
from usmm.readers.depth_facts import DepthFacts, depth_facts
from usmm.readers.dicom.facts import Region
from usmm.readers.dicom.read import DicomImage, read_dicom, read_regions
from usmm.readers.errors import DataError
from usmm.readers.image import read_image, read_mask
from usmm.readers.table import is_missing, read_table

__all__ = [
    'Clip',
    'ClipFrame',
    'DataError',
    'DepthFacts',
    'DicomImage',
    'Region',
    'Window',
    'check_depth',
    'depth_facts',
    'is_missing',
    'open_clip',
    'outside',
    'read_box',
    'read_clip',
    'read_dicom',
    'read_image',
    'read_mask',
    'read_regions',
    'read_table',
]
