from __future__ import annotations

from usmm.cli import convert
from usmm.datasets.converters import us3m


def test_without_a_name_the_data_sets_are_listed(usmm) -> None:
    for words in ([], ['--help']):
        code, out, _ = usmm('convert', *words)
        assert code == 0
        listed = out.partition('\nconverters:\n')[2].partition('\n\n')[0]
        assert [line.split()[0] for line in listed.splitlines()] == list(convert.available())
    assert len(convert.available()) == 10
    assert convert.available()['us3m'] == (us3m.__doc__ or '').splitlines()[0]


def test_help_of_one_converter_names_its_command(usmm) -> None:
    code, out, _ = usmm('convert', 'us3m', '--help')
    assert code == 0
    assert out.startswith('usage: usmm convert us3m ') and '--cases {view,patient}' in out and 'BUS_1.jpg' in out


def test_an_unknown_data_set_is_one_line(usmm) -> None:
    assert usmm('convert', 'busy', 'S', 'O')[::2] == (
        2, "error: there is no converter 'busy'; did you mean 'busi'?\n"
    )  # fmt: skip
    assert 'valid names are auli, ' in usmm('convert', '123')[2]
    assert 'expected the folder of the data set' in usmm('convert', 'us3m', 'no/such', 'out')[2]
