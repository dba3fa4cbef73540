from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from usmm.models.assembly import build_clinical, prune_encoders

ENCODERS: dict[str, Any] = dict(static=dict(type='GuidedEncoder'), dynamic=dict(type='usmm.ClipEncoder'))
SCHEMA: dict[str, Any] = dict(clinical=[dict(name='age'), dict(name='size'), dict(name='side', values=('l', 'r'))])


def test_a_branch_without_its_input_is_gone() -> None:
    assert set(prune_encoders(ENCODERS, ('bus', 'dceus'))) == {'static', 'dynamic'}
    assert set(prune_encoders(ENCODERS, ('dceus', 'clinical'))) == {'dynamic'}
    assert prune_encoders(ENCODERS, ('clinical',)) == prune_encoders(None, ('clinical',)) == {}


def test_a_modality_that_nothing_reads() -> None:
    with pytest.raises(ValueError, match=r"no encoder reads \['mri'\]; .* read \['bus', 'cdfi', 'dceus', 'ue'\]"):
        prune_encoders(ENCODERS, ('bus', 'mri'))


@pytest.mark.parametrize('kind', ['LinearHead', 'NoSuchThing', None])
def test_not_an_encoder(kind: str | None) -> None:
    with pytest.raises(ValueError, match=f"encoder of stream 'static' must be a registered encoder, got type={kind!r}"):
        prune_encoders(dict(static=dict(type=kind)), ('bus',))


@pytest.mark.parametrize(
    ('variables', 'names'),
    [
        (None, ['age', 'size', 'side']),
        (['side', 'age'], ['age', 'side']),
        ([dict(name='weight')], ['weight']),
    ],
)
def test_clinical_variables_are_the_schemas_or_some_of_them(variables: Any, names: list[str]) -> None:
    cfg: dict[str, Any] = dict(type='ClinicalFusionHead')
    cfg = cfg if variables is None else {**cfg, 'variables': variables}
    assert [v.name for v in build_clinical(cfg, SCHEMA).variables] == names  # type: ignore[union-attr]


def test_unknown_clinical_variable() -> None:
    with pytest.raises(ValueError, match=r"\['height'\] are not in the schema; it has \['age', 'size', 'side'\]"):
        build_clinical(dict(type='ClinicalFusionHead', variables=['height']), SCHEMA)


@pytest.mark.parametrize(('cfg', 'schema'), [(None, SCHEMA), (dict(type='ClinicalFusionHead'), None)])
def test_clinical_without_head_or_schema(cfg: Any, schema: Any) -> None:
    with pytest.raises(ValueError, match="'clinical' is among the modalities, but the config has no clinical head"):
        build_clinical(cfg, schema)


def test_a_misspelt_fusion_or_head_is_an_error_of_the_registry(config: Callable[..., dict[str, Any]]) -> None:
    from usmm.registry import MODELS

    for part in ('fusion', 'head'):
        with pytest.raises(KeyError, match='Transfomer is not in the'):
            MODELS.build(config(('bus',), **{part: dict(type='Transfomer')}))


@pytest.mark.parametrize(
    ('part', 'message'),
    [
        ('fusion', "expected the config of a BaseFusion, got type='ChannelAttention', which is a ChannelAttention"),
        ('head', "expected the config of a BaseHead, got type='ChannelAttention', which is a ChannelAttention"),
    ],
)
def test_a_part_of_another_class(config: Callable[..., dict[str, Any]], part: str, message: str) -> None:
    from usmm.registry import MODELS

    with pytest.raises(TypeError, match=message):
        MODELS.build(config(('bus',), **{part: dict(type='ChannelAttention')}))


def test_a_clinical_head_of_another_class() -> None:
    with pytest.raises(TypeError, match=r"clinical head, got type='ClinicalEncoder', which has no \['image_scores'"):
        build_clinical(dict(type='ClinicalEncoder'), SCHEMA)


@pytest.mark.parametrize('variables', ['age', 3])
def test_variables_that_are_not_a_sequence(variables: Any) -> None:
    with pytest.raises(TypeError, match='variables of ClinicalFusionHead must be a sequence of names or settings, got'):
        build_clinical(dict(type='ClinicalFusionHead', variables=variables), SCHEMA)
