"""Read a text config, apply overrides, then fill in `${name}` references.

mmengine copies a value when the file is read, so an override of `data_root` would not reach the table path made from
it. Here a config writes `'${data_root}/cases.csv'`, and references are filled in last, after files and overrides are
merged: one setting reaches everything that depends on it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from mmengine.config import Config
from mmengine.utils import import_modules_from_strings

from usmm import compat
from usmm.config.bases import files_of, inheritance
from usmm.config.check import KNOWN, check_config
from usmm.config.component_registries import RegistryCatalogue
from usmm.config.component_text import TextCatalogue
from usmm.config.config_error import ConfigError
from usmm.config.failure import failures_told
from usmm.config.options import NAMES, REFERENCE
from usmm.config.overrides import override
from usmm.config.setting_places import WHOLE, Places
from usmm.config.text import config_text
from usmm.config.values import check_types, check_values
from usmm.structures import Settings
from usmm.utils.locations import find_config

TRAINED = ('model', 'test_pipeline', 'schema', 'classes', 'modalities', 'batch_size')
"""The settings that a trained model is opened with."""

TESTED = (*TRAINED, 'dataset', 'num_workers', 'seed')
"""The settings that a trained model is run with on the cases of its data set."""

PIPELINES = ('train_pipeline', 'test_pipeline')  # which may be put together from lists


def load_config(
    name: str | Path, options: Settings | None = None, check: bool = True, needed: Sequence[str] = ()
) -> Config:
    """The config of a path or a bare name, with overrides applied and references filled in.

    Args:
        name: A path, or the name of a shipped config (`msmfn_small_phantom`).
        options: Overrides, `dotted.key -> value`; those of `parse_options` get the type of what they replace, and a
            path is its text.
        check: Refuse unknown keys and misspelt components (see `check_config`).
        needed: Settings that it must have, such as `TRAINED`.

    Returns:
        The resolved config; `num_classes` and `name` are added.

    Raises:
        ConfigError: A key, a component, a scope or a reference that does not exist; the message names the file, the
            key and the nearest valid name. Or its code fails; the message names file, line and cause. Or a setting of
            `needed` is missing.
    """
    path = find_config(name)
    if path.suffix != '.py':  # a file of another kind must not run as Python, whatever stands in it
        raise ConfigError(f'{path} is not a config: a config is a .py file')
    files = files_of(path)
    with failures_told(files), inheritance():
        config = Config.fromfile(path, import_custom_modules=False, format_python_code=False)
    if 'train_dataloader' in config and 'stages' not in config:
        raise ConfigError(f'{path} is a plain config of mmengine, without stages: only usmm train takes it')
    if 'name' not in config:
        config.name = path.stem
    for key, value in (options or {}).items():
        override(config, key, str(value) if isinstance(value, Path) else value, path)
    with failures_told(files):
        _tidy(config._cfg_dict)
    places = Places(files, options)
    _take_randomness(config, places)
    for key in NAMES:
        if key in config:
            config[key] = _as_tuple(config[key])
    if config.get('positive') is not None:
        config.positive = str(config.positive)
    config.num_classes = len(config.get('classes', ()))
    content = config._cfg_dict.to_dict()
    filled = {k: _fill(v, content, places, (), k) for k, v in content.items()}
    for key in PIPELINES:
        if isinstance(steps := filled.get(key), (list, tuple)):
            filled[key] = [*_flat(steps)]
    check_present(filled, needed, path)
    resolved = Config(filled, filename=str(path))
    if check:
        # a child may replace all that refers to a setting of its base, which is no mistake: look at the files' text
        used = sorted(_references([content, *(f.read_text(encoding='utf-8') for f in files)]))
        _check(resolved, places, used)
    elif resolved.get('custom_imports'):
        _import_modules(resolved, places)
    # past Config.__setattr__, which would make them keys of the config
    kept = {k: v for k, v in content.items() if k in KNOWN or k in _references(content)}  # not helpers of its code
    object.__setattr__(resolved, '_source', Config(kept))
    object.__setattr__(resolved, '_places', places)
    return resolved


def check_present(settings: Mapping[str, object], needed: Sequence[str], source: str | Path) -> None:
    """See that settings have what a trained model needs.

    Args:
        settings: Of a config.
        needed: Names of settings.
        source: The config, for the message.

    Raises:
        ConfigError: Some are missing or None; names them.
    """
    missing = [key for key in needed if settings.get(key) is None]
    if missing:
        raise ConfigError(
            f'{source} lacks the settings {missing}, which a trained model needs and neither this config nor its bases '
            'have: take the config.py that the training wrote beside its model.pth, or start from a shipped config'
        )


def places_of(config: Config) -> Places | None:
    """Where the settings of a config stand; None where `load_config` did not return it."""
    places = vars(config).get('_places')
    return places if isinstance(places, Places) else None


def _check(config: Config, places: Places, used: list[str]) -> None:
    """Check a resolved config; torch and the OpenMMLab packages are imported where their text leaves a question."""
    content = config._cfg_dict.to_dict()
    check_types(content, places)
    # in a process that has imported them anyway, components may be registered that no text of a package states
    loaded = 'torch' in sys.modules
    if loaded:
        compat.apply()
    catalogue = RegistryCatalogue() if loaded else TextCatalogue()
    certain = check_config(config, places, used, catalogue)
    check_values(content, places)
    if config.get('custom_imports'):
        _import_modules(config, places)
    if not certain:
        compat.apply()
        check_config(config, places, used, RegistryCatalogue(), imported=True)


def _import_modules(config: Config, places: Places) -> None:
    """Import the modules that `custom_imports` names, which register components of their own."""
    names = config.custom_imports.get('imports') or ()
    for name in [names] if isinstance(names, str) else names:
        if isinstance(name, str) and find_spec(name.partition('.')[0]) is None:
            at = places.of('custom_imports.imports')
            raise ConfigError(f'{at}custom_imports: no module {name!r} is installed or lies in a folder of PYTHONPATH')
    compat.apply()
    with failures_told(places.files):
        import_modules_from_strings(**config.custom_imports)


def source_text(config: Config) -> str:
    """The merged config as a file's text, references not yet filled in, so that it still takes overrides.

    Raises:
        ValueError: The config does not come from `load_config`.
    """
    source = vars(config).get('_source')
    if source is None:
        raise ValueError('only a config that load_config returned knows its source')
    return f'{WHOLE}\n{config_text(source._cfg_dict.to_dict())}'


def _take_randomness(config: Config, places: Places) -> None:
    """`randomness`, as OpenMMLab writes it, sets `seed` and `deterministic` of the bases and of its own file.

    An override of these two counts more. Two values of one file, or a value nearer to the child, contradict it.

    Raises:
        ConfigError: The two say different things.
    """
    settings = config.get('randomness')
    for key in ('seed', 'deterministic'):
        if not isinstance(settings, Mapping) or settings.get(key) is None:
            continue
        path = f'randomness.{key}'
        if places.option(key) is not None and places.option(path) is None:
            continue
        if config.get(key) != settings[key] and _counts_as_much(key, path, places):
            text = f'{path} is {settings[key]!r} and {key} is {config.get(key)!r}: set one of them'
            raise ConfigError(f'{places.of(path)}{text}')
        config[key] = settings[key]
        places.moved[key] = path


def _counts_as_much(key: str, path: str, places: Places) -> bool:
    """Whether a setting is set where `randomness` is, or nearer to the child."""
    if places.option(path) is not None:
        return places.option(key) is not None
    own, other = places.file_of(key), places.file_of(path)
    return own is not None and other is not None and own <= other


def _tidy(node: dict | list | tuple) -> None:
    """Take out every `_delete_` that had nothing to delete, and write paths as text, in place."""
    if isinstance(node, dict):
        node.pop('_delete_', None)
    for key, item in list(node.items()) if isinstance(node, dict) else list(enumerate(node)):
        if isinstance(item, Path) and isinstance(node, (dict, list)):
            node[key] = str(item)
        elif isinstance(item, (dict, list, tuple)):
            _tidy(item)


def _flat(steps: list | tuple) -> Iterator[object]:
    """The transforms of a pipeline that is put together from lists."""
    for step in steps:
        if isinstance(step, (list, tuple)):
            yield from _flat(step)
        else:
            yield step


def _as_tuple(value: object) -> tuple[str, ...]:
    """Names as a tuple; a table's cells are text, so that a class `1` is `'1'`."""
    return tuple(str(v) for v in value) if isinstance(value, (list, tuple)) else (str(value),)


def _references(value: object) -> set[str]:
    """The first parts of all references in a value."""
    if isinstance(value, str):
        return {name.split('.')[0] for name in REFERENCE.findall(value)}
    if isinstance(value, Mapping):
        return set().union(*[_references(v) for v in value.values()]) if value else set()
    if isinstance(value, (list, tuple)):
        return set().union(*[_references(v) for v in value]) if value else set()
    return set()


def _fill(value: object, root: Settings, places: Places, trail: tuple[str, ...], path: str) -> object:
    """Replace references in the value at a path; a string that is one reference becomes the object itself."""
    if isinstance(value, Mapping):
        return {k: _fill(v, root, places, trail, f'{path}.{k}') for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_fill(v, root, places, trail, f'{path}.{i}') for i, v in enumerate(value))
    if not isinstance(value, str):
        return value
    whole = REFERENCE.fullmatch(value)
    if whole is not None:
        return _look_up(whole[1], root, places, trail, path)
    return REFERENCE.sub(lambda m: str(_look_up(m[1], root, places, trail, path)), value)


def _look_up(name: str, root: Settings, places: Places, trail: tuple[str, ...], path: str) -> object:
    if name in trail:
        at = places.of(path, hops=0)
        raise ConfigError(f'{at}references go in a circle: {" -> ".join([*trail, name])}')
    node: object = root
    for depth, part in enumerate(name.split('.')):
        if not isinstance(node, Mapping) or part not in node:
            at = places.of(path, hops=0)
            if not isinstance(node, Mapping):
                owner = '.'.join(name.split('.')[:depth])
                text = f'reference ${{{name}}}: {owner} must be a dict that has {part!r}, got {node!r}'
                raise ConfigError(f'{places.of(owner)}{text}')
            raise ConfigError.unknown(f'reference ${{{name}}}', part, node, at)
        node = node[part]
    return _fill(node, root, places, (*trail, name), path)
