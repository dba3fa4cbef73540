"""Apply `--cfg-options` to a config, so that a misspelt override is refused instead of lost."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path

from mmengine.config import Config

from usmm.config.check import STAGE_KEYS
from usmm.config.config_error import ConfigError
from usmm.config.options import typed
from usmm.config.setting_places import OptionText
from usmm.utils.suggestions import nearest

# Settings of mmengine that a config need not have; what is set in them is checked with the others
STAGE_DEPTH = 2  # of the keys of a stage, `stages.0.name`
OPEN = ('default_hooks', 'auto_scale_lr', 'env_cfg', 'randomness')


def override(config: Config, key: str, value: object, file: Path) -> None:
    """Set one dotted key of a config, in place.

    The parts of the way must exist, or be what a component, a stage or a standard setting may have: such parts are
    checked with the rest of the config.

    Args:
        config: The merged config.
        key: Dotted key, with the indices of lists.
        value: The new value; `OptionText` gets the type of the value that it replaces.
        file: The config file, for messages.

    Raises:
        ConfigError: A part of the way does not exist, or the value cannot take the place of the old one.
    """
    parts = key.split('.')
    node: object = config._cfg_dict
    old: object = None
    for depth, part in enumerate(parts):
        last = depth == len(parts) - 1
        if isinstance(node, (list, tuple)):
            if not part.isdigit() or int(part) >= len(node):
                owner = '.'.join(parts[:depth])
                text = f'{part!r} is not an index of {owner}, a list of {len(node)}'
                if len(node) == 1 and not part.isdigit():
                    text += f'; write {owner}.0.{".".join(parts[depth:])}'
                raise ConfigError(f'--cfg-options {key}: {text} ({file.name})')
            old, node = node[int(part)], node[int(part)]
        elif isinstance(node, Mapping):
            if part not in node and not last and not _may_have(node, parts, depth):
                valid = STAGE_KEYS if parts[0] == 'stages' and depth == STAGE_DEPTH else node
                raise ConfigError.unknown(f'--cfg-options {key}', part, valid, f'{file}: ')
            old = node.get(part)
            if old is None and not last and isinstance(node, dict):
                node[part] = {}  # mmengine merges into a dict, not into None
            node = {} if old is None and not last else old
        else:
            raise ConfigError(f'--cfg-options {key}: {parts[depth - 1]!r} is a value, not a dict ({file.name})')
    if isinstance(value, OptionText):
        value = typed(key, value, old, config._cfg_dict)
    _check_kind(key, old, value, file)
    owner = '.'.join(parts[:-1])
    if isinstance(_at(config._cfg_dict, parts[:-1]), tuple):
        raise ConfigError(f'--cfg-options {key}: {owner} is set as a whole: {owner}=A,B ({file.name})')
    try:
        # a copy: the merge takes `_delete_` out of the dict that it is given, which may be used for another config
        config.merge_from_dict({key: copy.deepcopy(value)}, allow_list_keys=True)
    except (TypeError, AttributeError, KeyError) as error:
        raise ConfigError(f'--cfg-options {key}: {error} ({file.name})') from error


def _at(node: object, parts: list[str]) -> object:
    for part in parts:
        if isinstance(node, (list, tuple)):
            node = node[int(part)]
        else:
            node = node.get(part) if isinstance(node, Mapping) else None
    return node


def _may_have(node: Mapping[str, object], parts: list[str], depth: int) -> bool:
    """Whether a dict may have a part that it lacks: an argument of a component, or a key of a stage."""
    if parts[0] in OPEN:
        return True
    if nearest(parts[depth], [str(k) for k in node], cutoff=0.75):
        return False  # misspelt
    in_stage = parts[0] == 'stages' and depth == STAGE_DEPTH
    in_wrapper = 'optim_wrapper' in parts[:depth]  # whose type has a default
    return depth > 0 and ('type' in node or in_wrapper or (in_stage and parts[depth] in STAGE_KEYS))


def _check_kind(key: str, old: object, value: object, file: Path) -> None:
    """A value in the place of a dict must be a reference or None: a dict cannot be written on the command line."""
    item = key.rpartition('.')[2].isdigit()  # of a list, which None would not take out
    if not isinstance(old, Mapping) or isinstance(value, Mapping) or (value is None and not item):
        return
    if key.count('.') == 0 and not isinstance(value, str):
        return  # `check_types` names what the setting must be
    if isinstance(value, str) and value.startswith('${'):
        return
    what = f'the text {value!r}' if isinstance(value, str) else repr(value)
    hint = f'set its parts one by one, {key}.{next(iter(old), "part")}=...'
    raise ConfigError(f'--cfg-options {key}: expected a dict, got {what}; {hint} ({file.name})')
