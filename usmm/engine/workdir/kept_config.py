"""The config that a work directory was made with, compared with that of a run that goes on in it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from mmengine.config import Config

from usmm.utils import work_files

# settings that say where and how fast, not what: what is finished stays valid when they change
FREE = ('work_dir', 'data_root', 'cache_dir', 'num_workers', 'persistent_workers', 'name')


def changed_settings(
    folder: Path,
    source: str,
    free: Collection[str] = FREE,
    longer: bool = False,
    stages: Collection[str] | None = None,
) -> list[str]:
    """Names of the top-level settings in which a config differs from the one kept in a work directory, sorted.

    Args:
        folder: The work directory; without a `config.py` nothing differs.
        source: The config, as `source_text` returns it.
        free: Settings that may differ.
        longer: Whether the numbers of epochs and the hooks may differ too, of a run that goes on.
        stages: The stages whose settings are compared; None: all.

    Raises:
        ValueError: The config that is kept cannot be read.
    """
    path = folder / work_files.CONFIG
    if not path.is_file():
        return []
    try:
        before = Config.fromfile(path, format_python_code=False)._cfg_dict.to_dict()
    except Exception as error:  # a damaged file of Python may raise anything
        raise ValueError(f'{path} cannot be read: {error}; use another work_dir, or remove this folder') from error
    now = Config.fromstring(source, '.py')._cfg_dict.to_dict()
    for content in (before, now):
        (content.get('split') or {}).pop('file', None)  # beside the folder: the whole may be moved
        if stages is not None:
            content['stages'] = [spec for spec in content.get('stages', ()) if spec.get('name') in stages]
        for settings in (content, *content.get('stages', ())) if longer else ():
            for key in ('max_epochs', 'custom_hooks'):
                settings.pop(key, None)
    return sorted(k for k in {*before, *now} - {*free} if _text(before.get(k)) != _text(now.get(k)))


def _text(value: object) -> str:
    """A value as text in which lists and tuples are alike, and keys have one order."""
    if isinstance(value, Mapping):
        return '{' + ', '.join(f'{k}: {_text(value[k])}' for k in sorted(value, key=str)) + '}'
    if isinstance(value, (list, tuple)):
        return '[' + ', '.join(_text(v) for v in value) + ']'
    return repr(value)
