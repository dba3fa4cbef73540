from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from usmm.compat import imports


@pytest.fixture
def loaded() -> Iterator[None]:
    """Hides the real packages, and puts them back."""
    heads = ('torchvision', 'mmaction')
    kept = {n: m for n, m in sys.modules.items() if n.partition('.')[0] in heads}
    for name in kept:
        del sys.modules[name]
    yield
    for name in [n for n in sys.modules if n.partition('.')[0] in heads]:
        del sys.modules[name]
    sys.modules.update(kept)


def package(folder: Path, text: str = '', *subfolders: str) -> Path:
    for part in (folder, *(folder / s for s in subfolders)):
        part.mkdir(parents=True, exist_ok=True)
        (part / '__init__.py').write_text('')
    (folder / '__init__.py').write_text(text)
    return folder


BROKEN = """
from torchvision import extension
import usmm_test_operators
if not usmm_test_operators.declared:
    raise RuntimeError('operator torchvision::nms does not exist')
"""


@pytest.fixture
def operators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loaded: None) -> Iterator[list[str]]:
    """A torchvision that fails like the real one until its operators are declared; lists the declarations."""
    package(tmp_path / 'torchvision', BROKEN)
    (tmp_path / 'torchvision' / 'extension.py').write_text('import usmm_test_operators as u; u.seen += 1')
    (tmp_path / 'usmm_test_operators.py').write_text('declared = False\nseen = 0')
    monkeypatch.syspath_prepend(tmp_path)
    import usmm_test_operators

    calls: list[str] = []

    def declare() -> None:
        calls.append('declared')
        usmm_test_operators.declared = True

    monkeypatch.setattr(imports, '_declare_operators', declare)
    yield calls
    del sys.modules['usmm_test_operators']


def test_torchvision_is_imported_again_from_the_start_once_its_operators_are_declared(operators: list[str]) -> None:
    import usmm_test_operators

    assert imports.torchvision_without_operators() is True
    assert operators == ['declared']
    assert usmm_test_operators.seen == 2  # the half-imported submodule was dropped too
    assert 'torchvision' in sys.modules


def test_a_healthy_torchvision_is_left_alone(operators: list[str]) -> None:
    import usmm_test_operators

    usmm_test_operators.declared = True
    assert imports.torchvision_without_operators() is False
    assert operators == []


@pytest.mark.parametrize('error', ['RuntimeError("no disk")', 'ImportError("torchvision::nms")'])
def test_other_failures_of_torchvision_are_not_swallowed(operators: list[str], tmp_path: Path, error: str) -> None:
    package(tmp_path / 'torchvision', f'raise {error}')
    with pytest.raises((RuntimeError, ImportError), match=r'no disk|torchvision::nms'):
        imports.torchvision_without_operators()
    assert operators == []


def test_operators_can_be_declared_where_they_exist_already() -> None:
    import torch

    imports._declare_operators()
    imports._declare_operators()
    assert str(torch.ops.torchvision.nms.default._schema).endswith(
        '(Tensor dets, Tensor scores, float iou_threshold) -> Tensor'
    )


@pytest.fixture
def mmaction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loaded: None) -> Path:
    """A package laid out like mmaction, whose localizers import DRN."""
    folder = package(tmp_path / 'mmaction', '', 'models', 'models/localizers')
    (folder / 'models' / 'localizers' / '__init__.py').write_text('from .drn.drn import DRN')
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_localizers_import_without_the_folder_that_the_wheel_lacks(mmaction: Path) -> None:
    assert imports.mmaction_without_drn() is True
    import mmaction.models.localizers as localizers

    assert localizers.DRN.__name__ == 'DRN'
    assert imports.mmaction_without_drn() is False


def test_a_mmaction_with_the_folder_is_left_alone(mmaction: Path) -> None:
    drn = package(mmaction / 'models' / 'localizers' / 'drn')
    (drn / 'drn.py').write_text('class DRN: real = True')
    assert imports.mmaction_without_drn() is False
    import mmaction.models.localizers as localizers

    assert localizers.DRN.real


def test_a_mmaction_without_localizers_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loaded) -> None:
    package(tmp_path / 'mmaction')
    monkeypatch.syspath_prepend(tmp_path)
    assert imports.mmaction_without_drn() is False


LOUD = """
import warnings
warnings.warn('Fail to import ``MultiScaleDeformableAttention`` from somewhere')
warnings.warn('something else')
"""


@pytest.mark.parametrize(('compiled', 'heard'), [(False, ['something else']), (True, [])])
def test_mmcv_lite_is_imported_in_silence_and_full_mmcv_left_alone(tmp_path, monkeypatch, compiled, heard):
    for name in [n for n in sys.modules if n.partition('.')[0] == 'mmcv']:
        monkeypatch.delitem(sys.modules, name)
    bricks = package(tmp_path / 'mmcv', '', 'cnn', 'cnn/bricks') / 'cnn' / 'bricks'
    (bricks / 'transformer.py').write_text(LOUD)
    if compiled:
        (tmp_path / 'mmcv' / '_ext.py').write_text('')
    monkeypatch.syspath_prepend(str(tmp_path))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        assert imports.mmcv_lite_without_warning() is (not compiled)
    assert [str(w.message) for w in caught] == heard
    for name in [n for n in sys.modules if n.partition('.')[0] == 'mmcv']:
        del sys.modules[name]
