"""Plain mmengine configs, as users of OpenMMLab have them: settings of a Runner, without the stages of usmm."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config, DictAction

from usmm import compat
from usmm.config.bases import files_of, inheritance
from usmm.config.config_error import ConfigError
from usmm.config.failure import failures_told
from usmm.config.setting_places import Places
from usmm.utils.locations import find_config
from usmm.utils.suggestions import did_you_mean, suggestion

# other settings of a Runner, which an override may add
RUNNER = (
    'auto_scale_lr', 'custom_hooks', 'data_preprocessor', 'default_hooks', 'default_scope', 'env_cfg',
    'experiment_name', 'load_from', 'log_level', 'log_processor', 'param_scheduler', 'randomness', 'resume', 'val_cfg',
    'val_dataloader', 'val_evaluator', 'visualizer', 'work_dir',
)  # fmt: skip
# and those of tests and of the process
MORE = ('cfg', 'experiment_name', 'launcher', 'test_cfg', 'test_dataloader', 'test_evaluator', 'model_wrapper_cfg')
COMMON = ('max_epochs', 'custom_imports', 'resume_from')  # helpers and settings of many projects
NEAR = 0.85  # likeness from which a name that nothing reads is taken for a misspelt one
NEEDED = ('model', 'train_dataloader', 'train_cfg', 'optim_wrapper')


def is_plain(path: str | Path) -> bool:
    """Whether a config is of a Runner: it has a `train_dataloader` and no `stages`.

    Args:
        path: Path of a config, or the name of a shipped one.

    Raises:
        ConfigError: Its code fails.
    """
    config = _read(find_config(path), imports=False)
    return 'train_dataloader' in config and 'stages' not in config


def load_plain(path: str | Path, words: Sequence[str] | None = None) -> Config:
    """A plain config with overrides, typed as mmengine types them.

    Args:
        path: Path of the config.
        words: `KEY=VALUE` of `--cfg-options`.

    Raises:
        ConfigError: Its code fails, an override is no pair or cannot be merged, or a setting that every training needs
            is absent.
    """
    found = find_config(path)
    config = _read(found)
    _check_names(config, found)
    for word in words or ():
        key, sign, value = word.partition('=')
        if not sign or not key:
            raise ConfigError(f'--cfg-options takes KEY=VALUE, got {word!r}')
        top, known = key.partition('.')[0], (*config, *RUNNER)
        if top not in known:
            raise ConfigError(
                f'--cfg-options {word}: unknown name {top!r}; {did_you_mean(top, known, count=3)} ({found})'
            )
        try:
            config.merge_from_dict({key: DictAction._parse_iterable(value)})
        except (AssertionError, TypeError, KeyError) as error:
            raise ConfigError(f'--cfg-options {word}: {error} ({found})') from error
    absent = [key for key in NEEDED if not config.get(key)]
    if absent:
        raise ConfigError(f'{found}: a config of a Runner needs {list(NEEDED)}; it lacks {absent}')
    return config


def _check_names(config: Config, path: Path) -> None:
    """Refuse a top-level name that is nearly one of a Runner, and that nothing reads.

    A plain config may have helper variables of any name, so that a misspelt setting looks like one of them.
    """
    places = Places(files_of(path))
    valid = (*RUNNER, *NEEDED, *MORE, *COMMON)
    used = {*valid, *places.reading(), *places.base_variables()}
    for key in config:
        hint = suggestion(key, valid, cutoff=NEAR) if key not in used else ''
        if hint:
            raise ConfigError(f'{places.of(key)}top level: unknown name {key!r}{hint}')


def _read(path: Path, imports: bool = True) -> Config:
    if imports:
        compat.apply()
    with failures_told(files_of(path)), inheritance():
        # not laid out with yapf, which takes seconds for each checkpoint
        return Config.fromfile(path, import_custom_modules=imports, format_python_code=False)
