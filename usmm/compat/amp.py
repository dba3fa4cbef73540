"""A mend to mmengine's mixed precision, which asserts a GPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from usmm.compat.patching import has_accelerator

if TYPE_CHECKING:
    import torch
    from mmengine.optim import AmpOptimWrapper


def amp_without_gpu() -> bool:
    """Let `AmpOptimWrapper` run on a CPU: bfloat16, and no loss scaling.

    mmengine 0.10.7 asserts an accelerator although its own `autocast` supports the CPU. float16 does not exist there,
    so a config that asks for it gets bfloat16 and a warning; bfloat16 has the range of float32 and needs no scaling.
    Can go when mmengine drops the assertion.

    Returns:
        Whether the mend was needed.
    """
    if has_accelerator():
        return False
    import torch
    from mmengine.optim import AmpOptimWrapper

    try:
        AmpOptimWrapper(optimizer=torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1))
    except AssertionError:
        AmpOptimWrapper.__init__ = _cpu_init(AmpOptimWrapper)
        return True
    return False


def _cpu_init(wrapper: type[AmpOptimWrapper]) -> Callable[..., None]:
    """A constructor of `AmpOptimWrapper` (here `wrapper`) for the CPU, with the arguments of the upstream one."""

    def __init__(
        self: AmpOptimWrapper,
        loss_scale: str | float | dict | None = 'dynamic',
        dtype: str | torch.dtype | None = None,
        use_fsdp: bool = False,
        **kwargs: Any,
    ) -> None:
        import torch

        super(wrapper, self).__init__(**kwargs)
        self._scale_update_param = None
        self.loss_scaler = torch.amp.GradScaler('cpu', enabled=False)
        self.cast_dtype = _cpu_dtype(dtype)

    return __init__


def _cpu_dtype(dtype: str | torch.dtype | None) -> torch.dtype:
    """The type to compute in: bfloat16, with a warning where float16 was asked for, an error for any other."""
    import logging

    import torch
    from mmengine.logging import print_log

    name = str(dtype).removeprefix('torch.')
    if name == 'float16':
        print_log('float16 needs a GPU: mixed precision uses bfloat16 on this CPU', 'current', logging.WARNING)
    elif name not in ('None', 'bfloat16'):
        raise ValueError(f"mixed precision on a CPU is 'bfloat16', got dtype={dtype!r}")
    return torch.bfloat16
