from __future__ import annotations

from pathlib import Path

import torch
from torchvision.models.video import r2plus1d_18

from usmm.models import ClipEncoder


def test_reads_its_clip_by_name() -> None:
    encoder = ClipEncoder('cine', dict(type='R2Plus1D', base_channels=4))
    assert encoder.modalities == ClipEncoder.modalities_of(dict(clip='cine')) == ('cine',)
    maps = encoder(dict(cine=torch.randn(1, 3, 10, 32, 32), bus=torch.randn(1, 3, 8, 8)))
    assert [m.shape[1] for m in maps] == list(encoder.out_channels) == [4, 8, 16, 32]


def test_default_is_the_papers_network() -> None:
    encoder = ClipEncoder()
    assert encoder.modalities == ('dceus',)
    assert sum(p.numel() for p in encoder.parameters()) == 31_300_125


def test_subset() -> None:
    cfg = dict(type='ClipEncoder', backbone=dict(type='R2Plus1D'))
    assert ClipEncoder.subset(cfg, ('bus', 'dceus')) == cfg
    assert ClipEncoder.subset(cfg, ('bus',)) is None


def test_takes_a_torchvision_checkpoint(tmp_path: Path) -> None:
    file = tmp_path / 'r2plus1d.pth'
    theirs = r2plus1d_18().state_dict()
    torch.save(theirs, file)
    encoder = ClipEncoder(backbone=dict(type='R2Plus1D', init_cfg=dict(type='Pretrained', checkpoint=str(file))))
    encoder.init_weights()
    assert encoder.load_report is not None
    assert set(encoder.load_report.unused) == {'fc.weight', 'fc.bias'}
    assert encoder.load_report.missing == ()
    ours = encoder.backbone.layer3[0].conv2.conv.conv_t.weight
    assert torch.equal(ours, theirs['layer3.0.conv2.0.3.weight'])
