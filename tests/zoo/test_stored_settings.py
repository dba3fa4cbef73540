"""Settings in files of weights: what the library ships may be built, and nothing that reaches out of the process."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from usmm.apis.bundle import Bundle
from usmm.apis.pipeline import clip_frames
from usmm.config import load_config
from usmm.zoo.allowed_components import names_allowed
from usmm.zoo.clean import without_starts
from usmm.zoo.stored_settings import check_settings

GOOD: dict[str, Any] = dict(
    model=dict(type='MultiModalClassifier', head=dict(type='LinearHead', in_channels=8)),
    test_pipeline=[dict(type='LoadImage'), dict(type='Resize', size=(64, 64)), dict(type='PackCase')],
    schema=dict(images=dict(bus='bus'), file_table='files.csv'),
)


def test_models_and_pipelines_of_all_shipped_configs_are_allowed(project_root: Path) -> None:
    names = [p for p in sorted((project_root / 'configs').rglob('*.py')) if not {'_base_', 'studies'} & {*p.parts}]
    found = {}
    for path in names:
        settings = load_config(path)._cfg_dict.to_dict()
        if 'model' in settings:
            model = without_starts(settings['model'])  # as it is published
            check_settings({'model': model, 'test_pipeline': settings['test_pipeline']}, path)
            found[path.stem] = clip_frames(Bundle(settings, None))
    assert found['msmfn_r50_r2plus1d'] == {'dceus': 10}  # the ten key frames of the paper


@pytest.mark.parametrize(
    'name',
    ['usmm.LinearHead', 'LinearHead', 'PackCase', 'mmpretrain.EfficientNet', 'mmaction.ResNet3d', 'BN', 'SyncBN', 'GRN',
     'Kaiming', 'mmpretrain.GRN', 'mmcv.Resize', 'mmpretrain.CenterCrop', 'torchvision.Grayscale', 'mmengine.BN2d'],
)  # fmt: skip
def test_what_weights_may_name(name: str) -> None:
    assert names_allowed(name)


@pytest.mark.parametrize(
    'name',
    ['os.system', 'subprocess.run', 'usmm.weights', 'mmpretrain.get_model', 'mmengine.dump', 'torch.nn.ReLU', 'system',
     'usmm.os', 'mmpretrain.models.ResNet', '', '.', 'mmpretrain.VQAGenerationHead', 'VQAGenerationHead',
     'mmpretrain.HuggingFaceClassifier', 'mmpretrain.TIMMBackbone', 'mmaction.UniFormerV2', 'mmpretrain.VQKD',
     'mmpretrain.DALL-E', 'Pretrained', 'mmengine.Pretrained', 'mmpretrain.ImageClassifier', 'mmcv.LoadImageFromFile',
     'mmpretrain.Albumentations', 'LoadImageFromFile', 'torchvision.os'],
)  # fmt: skip
def test_what_they_may_not(name: str) -> None:
    assert not names_allowed(name)
    with pytest.raises(ValueError, match=r'w\.pth asks for .* not a component that weights may name: it is not built'):
        check_settings(dict(model=dict(type='LinearHead', a=[dict(b=(dict(type=name),))])), 'w.pth')


def changed(where: str, value: object) -> dict[str, Any]:
    settings = copy.deepcopy(GOOD)
    *keys, last = where.split('.')
    node: Any = settings
    for key in keys:
        node = node[int(key)] if isinstance(node, list) else node[key]
    node[last] = value
    return settings


def nested(depth: int) -> object:
    return [nested(depth - 1)] if depth else 1


HERE = str(Path(__file__))
REFUSED = {
    'an address': ('model.head.loss_path', 'http://host/a.pkl', r'model\.head\.loss_path is an address, .http://host'),
    'of any scheme': ('test_pipeline.0.x', 's3://bucket/a', 'test_pipeline.0.x is an address'),
    'a file': ('model.head.answers', HERE, 'model.head.answers names a file of this machine'),
    'a file in a list': ('model.head.answers', [1, [HERE]], r'answers\.1\.0 names a file of this machine'),
    'pretrained': ('model.head.pretrained', True, r'model\.head\.pretrained asks for weights of another place'),
    'pretrained by name': ('model.head.checkpoint', 'resnet18', 'checkpoint asks for weights of another'),
    'pretrained by dict': ('model.head.load_from', dict(file='a'), 'load_from asks for weights of another'),
    'a start': ('model.head.init_cfg', dict(type='Pretrained', prefix='x'), "asks for 'Pretrained', which is not"),
    'a start with a scope': ('model.head.init_cfg', dict(type='Pretrained', _scope_='mmengine'), 'mmengine.Pretrained'),
    'a large number': ('model.head.in_channels', 10**7, 'in_channels is 10000000, over the limit of 1000000'),
    'a huge number': ('model.head.in_channels', 10**400, 'in_channels is 1000.*over the limit'),
    'infinity': ('model.head.dropout', float('inf'), 'dropout is inf, over the limit'),
    'not a number': ('model.head.dropout', float('nan'), 'dropout is nan, over the limit'),
    'a large image': ('test_pipeline.1.size', (90_000, 90_000), 'makes images of 8100000000 pixels'),
    'a large square': ('test_pipeline.1.size', 90_000, 'makes images of 8100000000 pixels'),
    'a long clip': ('test_pipeline.0.num_frames', 900_000, 'makes images of 4096 pixels, with the number 900000'),
    'deep': ('model.head.x', nested(80), 'nested deeper than 60'),
    'many': ('model.head.x', [0] * 200_000, 'or have over 100000 parts'),
    'bytes': ('model.head.x', b'x', 'is a bytes, which is not plain data'),
    'a model that is a list': ('model', [GOOD['model']], 'its model must be a dict with a type'),
    'a model without a type': ('model', {}, 'its model must be a dict with a type'),
    'many steps': ('test_pipeline', [dict(type='PackCase')] * 201, 'has 201 steps, over the limit of 200'),
    'a pipeline that is a dict': ('test_pipeline', GOOD['model'], 'its test_pipeline must be a list of dicts'),
    'a step without a type': ('test_pipeline', [dict(size=3)], 'its test_pipeline must be a list of dicts with a type'),
    'a step that is a list': ('test_pipeline', [[dict(type='PackCase')]], 'its test_pipeline must be a list of dicts'),
    'a schema that is a text': ('schema', 'x', 'its schema must be a dict'),
    'a file table elsewhere': ('schema.file_table', '../files.csv', 'file_table of its schema leads elsewhere'),
    'an absolute one': ('schema.file_table', dict(path='/etc/passwd'), 'file_table of its schema leads elsewhere'),
    'one of Windows': ('schema.file_table', dict(path='C:\\files.csv'), 'file_table of its schema leads elsewhere'),
    'one of a server': ('schema.file_table', 'https://host/f.csv', 'file_table of its schema leads elsewhere'),
}  # fmt: skip


@pytest.mark.parametrize('kind', REFUSED)
def test_settings_that_reach_out_are_refused(kind: str) -> None:
    where, value, message = REFUSED[kind]
    check_settings(GOOD, 'w.pth')
    with pytest.raises(ValueError, match=rf'^w\.pth.*{message}'):
        check_settings(changed(where, value), 'w.pth')


@pytest.mark.parametrize(
    'value', ['malignant/benign', 'a' * 5000, 'nul\0', '~nobody-of-this-name/x', 'no_such_file.pth']
)
def test_texts_that_name_nothing_are_texts(value: str) -> None:
    check_settings(changed('model.head.name', value), 'w.pth')


def test_published_settings_have_no_start() -> None:
    kaiming, loaded = (
        dict(type='Kaiming', layer='Conv2d'),
        dict(type='mmengine.Pretrained', checkpoint='https://h/a.pth'),
    )
    settings = dict(
        a=[dict(init_cfg=[kaiming, loaded]), dict(init_cfg=loaded)], pretrained='https://h/b', b=dict(pretrained=None)
    )
    assert without_starts(settings) == dict(
        a=[dict(init_cfg=[kaiming]), dict(init_cfg=None)], pretrained=None, b=dict(pretrained=None)
    )
