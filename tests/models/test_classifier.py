from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.optim import OptimWrapper
from mmengine.registry import DefaultScope
from torch import nn

from usmm.models import MultiModalClassifier, SingleStream, TransformerFusion
from usmm.registry import MODELS

Build = Callable[..., MultiModalClassifier]
Batch = Callable[..., dict[str, Any]]

IMAGES = ('bus', 'cdfi', 'ue', 'dceus')
# The 16 rows of the paper's Table V.
COMBINATIONS = [
    ('bus',),
    ('cdfi',),
    ('ue',),
    ('dceus',),
    ('clinical',),
    ('bus', 'cdfi'),
    ('bus', 'ue'),
    ('cdfi', 'ue'),
    ('bus', 'cdfi', 'ue'),
    ('bus', 'dceus'),
    ('bus', 'cdfi', 'dceus'),
    ('bus', 'ue', 'dceus'),
    ('cdfi', 'ue', 'dceus'),
    IMAGES,
    ('cdfi', 'ue', 'dceus', 'clinical'),
    (*IMAGES, 'clinical'),
]


def fit(model: MultiModalClassifier, data: dict[str, Any]) -> None:
    if model.clinical is not None:
        model.clinical.fit(data['clinical'])


@pytest.mark.parametrize('modalities', COMBINATIONS, ids='+'.join)
def test_every_combination_follows_the_papers_rules(modalities: tuple[str, ...], build: Build, batch: Batch) -> None:
    model, data = build(modalities), batch()
    static = {m for m in modalities if m in ('bus', 'cdfi', 'ue')}
    streams = {s for s, there in (('static', static), ('dynamic', 'dceus' in modalities)) if there}
    assert set(model.readers) == streams
    if static:
        encoder = model.encoder['static']  # type: ignore[index]
        assert set(encoder.trunks) == static
        assert set(encoder.attentions) == static - {'bus'}
        assert set(encoder.interactions) == (static - {'bus'} if 'bus' in static else set())
        assert (encoder.map_fusion is None) == (len(static) == 1)
    # Without DCE-US the transformer goes too; with DCE-US alone there is nothing to fuse either.
    kind: Any = {0: type(None), 1: SingleStream, 2: TransformerFusion}[len(streams)]
    assert type(model.fusion) is kind
    assert (model.clinical is None) == ('clinical' not in modalities)
    fit(model, data)
    losses = model(**data, mode='loss')
    assert isinstance(losses, dict)
    between = {'loss_deep_supervision', 'loss_orthogonal'} if len(streams) == 2 else set()
    expected = ({'loss_focal'} if streams else set()) | between
    assert set(losses) == expected | ({'loss_clinical'} if 'clinical' in modalities else set())
    found = model(**data, mode='predict')
    assert isinstance(found, list)
    assert [f['case_id'] for f in found] == ['case0', 'case1', 'case2', 'case3']
    assert all(abs(float(f['scores'].sum()) - 1) < 1e-5 for f in found)
    assert (found[0]['image_scores'] is None) == (not streams)


@pytest.mark.parametrize(
    'fusion', ['TransformerFusion', 'ConcatFusion', 'AddFusion', 'AverageFusion', 'BilinearFusion']
)
def test_losses_of_a_fresh_network_reach_every_parameter(fusion: str, build: Build, batch: Batch) -> None:
    model, data = build(fusion=dict(type=fusion, embed_dims=32)), batch()
    model.init_weights()
    fit(model, data)
    losses = model(**data, mode='loss')
    assert isinstance(losses, dict)
    assert all(bool(v.isfinite()) for v in losses.values())
    sum(losses.values()).backward()  # type: ignore[union-attr]
    for name, p in model.named_parameters():
        assert p.grad is not None, name
        assert bool(p.grad.isfinite().all()), name
    dead = [name for name, p in model.named_parameters() if not bool(p.grad.any())]  # type: ignore[union-attr]
    assert dead == []


def test_a_wild_fresh_network_stays_finite(build: Build, batch: Batch) -> None:
    """Huge logits are where log(softmax) turns to inf."""
    model, data = build(IMAGES), batch()
    with torch.no_grad():
        model.head.fc.weight.mul_(1e4)
        for aux in model.head.aux.values():
            aux.weight.mul_(1e4)
    losses = model(**data, mode='loss')
    assert isinstance(losses, dict)
    total = sum(losses.values())
    assert bool(total.isfinite())  # type: ignore[union-attr]
    total.backward()  # type: ignore[union-attr]
    assert all(bool(p.grad.isfinite().all()) for p in model.parameters())  # type: ignore[union-attr]


def snapshot(model: nn.Module) -> dict[str, torch.Tensor]:
    return {k: v.clone() for k, v in model.state_dict().items()}


def changed(model: nn.Module, before: dict[str, torch.Tensor]) -> set[str]:
    return {k.split('.')[0] for k, v in model.state_dict().items() if not torch.equal(v, before[k])}


def step(model: MultiModalClassifier, data: dict[str, Any], lr: float = 0.1) -> None:
    model.train()
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=lr)
    for _ in range(2):
        optimizer.zero_grad()
        sum(model(**data, mode='loss').values()).backward()  # type: ignore[union-attr]
        optimizer.step()


def test_two_stages(build: Build, batch: Batch) -> None:
    model, data = build(), batch()
    model.trainable('all but clinical')
    before = snapshot(model)
    losses = model(**data, mode='loss')
    assert set(losses) == {'loss_focal', 'loss_deep_supervision', 'loss_orthogonal'}
    outputs = model(**data)
    assert outputs.logits is outputs.image_logits  # the clinical head was never fitted: it has no say
    step(model, data)
    assert changed(model, before) == {'encoder', 'fusion', 'head'}

    model.trainable('clinical')
    fit(model, data)
    before = snapshot(model)
    assert set(model(**data, mode='loss')) == {'loss_clinical'}
    step(model, data)
    assert changed(model, before) == {'clinical'}  # batch statistics and dropout stood still as well


def test_a_frozen_image_part_keeps_no_graph_and_no_dropout(build: Build, batch: Batch) -> None:
    model, data = build(), batch()
    fit(model, data)
    model.trainable('clinical')
    model.train()
    seen: list[torch.Tensor] = []
    model.head.fc.register_forward_hook(lambda module, args, out: seen.append(out))
    data['inputs']['bus'].requires_grad_()
    for _ in range(2):
        model(**data, mode='loss')
    assert torch.equal(seen[0], seen[1])
    assert not seen[0].requires_grad


def test_cached_logits_train_the_clinical_head_to_the_same_weights(build: Build, batch: Batch) -> None:
    model, data = build(), batch()
    fit(model, data)
    model.trainable('clinical')
    model.eval()
    with torch.no_grad():
        logits = model(**data).image_logits
    cached = {**data, 'inputs': dict(image_logits=logits), 'present': {}}
    start = snapshot(model)
    results = []
    for given in (data, cached):
        model.load_state_dict(start)
        step(model, given)
        results.append(snapshot(model))
    assert all(torch.equal(v, results[1][k]) for k, v in results[0].items())
    assert not torch.equal(results[0]['clinical.fc.weight'], start['clinical.fc.weight'])


def test_cached_logits_cannot_train_the_image_part(build: Build, batch: Batch) -> None:
    model, data = build(), batch()
    fit(model, data)
    with pytest.raises(ValueError, match='cached image logits can only train the clinical head'):
        model(**{**data, 'inputs': dict(image_logits=torch.zeros(4, 2))}, mode='loss')


def test_the_clinical_head_reads_the_positive_class_by_name(build: Build, batch: Batch) -> None:
    data = batch()
    model = build(positive='ADC')
    fit(model, data)
    seen: list[torch.Tensor] = []
    model.clinical.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    found = model.eval()(**data, mode='predict')
    expected = torch.tensor([f['image_scores'][0] for f in found])
    torch.testing.assert_close(seen[0][:, 0].detach(), expected)


def test_not_fitted(build: Build, batch: Batch) -> None:
    for mode in ('loss', 'predict'):
        with pytest.raises(ValueError, match='ClinicalFusionHead is not fitted'):
            build()(**batch(), mode=mode)


@pytest.mark.parametrize('fusion', ['TransformerFusion', 'AverageFusion'])
def test_a_case_may_lack_a_stream(fusion: str, build: Build, batch: Batch) -> None:
    model, data = build(IMAGES, fusion=dict(type=fusion)).eval(), batch()
    assert model.optional_modalities == IMAGES
    present = {m: torch.ones(4, dtype=torch.bool) for m in IMAGES}
    present['dceus'][1] = present['cdfi'][2] = False
    with torch.no_grad():
        full = model(**data).logits
        once = model(**{**data, 'present': present})
        noisy = {m: x.clone() for m, x in data['inputs'].items()}
        noisy['dceus'][1] = noisy['cdfi'][2] = noisy['bus'][2] = float('nan')  # what is missing must not matter
        other = model(**{**data, 'inputs': noisy, 'present': present})
    torch.testing.assert_close(once.logits, other.logits)
    assert once.complete is not None
    assert once.complete.tolist() == [True, False, False, True]
    torch.testing.assert_close(once.logits[[0, 3]], full[[0, 3]], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(once.logits[1], full[1])


@pytest.mark.parametrize('pixels', [True, False])
def test_a_batch_without_a_stream_trains(pixels: bool, build: Build, batch: Batch) -> None:
    model, data = build(IMAGES), batch()
    if not pixels:  # as `collate_cases` gives it, where no case of the batch says what size a clip would have
        del data['inputs']['dceus']
    before = snapshot(model.encoder['dynamic'])  # type: ignore[index]
    data['present'] = {'dceus': torch.zeros(4, dtype=torch.bool)}
    losses = model.train()(**data, mode='loss')
    assert isinstance(losses, dict)
    assert float(losses['loss_orthogonal'].detach()) == 0
    sum(losses.values()).backward()  # type: ignore[union-attr]
    after = model.encoder['dynamic'].state_dict()  # type: ignore[index]
    assert all(torch.equal(v, after[k]) for k, v in before.items())
    assert model.fusion.class_token.grad is not None  # type: ignore[union-attr]


@pytest.mark.parametrize(('modalities', 'fusion'), [(IMAGES, 'ConcatFusion'), (('bus', 'cdfi'), 'TransformerFusion')])
def test_missing_modality_that_the_model_needs(modalities: Any, fusion: str, build: Build, batch: Batch) -> None:
    model, data = build(modalities, fusion=dict(type=fusion)), batch()
    assert model.optional_modalities == ()
    data['present'] = {'cdfi': torch.tensor([True, False, True, False])}
    with pytest.raises(ValueError, match=r"'cdfi' is missing from cases \['case1', 'case3'\]"):
        model(**data)


def test_a_modality_that_the_batch_has_not(build: Build, batch: Batch) -> None:
    data = batch()
    del data['inputs']['ue']
    with pytest.raises(ValueError, match=r"this model reads \['ue'\], which the batch does not have"):
        build(IMAGES)(**data)


@pytest.mark.parametrize('modalities', [('clinical',), ('bus', 'clinical')])
def test_no_clinical_table_in_the_batch(modalities: tuple[str, ...], build: Build, batch: Batch) -> None:
    data = batch()
    model = build(modalities)
    fit(model, data)
    with pytest.raises(ValueError, match='reads the clinical table, which the batch does not have'):
        model(**{**data, 'clinical': None})


def test_a_safe_checkpoint_gives_the_same_scores(build: Build, batch: Batch) -> None:
    data, buffer = batch(), io.BytesIO()
    model = build()
    fit(model, data)
    step(model, data)
    torch.save(model.state_dict(), buffer)
    buffer.seek(0)
    other = build()
    other.load_state_dict(torch.load(buffer, weights_only=True))
    for a, b in zip(model.eval()(**data, mode='predict'), other.eval()(**data, mode='predict')):
        assert (a['scores'] == b['scores']).all()
        assert (a['image_scores'] == b['image_scores']).all()


def test_channels_last_gives_the_same_and_lasts_to_the_last_map(config: Any, batch: Batch) -> None:
    data = batch()
    cfg = config(IMAGES)
    plain = MODELS.build(cfg).eval()
    quick = MODELS.build({**cfg, 'data_preprocessor': dict(type='CasePreprocessor', channels_last=True)}).eval()
    quick.load_state_dict(plain.state_dict())
    assert quick.encoder['static'].trunks['bus'].conv1.weight.is_contiguous(memory_format=torch.channels_last)
    raw = {**data, 'inputs': {m: (x * 40 + 128).clamp(0, 255).byte() for m, x in data['inputs'].items()}}
    with torch.no_grad():
        expected = plain(**plain.data_preprocessor(raw))
        found = quick(**quick.data_preprocessor(raw))
        # With one thread torch runs 3D float32 convolutions by code that does not know the format: look at bfloat16.
        with torch.autocast('cpu', dtype=torch.bfloat16):
            low = quick(**quick.data_preprocessor(raw))
    torch.testing.assert_close(found.logits, expected.logits, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(low.logits.float(), expected.logits, rtol=0, atol=5e-2)
    layouts = dict(static=torch.channels_last, dynamic=torch.channels_last_3d)
    for stream, maps in low.streams.items():
        assert all(m.is_contiguous(memory_format=layouts[stream]) for m in maps)


def test_bf16_on_a_cpu(build: Build, batch: Batch) -> None:
    model, data = build(), batch()
    fit(model, data)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        losses = model(**data, mode='loss')
        found = model.eval()(**data, mode='predict')
    assert isinstance(losses, dict)
    assert {v.dtype for v in losses.values()} == {torch.float32}
    sum(losses.values()).backward()  # type: ignore[union-attr]
    assert all(bool(p.grad.isfinite().all()) for p in model.parameters())  # type: ignore[union-attr]
    exact = model(**data, mode='predict')
    assert max(abs(a['scores'] - b['scores']).max() for a, b in zip(found, exact)) < 3e-2


def test_learns_a_batch_by_heart_through_mmengines_train_step(build: Build, batch: Batch) -> None:
    model, data = build(('bus', 'dceus')), batch(4)
    model.fusion.eval()  # type: ignore[union-attr]
    wrapper = OptimWrapper(torch.optim.Adam(model.parameters(), lr=1e-3))
    raw = {m: (x * 40 + 128).clamp(0, 255).byte() for m, x in data['inputs'].items()}
    first = model.train_step({**data, 'inputs': raw}, wrapper)['loss_focal']
    for _ in range(14):
        last = model.train_step({**data, 'inputs': raw}, wrapper)['loss_focal']
    assert last.item() < 0.5 * first.item()


def test_builds_from_a_config_in_any_scope(config: Any) -> None:
    """As a runner does it, with usmm as the default scope; or beside models of other packages."""
    for scope in ('usmm', 'mmpretrain', 'mmaction', 'mmengine'):
        with DefaultScope.overwrite_default_scope(scope):
            model = MODELS.build(ConfigDict({**config(), 'type': 'usmm.MultiModalClassifier'}))
        assert isinstance(model, MultiModalClassifier)


def test_an_mmpretrain_backbone_as_a_stream(build: Build, batch: Batch) -> None:
    backbone = dict(type='mmpretrain.ResNet', depth=18, base_channels=8, stem_channels=8)
    streams = {m: dict(type='ImageEncoder', modality=m, backbone=backbone) for m in ('bus', 'ue', 'cdfi')}
    data = batch()
    model = build(('bus', 'ue'), encoder=streams)
    assert set(model.readers) == {'bus', 'ue'}
    assert isinstance(model.fusion, TransformerFusion)
    model.train()
    model.eval()
    assert model(**data).logits.shape == (4, 2)


def test_three_classes(build: Build, batch: Batch) -> None:
    data = batch()
    model = build(classes=('a', 'b', 'c'), positive=None, head=dict(type='LinearHead'))
    fit(model, data)
    assert model(**data, mode='predict')[0]['scores'].shape == (3,)  # type: ignore[index]
    assert model.clinical.image_width == 3


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(modalities=()), 'needs modalities and two classes or more'),
        (dict(classes=('ADC',)), 'needs modalities and two classes or more'),
        (dict(positive='scc'), r"positive class 'scc' is not one of the classes \('ADC', 'SCC'\)"),
        (dict(modalities=('bus', 'mri')), r"no encoder reads \['mri'\]"),
    ],
)
def test_wrong_configs(changes: dict[str, Any], message: str, build: Build) -> None:
    with pytest.raises(ValueError, match=message):
        build(**changes)


def test_unknown_mode(build: Build, batch: Batch) -> None:
    with pytest.raises(ValueError, match=r"mode must be one of .* got 'train'"):
        build(('bus',))(**batch(), mode='train')


@pytest.mark.parametrize(
    ('modalities', 'fitted', 'decides'),
    [
        (('bus', 'clinical'), False, False),
        (('bus', 'clinical'), True, True),
        (('clinical',), False, True),
        (('bus',), False, False),
    ],
)
def test_a_clinical_head_that_was_never_fitted_is_frozen(
    build: Build, modalities: tuple[str, ...], fitted: bool, decides: bool
) -> None:
    model = build(modalities)
    if fitted:
        model.clinical.fit(torch.tensor([[40.0, 0.0], [60.0, 1.0]]))
    before = model.image_learns
    model.freeze_unfitted()
    assert (model.clinical_decides, model.image_learns) == (decides, before)
    assert model.learns('clinical') is decides
