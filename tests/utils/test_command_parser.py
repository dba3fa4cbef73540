from __future__ import annotations

import re

import pytest

from usmm.utils import command_parser
from usmm.utils.command_parser import CommandParser, is_coloured


@pytest.fixture
def parser() -> CommandParser:
    parser = CommandParser(
        'greet', 'Greet [all] people.', ['usmm greet Ada', 'usmm greet Ada --how loud    # a comment']
    )
    parser.add_argument('name', help='who is greeted')
    parser.add_argument('--how', choices=('loud', 'soft'), default='soft', help='how [loud] (default: %(default)s)')
    parser.add_argument('--words', nargs='+', type=int, help='numbers')
    return parser


def error_of(parser: CommandParser, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The error of a command line, which must be one line and exit code 2."""
    with pytest.raises(SystemExit, match='2'):
        parser.parse_args(words)
    out, error = capsys.readouterr()
    assert out == '' and error.count('\n') == 1 and error.endswith('\n')
    return error.rstrip('\n')


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['Ada', '--hwo', 'loud'], "unknown option '--hwo', did you mean '--how'?"),
        (['--hwo=loud'], "unknown option '--hwo', did you mean '--how'?"),  # before the missing name
        (['Ada', '--ho', 'loud'], "unknown option '--ho', did you mean '--how'?"),  # no abbreviation
        (['Ada', '--zzz'], "unknown option '--zzz'"),
        (['Ada', '--how', 'laud'], "--how: unknown value 'laud'; did you mean 'loud'?"),
        (['Ada', '--how', 'zzz'], "--how: unknown value 'zzz'; valid names are loud, soft"),
        (['Ada', '--words', 'x'], "--words: invalid int value: 'x'"),
        (['Ada', '--words'], '--words: expected at least one argument'),
        ([], 'the following arguments are required: name'),
        (['Ada', 'Bob'], 'unrecognized arguments: Bob'),
    ],
)
def test_mistakes_are_one_line(
    parser: CommandParser, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert error_of(parser, capsys, *words) == f'error: {message} (usmm greet --help)'


def test_several_values_and_words_behind_two_dashes(parser: CommandParser) -> None:
    args = parser.parse_args(['--words', '1', '2', '--how=loud', '--', '--strange'])
    assert (args.words, args.how, args.name) == ([1, 2], 'loud', '--strange')
    assert parser.parse_args(['--not an option']).name == '--not an option'  # argparse: it holds a space


def test_the_words_of_the_process_are_the_default(parser: CommandParser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('sys.argv', ['usmm', 'Ada'])
    assert parser.parse_args().name == 'Ada'


def test_colours_change_no_word_of_the_help(parser: CommandParser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('COLUMNS', '100')
    plain = parser.format_help()
    assert '\x1b' not in plain and plain.endswith('usmm greet Ada --how loud    # a comment\n')
    monkeypatch.setattr(command_parser, 'is_coloured', lambda: True)
    monkeypatch.setenv('FORCE_COLOR', '1')
    coloured = parser.format_help()
    assert '\x1b[' in coloured
    words = re.sub(r'\x1b\[[\d;]*m', '', coloured).split()
    assert [w.lower() for w in words] == [w.lower() for w in plain.split()]


@pytest.mark.parametrize(
    ('terminal', 'environment', 'expected'),
    [(True, {}, True), (False, {}, False), (True, {'NO_COLOR': '1'}, False), (True, {'TERM': 'dumb'}, False)],
)
def test_where_colours_are_shown(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, environment: dict[str, str], expected: bool
) -> None:
    monkeypatch.delenv('NO_COLOR', raising=False)
    monkeypatch.setenv('TERM', 'xterm')
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr('sys.stdout.isatty', lambda: terminal)
    assert is_coloured() is expected
