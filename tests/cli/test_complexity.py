"""The tool that tells what networks cost."""

from __future__ import annotations

from usmm.cli import main as cli


def run(words: list[str]) -> int:
    return cli.main(['complexity', *words])


def test_rows_of_a_study(capsys, monkeypatch):
    monkeypatch.setenv('COLUMNS', '120')
    assert not run(['cross_modal_ssl/studies/cgc', '--repeats', '1', '--size', '64'])
    text = capsys.readouterr().out
    fusions = {line.split('│')[3].strip() for line in text.splitlines() if line.count('│') == 6 and 'fusion' in line}
    assert {'0', '1,498,112', f'{5_947_392 + 3 * 247_808 + 8 * 1408:,}'} <= fusions
    assert 'MCL + CMC' in text and 'CGC without pre-training' in text


def test_a_config(capsys, monkeypatch):
    monkeypatch.setenv('COLUMNS', '120')
    assert not run(
        ['cross_modal_ssl/mcl_cgc_small_phantom', '--size', '64', '--repeats', '0', '--cfg-options', 'modalities=t1']
    )
    text = capsys.readouterr().out
    assert text.count('encoder') == 1 and 'mcl_cgc_small_phantom' in text


def test_mistakes_are_told_in_a_line(capsys):
    assert run(['no_such_study']) == 2 and 'no_such_study' in capsys.readouterr().err
