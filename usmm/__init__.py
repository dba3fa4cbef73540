"""usmm: diagnosis from multi-modal ultrasound. Importing it loads no torch; its functions are imported when used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from usmm.compat.forks import opencv_without_threads_in_forks, output_without_rich_in_forks
from usmm.version import __version__

if TYPE_CHECKING:
    from usmm.apis import Predictor, get_model, list_models
    from usmm.apis.training import cross_validate, train
    from usmm.config import load_config
    from usmm.phantoms import make_phantom

# Name -> the room that it is imported from when it is first used.
LAZY = {
    'Predictor': 'usmm.apis',
    'cross_validate': 'usmm.apis.training',
    'get_model': 'usmm.apis',
    'list_models': 'usmm.apis',
    'load_config': 'usmm.config',
    'make_phantom': 'usmm.phantoms',
    'train': 'usmm.apis.training',
}

opencv_without_threads_in_forks()
output_without_rich_in_forks()

__all__ = [
    'Predictor',
    '__version__',
    'cross_validate',
    'get_model',
    'list_models',
    'load_config',
    'make_phantom',
    'train',
]


def __getattr__(name: str) -> object:
    if name not in LAZY:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *LAZY})
