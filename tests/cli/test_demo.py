from __future__ import annotations

from pathlib import Path

import pytest

from usmm.cli import demo


def test_a_failing_step_ends_the_demo_with_its_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        demo.main([str(tmp_path / 'out'), '--cases', '0'])
    assert ended.value.code == 2
    assert "--cases: expected a whole number of 1 or more, got '0'" in capsys.readouterr().err


@pytest.mark.slow
def test_the_whole_demo_in_small(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = ['demo', '--cases', '8', '--test-cases', '5', '--epochs', '1']
    assert demo.main(words) == 0
    out = capsys.readouterr().out
    assert 'synthetic patients: 8' in out and 'best AUC     0.9' in out
    listed = [
        line.split(None, 1)[1]
        for line in out.splitlines()
        if line.startswith(('metrics   ', 'predictions  ', 'figure    '))
    ]
    assert len(listed) > 3 and all(Path(name).is_file() for name in listed)

    commands = []
    monkeypatch.setattr(demo, '_run', lambda command, words: commands.append(command.__name__))
    assert demo.main(words) == 0
    assert 'using the phantom that is already in demo/data' in capsys.readouterr().out
    assert commands == ['usmm.cli.train', 'usmm.cli.test']
