"""What several mends need: to replace a function wherever it was imported, and to know whether there is a GPU."""

from __future__ import annotations

import sys
from types import ModuleType

_PACKAGES = frozenset({'mmengine', 'mmcv', 'mmpretrain', 'mmaction', 'usmm'})


def rebind(old: object, new: object) -> int:
    """Put `new` in place of `old` in every loaded module of OpenMMLab or usmm, under whatever name it is kept there.

    Replacing it in the module that defines it would miss those that have run `from ... import` already.

    Returns:
        How many names were rebound.
    """
    count = 0
    loaded = [m for n, m in sys.modules.items() if n.partition('.')[0] in _PACKAGES and isinstance(m, ModuleType)]
    for module in loaded:
        for name in [n for n, value in vars(module).items() if value is old]:
            setattr(module, name, new)
            count += 1
    return count


def has_accelerator() -> bool:
    """Whether mmengine finds a device that is not the CPU (CUDA, NPU, MLU or MUSA)."""
    from mmengine import device

    names = ('is_cuda_available', 'is_npu_available', 'is_mlu_available', 'is_musa_available')
    return any(getattr(device, name)() for name in names if hasattr(device, name))
