"""What the shell offers for an argument when Tab is pressed: names that are found without importing what they name."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from usmm.utils.locations import PACKAGE, config_roots, folder

Completer = Callable[..., Iterable[str]]
# The settings at the top of every shipped config, which reach all that depends on them.
SETTINGS = ('data_root', 'modalities', 'classes', 'max_epochs', 'batch_size', 'num_workers', 'seed', 'work_dir')


def complete(action: argparse.Action, completer: Completer) -> None:
    """Let argcomplete offer for an argument what a function returns."""
    action.completer = completer  # type: ignore[attr-defined]


def config_names(prefix: str = '', **kwargs: object) -> list[str]:
    """Names of configs, and paths that begin like the word; a name that occurs twice has its folder before it.

    Args:
        prefix: What is typed so far.
        kwargs: What else argcomplete passes on.

    Example:
        >>> 'msmfn_small_phantom' in config_names('msmfn_s')
        True
    """
    from argcomplete.completers import FilesCompleter

    paths = [path.relative_to(root).with_suffix('') for root in config_roots() for path in sorted(root.rglob('*.py'))]
    paths = [path for path in dict.fromkeys(paths) if '_base_' not in path.parts]
    counts = Counter(path.name for path in paths)
    names = [path.as_posix() if '/' in prefix or counts[path.name] > 1 else path.name for path in paths]
    return [*names, *FilesCompleter(('py',))(prefix, **kwargs)]


def study_names(prefix: str = '', **kwargs: object) -> list[str]:
    """Names of shipped studies, or paths."""
    shipped = {path.stem for path in folder('configs').rglob('studies/*.py')}
    return [name for name in config_names(prefix, **kwargs) if '/' in name or name in shipped]


def config_keys(**_: object) -> list[str]:
    """The beginnings of `--cfg-options`."""
    return [f'{name}=' for name in SETTINGS]


def preset_names(**_: object) -> list[str]:
    """Names of the presets of synthetic patients, which are those of their modules."""
    return _modules(PACKAGE / 'phantoms' / 'presets')


def model_names(prefix: str = '', **kwargs: object) -> list[str]:
    """Models of the zoo that comes with usmm, and paths."""
    from argcomplete.completers import FilesCompleter

    shipped = sorted(path.parent.name for path in folder('model_zoo').glob('*/config.py'))
    return [*shipped, *FilesCompleter()(prefix, **kwargs)]


def _modules(where: Path) -> list[str]:
    return sorted(path.stem for path in where.glob('*.py') if not path.stem.startswith('_'))
