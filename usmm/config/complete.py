"""Whether a config has all that a training needs, before anything heavy is imported."""

from __future__ import annotations

from pathlib import Path

from mmengine.config import Config

from usmm.config.config_error import ConfigError
from usmm.config.load import places_of
from usmm.config.setting_places import Places
from usmm.utils.suggestions import did_you_mean

NEEDED = (
    'data_root', 'schema', 'modalities', 'classes', 'dataset', 'train_pipeline', 'test_pipeline', 'model', 'evaluator',
    'stages', 'batch_size', 'num_workers', 'seed', 'work_dir',
)  # fmt: skip
RUNTIME = "_base_ = 'usmm::_base_/runtime'"


def check_complete(config: Config, stage: str | None = None) -> None:
    """Check that a config can be trained: that no setting is missing, and that what it names exists.

    Args:
        config: A config as `load_config` returns it.
        stage: The only stage that is run.

    Raises:
        ConfigError: A setting is missing, a file of weights does not exist, or there is no such stage.
    """
    places = places_of(config) or Places([])
    file = f'{places.files[0]}: ' if places.files else ''
    missing = [key for key in NEEDED if key not in config and not (key == 'data_root' and 'dataset' in config)]
    if missing:
        text = f'a training needs the settings {missing}, which neither this config nor its bases have'
        raise ConfigError(f'{file}{text}; start from a shipped config, or with {RUNTIME}')
    if not config.get('split') and not config.schema.get('split'):
        text = 'split must be a dict such as dict(folds=5, fold=0), where the schema names no column of parts'
        raise ConfigError(f'{places.of("split")}{text}; got {config.get("split")!r}')
    weights = config.get('load_from')
    if weights is not None and not Path(weights).is_file():
        raise ConfigError(f'{places.of("load_from")}load_from: there is no file {weights!r}')
    names = [spec['name'] for spec in config.stages]
    if stage is not None and stage not in names:
        raise ConfigError(f'--stage {stage}: {config.name} has no such stage; {did_you_mean(stage, names)}')
