from __future__ import annotations

from pathlib import Path

import pytest

from usmm.utils import locations
from usmm.utils.locations import find_config, folder


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation with two systems, and an empty working directory."""
    for name in ('configs/_base_/runtime', 'configs/msmfn/msmfn_small', 'configs/msmfn/r50', 'configs/lymph/r50'):
        path = tmp_path / 'clone' / f'{name}.py'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('')
    (tmp_path / 'clone' / 'usmm').mkdir()
    (tmp_path / 'elsewhere').mkdir()
    monkeypatch.setattr(locations, 'PACKAGE', tmp_path / 'clone' / 'usmm')
    monkeypatch.chdir(tmp_path / 'elsewhere')
    return tmp_path / 'clone'


def test_the_folders_are_those_of_the_clone(project_root: Path) -> None:
    assert {name: folder(name) for name in locations.FOLDERS} == {
        name: project_root / name for name in locations.FOLDERS
    }


def test_the_folders_of_a_wheel_come_first(installed: Path) -> None:
    (installed / 'usmm' / '.mim' / 'configs').mkdir(parents=True)
    assert folder('configs') == installed / 'usmm' / '.mim' / 'configs'
    with pytest.raises(FileNotFoundError, match="has no folder 'tools'"):
        folder('tools')


def test_only_the_three_folders_are_asked_for() -> None:
    with pytest.raises(ValueError, match=r"expected one of \('configs', 'tools', 'model_zoo'\), got 'data'"):
        folder('data')


@pytest.mark.parametrize(
    'name',
    [
        'msmfn_small',
        'msmfn_small.py',
        'msmfn/msmfn_small',
        'configs/msmfn/msmfn_small.py',
        Path('configs', 'msmfn', 'msmfn_small'),
    ],
)
def test_a_config_is_found_by_name_from_any_folder(installed: Path, name: str | Path) -> None:
    assert find_config(name) == installed / 'configs' / 'msmfn' / 'msmfn_small.py'


def test_a_path_is_taken_as_given(installed: Path) -> None:
    Path('msmfn_small.py').write_text('')
    assert find_config('msmfn_small.py') == Path('msmfn_small.py')
    assert find_config('msmfn_small') == Path('msmfn_small.py')


def test_configs_of_the_working_directory_come_before_the_shipped_ones(installed: Path) -> None:
    mine = Path.cwd() / 'configs' / 'mine' / 'msmfn_small.py'
    mine.parent.mkdir(parents=True)
    mine.write_text('')
    assert find_config('msmfn_small') == mine
    assert find_config('msmfn/msmfn_small') == installed / 'configs' / 'msmfn' / 'msmfn_small.py'


def test_a_name_that_fits_two_files_is_an_error_that_names_both(installed: Path) -> None:
    with pytest.raises(ValueError, match=r"config 'r50' fits .*lymph/r50.py.*msmfn/r50.py.*name its folder"):
        find_config('r50')
    assert find_config('lymph/r50').parent.name == 'lymph'


def test_an_unknown_name_is_an_error_with_the_nearest(installed: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no config 'mfmsn_smal'; did you mean 'msmfn_small'\?"):
        find_config('mfmsn_smal')


def test_a_name_like_no_other_is_an_error_with_all_of_them_but_the_bases(installed: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no config 'QQ'; valid names are msmfn_small, r50"):
        find_config('QQ')


def test_a_shipped_config_can_be_asked_for_whatever_lies_here(installed: Path) -> None:
    mine = Path.cwd() / 'configs' / 'mine' / 'msmfn_small.py'
    mine.parent.mkdir(parents=True)
    mine.write_text('')
    Path('msmfn_small.py').write_text('')
    assert find_config('msmfn_small', shipped=True) == installed / 'configs' / 'msmfn' / 'msmfn_small.py'
