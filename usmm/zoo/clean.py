"""What must not be published: folders of the machine, and the marks of the patients that trained a model."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath, PureWindowsPath
from typing import cast

from usmm.structures import TRAINED_ON
from usmm.weights.metadata import Metadata
from usmm.zoo.stored_settings import SOURCES

ABSOLUTE = re.compile(r'(/(?!/)|~|[A-Za-z]:[\\/]|\\\\)')
KEPT = (
    'config', 'classes', 'positive', 'modalities', 'cases', 'patients', 'selection', 'seed', 'deterministic',
    'versions', 'categories', 'calibration', 'meaning', 'outlined', 'untrained',
)  # fmt: skip
TOKENS = TRAINED_ON


def without_folders(text: str) -> str:
    """A config's text, every absolute path in it cut to its last part.

    Example:
        >>> print(without_folders("data_root = '/home/me/data/cla'"))
        data_root = 'cla'
    """
    found = {
        node.value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and ABSOLUTE.match(node.value)
    }
    for path in sorted(found, key=len, reverse=True):
        text = text.replace(repr(path), repr(_last(path)))
    return text


def public_meta(meta: Mapping[str, object], tokens: bool) -> Metadata:
    """What of a checkpoint's metadata is published.

    Args:
        meta: As training wrote them.
        tokens: Keep the marks of the training patients. They are hashes without a secret: who can list the possible
            patient ids can find out which of them took part.
    """
    kept = {key: meta[key] for key in (*KEPT, *([TOKENS] if tokens else [])) if meta.get(key) is not None}
    return cast(Metadata, kept)


def settled(settings: Mapping[str, object], categories: Mapping[str, Sequence[str]]) -> dict[str, object]:
    """Settings as plain lists and dicts, with the categories that training found in place of `'auto'`."""
    found = {str(key): _plain(value, categories) for key, value in settings.items()}
    name = found.get('name')
    if found.get('values') == 'auto' and isinstance(name, str) and name in categories:
        found['values'] = list(categories[name])
    return found


def without_starts(settings: object) -> object:
    """Settings of a model without the pre-trained weights that its training began with: the file holds its own.

    Example:
        >>> without_starts(dict(type='ResNet', init_cfg=dict(type='Pretrained', checkpoint='https://host/r50.pth')))
        {'type': 'ResNet', 'init_cfg': None}
    """
    if isinstance(settings, Mapping):
        kept = {key: None if key in SOURCES and value else without_starts(value) for key, value in settings.items()}
        if 'init_cfg' in kept:
            kept['init_cfg'] = _own_init(kept['init_cfg'])
        return kept
    return [without_starts(item) for item in settings] if isinstance(settings, (list, tuple)) else settings


def _own_init(init: object) -> object:
    """An `init_cfg` without the entries that load weights; None where none is left."""
    if isinstance(init, (list, tuple)):
        return [entry for entry in init if _own_init(entry) is not None] or None
    return None if isinstance(init, Mapping) and str(init.get('type')).endswith('Pretrained') else init


def _plain(node: object, categories: Mapping[str, Sequence[str]]) -> object:
    if isinstance(node, Mapping):
        return settled(node, categories)
    return [_plain(item, categories) for item in node] if isinstance(node, (list, tuple)) else node


def _last(path: str) -> str:
    kind = PureWindowsPath if '\\' in path or path[1:2] == ':' else PurePosixPath
    return kind(path).name.lstrip('~') or '.'
