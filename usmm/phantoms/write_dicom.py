"""DICOM files of synthetic stills and clips, with ultrasound regions, pixel spacing and frame time."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    UltrasoundImageStorage,
    UltrasoundMultiFrameImageStorage,
    generate_uid,
)

Frame = npt.NDArray[np.uint8]
CENTIMETRES = 3
DATA_TYPES = {'tissue': 1, 'colour flow': 2}


def region(box: tuple[int, int, int, int], spacing: tuple[float, float], kind: str = 'tissue') -> Dataset:
    """An item of the ultrasound-region sequence.

    Args:
        box: x0, y0, x1, y1 in pixels; x1 and y1 belong to the region.
        spacing: (row, column) distance of pixels in mm.
        kind: A key of `DATA_TYPES`.
    """
    item = Dataset()
    item.RegionSpatialFormat = 1  # 2D
    item.RegionDataType = DATA_TYPES[kind]
    item.RegionFlags = 0
    item.RegionLocationMinX0, item.RegionLocationMinY0, item.RegionLocationMaxX1, item.RegionLocationMaxY1 = box
    item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = CENTIMETRES
    item.PhysicalDeltaY, item.PhysicalDeltaX = (float(f'{mm / 10:.8f}') for mm in spacing)
    return item


def write_still(path: Path, image: Frame, patient: str, spacing: tuple[float, float], regions: list[Dataset]) -> None:
    """Write an uncompressed RGB ultrasound image.

    Args:
        path: File.
        image: (H, W, 3) RGB.
        patient: Patient id.
        spacing: (row, column) distance of pixels in mm.
        regions: Items made by `region`.
    """
    dataset = _header(path, UltrasoundImageStorage, ExplicitVRLittleEndian, patient, spacing, regions)
    dataset.Rows, dataset.Columns = image.shape[:2]
    dataset.PhotometricInterpretation = 'RGB'
    dataset.PixelData = np.ascontiguousarray(image).tobytes()
    dataset.save_as(path, enforce_file_format=True)


def write_cine(
    path: Path, frames: Iterable[Frame], fps: float, patient: str, spacing: tuple[float, float], regions: list[Dataset]
) -> None:
    """Write a JPEG-compressed multi-frame ultrasound clip.

    Args:
        path: File.
        frames: (H, W, 3) RGB frames.
        fps: Frames per second.
        patient: Patient id.
        spacing: (row, column) distance of pixels in mm.
        regions: Items made by `region`.
    """
    dataset = _header(path, UltrasoundMultiFrameImageStorage, JPEGBaseline8Bit, patient, spacing, regions)
    quality = [
        cv2.IMWRITE_JPEG_QUALITY, 88, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    ]  # fmt: skip
    encoded: list[bytes] = []
    for frame in frames:
        dataset.Rows, dataset.Columns = frame.shape[:2]
        encoded.append(cv2.imencode('.jpg', cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), quality)[1].tobytes())
    dataset.PhotometricInterpretation = 'YBR_FULL_422'
    dataset.NumberOfFrames = len(encoded)
    dataset.FrameTime = f'{1000 / fps:.6f}'
    dataset.FrameIncrementPointer = 0x00181063
    dataset.CineRate = dataset.RecommendedDisplayFrameRate = round(fps)
    dataset.LossyImageCompression = '01'
    dataset.PixelData = encapsulate(encoded)
    dataset['PixelData'].is_undefined_length = True
    dataset.save_as(path, enforce_file_format=True)


def _header(
    path: Path, sop_class: UID, syntax: UID, patient: str, spacing: tuple[float, float], regions: list[Dataset]
) -> FileDataset:
    path.parent.mkdir(parents=True, exist_ok=True)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    # from the names alone: the same command writes the same identifiers
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[patient, path.name])
    meta.TransferSyntaxUID = syntax
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=b'\0' * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    dataset.StudyInstanceUID = generate_uid(entropy_srcs=[patient, 'study'])
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=[patient, path.parent.name])
    dataset.Modality, dataset.Manufacturer = 'US', 'usmm phantom'
    dataset.PatientID = dataset.PatientName = patient
    dataset.PatientSex = dataset.PatientBirthDate = dataset.StudyDate = dataset.StudyTime = ''
    dataset.ImageComments = 'synthetic: no patient was examined'
    dataset.BurnedInAnnotation = 'NO'
    dataset.SamplesPerPixel, dataset.PlanarConfiguration = 3, 0
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.PixelSpacing = [f'{mm:.6f}' for mm in spacing]
    dataset.SequenceOfUltrasoundRegions = DicomSequence(regions)
    return dataset
