"""Mends to packages that cannot be imported as they are installed."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

# The operators of a torch library live as long as the object that defined them.
_LIBRARIES: list[Any] = []

_OPERATORS = ('nms', 'qnms')


def torchvision_without_operators() -> bool:
    """Import torchvision where its compiled operators do not fit the installed torch.

    A torchvision built for CUDA beside a CPU torch cannot load its operators, stays silent, and then fails on the
    first one that it describes (`operator torchvision::nms does not exist`). Declaring their signatures is enough for
    what is used here, models and transforms; calling `nms` itself still fails. Can go when torchvision checks for its
    operators before it describes them.

    Returns:
        Whether the mend was needed.
    """
    try:
        importlib.import_module('torchvision')
    except RuntimeError as error:
        if 'torchvision::' not in str(error):
            raise
    else:
        return False
    for name in [n for n in sys.modules if n.partition('.')[0] == 'torchvision']:
        del sys.modules[name]
    _declare_operators()
    importlib.import_module('torchvision')
    return True


def _declare_operators() -> None:
    """Give torch the signatures of the operators that torchvision describes unconditionally."""
    import torch

    library = torch.library.Library('torchvision', 'FRAGMENT')
    for name in _OPERATORS:
        if not hasattr(torch.ops.torchvision, name):
            library.define(f'{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')
    _LIBRARIES.append(library)


def mmaction_without_drn() -> bool:
    """Let `mmaction.models` be imported although its wheel lacks the folder `localizers/drn`.

    mmaction2 1.2.0 imports `DRN` (temporal grounding, not used here) from a folder that its wheel leaves out. Can go
    with a wheel that has the folder.

    Returns:
        Whether the mend was needed.
    """
    name = 'mmaction.models.localizers.drn'
    spec = importlib.util.find_spec('mmaction')
    if spec is None or name in sys.modules:
        return False
    localizers = [Path(root, 'models', 'localizers') for root in spec.submodule_search_locations or ()]
    if not any(f.is_dir() for f in localizers) or any((f / 'drn').is_dir() for f in localizers):
        return False
    package, module = ModuleType(name), ModuleType(f'{name}.drn')
    package.__path__ = []
    module.__dict__['DRN'] = type('DRN', (), {'__doc__': 'Stands for the class that the mmaction2 wheel leaves out.'})
    sys.modules.update({name: package, f'{name}.drn': module})
    return True


def mmcv_lite_without_warning() -> bool:
    """Keep mmcv-lite from telling every user, at every start, that an operator of full mmcv is missing.

    mmcv 2.1.0 warns when one of its modules is imported without mmcv's compiled part, which mmcv-lite lacks by design;
    nothing here uses it. A filter would not last, since other packages put theirs in front, so the module is imported
    once in silence. Can go when mmcv-lite says nothing about what it leaves out.

    Returns:
        Whether the mend was needed.
    """
    if importlib.util.find_spec('mmcv') is None or importlib.util.find_spec('mmcv._ext') is not None:
        return False
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', message='Fail to import ``MultiScaleDeformableAttention``')
        importlib.import_module('mmcv.cnn.bricks.transformer')
    return True
