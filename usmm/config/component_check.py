"""Check the components of a config one by one: names, arguments, and values that no component can take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from usmm.config.argument_values import problem_of
from usmm.config.catalogue import Catalogue
from usmm.config.config_error import ConfigError
from usmm.config.setting_places import Places
from usmm.structures import CLINICAL, Settings
from usmm.utils.suggestions import nearest

RESERVED = ('type', '_scope_', '_delete_')
# Keys that mmengine's runner takes out of a component's settings before it builds it.
RUNNER_KEYS = {'param_scheduler': ('convert_to_iter_based',), 'optim_wrapper': ('constructor', 'paramwise_cfg')}
# Type of `clip_grad` -> arguments of torch's function
CLIP_GRAD = {
    'norm': ('max_norm', 'norm_type', 'error_if_nonfinite', 'foreach'),
    'value': ('clip_value', 'foreach'),
}
# Packages whose metrics read other fields than those that the models of usmm return
OTHER_RESULTS = ('mmpretrain', 'mmaction', 'mmcv', 'mmseg', 'mmdet')
# Arguments of transforms, models and data sets that name modalities
MODALITY_ARGUMENTS = ('modalities', 'modality', 'guide', 'guided', 'clip')
READERS = ('transform', 'model', 'dataset')
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


def check_keys(value: Settings, valid: Iterable[str], where: str, places: Places) -> None:
    """Refuse a key of a dict that nothing reads.

    Args:
        value: The dict.
        valid: The keys that it may have.
        where: Its path in the config.
        places: Where the settings stand.

    Raises:
        ConfigError: On the first other key.
    """
    for key in value:
        if key not in valid:
            raise ConfigError.unknown(where, key, valid, places.of(f'{where}.{key}'))


# Components that pass arguments on to another one: the arguments of both
PASSED_ON = {
    'EMAHook': (
        'ema_type', 'strict_load', 'begin_iter', 'begin_epoch', 'momentum', 'gamma', 'interval', 'device',
        'update_buffers',
    ),
}  # fmt: skip


def check_typed(value: object, where: str, key: str, places: Places) -> None:
    """See that what is built under this key says what it is."""
    if key not in KINDS or key == 'optim_wrapper':  # that has a default
        return
    is_list = isinstance(value, (list, tuple))
    for index, item in enumerate(value if isinstance(value, (list, tuple)) else [value]):
        at = f'{where}.{index}' if is_list else where
        if isinstance(item, Mapping) and 'type' not in item:
            raise ConfigError(f"{places.of(at)}{at}: a component needs a 'type', got the keys {sorted(item)}")
        if isinstance(item, Mapping) and not (isinstance(item['type'], str) or callable(item['type'])):
            text = f'{at}: type must be the name of a component, got {item["type"]!r}'
            raise ConfigError(places.of(f'{at}.type') + text)


def _check_part(value: object, where: str, key: str, places: Places) -> None:
    """See that what a model is built from is described by dicts."""
    if '.schema.' in where:
        return  # the clinical variables of a schema
    if key in PARTS and value is not None and not isinstance(value, Mapping):
        raise ConfigError(f'{places.of(where)}{where} must be a dict or None, got {value!r}')
    is_list = isinstance(value, (list, tuple)) and bool(value) and all(isinstance(item, Mapping) for item in value)
    if key == 'losses' and not is_list:
        raise ConfigError(f'{places.of(where)}{where} must be a list of dicts, got {value!r}')


def _check_clip_grad(settings: object, where: str, places: Places) -> None:
    """The arguments with which an optimizer wrapper clips gradients; torch meets them in the first step alone."""
    if settings is None:
        return
    if not isinstance(settings, Mapping) or settings.get('type', 'norm') not in CLIP_GRAD:
        raise ConfigError(f'{places.of(where)}{where} must be a dict of one of the types {list(CLIP_GRAD)}')
    check_keys(settings, ('type', *CLIP_GRAD[settings.get('type', 'norm')]), where, places)


def _modalities_of(schema: object) -> set[str] | None:
    """The modalities of a schema, and the word for its clinical table; None where it is none."""
    if not isinstance(schema, Mapping):
        return None
    return {CLINICAL, *(schema.get('images') or ()), *(schema.get('clips') or ())}


def _names(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [name for name in value if isinstance(name, str)] if isinstance(value, (list, tuple)) else []


class ComponentCheck:
    """Checks the components of a config one by one.

    Args:
        catalogue: The components that there are.
        places: Where the settings of the config stand, for messages.
        own: Whether the config imports modules that may register components of their own.
        schema: The schema of the config, whose modalities components may name.
    """

    def __init__(self, catalogue: Catalogue, places: Places, own: bool, schema: object = None) -> None:
        self.catalogue, self.places, self.own = catalogue, places, own
        self.schema, self.modalities = schema, _modalities_of(schema)
        if self.modalities is not None:
            # a child with other modalities inherits transforms and encoders of those that its base has
            self.modalities |= places.keys('schema.images') | places.keys('schema.clips')
        self.whole = places.is_whole
        self.certain = True  # whether the catalogue knows all components so far

    def walk(self, value: object, where: str, kind: str | None) -> None:
        """Check every component of a value, outermost first."""
        if isinstance(value, (list, tuple)):
            for index, item in enumerate(value):
                self.walk(item, f'{where}.{index}', kind)
        elif isinstance(value, Mapping):
            outer = self.modalities
            if 'schema' in value and value['schema'] != self.schema:
                self.modalities = _modalities_of(value['schema']) or outer
            if where.rpartition('.')[2] == 'optim_wrapper':
                value = {'type': 'OptimWrapper', **value}  # its default
                _check_clip_grad(value.get('clip_grad'), f'{where}.clip_grad', self.places)
            if kind == 'log_processor':
                value = {'type': 'LogProcessor', **value}  # likewise
            if kind is not None and isinstance(value.get('type'), str):
                self._check(value, where, kind)
            for key, item in value.items():
                check_typed(item, f'{where}.{key}', key, self.places)
                if kind == 'model':
                    _check_part(item, f'{where}.{key}', key, self.places)
                self.walk(item, f'{where}.{key}', KINDS.get(key, kind))
            self.modalities = outer

    def _check(self, value: Settings, where: str, kind: str) -> None:
        name = str(value['type'])
        if kind == 'metric' and name.partition('.')[0] in OTHER_RESULTS and '.' in name:
            text = f'{where}: {name} reads results of its own package, models of usmm give others; use CaseMetrics'
            raise ConfigError(self.places.of(f'{where}.type') + text)
        component = self.catalogue.find(kind, name)
        if component is None and not self.own and self.catalogue.is_unknown(kind, name):
            at = self.places.of(f'{where}.type')
            raise ConfigError.unknown(f'{where}.type', name, self.catalogue.names(kind, name), at)
        arguments = None if component is None else component.arguments
        if arguments is None and name.rpartition('.')[2] in PASSED_ON:
            arguments = frozenset(PASSED_ON[name.rpartition('.')[2]])
        if component is None or arguments is None:
            self.certain = False
            return
        extra = RUNNER_KEYS.get(kind, ())
        wrong = [key for key in value if key not in (*arguments, *RESERVED, *extra)]
        if wrong:
            at = self.places.of(f'{where}.{wrong[0]}')
            raise ConfigError.unknown(f'{where} ({name})', wrong[0], (*arguments, *extra), at)
        for key, item in value.items():
            problem = problem_of(key, item, component.annotations.get(key, ''), component.own)
            if problem is not None:
                text = f'{where}.{key} ({name}) must be {problem}, got {item!r}'
                raise ConfigError(self.places.of(f'{where}.{key}') + text)
            if component.own and kind in READERS and key in MODALITY_ARGUMENTS and where not in ('dataset', 'model'):
                self._check_modalities(item, f'{where}.{key}', kind)

    def _check_modalities(self, value: object, where: str, kind: str) -> None:
        """Names of modalities are those of the schema, or of a schema that a base has."""
        if kind == 'transform' and isinstance(value, (list, tuple)) and not value:
            text = f'{where} must be one or more modalities, or None for all of them; got {value!r}'
            raise ConfigError(self.places.of(where) + text)
        for name in _names(value):
            if self.modalities is not None and name not in self.modalities and not self.whole:
                # without bases, as in the folder of an earlier run, only what is misspelt is refused
                if len(self.places.files) == 1 and not nearest(name, self.modalities, cutoff=0.85):
                    continue
                raise ConfigError.unknown(where, name, self.modalities, self.places.of(where))
