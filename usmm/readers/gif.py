"""GIF clips, through Pillow."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from usmm.readers.containers import check_complete
from usmm.readers.errors import DataError, reading
from usmm.readers.frames import ArrayFrame, Clip, ClipFrame, SamplingGrid
from usmm.readers.limits import check_frame

SHORTEST = 0.02
DEFAULT = 0.1


class GifClip(Clip):
    """An animated GIF.

    Each frame says how long it stays. A duration below 20 ms counts as 100 ms, as in every browser: such files come
    from tools that left it empty. Transparent pixels that nothing was drawn below are black.

    Args:
        path: The file.

    Raises:
        DataError: if the file is cut or damaged.
    """

    def __init__(self, path: Path) -> None:
        check_complete(path)
        with reading(path, 'a GIF'), Image.open(path, formats=('GIF',)) as image:
            width, height = image.size
            check_frame(width, height, path)
            image.load()
        super().__init__(path, width, height)
        self._rate: float | None = None

    @property
    def fps(self) -> float:
        """Mean frames per second by the durations of the frames, the last one left out."""
        if self._rate is None:
            count, end = 0, 0.0
            with reading(self.path, 'a GIF'), Image.open(self.path, formats=('GIF',)) as image:
                for time in _times(image):
                    count, end = count + 1, time
            self._rate = (count - 1) / end if count > 1 else math.nan
        return self._rate

    def _frames(self, grid: SamplingGrid) -> Iterator[ClipFrame]:
        with reading(self.path, 'a GIF'), Image.open(self.path, formats=('GIF',)) as image:
            for index, time in enumerate(_times(image)):
                if image.size != (self.width, self.height):
                    size = (self.width, self.height)
                    raise DataError(f'changes its size from {size} to {image.size}', file=self.path)
                if grid.takes(time):
                    yield ArrayFrame(index, time, _on_black(image))


def _times(image: Image.Image) -> Iterator[float]:
    """Go through the frames; the image shows the frame whose time was yielded last."""
    time = 0.0
    for index in range(getattr(image, 'n_frames', 1)):
        image.seek(index)
        yield time
        duration = image.info.get('duration', 0) / 1000
        time += duration if duration >= SHORTEST else DEFAULT


def _on_black(image: Image.Image) -> np.ndarray:
    if image.mode == 'RGB' and 'transparency' not in image.info:
        return np.array(image)
    shown = image.convert('RGBA')
    canvas = Image.new('RGBA', shown.size, (0, 0, 0, 255))
    return np.asarray(Image.alpha_composite(canvas, shown).convert('RGB')).copy()
