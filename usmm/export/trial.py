"""A first run of an exported model in a process of its own, which the system limits in time and memory.

onnxruntime computes what depends on constants while it reads a model, so that a small file can keep it busy for years
or ask for any amount of memory; and it is native code, which a damaged model may crash. A file that passes here has
been read and run twice, and gave probabilities of each case alone; only then the process of the user reads it.

The second half of this module is the program of that process. It imports onnxruntime and nothing of usmm.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

SECONDS = 60
"""Processor time that reading a model and running it twice may take."""

WALL_SECONDS = 180.0
SPARE_BYTES = 3 * 2**30
TIMES_STORED = 6  # the message, the weights that it holds, those that are packed for the processor, and working memory
BATCHES = (1, 3)  # cases of a run: what a graph needs must not depend on their number alone
CLOSE = 1e-3  # within this probabilities sum to 1, and do not depend on the other cases of a batch


def try_out(content: bytes, inputs: Mapping[str, tuple[str, tuple[int, ...]]], classes: int) -> str | None:
    """Read and run a model in a process of its own, and look at its answers.

    Args:
        content: The file.
        inputs: Input -> type (`'uint8'`, `'float32'`, `'bool'`) and shape of one case.
        classes: How many probabilities a case has.

    Returns:
        Why it cannot be used, as a sentence without a subject's name; None: it ran.
    """
    space = TIMES_STORED * len(content) + SPARE_BYTES
    header = json.dumps({'inputs': inputs, 'bytes': space, 'seconds': SECONDS, 'classes': classes})
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
    import onnxruntime

    header = json.loads(sys.stdin.buffer.readline())
    content = sys.stdin.buffer.read()
    _limit(header)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(content, options, providers=['CPUExecutionProvider'])
        cases = _cases(header['inputs'])
        found = [session.run(None, {name: values[:size] for name, values in cases.items()}) for size in BATCHES]
    except Exception as error:  # onnxruntime has a dozen of its own, none with a common base
        lines = str(error).splitlines() or [type(error).__name__]
        print(f'onnxruntime cannot run it: {lines[0]}', flush=True)
        return 1
    if problem := _problem(found, header['classes']):
        print(problem, flush=True)
        return 1
    return 0


def _cases(inputs: Mapping[str, tuple[str, tuple[int, ...]]]) -> dict[str, Any]:
    """Different cases, as many as the largest batch has."""
    rng = np.random.default_rng(0)
    found: dict[str, Any] = {}
    most = max(BATCHES)
    for name, (kind, shape) in inputs.items():
        if kind == 'uint8':
            found[name] = rng.integers(0, 256, (most, *shape), dtype=np.uint8)
        else:
            found[name] = np.ones((most, *shape), kind) * (1 if kind == 'bool' else np.arange(most)[:, None])
            found[name] = found[name].astype(kind)
    return found


def _problem(found: Sequence[Sequence[Any]], classes: int) -> str | None:
    """What is wrong with the answers to one case alone and among others."""
    for outputs, size in zip(found, BATCHES, strict=True):
        for output in outputs:
            if output.shape != (size, classes):
                return f'of {size} cases its answer has the shape {output.shape}, not ({size}, {classes})'
            known = output[np.isfinite(output).all(1)]
            if ((known < -CLOSE) | (known > 1 + CLOSE)).any() or (abs(known.sum(1) - 1) > CLOSE).any():
                return 'its answers are not probabilities, which lie in 0 to 1 and sum to 1'
    for alone, among in zip(*found, strict=True):
        if not np.allclose(alone[0], among[0], atol=CLOSE, equal_nan=True):
            return 'its answer to a case depends on the other cases of the batch'
    return None


if __name__ == '__main__':
    status = _main()
    sys.stdout.flush()
    os._exit(status)  # past the threads of onnxruntime, which may wait for one another
