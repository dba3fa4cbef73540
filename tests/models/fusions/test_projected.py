"""The projector as a fusion."""

from __future__ import annotations

import pytest
import torch

from usmm.models import MultiModalClassifier, ProjectedFusion


def test_it_is_the_projector_of_the_global_average():
    fusion = ProjectedFusion({'t1': 6, 't2': 6}, hidden_channels=5, embed_dims=4).eval()
    maps = {s: [torch.rand(3, 6, 2, 2)] for s in ('t1', 't2')}
    vector, vectors = fusion(maps)
    torch.testing.assert_close(vectors['t2'], fusion.projector(maps['t2'][0].mean((2, 3))))
    torch.testing.assert_close(vector, torch.cat([vectors['t1'], vectors['t2']], 1))
    assert (fusion.out_channels, fusion.widths) == (8, {'t1': 4, 't2': 4})


def test_one_stream_keeps_its_projector():
    encoder = dict(bus=dict(type='ImageEncoder', backbone=dict(type='mmpretrain.ResNet', depth=18, base_channels=4)))
    fusion = dict(type='ProjectedFusion', hidden_channels=8, embed_dims=4)
    model = MultiModalClassifier(('bus',), ('A', 'B'), encoder=encoder, fusion=fusion)
    assert type(model.fusion) is ProjectedFusion and model.head.fc.in_features == 4


def test_streams_of_different_widths():
    with pytest.raises(ValueError, match=r"ProjectedFusion has one projector, and the streams have \{'a': 4, 'b': 8\}"):
        ProjectedFusion(dict(a=4, b=8))
