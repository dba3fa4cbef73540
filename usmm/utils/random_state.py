"""Random number generators of the process: leave them as they were."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def kept_random_state() -> Iterator[None]:
    """Put the states of the generators of Python, NumPy and torch back at the end of a block.

    Example:
        >>> random.seed(1)
        >>> with kept_random_state():
        ...     _ = random.random()
        >>> random.random() == random.Random(1).random()
        True
    """
    import numpy as np
    import torch

    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002  upstream draws from it
    try:
        with torch.random.fork_rng():
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002


@contextmanager
def seeded_random_state(seed: int) -> Iterator[None]:
    """Seed the generators of Python, NumPy and torch (of the CPU) for a block, and put their states back.

    It touches no GPU, so that the worker of a data loader may use it.

    Args:
        seed: 0 or more, below 2**32.
    """
    import numpy as np
    import torch

    python, numpy, generator = random.getstate(), np.random.get_state(), torch.default_generator  # noqa: NPY002
    state = generator.get_state()
    try:
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        generator.manual_seed(seed)
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        generator.set_state(state)
