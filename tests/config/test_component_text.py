"""What the text of the packages states of components is what their registries hold; and it is read without torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from usmm import registry
from usmm.config.component_registries import ROOTS, RegistryCatalogue
from usmm.config.component_text import TextCatalogue

TEXT, IMPORTED = TextCatalogue(), RegistryCatalogue()
OURS = ('model', 'dataset', 'sampler', 'transform', 'function', 'metric', 'hook')
UPSTREAM = {
    'optimizer': ('Adam', 'AdamW', 'SGD', 'RMSprop', 'Adadelta'),
    'optim_wrapper': ('OptimWrapper', 'AmpOptimWrapper'),
    'param_scheduler': ('CosineAnnealingLR', 'MultiStepLR', 'LinearLR', 'OneCycleLR', 'ReduceOnPlateauLR'),
    'hook': ('EMAHook', 'EarlyStoppingHook', 'LoggerHook', 'CheckpointHook'),
    'model': ('mmpretrain.ResNet', 'mmpretrain.ConvNeXt', 'mmpretrain.FocalLoss', 'mmaction.ResNet3d'),
    'initializer': ('Constant', 'TruncNormal', 'Kaiming', 'Pretrained'),
    'transform': ('mmcv.Normalize', 'mmpretrain.RandomErasing'),
    'vis_backend': ('LocalVisBackend', 'TensorboardVisBackend'),
}
BAD = """
default_scope = 'usmm'
modalities = ('bus',)
model = dict(type='MultiModalClassifier', modalities=('bus',), classes=('a', 'b'), {})
"""


@pytest.mark.parametrize('kind', OURS)
def test_the_text_names_all_components_of_usmm_and_their_arguments(kind: str) -> None:
    ours = ROOTS[kind][0]
    ours.import_from_location()
    named = {name for name in ours.module_dict if ours.module_dict[name].__module__.startswith('usmm.')}
    assert named and named <= set(TEXT.names(kind, ''))
    for name in named:
        stated, held = TEXT.find(kind, name), IMPORTED.find(kind, name)
        assert stated is not None and held is not None, name
        assert stated.arguments is None or stated.arguments == held.arguments, name


@pytest.mark.parametrize(('kind', 'name'), [(kind, name) for kind, names in UPSTREAM.items() for name in names])
def test_the_text_states_the_arguments_of_upstream_components(kind: str, name: str) -> None:
    stated, held = TEXT.find(kind, name), IMPORTED.find(kind, name)
    assert stated is not None and held is not None
    assert stated.arguments == held.arguments


def test_most_components_need_no_import() -> None:
    components = [TEXT.find(kind, name) for kind in OURS for name in TEXT.names(kind, 'usmm.X')]
    open_ones = [component for component in components if component is None or component.arguments is None]
    assert len(components) > 80 and len(open_ones) <= 4


@pytest.mark.parametrize(
    ('kind', 'name', 'unknown'),
    [
        ('model', 'TransformrFusion', True),
        ('model', 'mmpretrain.ResNt', True),
        ('model', 'nowhere.ResNet', True),
        ('model', 'ReLU', False),  # registered by mmcv in a loop, which the text does not show
        ('optimizer', 'Adamm', True),
    ],
)
def test_a_name_is_unknown_where_its_word_is_nowhere(kind: str, name: str, unknown: bool) -> None:
    assert TEXT.is_unknown(kind, name) is unknown
    if unknown:
        assert IMPORTED.is_unknown(kind, name)


def test_mistakes_are_reported_without_importing_torch(tmp_path: Path) -> None:
    """In a fresh process, as a user meets it: key, component, argument, value."""
    mistakes = {
        'key': BAD.format('') + 'max_epoch = 3\n',
        'component': BAD.format("fusion=dict(type='TransformrFusion')"),
        'argument': BAD.format("fusion=dict(type='TransformerFusion', num_layer=2)"),
        'value': BAD.format('') + "train_pipeline = 'x'\n",
        'upstream': BAD.format("fusion=dict(type='mmpretrain.ResNet', dpth=18)"),
    }  # fmt: skip
    for name, text in mistakes.items():
        (tmp_path / f'{name}.py').write_text(text)
    code = (
        'import sys\n'
        'from usmm.config import ConfigError, load_config\n'
        'for path in sys.argv[1:]:\n'
        '    try:\n'
        '        load_config(path)\n'
        '    except ConfigError as error:\n'
        '        print(error)\n'
        "print('torch' in sys.modules, 'pandas' in sys.modules, 'cv2' in sys.modules)\n"
    )
    paths = [tmp_path / f'{name}.py' for name in mistakes]
    done = subprocess.run([sys.executable, '-c', code, *map(str, paths)], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    expected = [
        "5: top level: unknown name 'max_epoch'; did you mean 'max_epochs'?",
        "4: model.fusion.type: unknown name 'TransformrFusion'; did you mean 'TransformerFusion'",
        "4: model.fusion (TransformerFusion): unknown name 'num_layer'; did you mean 'num_layers'",
        "5: train_pipeline must be a list of dicts, got 'x'",
        "4: model.fusion (mmpretrain.ResNet): unknown name 'dpth'; did you mean 'depth'",
    ]
    assert len(lines) == 6
    for path, line, text in zip(paths, lines[:5], expected, strict=True):
        assert line.startswith(f'{path}:{text}')
    assert lines[5] == 'False False False'


def test_a_scope_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`hospital.MyFusion`, of a package with a registry of its own, that `custom_imports` names."""
    (tmp_path / 'hospital_parts.py').write_text(
        'from mmengine.registry import Registry\n'
        'from usmm.models.fusions import PoolFusion\n'
        'from usmm.registry import MODELS as PARENT\n'
        "MODELS = Registry('model', parent=PARENT, scope='hospital')\n"
        '@MODELS.register_module()\n'
        'class MyFusion(PoolFusion):\n'
        '    def __init__(self, *args, weight: float = 1.0, **kwargs):\n'
        '        super().__init__(*args, **kwargs)\n'
        '        self.weight = weight\n'
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    from usmm.config import ConfigError, load_config

    head = "_base_ = 'usmm::bmode_blood_small_phantom'\ncustom_imports = dict(imports=['hospital_parts'])\n"
    config = tmp_path / 'ours.py'
    config.write_text(head + "model = dict(fusion=dict(_delete_=True, type='hospital.MyFusion', weight=2.0))\n")
    model = registry.MODELS.build(load_config(config).model)
    assert type(model.fusion).__name__ == 'MyFusion' and model.fusion.weight == 2.0
    config.write_text(head + "model = dict(fusion=dict(_delete_=True, type='hospital.MyFusin'))\n")
    with pytest.raises(ConfigError, match=r"unknown name 'hospital.MyFusin'; did you mean 'hospital.MyFusion'"):
        load_config(config)
    config.write_text(head + "model = dict(fusion=dict(_delete_=True, type='clinic.MyFusion'))\n")
    with pytest.raises(ConfigError, match=r"unknown name 'clinic.MyFusion'"):
        load_config(config)
