"""Refuse a config with an unknown key or a misspelt component, before anything is built.

mmengine builds what it finds and ignores the rest: `max_epoch=5` trains for the default number of epochs. A medical
result must not hang on a typing error, so every key has to mean something.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from usmm.config.catalogue import Catalogue
from usmm.config.component_text import TextCatalogue
from usmm.config.runner_settings import HOOKS, PASSED
from usmm.structures import Settings
from usmm.utils.suggestions import did_you_mean

# Top-level keys that the engine and the tools read. A key outside this list must be referred to as `${key}`, or be
# used by the code of the file that sets it.
KNOWN = (
    'data_root', 'table', 'modalities', 'classes', 'positive', 'schema', 'max_epochs', 'batch_size', 'num_workers',
    'seed', 'work_dir', 'name', 'num_classes', 'ignore_labels', 'missing', 'bad_cases', 'split', 'dataset',
    'train_pipeline', 'test_pipeline', 'model', 'stages', 'evaluator', 'monitor', 'custom_hooks', 'visualizer',
    'default_scope', 'env_cfg', 'load_from', 'custom_imports', 'deterministic', 'persistent_workers', 'randomness',
    'default_hooks', 'param_scheduler', 'auto_scale_lr', *PASSED,
)  # fmt: skip
STAGE_KEYS = (
    'name', 'train', 'optimizer', 'optim_wrapper', 'param_scheduler', 'max_epochs', 'batch_size', 'cache', 'monitor',
    'val_interval', 'checkpoint_interval', 'custom_hooks', 'fit', 'model', 'dataset', 'part', 'store',
    'out_of_fold', 'early_stop', 'oversample', 'selection',
)  # fmt: skip
ENV_KEYS = ('cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit')
MP_KEYS = ('mp_start_method', 'opencv_num_threads')
RANDOMNESS_KEYS = ('seed', 'deterministic', 'diff_rank_seed')
SPLIT_KEYS = ('folds', 'fold', 'seed', 'val_ratio', 'selection', 'file')
RESERVED = ('type', '_scope_', '_delete_')
# Keys that mmengine's runner takes out of a component's settings before it builds it.
RUNNER_KEYS = {'param_scheduler': ('convert_to_iter_based',), 'optim_wrapper': ('constructor', 'paramwise_cfg')}
# Type of `clip_grad` -> arguments of torch's function
CLIP_GRAD = {
    'norm': ('max_norm', 'norm_type', 'error_if_nonfinite', 'foreach'),
    'value': ('clip_value', 'foreach'),
}
PARTS = ('encoder', 'fusion', 'head', 'clinical', 'backbone', 'data_preprocessor')  # of a model, each a dict
# Which registries a key's value is built from; keys not named here inherit their parent's.
KINDS = {
    'model': 'model', 'dataset': 'dataset', 'sampler': 'sampler', 'train_pipeline': 'transform',
    'test_pipeline': 'transform', 'pipeline': 'transform', 'augment': 'transform',
    'transforms': 'transform', 'transform': 'transform', 'collate_fn': 'function',
    'evaluator': 'metric', 'custom_hooks': 'hook', 'optimizer': 'optimizer', 'optim_wrapper': 'optim_wrapper',
    'param_scheduler': 'param_scheduler', 'visualizer': 'visualizer', 'vis_backends': 'vis_backend',
    'init_cfg': 'initializer', 'default_hooks': 'hook',
    'log_processor': 'log_processor',
}  # fmt: skip


class ConfigError(ValueError):
    """A config that cannot be what its author meant."""

    @classmethod
    def unknown(cls, where: str, key: str, valid: Iterable[str], files: Iterable[Path]) -> ConfigError:
        """An error for a name that does not exist, with its file and the nearest valid names."""
        valid = sorted(str(v) for v in valid)
        hint = did_you_mean(key, valid, count=3, cutoff=0.5)
        return cls(f'{place(key, files)}{where}: unknown name {key!r}; {hint}')


def check_config(
    config: Config,
    files: list[Path],
    references: Sequence[str] = (),
    catalogue: Catalogue | None = None,
    imported: bool = False,
) -> bool:
    """Check all keys and components of a resolved config.

    Args:
        config: The config, references filled in.
        files: Its file and the files it inherits from, for messages.
        references: The top-level names that `${...}` referred to.
        catalogue: The components that there are; None: what the source text of the packages states.
        imported: Whether the modules of `custom_imports` were imported; until then they may register anything.

    Returns:
        Whether the catalogue knows every component and its arguments; otherwise one that knows more has to be asked.

    Raises:
        ConfigError: On the first key or component that does not exist.
    """
    content = config._cfg_dict.to_dict()
    _check_top(content, files, references)
    _check_keys(content.get('split') or {}, SPLIT_KEYS, 'split', files)
    _check_keys(content.get('randomness') or {}, RANDOMNESS_KEYS, 'randomness', files)
    _check_keys(content.get('env_cfg') or {}, ENV_KEYS, 'env_cfg', files)
    _check_keys((content.get('env_cfg') or {}).get('mp_cfg') or {}, MP_KEYS, 'env_cfg.mp_cfg', files)
    _check_keys(content.get('auto_scale_lr') or {}, ('base_batch_size', 'enable'), 'auto_scale_lr', files)
    for index, stage in enumerate(content.get('stages', ())):
        _check_keys(stage, STAGE_KEYS, f'stages.{index}', files)
    own = bool(content.get('custom_imports')) and not imported
    check = ComponentCheck(TextCatalogue() if catalogue is None else catalogue, files, own)
    for key, value in content.items():
        if key == 'default_hooks':
            value = _default_hooks(value, files)
        else:
            _check_typed(value, key, key, files)
        check.walk(value, key, KINDS.get(key))
    return check.certain


def _default_hooks(hooks: Mapping[str, Any] | None, files: list[Path]) -> list[Settings]:
    """The default hooks with the types that they have by their names."""
    complete: list[Settings] = []
    for name, hook in (hooks or {}).items():
        if hook is not None and not isinstance(hook, Mapping):
            raise ConfigError(f'{place(name, files)}default_hooks.{name} must be a dict or None, got {hook!r}')
        kind = HOOKS.get(name)
        if name == 'checkpoint' and (hook is None or hook.get('type', kind) != kind):
            raise ConfigError(
                f'{place(name, files)}default_hooks.checkpoint must stay a {kind}, which keeps the selected epoch and '
                f'what a resumed run needs: set its interval, and put another hook into custom_hooks'
            )
        if hook is not None and kind is None and 'type' not in hook:
            raise ConfigError.unknown('default_hooks', name, HOOKS, files)
        complete += [] if hook is None else [{'type': kind, **hook}]
    return complete


def _check_top(content: Settings, files: list[Path], references: Sequence[str]) -> None:
    used = {*KNOWN, *references, *_used_names(files)}
    for key in content:
        if key not in used and not key.startswith('_'):
            raise ConfigError.unknown('top level', key, KNOWN, files)


def _check_keys(value: Settings, valid: Iterable[str], where: str, files: list[Path]) -> None:
    for key in value:
        if key not in valid:
            raise ConfigError.unknown(where, key, valid, files)


def _check_typed(value: object, where: str, key: str, files: list[Path]) -> None:
    """See that what is built under this key says what it is."""
    if key not in KINDS or key == 'optim_wrapper':  # that has a default
        return
    for item in value if isinstance(value, (list, tuple)) else [value]:
        if isinstance(item, Mapping) and 'type' not in item:
            raise ConfigError(f"{place(key, files)}{where}: a component needs a 'type', got the keys {sorted(item)}")
        if isinstance(item, Mapping) and not (isinstance(item['type'], str) or callable(item['type'])):
            raise ConfigError(f'{place(key, files)}{where}: type must be the name of a component, got {item["type"]!r}')


def _check_part(value: object, where: str, key: str, files: list[Path]) -> None:
    """See that what a model is built from is described by dicts."""
    if '.schema.' in where:
        return  # the clinical variables of a schema
    if key in PARTS and value is not None and not isinstance(value, Mapping):
        raise ConfigError(f'{place(key, files)}{where} must be a dict or None, got {value!r}')
    is_list = isinstance(value, (list, tuple)) and bool(value) and all(isinstance(item, Mapping) for item in value)
    if key == 'losses' and not is_list:
        raise ConfigError(f'{place(key, files)}{where} must be a list of dicts, got {value!r}')


def _check_clip_grad(settings: object, where: str, files: list[Path]) -> None:
    """The arguments with which an optimizer wrapper clips gradients; torch meets them in the first step alone."""
    if settings is None:
        return
    if not isinstance(settings, Mapping) or settings.get('type', 'norm') not in CLIP_GRAD:
        raise ConfigError(f'{place("clip_grad", files)}{where} must be a dict of one of the types {list(CLIP_GRAD)}')
    _check_keys(settings, ('type', *CLIP_GRAD[settings.get('type', 'norm')]), where, files)


class ComponentCheck:
    """Checks the components of a config one by one.

    Args:
        catalogue: The components that there are.
        files: The files of the config, for messages.
        own: Whether the config imports modules that may register components of their own.
    """

    def __init__(self, catalogue: Catalogue, files: list[Path], own: bool) -> None:
        self.catalogue, self.files, self.own = catalogue, files, own
        self.certain = True  # whether the catalogue knows all components so far

    def walk(self, value: object, where: str, kind: str | None) -> None:
        """Check every component of a value, outermost first."""
        if isinstance(value, (list, tuple)):
            for index, item in enumerate(value):
                self.walk(item, f'{where}.{index}', kind)
        elif isinstance(value, Mapping):
            if where.rpartition('.')[2] == 'optim_wrapper':
                value = {'type': 'OptimWrapper', **value}  # its default
                _check_clip_grad(value.get('clip_grad'), f'{where}.clip_grad', self.files)
            if kind is not None and isinstance(value.get('type'), str):
                self._check(value, where, kind)
            for key, item in value.items():
                _check_typed(item, f'{where}.{key}', key, self.files)
                if kind == 'model':
                    _check_part(item, f'{where}.{key}', key, self.files)
                self.walk(item, f'{where}.{key}', KINDS.get(key, kind))

    def _check(self, value: Settings, where: str, kind: str) -> None:
        name = str(value['type'])
        component = self.catalogue.find(kind, name)
        if component is None and not self.own and self.catalogue.is_unknown(kind, name):
            raise ConfigError.unknown(f'{where}.type', name, self.catalogue.names(kind, name), self.files)
        if component is None or component.arguments is None:
            self.certain = False
            return
        extra = RUNNER_KEYS.get(kind, ())
        wrong = [key for key in value if key not in (*component.arguments, *RESERVED, *extra)]
        if wrong:
            raise ConfigError.unknown(f'{where} ({name})', wrong[0], (*component.arguments, *extra), self.files)


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
        or (isinstance(node, ast.Constant) and isinstance(node.value, str) and f'${{{key}' in node.value)
        or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id == key)
    )
