"""Every command: its help, its examples, its options, and that its help loads nothing heavy."""

from __future__ import annotations

import argparse
import importlib
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from usmm.cli import benchmark, compare_maps, explain, importance, patient_table, region_agreement
from usmm.cli import list as listing
from usmm.cli import main as cli
from usmm.cli.command import Command
from usmm.cli.launchers import SCRIPTS, script_of, script_parser
from usmm.evaluation.cohort import UNITS
from usmm.evaluation.stats.bland_altman import METHODS
from usmm.evaluation.stats.icc import FORMS

ROOT = Path(__file__).resolve().parents[2]
MODULES = [name for name in cli.COMMANDS if name not in SCRIPTS]
HEAVY = ('torch', 'pandas', 'numpy', 'mmengine', 'rich')


def command(name: str) -> Command:
    main = importlib.import_module(f'usmm.cli.{name}').main
    assert isinstance(main, Command), f'usmm.cli.{name}.main must be a usmm.cli.command.Command'
    return main


def examples_of(text: str) -> list[list[str]]:
    """The words of every example of a help text, without comments and environment variables."""
    lines = text.partition('\nexamples:\n')[2].splitlines()
    found = [shlex.split(line, comments=True) for line in lines if line.startswith('  ')]
    return [words[sum('=' in w for w in words[:3] if w.isupper() or re.match(r'[A-Z_]+=', w)) :] for words in found]


@pytest.mark.parametrize('name', MODULES)
def test_help_has_a_summary_options_and_examples_that_are_accepted(usmm, name: str) -> None:
    code, text, error = usmm(name, '--help')
    assert (code, error) == (0, '') and text.startswith(f'usage: usmm {name} ')
    declared = command(name)
    assert declared.name == name and declared.examples
    assert re.match(r'[A-Z][^\n]{20,}', cli.summary(name)) and cli.summary(name) in text
    undescribed = [a.dest for a in declared.parser()._actions if not a.help]
    assert undescribed == []
    accepted = 0
    for words in examples_of(text):
        if words[0] != 'usmm':
            continue  # a line for the start file of a shell
        assert words[1] == name
        arguments = words[2:3] if name == 'convert' else words[2:]
        if name == 'predict':
            declared.parse_args(arguments)  # it takes the inputs of a model as options
        else:
            declared.parser().parse_args(arguments)
        accepted += 1
    assert accepted


@pytest.mark.parametrize('name', sorted(SCRIPTS))
def test_scripts_have_a_usage_and_examples_that_are_accepted(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main([name, '--help']) == 0
    text = capfd.readouterr().out
    assert cli.summary(name) == text.splitlines()[0]
    usage = re.search(rf'^usage: usmm {name} ([A-Z_ ]+) \[arguments of usmm (train|test)\]$', text, re.MULTILINE)
    assert usage is not None and usage[2] == SCRIPTS[name][0]
    examples = examples_of(text)
    assert len(examples) >= 2
    for words in examples:
        start = 2 if words[0] == 'usmm' else 1
        assert words[start - 1] in (name, f'tools/{name}.sh')
        script_parser(name).parse_args(words[start:])
    # without arguments it states what is missing
    assert cli.main([name]) == 2
    assert capfd.readouterr().err == f'usage: usmm {name} {usage[1]} [arguments of usmm {usage[2]}]\n'


@pytest.mark.parametrize('count', ['0', 'abc', '-1', '1.5', ''])
@pytest.mark.parametrize('words', [('dist_train', 'C'), ('dist_test', 'C', 'W')])
def test_a_number_of_processes_that_is_none(words: tuple[str, ...], count: str, capfd) -> None:
    assert cli.main([*words, count]) == 2
    place = {2: 'second', 3: 'third'}[len(words)]
    assert capfd.readouterr().err == (
        f"error: GPUS, the {place} word, must be a whole number of 1 or more, got '{count}'\n"
    )


def test_the_help_of_no_command_loads_a_heavy_package() -> None:
    """In one process of its own, as the packages are loaded in this one."""
    code = f"""
import contextlib, importlib, io, json, sys
from usmm.cli import main as cli
found = {{}}
for name in {MODULES!r}:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        cli.main([name, '--help'])
    found[name] = sorted(set({HEAVY!r}) & set(sys.modules))
with contextlib.redirect_stdout(io.StringIO()):
    cli.main(['--help'])
    cli.main(['list', 'configs'])
    cli.main(['convert'])
found['--help, list configs and convert'] = sorted(set({HEAVY!r}) & set(sys.modules))
print(json.dumps(found))
"""
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True, timeout=60)
    assert {name: packages for name, packages in json.loads(done.stdout).items() if packages} == {}


def test_the_page_names_every_command_with_its_summary_by_group() -> None:
    text = (ROOT / 'docs' / 'command_line.md').read_text(encoding='utf-8')
    rows = re.findall(r'^\| (\w*) \| `usmm (\w+)` \| (.*) \|$', text, re.MULTILINE)
    group, listed = '', []
    for first, name, summary in rows:
        group = first or group
        listed.append((group, name, summary))
    assert listed == [(g, n, cli.summary(n).rstrip('.')) for g, names in cli.GROUPS.items() for n in names]


@pytest.mark.parametrize('name', sorted(SCRIPTS))
def test_the_parser_of_a_script_adds_its_own_words(name: str) -> None:
    own = [a.dest for a in script_parser(name)._actions if not a.option_strings]
    other = [a.dest for a in command(SCRIPTS[name][0]).parser()._actions if not a.option_strings]
    assert [word for word in own if word not in other] == [*SCRIPTS[name][1], *SCRIPTS[name][2]]
    assert script_of(name).is_file()


def test_choices_are_those_of_the_library(usmm) -> None:
    """They are repeated in the commands, whose help must not load the library."""
    assert set(region_agreement.ICCS) == {name for long, (short, _) in FORMS.items() for name in (long, short)}
    assert region_agreement.METHODS == METHODS and patient_table.UNITS == UNITS
    assert explain.METHODS == compare_maps.METHODS
    text = (ROOT / 'usmm/cli/benchmark_sections.py').read_text(encoding='utf-8')
    assert re.findall(r"^            '(\w+)': lambda", text, re.MULTILINE) == list(benchmark.SECTIONS)
    assert set(importance.METRICS) and [*listing.ROOMS] == [k for k in listing.KINDS if k in listing.ROOMS]


@pytest.mark.parametrize('name', [*MODULES, *SCRIPTS])
def test_an_unknown_option_names_the_nearest(usmm, name: str) -> None:
    if name == 'convert' or name in SCRIPTS or name == 'predict':
        return  # what follows goes to the converter, to the processes, or is an input of a model
    options = [o for o in command(name).parser()._option_string_actions if o.startswith('--')]
    wrong = f'{options[-1]}x'
    code, out, error = usmm(name, wrong)
    assert (code, out) == (2, '')
    assert error == f'error: unknown option {wrong!r}, did you mean {options[-1]!r}? (usmm {name} --help)\n'


@pytest.mark.parametrize('word', ['--cfg-option', '--cfg', '--work'])
def test_options_cannot_be_abbreviated(usmm, word: str) -> None:
    code, _, error = usmm('train', 'c', word, 'a=1')
    assert code == 2 and error.startswith(f'error: unknown option {word!r}')
    assert isinstance(command('train').parser(), argparse.ArgumentParser)


@pytest.mark.parametrize(
    ('name', 'words'),
    [('train', ['c', '--work-dir']), ('test', ['c', 'w', '--work-dir']), ('cross_validate', ['c', '--work-dir']),
     ('study', ['s', '--work-dir']), ('active_learn', ['c', '--query', '1', '--work-dir']), ('demo', []),
     ('browse_dataset', ['c', '--out']), ('check_data', ['c', '--out']), ('explain', ['c', 'w', '--out']),
     ('importance', ['c', 'w', '--out']), ('compare_maps', ['a=b', 'c=d', '--out']), ('calibrate', ['./r', '--out']),
     ('patient_table', ['t', '--out']), ('region_agreement', ['a', '--out']), ('predict', ['m', '--explain']),
     ('make_phantom', ['--cases', '1']),
     ('readers', ['t', '--positive', 'a', '--readers', 'A', '--out']), ('download', ['--cache']),
     ('serve', ['m', '--spool'])],
)  # fmt: skip
@pytest.mark.parametrize('below', [False, True])
def test_a_file_where_a_folder_is_wanted(usmm, tmp_path: Path, name: str, words: list[str], below: bool) -> None:
    file = tmp_path / 'file'
    file.write_text('here')
    folder = file / 'out' if below else file
    code, _, error = usmm(name, *words, folder)
    assert code == 2
    what = file if below else 'it'
    assert f': cannot write into {folder}: {what} is a file, not a folder (usmm {name} --help)\n' in error
    assert file.read_text() == 'here'


@pytest.mark.parametrize(
    ('name', 'words'),
    [('export', ['m', '--out']), ('predict', ['m', '--out']), ('time_intensity', ['c', '--out']),
     ('benchmark', ['--out']), ('probe_latents', ['t', 'a=b', '--out']), ('convert_weights', ['s'])],
)  # fmt: skip
def test_a_folder_where_a_file_is_wanted(usmm, tmp_path: Path, name: str, words: list[str]) -> None:
    code, _, error = usmm(name, *words, tmp_path)
    assert code == 2 and error.endswith(f': {tmp_path} is a folder; give it the name of a file (usmm {name} --help)\n')


@pytest.mark.parametrize('weights', ['model.pth', 'model.safetensors'])
@pytest.mark.parametrize('name', ['test', 'train', 'explain', 'print_config'])
def test_a_folder_in_the_place_of_a_config(usmm, tmp_path: Path, name: str, weights: str) -> None:
    code, _, error = usmm(name, tmp_path)
    assert code == 2
    assert error == (
        f'error: config: {tmp_path} is a folder, expected the path or name of a config (usmm {name} --help)\n'
    )
    (tmp_path / 'config.py').touch()
    (tmp_path / weights).touch()
    code, _, error = usmm(name, tmp_path)
    assert f'give {tmp_path}/config.py, whose weights are {tmp_path}/{weights} (' in error


def test_a_folder_named_like_a_shipped_config_is_no_obstacle(usmm, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / 'msmfn_small_phantom').mkdir()
    monkeypatch.chdir(tmp_path)
    code, out, _ = usmm('print_config', 'msmfn_small_phantom')
    assert code == 0 and 'max_epochs' in out
