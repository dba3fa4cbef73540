"""From a config to the parts of a classifier, for the modalities that are left of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from mmengine.model import ModuleDict
from torch import nn

from usmm.models.building import build
from usmm.models.encoders import BaseEncoder, ClinicalEncoder
from usmm.models.fusions import BaseFusion
from usmm.registry import MODELS
from usmm.structures import Schema, Variable

CLINICAL = 'clinical'


def component(cfg: Mapping[str, Any]) -> Any:
    """The registered class that a config names, or None."""
    return MODELS.get(cfg['type']) if isinstance(cfg.get('type'), str) else cfg.get('type')


def encoder_class(cfg: Mapping[str, Any], stream: str) -> type[BaseEncoder]:
    """The class of an encoder's config.

    Raises:
        ValueError: If it is not the config of an encoder.
    """
    cls = component(cfg)
    if not (isinstance(cls, type) and issubclass(cls, BaseEncoder)):
        raise ValueError(f'encoder of stream {stream!r} must be a registered encoder, got type={cfg.get("type")!r}')
    return cls


def prune_encoders(
    encoders: Mapping[str, Mapping[str, Any]] | None, modalities: Collection[str]
) -> dict[str, dict[str, Any]]:
    """The encoders' configs for a subset of modalities; an encoder that has nothing left to read is dropped.

    They come in the order of the modalities, whatever the order in the config, which a config loses when it is saved:
    else a fusion of weights by place would mix up its streams.

    Args:
        encoders: Stream -> config of its encoder.
        modalities: The modalities that are left; `'clinical'` may be read by no encoder, as a head can read it too.

    Raises:
        ValueError: If no encoder reads one of the modalities.

    Example:
        >>> cfgs = dict(static=dict(type='GuidedEncoder'), dynamic=dict(type='ClipEncoder'))
        >>> prune_encoders(cfgs, ('bus', 'ue', 'clinical'))
        {'static': {'type': 'GuidedEncoder', 'guide': 'bus', 'guided': ('ue',)}}
    """
    encoders = encoders or {}
    classes = {stream: encoder_class(cfg, stream) for stream, cfg in encoders.items()}
    readable = {m for stream, cfg in encoders.items() for m in classes[stream].modalities_of(cfg)}
    unread = [m for m in modalities if m != CLINICAL and m not in readable]
    if unread:
        raise ValueError(f'no encoder reads {unread}; the encoders of this model read {sorted(readable)}')
    subsets = {stream: classes[stream].subset(cfg, modalities) for stream, cfg in encoders.items()}
    kept = {stream: cfg for stream, cfg in subsets.items() if cfg is not None}
    place = {modality: i for i, modality in enumerate(modalities)}

    def first(stream: str) -> int:
        return min(place.get(m, len(place)) for m in classes[stream].modalities_of(kept[stream]))

    return {stream: kept[stream] for stream in sorted(kept, key=first)}


def build_encoders(
    encoders: Mapping[str, Mapping[str, Any]] | None,
    modalities: Collection[str],
    schema: Schema | Mapping[str, Any] | None = None,
) -> ModuleDict | None:
    """Name -> encoder for the modalities that are left, None where nothing is; those of the table get its variables.

    Raises:
        ValueError: If no encoder reads one of the modalities, two streams have one name, or an encoder of the table has
            no variables, or some that are not in the schema.
    """
    built = {}
    for name, cfg in prune_encoders(encoders, modalities).items():
        if issubclass(encoder_class(cfg, name), ClinicalEncoder):
            if schema is None and not cfg.get('variables'):
                raise ValueError(f'encoder {name!r} reads the clinical table, but there is no schema for it')
            cfg = {**cfg, **table_settings(cfg, schema)}
        built[name] = build(cfg)
    streams = [s for name, encoder in built.items() for s in encoder.streams(name)]
    if len(set(streams)) < len(streams):
        raise ValueError(f'several encoders make a stream of one name: {sorted(streams)}')
    return ModuleDict(built) if built else None


def build_fusion(cfg: Mapping[str, Any] | None, encoders: ModuleDict) -> BaseFusion:
    """The fusion of the encoders' last maps, or of all where it is layer-wise; with one stream its `single`."""
    cfg = {'type': 'TransformerFusion', **(cfg or {})}
    widths = {s: e.out_channels for name, e in encoders.items() for s in e.streams(name)}
    if len(widths) == 1:
        cfg = getattr(component(cfg), 'single', dict)(cfg)
    whole = getattr(component(cfg), 'layerwise', False)
    return build({**cfg, 'in_channels': widths if whole else {s: w[-1] for s, w in widths.items()}})


def build_head(cfg: Mapping[str, Any] | None, fusion: BaseFusion, num_classes: int) -> nn.Module:
    """The head on a fusion's vectors."""
    filled = dict(num_classes=num_classes, in_channels=fusion.out_channels, streams=fusion.widths)
    return build({'type': 'LinearHead', **(cfg or {}), **filled})


def build_clinical(
    cfg: Mapping[str, Any] | None, schema: Schema | Mapping[str, Any] | None, **filled: Any
) -> nn.Module:
    """The clinical head on the schema's variables, or on those that `variables` in its config names or describes.

    Raises:
        ValueError: If there is no config, no variable is known, or a name is not in the schema.
    """
    if cfg is None or (schema is None and not cfg.get('variables')):
        raise ValueError("'clinical' is among the modalities, but the config has no clinical head or no schema for it")
    return build({**cfg, **filled, **table_settings(cfg, schema)})


def table_settings(cfg: Mapping[str, Any], schema: Schema | Mapping[str, Any] | None) -> dict[str, Any]:
    """The `variables` of a part that reads the table, and where they stand in it (`columns`) where it reads a few.

    Raises:
        ValueError: If a name is not in the schema.
    """
    known = {v.name: v for v in Schema.of(schema or {}).clinical}
    variables = pick_variables(cfg.get('variables'), known)
    if cfg.get('variables') and all(v in known.values() for v in variables):
        # the table has all of the schema's columns, whichever of them are read
        return dict(variables=variables, columns=[[*known].index(v.name) for v in variables])
    return dict(variables=variables)


def pick_variables(asked: Any, known: Mapping[str, Variable]) -> list[Any]:
    """The variables that are asked for: names are those of the schema, in its order; None: all of the schema's.

    Raises:
        ValueError: If a name is not in the schema.
    """
    if asked is None:
        return list(known.values())
    names = [a for a in asked if isinstance(a, str)]
    unknown = [n for n in names if n not in known]
    if unknown:
        raise ValueError(f'clinical variables {unknown} are not in the schema; it has {list(known)}')
    # Names come in the schema's order, as the columns of the collated table do.
    return [known[n] for n in known if n in names] + [a for a in asked if not isinstance(a, str)]
