"""Mends to mmengine's distributed training, which takes a GPU for granted."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

from usmm.compat.patching import has_accelerator, rebind

if TYPE_CHECKING:
    from torch import nn


def init_dist_without_gpu() -> bool:
    """Let every launcher start processes on a CPU, over gloo.

    `init_dist` of mmengine 0.10.7 selects a CUDA device whatever the backend, and its default backend is nccl. Both
    fail without a GPU. Nor does it leave the process group, whose threads then outlive the interpreter: now and then a
    process that has finished its work ends with `terminate called without an active exception`. Can go when mmengine
    selects a device only where there is one, and leaves the group.

    Returns:
        Whether the mend was needed.
    """
    if has_accelerator():
        return False
    from mmengine.dist import utils

    upstream = utils.init_dist

    @wraps(upstream)
    def init_dist(launcher: str, backend: str = 'gloo', **kwargs: Any) -> None:
        with _no_device_selection():
            upstream(launcher, backend='gloo' if backend == 'nccl' else backend, **kwargs)
        atexit.register(_leave_group)

    rebind(upstream, init_dist)
    return True


def _leave_group() -> None:
    """Destroy the process group, unless somebody has, and end its threads."""
    from torch import distributed

    if distributed.is_initialized():
        distributed.destroy_process_group()
    # The threads end with the last reference to the group, and the wrapped model, in reference cycles, holds one.
    gc.collect()


@contextmanager
def _no_device_selection() -> Iterator[None]:
    """`torch.cuda.set_device` does nothing inside."""
    import torch

    upstream = torch.cuda.set_device
    torch.cuda.set_device = lambda device: None
    try:
        yield
    finally:
        torch.cuda.set_device = upstream


def device_ids_without_gpu() -> bool:
    """Wrap a model that lies on the CPU for distributed training.

    The Runner of mmengine 0.10.7 always passes `device_ids=[LOCAL_RANK]`, which torch refuses for parameters on the
    CPU. Can go when the Runner asks where the parameters are.

    Returns:
        Whether the mend was needed.
    """
    if has_accelerator():
        return False
    from mmengine.model import MMDistributedDataParallel

    upstream = MMDistributedDataParallel.__init__

    @wraps(upstream)
    def __init__(self: MMDistributedDataParallel, module: nn.Module, *args: Any, **kwargs: Any) -> None:
        if all(p.device.type == 'cpu' for p in module.parameters()):
            kwargs['device_ids'] = None
        upstream(self, module, *args, **kwargs)

    MMDistributedDataParallel.__init__ = __init__  # type: ignore[method-assign]
    return True
