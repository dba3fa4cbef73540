"""Refuse a config with an unknown key or a misspelt component, before anything is built.

mmengine builds what it finds and ignores the rest: `max_epoch=5` trains for the default number of epochs. A medical
result must not hang on a typing error, so every key has to mean something.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import Config

from usmm.config.catalogue import Catalogue
from usmm.config.component_check import KINDS, ComponentCheck, check_keys, check_typed
from usmm.config.component_text import TextCatalogue
from usmm.config.config_error import ConfigError
from usmm.config.runner_settings import HOOKS, PASSED
from usmm.config.setting_places import Places
from usmm.structures import Settings
from usmm.utils.suggestions import nearest

# Top-level keys that the engine and the tools read. A key outside this list must be referred to as `${key}`, or be
# used by the code of the file that sets it.
KNOWN = (
    'data_root', 'table', 'modalities', 'classes', 'positive', 'schema', 'max_epochs', 'batch_size', 'num_workers',
    'seed', 'work_dir', 'name', 'num_classes', 'ignore_labels', 'missing', 'bad_cases', 'split', 'dataset',
    'train_pipeline', 'test_pipeline', 'model', 'stages', 'evaluator', 'monitor', 'custom_hooks', 'visualizer',
    'default_scope', 'env_cfg', 'load_from', 'custom_imports', 'deterministic', 'persistent_workers', 'randomness',
    'default_hooks', 'param_scheduler', 'auto_scale_lr', 'resume', 'launcher', *PASSED,
)  # fmt: skip
STAGE_KEYS = (
    'name', 'train', 'optimizer', 'optim_wrapper', 'param_scheduler', 'max_epochs', 'batch_size', 'cache', 'monitor',
    'val_interval', 'checkpoint_interval', 'custom_hooks', 'fit', 'model', 'dataset', 'part', 'store',
    'out_of_fold', 'early_stop', 'oversample', 'selection',
)  # fmt: skip
# Keys of a plain config of mmengine -> what a config with stages has in their place
ELSEWHERE = {
    'optim_wrapper': 'put it into a stage: stages = [dict(..., optim_wrapper=dict(...))]',
    'optimizer': 'put it into a stage: stages = [dict(..., optimizer=dict(...))]',
    **dict.fromkeys(
        ('train_dataloader', 'val_dataloader', 'test_dataloader'),
        'loaders are made from dataset, train_pipeline, test_pipeline, batch_size and num_workers',
    ),
    **dict.fromkeys(
        ('train_cfg', 'val_cfg', 'test_cfg'), 'loops are made from max_epochs and val_interval of the stages'
    ),
    **dict.fromkeys(('val_evaluator', 'test_evaluator'), 'one evaluator measures all parts: evaluator = ...'),
    'data_preprocessor': 'it is a part of the model: model = dict(data_preprocessor=dict(...))',
    'find_unused_parameters': 'usmm sets it by what a stage trains',
}
ENV_KEYS = ('cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit')
MP_KEYS = ('mp_start_method', 'opencv_num_threads')
RANDOMNESS_KEYS = ('seed', 'deterministic', 'diff_rank_seed')
SPLIT_KEYS = ('folds', 'fold', 'seed', 'val_ratio', 'selection', 'file', 'near_duplicates', 'seen_patients')


def check_config(
    config: Config,
    places: Places,
    references: Sequence[str] = (),
    catalogue: Catalogue | None = None,
    imported: bool = False,
) -> bool:
    """Check all keys and components of a resolved config.

    Args:
        config: The config, references filled in.
        places: Where its settings stand, for messages.
        references: The top-level names that `${...}` referred to.
        catalogue: The components that there are; None: what the source text of the packages states.
        imported: Whether the modules of `custom_imports` were imported; until then they may register anything.

    Returns:
        Whether the catalogue knows every component and its arguments; otherwise one that knows more has to be asked.

    Raises:
        ConfigError: On the first key or component that does not exist.
    """
    content = config._cfg_dict.to_dict()
    _check_top(content, places, references)
    check_keys(content.get('split') or {}, SPLIT_KEYS, 'split', places)
    check_keys(content.get('randomness') or {}, RANDOMNESS_KEYS, 'randomness', places)
    check_keys(content.get('env_cfg') or {}, ENV_KEYS, 'env_cfg', places)
    check_keys((content.get('env_cfg') or {}).get('mp_cfg') or {}, MP_KEYS, 'env_cfg.mp_cfg', places)
    check_keys(content.get('custom_imports') or {}, ('imports', 'allow_failed_imports'), 'custom_imports', places)
    check_keys(content.get('auto_scale_lr') or {}, ('base_batch_size', 'enable'), 'auto_scale_lr', places)
    for index, stage in enumerate(content.get('stages', ())):
        check_keys(stage, STAGE_KEYS, f'stages.{index}', places)
    own = bool(content.get('custom_imports')) and not imported
    check = ComponentCheck(TextCatalogue() if catalogue is None else catalogue, places, own, content.get('schema'))
    for key, value in content.items():
        if key == 'default_hooks':
            for name, hook in _default_hooks(value, places).items():
                check.walk(hook, f'{key}.{name}', 'hook')
            continue
        if key != 'log_processor':  # which has a default type
            check_typed(value, key, key, places)
        check.walk(value, key, KINDS.get(key))
    return check.certain


def _default_hooks(hooks: Mapping[str, Any] | None, places: Places) -> dict[str, Settings]:
    """The default hooks with the types that they have by their names."""
    complete: dict[str, Settings] = {}
    for name, hook in (hooks or {}).items():
        where = f'default_hooks.{name}'
        if hook is not None and not isinstance(hook, Mapping):
            raise ConfigError(f'{places.of(where)}{where} must be a dict or None, got {hook!r}')
        kind = HOOKS.get(name)
        if name == 'checkpoint' and (hook is None or hook.get('type', kind) != kind):
            raise ConfigError(
                f'{places.of(where)}{where} must stay a {kind}, which keeps the selected epoch and '
                f'what a resumed run needs: set its interval, and put another hook into custom_hooks'
            )
        if hook is not None and kind is None and ('type' not in hook or nearest(name, HOOKS, cutoff=0.8)):
            raise ConfigError.unknown('default_hooks', name, HOOKS, places.of(where))
        if hook is not None:
            complete[name] = {'type': kind, **hook}
    return complete


def _check_top(content: Settings, places: Places, references: Sequence[str]) -> None:
    used = {*KNOWN, *references, *places.reading()}
    for key in content:
        if key in ELSEWHERE and key not in used:
            raise ConfigError(f'{places.of(key)}top level: a config with stages has no {key!r}; {ELSEWHERE[key]}')
        if key not in used and not key.startswith('_'):
            raise ConfigError.unknown('top level', key, KNOWN, places.of(key))
