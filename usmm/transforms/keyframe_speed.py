"""How fast key frames are chosen, against decoding alone."""

from __future__ import annotations

import math
import time
from pathlib import Path

import av

from usmm.readers.video import default_threads
from usmm.transforms.keyframes import key_frames


def time_key_frames(file: str | Path, repeats: int = 3, num_frames: int = 10, step: float = 1.0) -> dict[str, float]:
    """Time key frames against bare PyAV decoding of the same clip.

    Args:
        file: A clip that PyAV reads.
        repeats: Both are timed this often in turn; the fastest of each counts.
        num_frames, step: As in `KeyFrames`.

    Returns:
        `decode` and `key_frames` in s, and their `ratio`.
    """
    decode, chosen = math.inf, math.inf
    for _ in range(repeats):
        start = time.perf_counter()
        with av.open(str(file)) as container:
            stream = container.streams.video[0]
            stream.thread_type, stream.thread_count = 'AUTO', default_threads()  # as many as the reader takes
            for _frame in container.decode(video=0):
                pass
        middle = time.perf_counter()
        key_frames(file, num_frames, step)
        decode, chosen = min(decode, middle - start), min(chosen, time.perf_counter() - middle)
    return dict(decode=decode, key_frames=chosen, ratio=chosen / decode)
