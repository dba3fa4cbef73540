"""Presets of synthetic patients, one module per preset. Every module of this folder is imported and registers its own.

The modules of other packages register theirs in the same way, see `usmm.phantoms.register_preset`.
"""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__):
    import_module(f'{__name__}.{_module.name}')
