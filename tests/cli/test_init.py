from __future__ import annotations

import io
from pathlib import Path

import pytest

from usmm.cli import init
from usmm.cli.init import ask, pairs_of
from usmm.config import load_config
from usmm.datasets.table_inference import Question, TableHints


class Terminal(io.StringIO):
    """What a person types."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing says which column is the label, nor which class is positive."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr('sys.stdin', io.StringIO())
    rows = [f'{i:02d},{["ADC", "SCC"][i % 2]},{40 + i * 7 % 13},{"xyz"[i % 3]}' for i in range(24)]
    (tmp_path / 'all.csv').write_text('\n'.join(['id,type,age,side', *rows]))
    return tmp_path / 'all.csv'


def test_flags_decide_and_the_report_is_printed(usmm, table: Path) -> None:
    code, out, err = usmm('init', table, '--label', 'type', '--positive', 'SCC', '--ignore', 'side', '--out', 'my.py')
    assert (code, err) == (0, '')
    assert out.startswith(
        '24 cases of 24 patients\n  ADC: 12 cases of 12 patients\n  SCC: 12 cases of 12 patients (positive)'
    )
    assert 'side stated (--ignore)' in out and 'usmm train my.py' in out and 'usmm cross_validate my.py' in out
    assert load_config('my.py').positive == 'SCC'
    assert usmm('init', table, '--label', 'type', '--positive', 'SCC', '--out', 'my.py')[::2] == (
        2, 'error: my.py exists: name another file with --out, or use --force to replace it\n'
    )  # fmt: skip
    assert 'holds folds of an earlier run' not in out
    Path('work_dirs/my').mkdir(parents=True)
    Path('work_dirs/my/folds.csv').touch()
    code, out, _ = usmm('init', table, '--label', 'type', '--positive', 'SCC', '--out', 'my.py', '--force')
    assert code == 0 and 'note: work_dirs/my holds folds of an earlier run; other cases need another --work-dir' in out


def test_without_a_person_open_questions_are_an_error(usmm, table: Path) -> None:
    code, out, err = usmm('init', table)
    assert (code, out) == (2, '') and err.startswith(
        f'error: {table}: 1 question is open:\n  Which column is the label?'
    )
    assert err.endswith('    --label COLUMN\n') and not Path('my_config.py').exists()
    assert '--positive CLASS' in usmm('init', table, '--label', 'type')[2]


def test_a_person_is_asked(usmm, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('sys.stdin', Terminal('type\nscc\n2\n'))
    code, _, err = usmm('init', table)
    assert code == 0 and load_config('my_config.py').positive == 'SCC'
    assert 'Which column is the label?' in err and '  1  type' in err
    assert "'scc' is not one of the answers; did you mean 'SCC'" in err
    monkeypatch.setattr('sys.stdin', Terminal(''))
    assert 'error: no answer to: Which column is the label?' in usmm('init', table, '--out', 'b.py')[2]


def test_a_dry_run_prints_the_config(usmm, table: Path) -> None:
    code, out, _ = usmm('init', table, '--label', 'type', '--positive', 'SCC', '--dry-run')
    assert code == 0 and "_base_ = 'usmm::_base_/runtime'" in out and 'nothing is written (--dry-run)' in out
    assert not Path('my_config.py').exists()


def test_columns_of_modalities() -> None:
    assert pairs_of(['none'], '--masks') == {'none': ('none',)}
    with pytest.raises(ValueError, match="--files takes MODALITY=COLUMN, got 'bus'"):
        pairs_of(['bus'], '--files')


def test_numbers_stand_for_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('sys.stdin', Terminal('2\n'))
    assert ask(Question('positive', 'Which?', '--positive', ('ADC', 'SCC')), TableHints()).positive == 'SCC'
    monkeypatch.setattr('sys.stdin', Terminal('1\n'))  # a class may be called 1
    assert ask(Question('positive', 'Which?', '--positive', ('0', '1')), TableHints()).positive == '1'


def test_help_shows_examples(usmm) -> None:
    code, out, _ = usmm('init', '--help')
    assert code == 0 and 'usmm init hospital.xlsx --out my_config.py' in out
    assert (init.__doc__ or '').splitlines()[0] in usmm('--help')[1]
