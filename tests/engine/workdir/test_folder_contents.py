"""Which kinds of work a folder holds, and that another kind does not start in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from usmm.engine import CrossValidation, Study, StudySpec
from usmm.engine.studies.study import Variant
from usmm.engine.workdir.folder_contents import CROSS_VALIDATION, check_contents, contents_of


@pytest.mark.parametrize(
    ('file', 'kinds'),
    [
        ('model.pth', ['a run']),
        ('image/selected.pth', ['a run']),
        ('fold_0/config.py', ['a cross-validation']),
        ('seed_1/fold_0/config.py', ['a cross-validation']),
        ('summary.json', ['a cross-validation']),
        ('rows/all/summary.json', ['a study']),
        ('settings.json', ['an active-learning run']),
        ('folds.csv', []),  # of any of them
        ('notes/readme.txt', []),
    ],
)
def test_each_kind_is_recognised(tmp_path: Path, file: str, kinds: list[str]) -> None:
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).touch()
    assert contents_of(tmp_path) == kinds
    if kinds and kinds != ['a cross-validation']:
        with pytest.raises(ValueError, match=rf'holds {kinds[0]}, and a cross-validation would write over its files'):
            check_contents(tmp_path, CROSS_VALIDATION)
    else:
        check_contents(tmp_path, CROSS_VALIDATION)


def test_a_folder_of_both_may_go_on(tmp_path: Path) -> None:
    for name in ('summary.json', 'model.pth'):
        (tmp_path / name).touch()
    check_contents(tmp_path, CROSS_VALIDATION)


def test_cross_validation_and_study_refuse_the_folder_of_a_run(tiny_config: Path, tmp_path: Path) -> None:
    (tmp_path / 'run').mkdir()
    (tmp_path / 'run' / 'model.pth').touch()
    with pytest.raises(ValueError, match=r'run holds a run, and a cross-validation would write over its files: choose'):
        CrossValidation(str(tiny_config), tmp_path / 'run')
    spec = StudySpec('t', str(tiny_config), (Variant('all'),), 'all')
    with pytest.raises(ValueError, match=r'run holds a run, and a study would write over its files'):
        Study(spec, tmp_path / 'run')
