"""What one file of a data set is: readable or not, its digest, its size; many files at once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from usmm.datasets.checks.picture_digests import ClipDigests, PictureDigest, pixels_digest
from usmm.datasets.data_digest import data_digest
from usmm.readers import DataError, Window, depth_facts, open_clip, read_image, read_mask

ROLES = ('image', 'clip', 'mask')
Found = dict[str, Any]  # values of the fields of `FileFacts`
PANEL_STEP = 1.0  # s between the frames of a clip that are looked at for panels


@dataclass(frozen=True)
class Look:
    """How a file is read, and what else is looked for in it.

    Args:
        window, bits: The grey values that become 0 and 255, as the loader of the modality has them.
        describe_panels: File and picture (H, W, 3; of a clip the brightest value over time) -> what a split would do,
            or ''.
        digests: Whether digests of what it shows are made.
    """

    window: Window | None = None
    bits: int | None = None
    describe_panels: Callable[[Path, np.ndarray], str] | None = None
    digests: bool = False


@dataclass(frozen=True)
class FileFacts:
    """What was found in one file.

    Args:
        path, role: The file, and what the table takes it for: `image`, `clip` or `mask`.
        bytes: Its length.
        sha256: Hex digest of its content; empty where it could not be read.
        width, height: Pixels.
        frames, fps, seconds: Of a clip, as decoded: not what the container claims.
        depth, used_depth, scale, assumed: Of an image or clip, as `usmm.readers.depth_facts` states them.
        lesion: Pixels of a mask that are set.
        marked: SHA-256 of which pixels of a mask are set, and of its size.
        content: Of a mask that marks half of its pixels or more, the digest of its pixels as a picture.
        panels: What a split into panels would do, in words; empty for a single picture.
        window, bits: The grey values that become 0 and 255 that it was read with.
        blank: Whether an image, or every frame of a clip, is of one grey level or nearly.
        pictures: (frame, digest) of the image, or of several frames of the clip.
        error: Why it cannot be used; None where it can.
        kind: One word for the error: `unreadable` or `empty`.
    """

    path: Path
    role: str
    bytes: int = 0
    sha256: str = ''
    width: int = 0
    height: int = 0
    frames: int = 0
    fps: float = 0.0
    seconds: float = 0.0
    depth: int = 0
    used_depth: int = 0
    scale: str = ''
    assumed: str = ''
    lesion: int = 0
    marked: str = ''
    content: str = ''
    panels: str = ''
    window: Window | None = None
    bits: int | None = None
    blank: bool = False
    pictures: tuple[tuple[int, PictureDigest], ...] = ()
    error: str | None = None
    kind: str = ''


def examine(path: Path, role: str, look: Look | None = None) -> FileFacts:
    """Read one file whole and say what it is; a bad file gives an error in the result, it does not raise.

    Args:
        path: The file.
        role: `image`, `clip` or `mask`.
        look: How it is read, and what else is looked for.

    Raises:
        ValueError: Another role.
    """
    if role not in ROLES:
        raise ValueError(f'role must be one of {list(ROLES)}, got {role!r}')
    look = look or Look()
    known: dict[str, Any] = dict(window=look.window, bits=look.bits)
    try:
        known['bytes'] = path.stat().st_size
        if not known['bytes']:
            return FileFacts(path, role, **known, error='the file is empty', kind='empty')
        known['sha256'] = data_digest(path)
        if role != 'mask':
            depth = depth_facts(path)
            known |= dict(depth=depth.bits, used_depth=depth.used, scale=depth.scale, assumed=depth.assumed)
        known |= dict(image=_image, clip=_clip, mask=_mask)[role](path, look)
    except DataError as error:
        return FileFacts(path, role, **known, error=error.cause, kind='unreadable')
    except Exception as error:  # a check of thousands of files must outlive whatever a decoder throws
        return FileFacts(path, role, **known, error=f'{type(error).__name__}: {error}', kind='unreadable')
    return FileFacts(path, role, **known)


def examine_all(
    files: Iterable[tuple[Path, str]], workers: int | None = None, looks: Mapping[Path, Look] | None = None
) -> Iterator[FileFacts]:
    """Examine (file, role) pairs in parallel; yields as they are done, in any order.

    Args:
        files: Files with their roles.
        workers: Threads; None: one a core. Decoders work outside Python's lock.
        looks: File -> how it is read.
    """
    known = looks or {}
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        jobs = [pool.submit(examine, path, role, known.get(path)) for path, role in files]
        try:
            for job in as_completed(jobs):
                yield job.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _image(path: Path, look: Look) -> Found:
    pixels = read_image(path, look.window, look.bits)
    found: Found = dict(height=pixels.shape[0], width=pixels.shape[1])
    if look.digests:
        digest = pixels_digest(pixels)
        found |= dict(pictures=((0, digest),), blank=digest.blank)
    return found | (dict(panels=look.describe_panels(path, pixels)) if look.describe_panels else {})


def _mask(path: Path, _: Look) -> Found:
    pixels = read_mask(path)
    lesion = int(np.count_nonzero(pixels))
    marked = hashlib.sha256(f'{pixels.shape}'.encode() + np.packbits(pixels).tobytes()).hexdigest()
    content = ''
    if 2 * lesion >= pixels.size:
        with suppress(DataError):  # a mask may have a depth that pictures need a window for
            content = pixels_digest(read_image(path)).pixels
    return dict(height=pixels.shape[0], width=pixels.shape[1], lesion=lesion, marked=marked, content=content)


def _clip(path: Path, look: Look) -> Found:
    """Decode every frame, keep none: a clip cut in the middle shows it only there."""
    brightest: np.ndarray | None = None
    times: list[float] = []
    digests = ClipDigests()
    with open_clip(path, window=look.window) as clip:
        found: Found = dict(width=clip.width, height=clip.height)
        fps = round(float(clip.fps), 3)
        looked = -PANEL_STEP
        for frame in clip.sample(None):
            times.append(frame.time)
            if look.digests:
                digests.add(frame)
            if look.describe_panels and frame.time - looked >= PANEL_STEP:
                brightest, looked = _brighter(brightest, frame.rgb()), frame.time
    if not times:
        raise DataError('a clip without frames', file=path)
    seconds = round(times[-1] - times[0] + (1 / fps if fps else 0), 3)
    found |= dict(fps=fps, frames=len(times), seconds=seconds, pictures=tuple(digests.digests))
    if look.digests:
        found['blank'] = digests.blank
    if look.describe_panels and brightest is not None:
        found['panels'] = look.describe_panels(path, brightest)
    return found


def _brighter(one: np.ndarray | None, other: np.ndarray) -> np.ndarray:
    return other if one is None else np.maximum(one, other)
