"""A first run of an exported model in a process of its own, which the system limits in time and memory.

onnxruntime computes what depends on constants while it reads a model, so that a small file can keep it busy for years
or ask for any amount of memory; and it is native code, which a damaged model may crash. A file that passes here has
been read and run twice; only then the process of the user reads it.

The second half of this module is the program of that process. It imports onnxruntime and nothing of usmm.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

SECONDS = 60
"""Processor time that reading a model and running it twice may take."""

WALL_SECONDS = 180.0
SPARE_BYTES = 3 * 2**30
TIMES_STORED = 6  # the message, the weights that it holds, those that are packed for the processor, and working memory
BATCHES = (1, 3)  # cases of a run: what a graph needs must not depend on their number alone


def try_out(content: bytes, inputs: Mapping[str, tuple[str, tuple[int, ...]]]) -> str | None:
    """Read and run a model in a process of its own.

    Args:
        content: The file.
        inputs: Input -> type (`'uint8'`, `'float32'`, `'bool'`) and shape of one case.

    Returns:
        Why it cannot be used, as a sentence without a subject's name; None: it ran.
    """
    header = json.dumps({'inputs': inputs, 'bytes': TIMES_STORED * len(content) + SPARE_BYTES, 'seconds': SECONDS})
    command = [sys.executable, '-I', str(Path(__file__))]  # -I: nothing of the folder that a user stands in is imported
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        out, _ = child.communicate(header.encode() + b'\n' + content, timeout=WALL_SECONDS)
    except subprocess.TimeoutExpired:
        return f'reading and running it took more than {WALL_SECONDS:.0f} s'
    finally:
        child.kill()
        child.wait()
    if child.returncode == 0:
        return None
    told = out.decode('utf-8', 'replace').strip()
    if told:
        return told.splitlines()[0]
    if child.returncode < 0:
        return (
            f'reading and running it ended with signal {-child.returncode}: it takes more than {SECONDS} s of '
            'processor time, or more memory than its weights explain'
        )
    return f'the process that reads and runs it ended with {child.returncode}'


def _limit(header: Mapping[str, int]) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limits; the time on the clock is limited from outside
        return
    seconds, space = header['seconds'], header['bytes']
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        status = Path('/proc/self/status').read_text(encoding='utf-8', errors='replace')
    except OSError:
        return
    now = next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith('VmSize')), None)
    if now is not None:
        resource.setrlimit(resource.RLIMIT_AS, (now + space, now + space))


def _main() -> int:
    import numpy as np
    import onnxruntime

    header = json.loads(sys.stdin.buffer.readline())
    content = sys.stdin.buffer.read()
    _limit(header)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(content, options, providers=['CPUExecutionProvider'])
        for size in BATCHES:
            feed = {name: np.ones((size, *shape), kind) for name, (kind, shape) in header['inputs'].items()}
            session.run(None, feed)
    except Exception as error:  # onnxruntime has a dozen of its own, none with a common base
        lines = str(error).splitlines() or [type(error).__name__]
        print(f'onnxruntime cannot run it: {lines[0]}', flush=True)
        return 1
    return 0


if __name__ == '__main__':
    status = _main()
    sys.stdout.flush()
    os._exit(status)  # past the threads of onnxruntime, which may wait for one another
