"""Mends to upstream packages, one small function each, named after what it mends.

Each mend looks for the broken behaviour first (by feature, never by version), so a healthy installation, or one with
a GPU, is left alone. Importing this package imports nothing heavy; `apply` does. Rooms that use torchvision, mmcv,
mmpretrain, mmaction or mmengine's runner call `apply()` before they import them.

Known and not mended, because usmm does not go there:

- metrics of mmaction and mmpretrain that use `np.in1d`, `np.trapz` or `np.Inf`: usmm has its own metrics;
- new-style (`read_base`) configs, in which mmengine takes the standard library of a virtual environment for lazy
  objects: the configs of usmm are text configs;
- FSDP, which needs an accelerator.

Known, and to be kept in mind: `.train()` and `.eval()` of mmpretrain's backbones return None, so they are not chained.
"""

from __future__ import annotations

from collections.abc import Callable

from usmm.compat.amp import amp_without_gpu
from usmm.compat.checkpoints import checkpoints_under_safe_loading
from usmm.compat.distributed import device_ids_without_gpu, init_dist_without_gpu
from usmm.compat.hue import negative_hue
from usmm.compat.imports import mmaction_without_drn, mmcv_lite_without_warning, torchvision_without_operators
from usmm.compat.loaders import loaders_that_wait
from usmm.compat.packages import packages_without_pkg_resources

__all__ = ['MENDS', 'apply']

# In this order: torchvision must be importable before anything of mmengine's runner is.
MENDS: tuple[Callable[[], bool], ...] = (
    torchvision_without_operators,
    mmaction_without_drn,
    mmcv_lite_without_warning,
    packages_without_pkg_resources,
    checkpoints_under_safe_loading,
    amp_without_gpu,
    init_dist_without_gpu,
    device_ids_without_gpu,
    negative_hue,
    loaders_that_wait,
)

_NEEDED: list[tuple[str, ...]] = []


def apply() -> tuple[str, ...]:
    """Apply the mends that this installation needs. Idempotent; only the first call costs anything.

    Returns:
        The names of the mends that were needed.
    """
    if not _NEEDED:
        _NEEDED.append(tuple(mend.__name__ for mend in MENDS if mend()))
    return _NEEDED[0]
