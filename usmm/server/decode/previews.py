"""Pictures of what was read, small and blanked; made in the decoding process, turned into images by the server."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from usmm.datasets.transforms import KeepRegion, Transform
from usmm.datasets.transforms.loading import load_image
from usmm.datasets.transforms.resizing import resize
from usmm.readers import DataError, open_clip, outside, read_regions
from usmm.readers.dicom.facts import spacing_of
from usmm.readers.dicom.file import is_dicom, open_stream, read_header
from usmm.readers.errors import reading
from usmm.server.answer_types import PreviewFacts
from usmm.structures import Case, ModalityInfo

SIDE, FRAMES = 512, 8  # longest side in pixels, and pictures of a clip
JPEG_QUALITY = 90
KINDS = (
    (b'\x89PNG', 'PNG'), (b'\xff\xd8\xff', 'JPEG'), (b'BM', 'BMP'), (b'II*\0', 'TIFF'), (b'MM\0*', 'TIFF'),
    (b'GIF8', 'GIF'), (b'RIFF', 'AVI'), (b'\0\0\1', 'MPEG'), (b'\x1aE\xdf\xa3', 'Matroska'),
)  # fmt: skip


class BoxError(DataError):
    """A box that leaves its image."""


class Shown(Transform):
    """Blank what lies around the ultrasound picture, and keep small copies of what is left; stands behind the loading.

    A box becomes an outline where the pipeline crops to outlines alone.

    Args:
        find: Find the picture where a file states no region.
        as_mask: Modalities whose box becomes a mask.

    Raises:
        BoxError: A box that leaves its image.
    """

    def __init__(self, find: bool, as_mask: tuple[str, ...] = ()) -> None:
        self.find, self.as_mask = find, as_mask
        self._pictures: dict[str, np.ndarray] = {}
        self._facts: dict[str, PreviewFacts] = {}

    def __call__(self, case: Case) -> Case:
        """Look at the modalities of a case that were loaded since the last call."""
        new = tuple(m for m in case.data if m not in self._facts)
        for modality in new:
            self._outline(case, modality)
        case = KeepRegion(new, self.find)(case)
        for modality in new:
            self._pictures[modality], self._facts[modality] = shown(case.data[modality], case.info[modality])
        return case

    def found(self) -> tuple[dict[str, PreviewFacts], dict[str, np.ndarray]]:
        """Facts and pictures (N, H, W, 3) of the modalities."""
        return self._facts, self._pictures

    def _outline(self, case: Case, modality: str) -> None:
        box = case.boxes.get(modality)
        if box is None:
            return
        height, width = case.data[modality].shape[-3:-1]
        if wrong := outside(box, width, height):
            raise BoxError(wrong, modality=modality)
        if modality in self.as_mask and modality not in case.mask_files:
            mask = np.zeros((height, width), bool)
            mask[box[1] : box[3], box[0] : box[2]] = True
            case.masks[modality] = mask


def shown(array: np.ndarray, info: Mapping[str, Any]) -> tuple[np.ndarray, PreviewFacts]:
    """Small pictures (N, H, W, 3) of an image or a clip, and facts of it as plain data.

    Args:
        array: (H, W, 3) or (T, H, W, 3) uint8.
        info: `file`, `kept`, `blanked`, and where known `times` (s) and `spacing` (mm).
    """
    frames = array[None] if array.ndim == 3 else array
    index = np.linspace(0, len(frames) - 1, min(len(frames), FRAMES)).round().astype(int)
    pictures = np.stack([resize(frames[i], _small(frames.shape[1:3])) for i in index])
    return pictures, facts_of(array.shape[-3:-1], array.ndim == 4, len(frames), info)


def facts_of(size: tuple[int, ...], clip: bool, frames: int, info: Mapping[str, Any]) -> PreviewFacts:
    """What a preview says beside its pictures.

    Args:
        size: (height, width) of the file's image in pixels.
        clip: Whether it is a clip.
        frames: How many there are.
        info: As of `shown`.
    """
    times = [float(t) for t in info.get('times', ())]
    known = len(times) > 1 and all(map(math.isfinite, times)) and times[-1] > times[0]
    spacing = info.get('spacing')
    return {
        'kind': 'clip' if clip else 'image',
        'type': type_of(Path(info['file'])),
        'width': int(size[1]),
        'height': int(size[0]),
        'frames': frames,
        'seconds': round(times[-1] - times[0], 3) if known else None,
        'fps': round((len(times) - 1) / (times[-1] - times[0]), 3) if known and 'key_indices' not in info else None,
        'spacing_mm': [float(v) for v in spacing] if spacing is not None else None,
        'kept': float(info['kept']),
        'blanked': info['blanked'],
        'scale': int(size[1]) / _small(size)[1],
    }


def show_file(path: Path, clip: bool, find: bool) -> tuple[np.ndarray, PreviewFacts]:
    """Pictures and facts of one file.

    Args:
        path: The file.
        clip: Whether it is to be read as a clip.
        find: As of `Shown`.

    Raises:
        DataError: It cannot be read.
    """
    pixels, found = _frames_of(path) if clip else load_image(path)
    facts: dict[str, Any] = dict(found)
    total = facts.pop('total', 1)
    case = Case('preview', 'preview', data={'file': pixels}, info={'file': ModalityInfo()})
    case.info['file'].update(facts | {'file': path})  # type: ignore[typeddict-item]
    case = KeepRegion(find=find)(case)
    pictures, _ = shown(case.data['file'], case.info['file'])
    return pictures, facts_of(pixels.shape[-3:-1], clip, total, case.info['file'])


def type_of(path: Path) -> str:
    """What a file is, by its content.

    Raises:
        OSError: It cannot be opened.
    """
    with path.open('rb') as stream:
        start = stream.read(132)
    if start[128:] == b'DICM' or is_dicom(path):
        return 'DICOM'
    if start[4:8] == b'ftyp' or start[4:8] in (b'moov', b'mdat', b'wide', b'free'):
        return 'MOV' if start[8:12] == b'qt  ' or start[4:8] != b'ftyp' else 'MP4'
    return next((name for sign, name in KINDS if start.startswith(sign)), 'other')


def as_uris(pictures: np.ndarray) -> list[str]:
    """JPEG data URIs of pictures (N, H, W, 3) uint8, RGB."""
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    return [_uri('jpeg', cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options) for picture in pictures]


def as_png(picture: np.ndarray) -> str:
    """A PNG data URI of a picture (H, W, 3) or (H, W, 4) uint8, RGB or RGBA."""
    code = cv2.COLOR_RGBA2BGRA if picture.shape[2] == 4 else cv2.COLOR_RGB2BGR
    return _uri('png', cv2.cvtColor(picture, code), [cv2.IMWRITE_PNG_COMPRESSION, 3])


def _uri(kind: str, picture: np.ndarray, options: list[int]) -> str:
    _, content = cv2.imencode(f'.{kind}', picture, options)
    return f'data:image/{kind};base64,{base64.b64encode(content.tobytes()).decode()}'


def _small(size: tuple[int, ...]) -> tuple[int, int]:
    """(height, width) of a picture that fits."""
    share = min(1.0, SIDE / max(size))
    return max(1, round(size[0] * share)), max(1, round(size[1] * share))


def _frames_of(path: Path) -> tuple[np.ndarray, dict[str, Any]]:
    """Frames spread over a clip, (N, H, W, 3), and facts; a clip of any length takes the memory of 32 frames.

    What is found of the ultrasound region is found in these.
    """
    held: list[np.ndarray] = []
    times: list[float] = []
    every = 1
    with open_clip(path) as clip:
        for frame in clip.sample():
            if len(times) % every == 0:
                if len(held) == 4 * FRAMES:
                    held, every = held[::2], 2 * every
                if len(times) % every == 0:
                    held.append(frame.rgb())
            times.append(frame.time)
    if not held:
        raise DataError('holds no frames', file=path)
    facts = dict(times=times, total=len(times), regions=read_regions(path), spacing=_spacing(path))
    return np.stack(held), facts


def _spacing(path: Path) -> tuple[float, float] | None:
    if not is_dicom(path):
        return None
    with reading(path, 'DICOM'), open_stream(path) as stream:
        return spacing_of(read_header(stream, path))
