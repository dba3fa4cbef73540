"""Read a text config, apply overrides, then fill in `${name}` references.

mmengine copies a value when the file is read, so an override of `data_root` would not reach the table path made from
it. Here a config writes `'${data_root}/cases.csv'`, and references are filled in last, after files and overrides are
merged: one setting reaches everything that depends on it.
"""

from __future__ import annotations

import ast
import copy
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from mmengine.config import Config
from mmengine.utils import import_modules_from_strings

from usmm import compat
from usmm.config.check import KNOWN, ConfigError, check_config, place
from usmm.config.component_registries import RegistryCatalogue
from usmm.config.component_text import TextCatalogue
from usmm.config.failure import failures_told, parsed
from usmm.config.options import NAMES, REFERENCE, OptionText, typed
from usmm.config.text import config_text
from usmm.config.values import check_types, check_values
from usmm.structures import Settings
from usmm.utils.locations import find_config

# Settings of mmengine that a config need not have; what is set in them is checked with the others
OPEN = ('default_hooks', 'auto_scale_lr', 'env_cfg', 'randomness')
OWN = 'usmm::'  # how a config of any folder inherits a shipped one


def load_config(name: str | Path, options: Settings | None = None, check: bool = True) -> Config:
    """The config of a path or a bare name, with overrides applied and references filled in.

    Args:
        name: A path, or the name of a shipped config (`msmfn_small_phantom`).
        options: Overrides, `dotted.key -> value`; those of `parse_options` get the type of what they replace, and a
            path is its text.
        check: Refuse unknown keys and misspelt components (see `check_config`).

    Returns:
        The resolved config; `num_classes` and `name` are added.

    Raises:
        ConfigError: A key, a component, a scope or a reference that does not exist; the message names the file, the
            key and the nearest valid name. Or its code fails; the message names file, line and cause.
    """
    path = find_config(name)
    files = files_of(path)
    with failures_told(files), own_bases():
        config = Config.fromfile(path, import_custom_modules=False, format_python_code=False)
    if 'train_dataloader' in config and 'stages' not in config:
        raise ConfigError(f'{path} is a plain config of mmengine, without stages: only usmm train takes it')
    if 'name' not in config:
        config.name = path.stem
    for key, value in (options or {}).items():
        _override(config, key, str(value) if isinstance(value, Path) else value, files)
    _drop_marks(config._cfg_dict)
    _take_randomness(config, options or {})
    for key in NAMES:
        if key in config:
            config[key] = _as_tuple(config[key])
    if config.get('positive') is not None:
        config.positive = str(config.positive)
    config.num_classes = len(config.get('classes', ()))
    content = config._cfg_dict.to_dict()
    resolved = Config({k: _fill(v, content, files) for k, v in content.items()}, filename=str(path))
    if check:
        # a child may replace all that refers to a setting of its base, which is no mistake: look at the files' text
        used = sorted(_references([content, *(f.read_text(encoding='utf-8') for f in files)]))
        _check(resolved, files, used, options or {})
    elif resolved.get('custom_imports'):
        _import_modules(resolved, files)
    # past Config.__setattr__, which would make it a key of the config
    kept = {k: v for k, v in content.items() if k in KNOWN or k in _references(content)}  # not helpers of its code
    object.__setattr__(resolved, '_source', Config(kept))
    return resolved


def _check(config: Config, files: list[Path], used: list[str], options: Settings) -> None:
    """Check a resolved config; torch and the OpenMMLab packages are imported where their text leaves a question."""
    content = config._cfg_dict.to_dict()
    check_types(content, files, options)
    # in a process that has imported them anyway, components may be registered that no text of a package states
    loaded = 'torch' in sys.modules
    if loaded:
        compat.apply()
    catalogue = RegistryCatalogue() if loaded else TextCatalogue()
    certain = check_config(config, files, used, catalogue)
    check_values(content, files)
    if config.get('custom_imports'):
        _import_modules(config, files)
    if not certain:
        compat.apply()
        check_config(config, files, used, RegistryCatalogue(), imported=True)


def _import_modules(config: Config, files: list[Path]) -> None:
    """Import the modules that `custom_imports` names, which register components of their own."""
    names = config.custom_imports.get('imports') or ()
    for name in [names] if isinstance(names, str) else names:
        if isinstance(name, str) and find_spec(name.partition('.')[0]) is None:
            at = place('custom_imports', files)
            raise ConfigError(f'{at}custom_imports: no module {name!r} is installed or lies in a folder of PYTHONPATH')
    compat.apply()
    with failures_told(files):
        import_modules_from_strings(**config.custom_imports)


def source_text(config: Config) -> str:
    """The merged config as a file's text, references not yet filled in, so that it still takes overrides.

    Raises:
        ValueError: The config does not come from `load_config`.
    """
    source = vars(config).get('_source')
    if source is None:
        raise ValueError('only a config that load_config returned knows its source')
    return config_text(source._cfg_dict.to_dict())


def files_of(path: str | Path) -> list[Path]:
    """A config file and the files that it inherits from, the file itself first."""
    return _with_bases(Path(path).resolve(), ())


def _with_bases(path: Path, children: tuple[Path, ...]) -> list[Path]:
    if path in children:
        raise ConfigError(f'{children[0]}: _base_ goes in a circle: {" -> ".join(p.name for p in (*children, path))}')
    found = [path]
    for node in parsed(path).body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == '_base_' for t in node.targets):
            with failures_told([path]):
                value = ast.literal_eval(node.value)
            for base in value if isinstance(value, (list, tuple)) else [value]:
                if not isinstance(base, str):
                    raise ConfigError(f'{path}:{node.lineno}: _base_ must be a path or a list of paths, got {value!r}')
                if base.startswith(OWN):
                    shipped = Path(find_config(base.removeprefix(OWN), shipped=True)).resolve()
                    found += _with_bases(shipped, (*children, path))
                elif '::' not in base:
                    found += _with_bases((path.parent / base).resolve(), (*children, path))
    return found


@contextmanager
def own_bases() -> Iterator[None]:
    """Let `_base_ = 'usmm::NAME'` mean a config of this installation, be it a clone or a wheel.

    mmengine looks for `package::path` in the package's `.mim` folder alone, and wants a model index there.
    """
    upstream = Config._get_cfg_path

    def get(cfg_path: str, filename: str) -> tuple[str, str | None]:
        if cfg_path.startswith(OWN):
            return str(find_config(cfg_path.removeprefix(OWN), shipped=True)), None
        return upstream(cfg_path, filename)

    Config._get_cfg_path = staticmethod(get)
    try:
        yield
    finally:
        Config._get_cfg_path = staticmethod(upstream)


def _override(config: Config, key: str, value: object, files: list[Path]) -> None:
    """Set one dotted key; the parts of the way must exist, so that a misspelt override is not lost in silence."""
    parts = key.split('.')
    node: object = config._cfg_dict
    old: object = None
    for depth, part in enumerate(parts):
        last = depth == len(parts) - 1
        if isinstance(node, (list, tuple)):
            if not part.isdigit() or int(part) >= len(node):
                raise ConfigError(f'--cfg-options {key}: {part!r} is no index below {len(node)} ({files[0].name})')
            old, node = node[int(part)], node[int(part)]
        elif isinstance(node, Mapping):
            if part not in node and not last and parts[0] not in OPEN:
                raise ConfigError.unknown(f'--cfg-options {key}', part, node, files[:1])
            old = node.get(part)
            node = {} if old is None and not last else old
        else:
            raise ConfigError(f'--cfg-options {key}: {parts[depth - 1]!r} is a value, not a dict ({files[0].name})')
    if isinstance(value, OptionText):
        value = typed(key, value, old, config._cfg_dict)
    _check_kind(key, old, value, files)
    try:
        # a copy: the merge takes `_delete_` out of the dict that it is given, which may be used for another config
        config.merge_from_dict({key: copy.deepcopy(value)}, allow_list_keys=True)
    except TypeError as error:
        raise ConfigError(f'--cfg-options {key}: {error} ({files[0].name})') from error


def _take_randomness(config: Config, options: Settings) -> None:
    """`randomness`, as OpenMMLab writes it, sets `seed` and `deterministic`; an override of these two counts more."""
    settings = config.get('randomness')
    for key in ('seed', 'deterministic'):
        if isinstance(settings, Mapping) and settings.get(key) is not None and key not in options:
            config[key] = settings[key]


def _check_kind(key: str, old: object, value: object, files: list[Path]) -> None:
    """Text in the place of a dict must be a reference: a dict cannot be written on the command line."""
    if isinstance(old, Mapping) and isinstance(value, str) and not value.startswith('${'):
        hint = f'set its parts one by one, {key}.{next(iter(old), "part")}=...'
        raise ConfigError(f'--cfg-options {key}: expected a dict, got the text {value!r}; {hint} ({files[0].name})')


def _drop_marks(node: dict | list | tuple) -> None:
    """Take out every `_delete_` that had nothing to delete, in place."""
    if isinstance(node, dict):
        node.pop('_delete_', None)
    for item in node.values() if isinstance(node, dict) else node:
        if isinstance(item, (dict, list, tuple)):
            _drop_marks(item)


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


def _fill(value: object, root: Settings, files: list[Path], trail: tuple[str, ...] = ()) -> object:
    """Replace references in a value; a string that is one reference becomes the object itself."""
    if isinstance(value, Mapping):
        return {k: _fill(v, root, files, trail) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_fill(v, root, files, trail) for v in value)
    if not isinstance(value, str):
        return value
    whole = REFERENCE.fullmatch(value)
    if whole is not None:
        return _look_up(whole[1], root, files, trail)
    return REFERENCE.sub(lambda m: str(_look_up(m[1], root, files, trail)), value)


def _look_up(name: str, root: Settings, files: list[Path], trail: tuple[str, ...]) -> object:
    if name in trail:
        raise ConfigError(f'references go in a circle: {" -> ".join([*trail, name])} ({files[0].name})')
    node: object = root
    for part in name.split('.'):
        if not isinstance(node, Mapping) or part not in node:
            raise ConfigError.unknown(f'reference ${{{name}}}', part, node if isinstance(node, Mapping) else {}, files)
        node = node[part]
    return _fill(node, root, files, (*trail, name))
