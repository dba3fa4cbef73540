"""Refuse a config with an unknown key or a misspelt component, before anything is built.

mmengine builds what it finds and ignores the rest: `max_epoch=5` trains for the default number of epochs. A medical
result must not hang on a typing error, so every key has to mean something.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from mmengine.config import Config
from mmengine.registry import (
    DATA_SAMPLERS,
    DATASETS,
    FUNCTIONS,
    HOOKS,
    METRICS,
    MODELS,
    OPTIM_WRAPPERS,
    OPTIMIZERS,
    PARAM_SCHEDULERS,
    TRANSFORMS,
    VISBACKENDS,
    WEIGHT_INITIALIZERS,
    Registry,
)

from usmm import registry as ours
from usmm.structures import Settings
from usmm.utils.suggestions import did_you_mean

# Top-level keys that the engine and the tools read. A key outside this list must be referred to as `${key}`, or be
# used by the code of the file that sets it.
KNOWN = (
    'data_root', 'table', 'modalities', 'classes', 'positive', 'schema', 'max_epochs', 'batch_size', 'num_workers',
    'seed', 'work_dir', 'name', 'num_classes', 'ignore_labels', 'missing', 'bad_cases', 'split', 'dataset',
    'train_pipeline', 'test_pipeline', 'model', 'stages', 'evaluator', 'monitor', 'custom_hooks', 'visualizer',
    'default_scope', 'env_cfg', 'load_from', 'custom_imports', 'deterministic', 'persistent_workers',
)  # fmt: skip
STAGE_KEYS = (
    'name', 'train', 'optimizer', 'optim_wrapper', 'param_scheduler', 'max_epochs', 'batch_size', 'cache', 'monitor',
    'val_interval', 'checkpoint_interval', 'custom_hooks', 'fit', 'model', 'dataset', 'part', 'store',
    'out_of_fold', 'early_stop', 'oversample', 'selection',
)  # fmt: skip
SPLIT_KEYS = ('folds', 'fold', 'seed', 'val_ratio', 'selection', 'file')
RESERVED = ('type', '_scope_', '_delete_')
# Keys that mmengine's runner takes out of a component's settings before it builds it.
RUNNER_KEYS = {'param_scheduler': ('convert_to_iter_based',), 'optim_wrapper': ('constructor', 'paramwise_cfg')}
ROOTS = {
    'model': (ours.MODELS, MODELS),
    'dataset': (ours.DATASETS, DATASETS),
    'sampler': (ours.DATA_SAMPLERS, DATA_SAMPLERS),
    'transform': (ours.TRANSFORMS, TRANSFORMS),
    'function': (ours.FUNCTIONS, FUNCTIONS),
    'metric': (ours.METRICS, METRICS),
    'hook': (ours.HOOKS, HOOKS),
    'optimizer': (OPTIMIZERS,),
    'optim_wrapper': (OPTIM_WRAPPERS,),
    'param_scheduler': (PARAM_SCHEDULERS,),
    'vis_backend': (VISBACKENDS,),
    'initializer': (WEIGHT_INITIALIZERS,),
}
# Which registries a key's value is built from; keys not named here inherit their parent's.
KINDS = {
    'model': 'model', 'dataset': 'dataset', 'sampler': 'sampler', 'train_pipeline': 'transform',
    'test_pipeline': 'transform', 'pipeline': 'transform', 'augment': 'transform',
    'transforms': 'transform', 'collate_fn': 'function',
    'evaluator': 'metric', 'custom_hooks': 'hook', 'optimizer': 'optimizer', 'optim_wrapper': 'optim_wrapper',
    'param_scheduler': 'param_scheduler', 'vis_backends': 'vis_backend', 'init_cfg': 'initializer',
}  # fmt: skip


class ConfigError(ValueError):
    """A config that cannot be what its author meant."""

    @classmethod
    def unknown(cls, where: str, key: str, valid: Iterable[str], files: Iterable[Path]) -> ConfigError:
        """An error for a name that does not exist, with its file and the nearest valid names."""
        valid = sorted(str(v) for v in valid)
        hint = did_you_mean(key, valid, count=3, cutoff=0.5)
        return cls(f'{place(key, files)}{where}: unknown name {key!r}; {hint}')


def check_config(config: Config, files: list[Path], references: Sequence[str] = ()) -> None:
    """Check all keys and components of a resolved config.

    Args:
        config: The config, references filled in.
        files: Its file and the files it inherits from, for messages.
        references: The top-level names that `${...}` referred to.

    Raises:
        ConfigError: On the first key or component that does not exist.
    """
    content = config._cfg_dict.to_dict()
    _check_top(content, files, references)
    _check_keys(content.get('split') or {}, SPLIT_KEYS, 'split', files)
    for index, stage in enumerate(content.get('stages', ())):
        _check_keys(stage, STAGE_KEYS, f'stages.{index}', files)
    for key, value in content.items():
        _check_typed(value, key, key, files)
        _walk(value, key, KINDS.get(key), files)


def _check_top(content: Settings, files: list[Path], references: Sequence[str]) -> None:
    used = {*KNOWN, *references, *_used_names(files)}
    for key in content:
        if key not in used and not key.startswith('_'):
            raise ConfigError.unknown('top level', key, KNOWN, files)


def _check_keys(value: Settings, valid: Iterable[str], where: str, files: list[Path]) -> None:
    for key in value:
        if key not in valid:
            raise ConfigError.unknown(where, key, valid, files)


def _walk(value: object, where: str, kind: str | None, files: list[Path]) -> None:
    """Check every component of a value, outermost first."""
    if isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            _walk(item, f'{where}.{index}', kind, files)
    elif isinstance(value, Mapping):
        if kind is not None and isinstance(value.get('type'), str):
            _check_component(value, where, kind, files)
        for key, item in value.items():
            _check_typed(item, f'{where}.{key}', key, files)
            _walk(item, f'{where}.{key}', KINDS.get(key, kind), files)


def _check_typed(value: object, where: str, key: str, files: list[Path]) -> None:
    """See that what is built under this key says what it is."""
    if key not in KINDS or key == 'optim_wrapper':  # that has a default
        return
    for item in value if isinstance(value, (list, tuple)) else [value]:
        if isinstance(item, Mapping) and 'type' not in item:
            raise ConfigError(f"{place(key, files)}{where}: a component needs a 'type', got the keys {sorted(item)}")


def _check_component(value: Settings, where: str, kind: str, files: list[Path]) -> None:
    name = str(value['type'])
    found = next((c for c in (r.get(name) for r in ROOTS[kind]) if c is not None), None) if _scope_ok(name) else None
    if found is None:
        raise ConfigError.unknown(f'{where}.type', name, _names(kind, name), files)
    valid = _arguments(found)
    if valid is not None:
        _check_keys(value, (*valid, *RESERVED, *RUNNER_KEYS.get(kind, ())), f'{where} ({name})', files)


def _scope_ok(name: str) -> bool:
    """Whether the scope of `scope.Name` is a package with registries (mmengine would fall back to the root)."""
    scope, dot, _ = name.rpartition('.')
    return not dot or scope.split('.')[0] in ('usmm', 'mmengine', 'mmpretrain', 'mmaction', 'mmcv')


def _names(kind: str, name: str) -> list[str]:
    """Valid names of a kind, written with the scope that the name was written with."""
    scope = name.split('.')[0] if '.' in name and _scope_ok(name) else ''
    names: list[str] = []
    for registry in ROOTS[kind]:
        registry.import_from_location()
        child: Registry | None = registry._children.get(scope) if scope else registry
        if child is not None:
            names += [f'{scope}.{n}' if scope else n for n in child.module_dict]
    return names or [n for r in ROOTS[kind] for n in r.module_dict]


def _arguments(component: Callable[..., object]) -> set[str] | None:
    """The arguments that a class or function takes, those of its bases included; None where any are taken."""
    if not inspect.isclass(component):
        return _parameters(component)
    names: set[str] = set()
    for base in component.__mro__:
        if '__init__' not in vars(base) or base is object:
            continue
        own = _parameters(vars(base)['__init__'])
        names |= _parameters(vars(base)['__init__'], forwarded=False) or set()
        if own is not None:
            return names
    return None


def _parameters(function: Callable[..., object], forwarded: bool = True) -> set[str] | None:
    parameters = inspect.signature(function).parameters.values()
    if forwarded and any(p.kind is p.VAR_KEYWORD for p in parameters):
        return None
    return {p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)} - {'self'}


def _used_names(files: Iterable[Path]) -> set[str]:
    """Names that the code of the files reads, and names that they import."""
    names: set[str] = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding='utf-8'))):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                names.add(node.id)
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                names |= {(a.asname or a.name).split('.')[0] for a in node.names}
    return names


def place(key: str, files: Iterable[Path]) -> str:
    """`file:line: ` of the first file, child before base, that spells the key; else the first file."""
    files = list(files)
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding='utf-8'))):
            if _spells(node, key):
                return f'{file}:{node.lineno}: '  # type: ignore[attr-defined]
    return f'{files[0]}: ' if files else ''


def _spells(node: ast.AST, key: str) -> bool:
    return (
        (isinstance(node, ast.keyword) and node.arg == key)
        or (isinstance(node, ast.Constant) and node.value == key)
        or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id == key)
    )
