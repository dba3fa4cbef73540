"""How fast key frames are chosen, against decoding alone."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

import av

from usmm.datasets.transforms.keyframes import key_frames
from usmm.readers.clips.video import default_threads


def time_key_frames(
    file: str | Path,
    repeats: int = 3,
    num_frames: int = 10,
    step: float = 1.0,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Time key frames against bare PyAV decoding of the same clip with as many threads.

    Args:
        file: A clip that PyAV reads.
        repeats: Both are timed this often in turn; the fastest of each counts.
        num_frames, step: As in `KeyFrames`.
        clock: `time.process_time` counts the work of this process alone, for a machine that others use too.

    Returns:
        `decode` and `key_frames` in s, and their `ratio`.
    """
    decode, choose = math.inf, math.inf
    for _ in range(repeats):
        start = clock()
        _decode(file)
        middle = clock()
        key_frames(file, num_frames, step)
        decode, choose = min(decode, middle - start), min(choose, clock() - middle)
    return dict(decode=decode, key_frames=choose, ratio=choose / decode)


def _decode(file: str | Path) -> None:
    with av.open(str(file)) as container:
        stream = container.streams.video[0]
        stream.thread_type, stream.thread_count = 'AUTO', default_threads()  # as many as the reader takes
        for _ in container.decode(stream):
            pass
