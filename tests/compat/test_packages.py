from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path
from types import ModuleType

import pytest

from usmm.compat import packages, patching


def site(name: str) -> str:
    return str(Path(sys.modules[name].__file__ or '').parent)


@pytest.mark.parametrize(
    ('name', 'expected'), [('mmengine', True), ('mmcv-lite', True), ('mmcv', True), ('nix0', False)]
)
def test_is_installed_knows_distributions_and_modules(name: str, expected: bool) -> None:
    assert packages.is_installed(name) is expected


@pytest.mark.parametrize(('name', 'module'), [('numpy', 'numpy'), ('opencv-python', 'cv2'), ('usmm', 'usmm')])
def test_the_path_is_where_the_module_comes_from(name: str, module: str) -> None:
    __import__(module)
    assert packages.get_installed_path(name) == site(module)


def test_a_package_that_is_not_there_is_an_error() -> None:
    with pytest.raises(metadata.PackageNotFoundError, match='nix0'):
        packages.get_installed_path('nix0')


def test_a_namespace_package_has_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'usmm_namespace').mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RuntimeError, match='usmm_namespace is a namespace package'):
        packages.get_installed_path('usmm_namespace')


def distribution(folder: Path, files: dict[str, str]) -> None:
    """Writes the metadata of a distribution `usmm-sample`."""
    info = folder / 'usmm_sample-1.dist-info'
    info.mkdir()
    (info / 'METADATA').write_text('Metadata-Version: 2.1\nName: usmm-sample\nVersion: 1\n')
    for name, text in files.items():
        (info / name).write_text(text)


@pytest.mark.parametrize(
    'files',
    [{'top_level.txt': 'usmm_sample\n'}, {'RECORD': 'usmm_sample/sub/__init__.py,,\nusmm_sample/__init__.py,,\n'}],
)
def test_the_module_of_a_distribution_with_and_without_top_level(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]
) -> None:
    distribution(tmp_path, files)
    # newer importlib.metadata (its backport too, once anything imports it) leaves out recorded files that do not exist
    (tmp_path / 'usmm_sample' / 'sub').mkdir(parents=True)
    for folder in ('usmm_sample', 'usmm_sample/sub'):
        (tmp_path / folder / '__init__.py').write_text('')
    monkeypatch.syspath_prepend(tmp_path)
    assert packages.package2module('usmm-sample') == 'usmm_sample'


def test_a_distribution_whose_files_are_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distribution(tmp_path, {'top_level.txt': 'usmm_sample\n'})
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(metadata.PackageNotFoundError, match='usmm-sample'):
        packages.get_installed_path('usmm-sample')


def test_a_distribution_that_names_no_module_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distribution(tmp_path, {})
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match='usmm-sample does not say which modules it holds'):
        packages.package2module('usmm-sample')


NAMES = ('is_installed', 'get_installed_path', 'package2module')


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Functions that ask `pkg_resources`, as mmengine ships them, wherever mmengine keeps them."""
    import mmengine.config.config
    import mmengine.hub.hub
    from mmengine.utils import package_utils

    def shipped(name: str) -> object:
        def ask(package: str) -> str:
            import pkg_resources

            return str(getattr(pkg_resources, name)(package))

        return ask

    functions = {name: shipped(name) for name in NAMES}
    for module in (package_utils, mmengine.utils, mmengine.config.config, mmengine.hub.hub):
        for name in NAMES:
            if hasattr(module, name):
                monkeypatch.setattr(module, name, functions[name])
    return functions


def hide(monkeypatch: pytest.MonkeyPatch, hidden: bool) -> None:
    """Hides `pkg_resources`, or shows one."""
    find = packages.importlib.util.find_spec
    answer = None if hidden else find('json')
    monkeypatch.setattr(packages.importlib.util, 'find_spec', lambda n: answer if n == 'pkg_resources' else find(n))


def test_without_pkg_resources_the_functions_are_replaced_wherever_they_are_kept(
    upstream: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mmengine.config import config
    from mmengine.hub import hub

    hide(monkeypatch, hidden=True)
    assert packages.packages_without_pkg_resources() is True
    assert (config.is_installed, config.get_installed_path) == (packages.is_installed, packages.get_installed_path)
    assert hub.get_installed_path('mmengine') == site('mmengine')


def test_with_pkg_resources_nothing_is_replaced(upstream: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    from mmengine.utils import package_utils

    hide(monkeypatch, hidden=False)
    assert packages.packages_without_pkg_resources() is False
    assert {name: getattr(package_utils, name) for name in NAMES} == upstream


def test_rebinding_reaches_every_name_in_their_modules_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def old() -> None: ...

    def new() -> None: ...

    inside, outside = ModuleType('mmcv.usmm_a'), ModuleType('mmcvother')
    inside.__dict__.update(f=old, g=old, h=len)
    outside.__dict__.update(f=old)
    for module in (inside, outside):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    assert patching.rebind(old, new) == 2
    assert (inside.f, inside.g, inside.h, outside.f) == (new, new, len, old)
