"""Key frames of a contrast clip: those with the largest change of brightness (MSMFN, section 1)."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from usmm.datasets.transforms.base_transform import Transform
from usmm.datasets.transforms.depth_options import DepthOptions
from usmm.datasets.transforms.store import ArrayStore, digests, made_by
from usmm.readers import ClipFrame, DataError, Window, open_clip
from usmm.registry import TRANSFORMS
from usmm.structures import Case, ModalityInfo
from usmm.utils.digests import value_digest

CHANGES = ('mean_of_frame', 'mean_abs_difference')


@dataclass
class Selection:
    """Chosen frames.

    Args:
        frames: (T, H, W) uint8 grey, in time order.
        times: (T,) s.
        indices: (T,) position among the sampled frames.
        sampled: How many frames were sampled.
    """

    frames: np.ndarray
    times: np.ndarray
    indices: np.ndarray
    sampled: int


@TRANSFORMS.register_module()
class KeyFrames(Transform):
    """Load the key frames of a clip, (T, H, W, 3) uint8, grey replicated to three channels.

    One frame every `step` seconds is kept; the `num_frames` of them that change most against the frame before are put
    back in time order. The change belongs to the later frame of a pair, earlier frames win ties, and the first frame,
    which has no change, is taken only where there are too few others. A clip with fewer sampled frames repeats its last
    one.
    The clip is streamed: only the best frames so far are held, and frames between the samples are never converted.
    `info[modality]` gets `file`, `times`, `key_indices` and `sampled`.

    Args:
        modality: Which clip.
        num_frames: How many frames.
        step: Seconds between samples; a clip shorter than num_frames x step wants a smaller one.
        change: `'mean_of_frame'`: difference of the mean grey values of two frames; `'mean_abs_difference'`: mean over
            pixels of their difference.
        fps: Frame rate of a DICOM cine that says nothing about time; other files say.
        cache_dir: Folder that keeps chosen frames, keyed by file content and options; None: not kept.
        window: (low, high): the grey values of a DICOM cine that become 0 and 255.

    Raises:
        DataError: The clip cannot be read or has no frame.
        ValueError: Another word for `change`, a number that is not positive, or a window that makes no sense.
    """

    def __init__(
        self,
        modality: str,
        num_frames: int = 10,
        step: float = 1.0,
        change: str = 'mean_of_frame',
        fps: float | None = None,
        cache_dir: str | Path | None = None,
        window: Window | None = None,
    ) -> None:
        if change not in CHANGES:
            raise ValueError(f'change must be one of {list(CHANGES)}, got {change!r}')
        if num_frames < 1 or not step > 0:
            raise ValueError(f'num_frames and step must be positive, got {num_frames} and {step}')
        self.modality, self.num_frames, self.step, self.change = modality, num_frames, float(step), change
        self.fps, self.window = fps, DepthOptions.of(window).at(modality)[0]
        self._store = (
            None if cache_dir is None else ArrayStore(cache_dir)
        )  # no option: where it is kept changes nothing

    def __call__(self, case: Case) -> Case:
        """Load the key frames of one case."""
        if self.modality not in case.files:
            return case
        file = case.files[self.modality][0]
        try:
            selection = self.select(file)
        except DataError as error:
            raise error.at(case=case.case_id, modality=self.modality) from error
        case.data[self.modality] = np.repeat(selection.frames[..., None], 3, axis=-1)
        facts = ModalityInfo(
            times=selection.times, key_indices=selection.indices, sampled=selection.sampled, file=str(file)
        )
        case.info.setdefault(self.modality, {}).update(facts)
        return case

    def unread(self, case: Case) -> dict[str, int]:
        """Clip -> files of it that are never read, where a case has several."""
        count = len(case.files.get(self.modality, ()))
        return {self.modality: count - 1} if count > 1 else {}

    def select(self, file: Path) -> Selection:
        """The key frames of a file, from the cache where it has them."""
        options = (self.num_frames, self.step, self.change, self.fps, self.window)
        if self._store is None:
            return key_frames(file, *options)
        key = value_digest([*digests(self._store, [file]), 'keyframes', options, made_by()])
        kept = self._store.get(key)
        if kept is not None:
            arrays, facts = kept
            return Selection(sampled=facts['sampled'], **arrays)
        made = key_frames(file, *options)
        arrays = dict(frames=made.frames, times=made.times, indices=made.indices)
        self._store.put(key, arrays, dict(sampled=made.sampled))
        return made


def key_frames(
    file: str | Path,
    num_frames: int = 10,
    step: float = 1.0,
    change: str = 'mean_of_frame',
    fps: float | None = None,
    window: Window | None = None,
) -> Selection:
    """Stream a clip and choose its key frames; see `KeyFrames` for the options."""
    keep = BestFrames(num_frames, change)
    with open_clip(file, fps=fps, window=window) as clip:
        for frame in clip.sample(step):
            keep.add(frame)
    if not keep.count:
        raise DataError('the clip has no frame', file=Path(file))
    return keep.selection()


class BestFrames:
    """The frames with the largest change among those seen; memory does not grow with their number.

    Args:
        num_frames: How many to keep.
        change: As in `KeyFrames`.
    """

    def __init__(self, num_frames: int, change: str = 'mean_of_frame') -> None:
        self.num_frames, self.by_pixel, self.count = num_frames, change == 'mean_abs_difference', 0
        self._heap: list[tuple[float, int, float, np.ndarray]] = []  # (change, -index, time, grey): the worst on top
        self._mean, self._grey = 0.0, np.empty(0)

    def add(self, frame: ClipFrame) -> None:
        """Look at the next sampled frame; its pixels are converted only if it is kept (or compared by pixel)."""
        difference = self._by_pixel(frame.grey()) if self.by_pixel else self._by_mean(frame.grey_mean())
        rank = (difference, -self.count)
        if len(self._heap) < self.num_frames:
            heapq.heappush(self._heap, (*rank, frame.time, frame.grey()))
        elif rank > self._heap[0][:2]:
            heapq.heapreplace(self._heap, (*rank, frame.time, frame.grey()))
        self.count += 1

    def _by_mean(self, mean: float) -> float:
        before, self._mean = self._mean, mean
        return abs(mean - before) if self.count else -math.inf

    def _by_pixel(self, grey: np.ndarray) -> float:
        before, self._grey = self._grey, grey.astype(np.int16)
        return float(np.abs(self._grey - before).mean()) if self.count else -math.inf

    def selection(self) -> Selection:
        """What is kept, in time order; the last frame is repeated where frames are too few."""
        kept = sorted(self._heap, key=lambda entry: -entry[1])
        kept += [kept[-1]] * (self.num_frames - len(kept))
        return Selection(
            frames=np.stack([entry[3] for entry in kept]),
            times=np.array([entry[2] for entry in kept], dtype=float),
            indices=np.array([-entry[1] for entry in kept], dtype=int),
            sampled=self.count,
        )
