"""From a config to the parts of a classifier, for the modalities that are left of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from mmengine.model import ModuleDict
from torch import nn

from usmm.models.building import build, build_as, component
from usmm.models.encoders import BaseEncoder, ClinicalEncoder
from usmm.models.fusions import BaseFusion
from usmm.models.heads.base_head import BaseHead
from usmm.structures import CLINICAL, Schema, Settings, Variable
from usmm.structures.contract import missing_members
from usmm.structures.protocols import TableHead


def encoder_class(cfg: Settings, stream: str) -> type[BaseEncoder]:
    """The class of an encoder's config.

    Raises:
        ValueError: If it is not the config of an encoder.
    """
    cls = component(cfg)
    if not (isinstance(cls, type) and issubclass(cls, BaseEncoder)):
        raise ValueError(f'encoder of stream {stream!r} must be a registered encoder, got type={cfg.get("type")!r}')
    return cls


def fusion_class(cfg: Settings) -> type[BaseFusion] | None:
    """The class of a fusion's config; None where it names no fusion, which is an error when it is built."""
    cls = component(cfg)
    return cls if isinstance(cls, type) and issubclass(cls, BaseFusion) else None


def prune_encoders(encoders: Mapping[str, Settings] | None, modalities: Collection[str]) -> dict[str, Settings]:
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
    kept: dict[str, Settings] = {stream: cfg for stream, cfg in subsets.items() if cfg is not None}
    place = {modality: i for i, modality in enumerate(modalities)}

    def first(stream: str) -> int:
        return min(place.get(m, len(place)) for m in classes[stream].modalities_of(kept[stream]))

    return {stream: kept[stream] for stream in sorted(kept, key=first)}


def build_encoders(
    encoders: Mapping[str, Settings] | None,
    modalities: Collection[str],
    schema: Schema | Settings | None = None,
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
        built[name] = build_as(cfg, BaseEncoder)
    streams = [s for name, encoder in built.items() for s in encoder.streams(name)]
    if len(set(streams)) < len(streams):
        raise ValueError(f'several encoders make a stream of one name: {sorted(streams)}')
    return ModuleDict(built) if built else None


def encoders_of(encoder: nn.ModuleDict | None) -> dict[str, BaseEncoder]:
    """Name -> encoder of a classifier, as `build_encoders` built them; empty without encoders."""
    return {name: e for name, e in (encoder or {}).items() if isinstance(e, BaseEncoder)}


def build_fusion(cfg: Settings | None, encoders: ModuleDict) -> BaseFusion:
    """The fusion of the encoders' last maps, or of all where it is layer-wise; with one stream its `single`.

    Raises:
        TypeError: If the config is not one of a fusion.
    """
    cfg = {'type': 'TransformerFusion', **(cfg or {})}
    widths = {s: e.out_channels for name, e in encoders_of(encoders).items() for s in e.streams(name)}
    kind = fusion_class(cfg)
    if kind is not None and len(widths) == 1:
        cfg = kind.single(cfg)
        kind = fusion_class(cfg)
    whole = kind is not None and kind.layerwise
    return build_as({**cfg, 'in_channels': widths if whole else {s: w[-1] for s, w in widths.items()}}, BaseFusion)


def build_head(cfg: Settings | None, fusion: BaseFusion, num_classes: int) -> BaseHead:
    """The head on a fusion's vectors.

    Raises:
        TypeError: If the config is not one of a head.
    """
    filled = dict(num_classes=num_classes, in_channels=fusion.out_channels, streams=fusion.widths)
    return build_as({'type': 'LinearHead', **(cfg or {}), **filled}, BaseHead)


def build_clinical(cfg: Settings | None, schema: Schema | Settings | None, **filled: int) -> TableHead:
    """The clinical head on the schema's variables, or on those that `variables` in its config names or describes.

    Args:
        cfg: Config of the head.
        schema: The schema of the case table, or its dict.
        filled: Arguments that the classifier fills in: `num_classes`, `positive`, `use_image`.

    Raises:
        ValueError: If there is no config, no variable is known, or a name is not in the schema.
        TypeError: If the config is not one of a clinical head; names the members that are missing.
    """
    if cfg is None or (schema is None and not cfg.get('variables')):
        raise ValueError("'clinical' is among the modalities, but the config has no clinical head or no schema for it")
    head = build({**cfg, **filled, **table_settings(cfg, schema)})
    if not isinstance(head, TableHead):
        members = missing_members(head, TableHead)
        raise TypeError(f'expected the config of a clinical head, got type={cfg.get("type")!r}, which has no {members}')
    return head


def table_settings(cfg: Settings, schema: Schema | Settings | None) -> dict[str, object]:
    """The `variables` of a part that reads the table, and where they stand in it (`columns`) where it reads a few.

    Raises:
        ValueError: If a name is not in the schema.
        TypeError: If `variables` is not a sequence.
    """
    known = {v.name: v for v in Schema.of(schema or {}).clinical}
    asked = cfg.get('variables')
    if asked is not None and (isinstance(asked, str) or not isinstance(asked, Sequence)):
        raise TypeError(f'variables of {cfg.get("type")} must be a sequence of names or settings, got {asked!r}')
    variables = pick_variables(asked, known)
    of_schema = [v for v in variables if isinstance(v, Variable) and v in known.values()]
    if asked and len(of_schema) == len(variables):
        # the table has all of the schema's columns, whichever of them are read
        return dict(variables=variables, columns=[[*known].index(v.name) for v in of_schema])
    return dict(variables=variables)


def pick_variables(
    asked: Sequence[str | Variable | Settings] | None, known: Mapping[str, Variable]
) -> list[Variable | Settings]:
    """The variables that are asked for: names are those of the schema, in its order; None: all of the schema's.

    Raises:
        ValueError: If a name is not in the schema.
    """
    if asked is None:
        return [*known.values()]
    names = [a for a in asked if isinstance(a, str)]
    unknown = [n for n in names if n not in known]
    if unknown:
        raise ValueError(f'clinical variables {unknown} are not in the schema; it has {list(known)}')
    # Names come in the schema's order, as the columns of the collated table do.
    return [*(known[n] for n in known if n in names), *(a for a in asked if not isinstance(a, str))]
