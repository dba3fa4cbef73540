"""The line of a setting is that of its own path, in the file that sets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from usmm.config.setting_places import OptionText, Places

BASE = """
seed = 0
size = 3
net = dict(depth=18)
load = [dict(type='A'), dict(type='B', size='${size}')]
model = dict(
    encoder=dict(depth=1,
                 seed=2),
    head={'losses': [dict(type='L',
                          seed=5)]},
    **net)
stages = [
    dict(name='one',
         seed=7),
    dict(name='two')]
pipeline = [*load,
            dict(type='C')] + [dict(type='D',
                                    seed=8)]
"""
CHILD = """
_base_ = './base.py'
model = dict(encoder=dict(width=4),
             neck=dict(_delete_=True,
                       type='N'))
model['tail'] = 5
if True:
    late = 1
"""


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    for name, text in (('child.py', CHILD), ('base.py', BASE)):
        (tmp_path / name).write_text(text)
    return [tmp_path / 'child.py', tmp_path / 'base.py']


@pytest.mark.parametrize(
    ('path', 'place'),
    [
        ('seed', 'base.py:2'),
        ('model.encoder', 'child.py:3'),
        ('model.encoder.seed', 'base.py:8'),
        ('model.encoder.width', 'child.py:3'),
        ('model.head.losses.0.seed', 'base.py:10'),
        ('model.depth', 'base.py:4'),
        ('model.neck.type', 'child.py:5'),
        ('model.neck.depth', 'child.py:4'),
        ('model.tail', 'child.py:6'),
        ('stages.0.seed', 'base.py:14'),
        ('stages.1.name', 'base.py:15'),
        ('stages.1.max_epochs', 'base.py:15'),
        ('pipeline.0', 'base.py:5'),
        ('pipeline.1.size', 'base.py:3'),
        ('pipeline.2.type', 'base.py:17'),
        ('pipeline.3.seed', 'base.py:18'),
        ('late', 'child.py:8'),
        ('model.encoder.nothing', 'child.py:3'),
        ('nothing', 'child.py'),
    ],
)
def test_line_of_a_path(files: list[Path], path: str, place: str) -> None:
    assert Places(files).of(path) == f'{files[0].parent}/{place}: '


def test_what_an_option_sets_is_not_in_a_file(files: list[Path]) -> None:
    places = Places(files, {'seed': OptionText('abc'), 'model': OptionText('3'), 'size': 9, 'stages.0.seed': 'x' * 80})
    assert places.of('seed') == f'{files[0]}, on the command line, --cfg-options seed=abc: '
    assert places.of('model.head.type').endswith(', on the command line, --cfg-options model=3: ')
    assert places.of('pipeline.1.size') == f'{files[0]}, in the options, size=9: '  # what it refers to
    assert places.of('stages.0.seed').endswith(f', in the options, stages.0.seed={"x" * 60}...: ')
    assert places.of('stages.1.name').endswith('base.py:15: ')


def test_file_and_keys_of_a_path(files: list[Path]) -> None:
    places = Places(files)
    assert (places.file_of('model.encoder.width'), places.file_of('model.encoder.seed')) == (0, 1)
    assert places.file_of('nothing') is None
    assert places.keys('model.encoder') == {'depth', 'seed', 'width'}
    assert {'net', 'load'} <= places.reading() and 'seed' not in places.reading()


def test_a_circle_of_variables_or_references_ends(tmp_path: Path) -> None:
    file = tmp_path / 'circle.py'
    file.write_text("a = '${b}'\nb = '${a}'\nc = c\n")
    assert Places([file]).of('a').startswith(f'{file}:')
    assert Places([file]).of('c.d') == f'{file}:3: '
