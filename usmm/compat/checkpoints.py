"""A mend to mmengine's checkpoints, which torch's safe loading refuses."""

from __future__ import annotations

import io
import pickle
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmengine.logging import HistoryBuffer

_DTYPES = ('bool', 'uint8', 'int32', 'int64', 'float16', 'float32', 'float64')


def checkpoints_under_safe_loading() -> bool:
    """Let a checkpoint of mmengine's Runner be written and read with `weights_only=True`, the default of torch.

    mmengine 0.10.7 keeps the logged history as `HistoryBuffer`, whose pickled state holds its own methods (through
    `builtins.getattr`, which no safe loader may allow), and numpy values such as the best score. The state loses the
    methods (a class has them anyway), and the data types are allowed. `weights_only=False` would let a hostile file
    run code. Can go when mmengine writes plain data.

    Returns:
        Whether the mend was needed.
    """
    from mmengine.logging import HistoryBuffer

    if _loads_safely(HistoryBuffer):
        return False
    from torch.serialization import add_safe_globals

    if 'statistics_methods' in HistoryBuffer([0.0], [1]).__getstate__():
        HistoryBuffer.__getstate__ = _state_without_methods
    add_safe_globals([HistoryBuffer, *_numpy_types()])
    return True


def _state_without_methods(self: HistoryBuffer) -> dict[str, object]:
    """The state of a HistoryBuffer that is data."""
    return {name: value for name, value in vars(self).items() if name != 'statistics_methods'}


def _numpy_types() -> list[Any]:
    """What the pickle of a numpy array or number names, under the spellings of numpy 1 and numpy 2."""
    import numpy as np

    makers = [(np.zeros(0).__reduce__()[0], '_reconstruct'), (np.float64(0).__reduce__()[0], 'scalar')]
    modules = ('numpy.core.multiarray', 'numpy._core.multiarray')
    spelt = [(maker, f'{module}.{name}') for maker, name in makers for module in modules]
    return [np.ndarray, np.dtype, *(type(np.dtype(name)) for name in _DTYPES), *spelt]


def _loads_safely(history_buffer: type) -> bool:
    """Whether a history and a numpy number survive saving and safe loading."""
    import numpy as np
    import torch

    file = io.BytesIO()
    torch.save({'log': history_buffer([0.5], [1]), 'best_score': np.float64(0.5)}, file)
    file.seek(0)
    try:
        torch.load(file, weights_only=True)
    except pickle.UnpicklingError:
        return False
    return True
