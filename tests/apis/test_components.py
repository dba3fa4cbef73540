"""Components of downloaded settings: all that the library ships may be built, nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from usmm.apis.bundle import Bundle
from usmm.apis.components import check_components, is_registered
from usmm.apis.pipeline import clip_frames
from usmm.config import load_config


def test_models_and_pipelines_of_all_shipped_configs_are_registered(project_root: Path) -> None:
    names = [p for p in sorted((project_root / 'configs').rglob('*.py')) if not {'_base_', 'studies'} & {*p.parts}]
    found = {}
    for path in names:
        settings = load_config(path)._cfg_dict.to_dict()
        if 'model' in settings:
            check_components({key: settings[key] for key in ('model', 'test_pipeline')}, path)
            found[path.stem] = clip_frames(Bundle(settings, None))
    assert found['msmfn_r50_r2plus1d'] == {'dceus': 10}  # the ten key frames of the paper


@pytest.mark.parametrize('name', ['usmm.LinearHead', 'LinearHead', 'PackCase', 'mmpretrain.EfficientNet', 'BN'])
def test_what_is_registered(name: str) -> None:
    assert is_registered(name)


@pytest.mark.parametrize(
    'name',
    ['os.system', 'subprocess.run', 'usmm.weights', 'mmpretrain.get_model', 'mmengine.dump', 'torch.nn.ReLU', 'system',
     'usmm.os', 'mmpretrain.models.ResNet', ''],
)  # fmt: skip
def test_what_is_not(name: str) -> None:
    assert not is_registered(name)
    with pytest.raises(ValueError, match=r'w\.pth asks for .* no registered component'):
        check_components([dict(a=(dict(type=name),))], 'w.pth')
