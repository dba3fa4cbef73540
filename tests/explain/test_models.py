"""Every encoder and fusion of the library gives a map of each of its modalities; what has none says so."""

from __future__ import annotations

import pytest
import torch

from usmm.explain import heat_maps
from usmm.models import MultiModalClassifier
from usmm.models.encoders import BaseEncoder
from usmm.registry import MODELS
from usmm.structures import Variable

GUIDED = dict(type='GuidedEncoder', guide='bus', guided=('cdfi', 'ue'), depth=10, base_channels=4)
CLIP = dict(type='ClipEncoder', clip='dceus', backbone=dict(type='R2Plus1D', base_channels=4))


def image(modality: str, **backbone) -> dict:
    return dict(type='ImageEncoder', modality=modality, backbone=backbone)


RESNET = dict(type='mmpretrain.ResNet', depth=18, base_channels=4, stem_channels=4)
SETTINGS = dict(CrossModalityGroupConv=dict(groups=4), PoolFusion=dict(project=dict(image=16)))
TABLE = torch.tensor([[40.0, 0.0], [float('nan'), 1.0]])
STATIC, ALL = ('bus', 'cdfi', 'ue'), ('bus', 'cdfi', 'ue', 'dceus')
MODEL_CASES = {
    'msmfn': (ALL, dict(static=GUIDED, dynamic=CLIP), 'TransformerFusion'),
    'shared trunk': (ALL, dict(static=dict(GUIDED, shared=True), dynamic=CLIP), 'ConcatFusion'),
    'no guide': (('cdfi', 'ue'), dict(static=GUIDED), None),
    'bus alone': (('bus',), dict(static=GUIDED), None),
    'clip alone': (('dceus',), dict(dynamic=CLIP), None),
    'separate': (('bus', 'ue'), dict(bus=image('bus', **RESNET), ue=image('ue', **RESNET)), 'AverageFusion'),
    'squeeze-excitation': (
        ('bus', 'ue'),
        dict(bus=image('bus', **RESNET), ue=image('ue', type='DLRE')),
        'SqueezeExcitationFusion',
    ),
    'bilinear': (('bus', 'ue'), dict(bus=image('bus', **RESNET), ue=image('ue', **RESNET)), 'BilinearFusion'),
    'one network for all': (
        STATIC,
        dict(all=dict(type='SharedEncoder', modalities=STATIC, backbone=RESNET)),
        'CrossModalityGroupConv',
    ),
    'efficientnet': (('bus',), dict(bus=image('bus', type='mmpretrain.EfficientNet', arch='b0')), None),
    'half an efficientnet': (('bus',), dict(bus=image('bus', type='ScaledEfficientNet', width=0.5, depth=0.5)), None),
    'the table as a stream': (
        ('bus', 'clinical'),
        dict(image=image('bus', **RESNET), table=dict(type='ClinicalEncoder', hidden_channels=8)),
        'PoolFusion',
    ),
    'gated by the table': (
        ('bus', 'clinical'),
        dict(image=image('bus', **RESNET), table=dict(type='ClinicalEncoder', hidden_channels=8)),
        'GatedFusion',
    ),
    'modulated by the table': (
        ('bus', 'clinical'),
        dict(image=image('bus', **RESNET), clinical=dict(type='ClinicalEncoder', hidden_channels=8)),
        'FiLMFusion',
    ),
    'mobilenet': (('bus',), dict(bus=image('bus', type='mmpretrain.MobileNetV2', widen_factor=0.25)), None),
}


def build(name: str) -> tuple[MultiModalClassifier, dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    modalities, encoder, fusion = MODEL_CASES[name]
    model = MultiModalClassifier(
        modalities,
        ('A', 'B'),
        encoder=encoder,
        fusion=None if fusion is None else dict(type=fusion, **SETTINGS.get(fusion, dict(embed_dims=16))),
        schema=dict(clinical=[Variable('age'), Variable('sex', values=('F', 'M'))]),
    )
    for table in [e for e in model.encoder.values() if hasattr(e, 'fitted')]:
        table.fit(TABLE)
    shapes = {m: (2, 3, 8, 64, 64) if m == 'dceus' else (2, 3, 64, 64) for m in modalities if m != 'clinical'}
    return model, {m: torch.randn(shape) for m, shape in shapes.items()}


@pytest.mark.parametrize('name', MODEL_CASES)
def test_every_modality_has_a_map(name: str) -> None:
    model, inputs = build(name)
    assert set(model.cam_layers()) == set(inputs)
    found = heat_maps(model, inputs, model.cam_layers(), lambda x: model(x, clinical=TABLE).logits, [0, 1])
    for modality, heat in found.items():
        assert 'not used' not in heat.status
        assert heat.heat.shape == (*inputs[modality].shape[:1], *inputs[modality].shape[2:])


def test_layers_of_the_paper() -> None:
    """512 x 28 x 28 for the images, ten time steps for the clip."""
    wide = dict(static=dict(GUIDED, depth=50, base_channels=64), dynamic=CLIP)
    model = MultiModalClassifier(ALL, ('A', 'B'), encoder=wide).eval()
    shapes = {}
    layers = model.cam_layers()
    for modality, name in layers.items():
        model.get_submodule(name).register_forward_hook(lambda m, i, o, k=modality: shapes.update({k: o.shape[1:]}))
    inputs = {m: torch.zeros(1, 3, 224, 224) for m in STATIC} | dict(dceus=torch.zeros(1, 3, 10, 128, 128))
    with torch.no_grad():
        model(inputs)
    assert {m: tuple(shapes[m]) for m in STATIC} == dict.fromkeys(STATIC, (512, 28, 28))
    assert tuple(shapes['dceus'])[1] == 10


def test_a_shared_trunk_gives_the_maps_of_equal_trunks() -> None:
    model, inputs = build('shared trunk')
    separate = MultiModalClassifier(
        ALL, ('A', 'B'), encoder=dict(static=GUIDED, dynamic=CLIP), fusion=dict(type='ConcatFusion', embed_dims=16)
    )
    state = dict(model.state_dict())
    for name in list(state):
        if '.trunks.shared.' in name:
            value = state.pop(name)
            state |= {name.replace('.shared.', f'.{m}.'): value for m in STATIC}
    separate.load_state_dict(state)
    one, two = (heat_maps(m, inputs, m.cam_layers(), lambda x, m=m: m(x).logits, 1) for m in (model, separate))
    for modality in ALL:
        assert one[modality].heat.max() > 0
        torch.testing.assert_close(torch.tensor(one[modality].heat), torch.tensor(two[modality].heat))


def test_a_missing_stream_is_not_used() -> None:
    model, inputs = build('msmfn')
    rows = torch.tensor([True, False])
    present = {m: rows if m == 'ue' else torch.ones(2, dtype=torch.bool) for m in ALL}
    seen = dict.fromkeys(STATIC, rows)
    found = heat_maps(model, inputs, model.cam_layers(), lambda x: model(x, present).logits, 0, rows=seen)
    assert {m: h.status[1] for m, h in found.items() if m != 'dceus'} == dict.fromkeys(STATIC, 'not used')
    assert found['dceus'].status[1] != 'not used' and found['bus'].status[0] != 'not used'


def test_a_model_of_the_table_alone_says_so() -> None:
    schema = dict(clinical=[Variable('age')])
    model = MultiModalClassifier(('clinical',), ('A', 'B'), clinical=dict(type='ClinicalFusionHead'), schema=schema)
    assert model.cam_layers() == {}
    with pytest.raises(ValueError, match='reads no image'):
        heat_maps(model, {}, model.cam_layers())


def test_encoders_of_others_have_a_map_if_they_read_one_modality() -> None:
    class Mine(BaseEncoder):
        def __init__(self, *modalities: str) -> None:
            super().__init__()
            self.modalities = modalities

    assert Mine('bus').cam_layers() == {'bus': ''}
    assert Mine('bus', 'ue').cam_layers() == {}


def test_every_registered_encoder_is_among_the_cases() -> None:
    """A new encoder is to be added to the cases above, with the layers that it names."""
    encoders = {n for n, c in MODELS.module_dict.items() if isinstance(c, type) and issubclass(c, BaseEncoder)}
    tried = {e['type'] for _, cfg, _ in MODEL_CASES.values() for e in cfg.values()}
    ours = {n for n in encoders if MODELS.module_dict[n].__module__.startswith('usmm.')}
    assert ours <= tried
