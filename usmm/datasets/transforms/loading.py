"""Files to arrays: still images, clips and lesion masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ParamSpec, TypeVar

import numpy as np

from usmm.datasets.transforms.base_transform import Transform, chosen, names_of
from usmm.datasets.transforms.depth_options import BitsOption, DepthOptions, WindowOption
from usmm.readers import DataError, Window, read_clip, read_dicom, read_image, read_mask, read_regions
from usmm.readers.dicom.file import is_dicom
from usmm.registry import TRANSFORMS
from usmm.structures import Case, ModalityInfo
from usmm.structures.case_info import TABLE

PICKS = ('first', 'last', 'random')
P = ParamSpec('P')
T = TypeVar('T')
CLIP_SUFFIXES = ('.mp4', '.avi', '.mov', '.mpeg', '.mpg', '.m4v', '.gif')


@TRANSFORMS.register_module()
class LoadImage(Transform):
    """Load still images, (H, W, 3) uint8 RGB.

    `info[modality]` gets `file`, `file_index`, `regions` and `spacing` (row, column; mm, or None). Where it has `frame`
    (index, of how many), the file is a clip, and one of so many evenly spread frames is taken.

    Args:
        modalities: Which (default: all images of the table). A case that has no file of one is left without it.
        pick: Which file where a case has several of one modality: `'first'`, `'last'`, or `'random'` (drawn anew in
            every epoch).
        window: (low, high): the grey values that become 0 and 255 in files of more than 8 bits and in DICOM grey, or a
            dict of it by modality; see `usmm.readers.read_image`.
        bits: Bits in use in PNG and TIFF files of more than 8 bits (default: as the file states, 16 for PNG), or a dict
            of it by modality.

    Raises:
        DataError: A file that cannot be read; names case and modality.
        ValueError: Another word for `pick`, or a window or number of bits that makes no sense.
    """

    def __init__(
        self,
        modalities: str | Sequence[str] | None = None,
        pick: str = 'first',
        window: WindowOption = None,
        bits: BitsOption = None,
    ) -> None:
        if pick not in PICKS:
            raise ValueError(f'pick must be one of {list(PICKS)}, got {pick!r}')
        self.modalities, self.pick, self.depth = names_of(modalities), pick, DepthOptions.of(window, bits)

    @property
    def random(self) -> bool:  # type: ignore[override]
        """Whether files are drawn."""
        return self.pick == 'random'

    def __call__(self, case: Case) -> Case:
        """Load the images of one case."""
        for modality in _chosen(self.modalities, case, clips=False):
            files, (window, bits) = case.files[modality], self.depth.at(modality)
            frame = case.info.get(modality, {}).get('frame')
            if frame is not None:
                case.data[modality] = _at(case, modality, load_frame, files[0], *frame, window)
                case.info[modality].update({'file': str(files[0]), 'file_index': 0, 'regions': (), 'spacing': None})
                continue
            index = self._index(case, modality, len(files))
            case.data[modality], facts = _at(case, modality, load_image, files[index], window, bits)
            case.info.setdefault(modality, {}).update({**facts, 'file': str(files[index]), 'file_index': index})
        return case

    def unread(self, case: Case) -> dict[str, int]:
        """Modality -> files of it that are never read, where a case has several."""
        names = () if self.pick == 'random' else _chosen(self.modalities, case, clips=False)
        return {m: len(case.files[m]) - 1 for m in names if len(case.files[m]) > 1}

    def _index(self, case: Case, modality: str, count: int) -> int:
        if self.pick == 'random' and count > 1:
            return int(case.rng('LoadImage', modality).integers(count))
        return count - 1 if self.pick == 'last' else 0


@TRANSFORMS.register_module()
class LoadClip(Transform):
    """Load clips, (T, H, W, 3) uint8 RGB.

    `info[modality]` gets `file`, `times` (T,) in s, and `regions`.

    Args:
        modalities: Which (default: all clips of the table).
        step: Seconds between kept frames; None: every frame.
        num_frames: Keep that many frames, spread evenly over the clip (a short clip repeats some).
        window: (low, high): the grey values of a DICOM cine that become 0 and 255, or a dict of it by modality.

    Raises:
        DataError: A file that cannot be read; names case and modality.
        ValueError: num_frames below 1, or a window that makes no sense.
    """

    def __init__(
        self,
        modalities: str | Sequence[str] | None = None,
        step: float | None = None,
        num_frames: int | None = None,
        window: WindowOption = None,
    ) -> None:
        if num_frames is not None and num_frames < 1:
            raise ValueError(f'num_frames must be 1 or more, got {num_frames}')
        self.modalities, self.step, self.num_frames = names_of(modalities), step, num_frames
        self.depth = DepthOptions.of(window)

    def __call__(self, case: Case) -> Case:
        """Load the clips of one case."""
        for modality in _chosen(self.modalities, case, clips=True):
            file = case.files[modality][0]
            frames, times = _at(case, modality, read_clip, file, self.step, self.depth.at(modality)[0])
            if self.num_frames is not None:
                index = np.linspace(0, len(frames) - 1, self.num_frames).round().astype(int)
                frames, times = frames[index], times[index]
            case.data[modality] = frames
            regions = _at(case, modality, read_regions, file)
            case.info.setdefault(modality, {}).update({'file': str(file), 'times': times, 'regions': regions})
        return case

    def unread(self, case: Case) -> dict[str, int]:
        """Modality -> files of it that are never read, where a case has several."""
        names = _chosen(self.modalities, case, clips=True)
        return {m: len(case.files[m]) - 1 for m in names if len(case.files[m]) > 1}


@TRANSFORMS.register_module()
class LoadMask(Transform):
    """Load lesion masks, (H, W) bool; several mask files of a case are united.

    The mask of the picked image is taken where each image has its own: in a file table, or where a modality has as many
    mask files as images (and more than one).

    Args:
        modalities: Which (default: all that have a mask).

    Raises:
        DataError: A mask that cannot be read, or not of the size of its image; names case and modality.
    """

    def __init__(self, modalities: str | Sequence[str] | None = None) -> None:
        self.modalities = names_of(modalities)

    def __call__(self, case: Case) -> Case:
        """Load the masks of one case."""
        for modality in chosen(self.modalities, case.mask_files):
            files = case.masks_of(modality, case.info.get(modality, {}).get('file_index', 0))
            if not files:  # the masks are those of other files
                continue
            mask = _at(case, modality, unite_masks, files)
            size = np.shape(case.data[modality])[-3:-1] if modality in case.data else mask.shape
            if mask.shape != size:
                message = f'the mask is {_size(mask.shape)}, its image {_size(size)} (width x height)'
                raise DataError(message, file=files[0], case=case.case_id, modality=modality)
            case.masks[modality] = mask
        return case


def load_image(path: Path, window: Window | None = None, bits: int | None = None) -> tuple[np.ndarray, ModalityInfo]:
    """A still image and what its file says of it (`regions`, `spacing`); DICOM files are read once for both."""
    if not path.is_file() or not is_dicom(path):
        return read_image(path, window, bits), ModalityInfo(regions=(), spacing=None)
    dicom = read_dicom(path, window)
    if len(dicom.frames) != 1:
        raise DataError(f'expected a still image, got {len(dicom.frames)} frames; list it under clips', file=path)
    return dicom.frames[0], ModalityInfo(regions=tuple(dicom.regions), spacing=dicom.spacing)


def load_frame(path: Path, index: int, count: int, window: Window | None = None) -> np.ndarray:
    """Frame `index` of `count` frames that are spread evenly over a clip, (H, W, 3)."""
    frames, _ = read_clip(path, window=window)
    return frames[int(np.linspace(0, len(frames) - 1, count).round()[index])]


def unite_masks(files: Sequence[Path]) -> np.ndarray:
    """The union of mask files of one size, (H, W) bool."""
    mask = read_mask(files[0])
    for file in files[1:]:
        other = read_mask(file)
        if other.shape != mask.shape:
            message = f'the mask is {_size(other.shape)}, {files[0].name} is {_size(mask.shape)} (width x height)'
            raise DataError(message, file=file)
        mask = mask | other
    return mask


def _chosen(modalities: tuple[str, ...] | None, case: Case, clips: bool) -> list[str]:
    """The named modalities of a case; without names its clips, or its images.

    The schema says which is which; for a case that was made without one the suffix does.
    """
    if modalities is not None:
        return chosen(modalities, case.files)
    known = case.info.get(TABLE, {}).get('clips')
    if known is None:
        known = tuple(m for m, files in case.files.items() if files[0].suffix.lower() in CLIP_SUFFIXES)
    return [m for m in case.files if (m in known) == clips]


def _at(case: Case, modality: str, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a reader; its error learns of case and modality."""
    try:
        return read(*args, **kwargs)
    except DataError as error:
        raise error.at(case=case.case_id, modality=modality) from error


def _size(shape: Sequence[int]) -> str:
    return f'{shape[1]}x{shape[0]}'
