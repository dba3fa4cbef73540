"""The transforms of torchvision by name: `torchvision.ColorJitter`, for `ImageTransform`."""

from __future__ import annotations

import inspect

from usmm import compat

compat.apply()
from torchvision import transforms  # noqa: E402  after the mends

from usmm.registry import TORCHVISION_TRANSFORMS  # noqa: E402

for name, kind in vars(transforms).items():
    if inspect.isclass(kind) and kind.__module__.startswith('torchvision.transforms'):
        TORCHVISION_TRANSFORMS.register_module(name=name, module=kind)
