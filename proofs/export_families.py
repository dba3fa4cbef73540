"""A small model of every family, with the shapes of its inputs: what `prove_export` compares."""

from __future__ import annotations

from typing import Any

import torch

from usmm.registry import MODELS
from usmm.structures import Schema, Variable

SCHEMA = Schema(
    images=dict(bus='bus', cdfi='cdfi', ue='ue'),
    clips=dict(dceus='dceus'),
    clinical=[
        Variable('age', range=(0, 120)),
        Variable('side', values=('left', 'right')),
        Variable('td', unit='mm', log=True),
    ],
)
SHAPES = dict.fromkeys(('bus', 'cdfi', 'ue'), (3, 32, 32)) | {'dceus': (3, 6, 32, 32)}
GUIDED = dict(type='GuidedEncoder', guide='bus', guided=('cdfi', 'ue'), depth=10, base_channels=4)
CLIP = dict(type='ClipEncoder', clip='dceus', backbone=dict(type='R2Plus1D', depth=10, base_channels=4))
BOTH = dict(static=GUIDED, dynamic=CLIP)
NARROW = dict(depth=18, base_channels=4, stem_channels=4)
TRANSFORMER = dict(type='TransformerFusion', embed_dims=16, num_layers=1, num_heads=2)


def image(modality: str, **kwargs: Any) -> dict[str, Any]:
    return dict(type='ImageEncoder', modality=modality, backbone=dict(type='mmpretrain.ResNet', **NARROW, **kwargs))


def small(modality: str) -> dict[str, Any]:
    """An encoder of four layers, for families that are about what comes behind it: each layer takes time to export."""
    return dict(type='ImageEncoder', modality=modality, backbone=dict(type='DLRE', channels=(4, 4, 8, 8)))


STREAMS = dict(bus=small('bus'), ue=small('ue'))
STAGES = dict(
    bus=image('bus', out_indices=(0, 1, 2, 3)), ue=image('ue', out_indices=(0, 1, 2, 3)), dceus=CLIP
)  # fmt: skip
SUPERVISED = dict(type='LinearHead', losses=[dict(type='FocalLoss'), dict(type='DeepSupervisionLoss', loss_weight=0.3)])
CLINICAL = dict(type='ClinicalFusionHead')
TABLE = dict(type='ClinicalEncoder', hidden_channels=8)

FAMILIES: dict[str, dict[str, Any]] = {
    'msmfn': dict(modalities=('bus', 'ue', 'dceus', 'clinical'), encoder=BOTH, clinical=CLINICAL),
    'one image': dict(modalities=('bus',), encoder=BOTH),
    'guided, shared': dict(modalities=('cdfi', 'ue'), encoder=dict(static=dict(GUIDED, shared=True, gate='sigmoid'))),
    'clip': dict(modalities=('dceus',), encoder=BOTH),
    'clinical': dict(modalities=('clinical',), encoder=BOTH, clinical=CLINICAL),
    'some variables': dict(
        modalities=('bus', 'clinical'), encoder=dict(bus=small('bus')),
        clinical=dict(CLINICAL, variables=['side', 'td'], relu=False),
    ),
    'three classes': dict(
        modalities=('bus', 'clinical'), classes=('A', 'B', 'C'), encoder=dict(bus=small('bus')), clinical=CLINICAL
    ),
    'average': dict(modalities=('bus', 'ue'), encoder=STREAMS, fusion=dict(type='AverageFusion', embed_dims=8)),
    'bilinear': dict(modalities=('bus', 'ue'), encoder=STREAMS, fusion=dict(type='BilinearFusion', embed_dims=8)),
    'outer': dict(
        modalities=('bus', 'ue'), encoder=STREAMS, fusion=dict(type='BilinearFusion', embed_dims=4, method='outer')
    ),
    'score tree': dict(
        modalities=('bus', 'ue', 'cdfi'), encoder=dict(STREAMS, cdfi=small('cdfi')), fusion=dict(type='PoolFusion'),
        head=dict(type='ScoreTreeHead', tree=(('bus', 'ue'), 'cdfi')),
    ),
    'late fusion': dict(
        modalities=('bus', 'ue'), encoder=STREAMS, fusion=dict(type='PoolFusion'), head=dict(type='LateFusionHead')
    ),
    'shared, group conv': dict(
        modalities=('bus', 'ue'),
        encoder=dict(all=dict(type='SharedEncoder', modalities=('bus', 'ue'), backbone=small('bus')['backbone'])),
        fusion=dict(type='CrossModalityGroupConv', groups=4),
    ),
    'squeeze-excitation': dict(
        modalities=('bus', 'ue'), encoder=STREAMS, fusion=dict(type='SqueezeExcitationFusion', embed_dims=8)
    ),
    'central net': dict(
        modalities=('bus', 'dceus'), encoder=STAGES, fusion=dict(type='CentralNet'), head=SUPERVISED
    ),
    'hi net': dict(
        modalities=('bus', 'ue'), encoder=STAGES, fusion=dict(type='HiNet', channels=8), head=SUPERVISED
    ),
    'table as a stream': dict(
        modalities=('bus', 'clinical'), encoder=dict(bus=small('bus'), table=TABLE),
        fusion=dict(type='PoolFusion', project=dict(bus=8)),
    ),
    'table as a stream, gated': dict(
        modalities=('bus', 'clinical'), encoder=dict(bus=small('bus'), table=TABLE),
        fusion=dict(type='GatedFusion', embed_dims=8),
    ),
    'table as a stream, film': dict(
        modalities=('bus', 'ue', 'clinical'), encoder=dict(STREAMS, table=TABLE),
        fusion=dict(type='FiLMFusion', by='table', embed_dims=8),
    ),
    'table as a stream, tokens': dict(modalities=('bus', 'clinical'), encoder=dict(bus=small('bus'), table=TABLE)),
    'table as the only stream': dict(modalities=('clinical',), encoder=dict(bus=small('bus'), table=TABLE)),
    'boosted trees': dict(
        modalities=('bus', 'clinical'), encoder=dict(bus=small('bus')),
        clinical=dict(type='BoostedTableHead', options=dict(max_iter=5, min_samples_leaf=3)),
    ),
}  # fmt: skip
TABLES = {'logistic': {}, 'boosting': dict(max_iter=5, min_samples_leaf=3)}


def rows(count: int) -> torch.Tensor:
    """A clinical table of the schema with missing values."""
    table = torch.stack([torch.rand(count) * 90, torch.randint(0, 2, (count,)), torch.rand(count) * 50], dim=1)
    return table.masked_fill(torch.rand(count, 3) < 0.2, torch.nan)


def make(family: str) -> Any:
    """A model with random weights and statistics; its classical parts fitted."""
    torch.manual_seed(7)
    torch.set_num_threads(1)
    if family in TABLES:
        given: dict[str, Any] = dict(type='TableClassifier', modalities=('clinical',), classes=('ADC', 'SCC'))
        model = MODELS.build(given | dict(estimator=family, options=TABLES[family], schema=SCHEMA))
        table = rows(60)
        model.fit_table(table, ((table[:, 0].nan_to_num(40) > 45) ^ (torch.rand(60) < 0.2)).long())
        return model
    cfg = {'type': 'MultiModalClassifier', 'classes': ('ADC', 'SCC'), 'fusion': TRANSFORMER, 'schema': SCHEMA}
    model = MODELS.build(cfg | FAMILIES[family])
    model.init_weights()
    for name, value in model.named_buffers():
        # batch norm that does something: freshly built it is close to the identity
        if name.endswith(('running_mean', 'running_var')):
            value.copy_(torch.rand_like(value) + (0.5 if name.endswith('var') else -0.5))
    for name, value in model.named_parameters():
        if value.ndim == 1 and name.endswith('weight'):
            value.data.copy_(torch.rand_like(value) + 0.5)
    for encoder in (model.encoder or {}).values():
        if hasattr(encoder, 'fitted'):
            encoder.fit(rows(30))
    if hasattr(model.clinical, 'fit_table'):
        table, scores = rows(60), torch.rand(60, 1)
        labels = (table[:, 0].nan_to_num(40) + 50 * scores[:, 0] > 70).long()
        model.clinical.fit_table(table, labels, 0, scores)
    elif model.clinical is not None:
        model.clinical.fit(rows(30))
    return model
