"""Safe loading: what is whole comes back bit by bit; what is hostile or broken is refused, and nothing happens."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hostile  # put in place by conftest.py
import pytest
import torch
from safetensors.torch import save_file

from usmm.weights import (
    check_finite,
    check_fits,
    read_checkpoint,
    read_tensors,
    torch_file,
    weight_limits,
    write_tensors,
)
from usmm.weights.torch_file import check_archive

NAMES = sorted(hostile.broken())
CODE = sorted(hostile.with_code(Path('marker')))
REFUSED = 'is no checkpoint that can be loaded safely'


@pytest.fixture(scope='module')
def broken() -> dict[str, tuple[bytes, str]]:
    return hostile.broken()


@pytest.fixture
def nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to work in that holds what it held before."""
    (tmp_path / 'cwd').mkdir()
    monkeypatch.chdir(tmp_path / 'cwd')
    yield tmp_path
    assert [*(tmp_path / 'cwd').iterdir()] == []
    assert not (tmp_path / 'marker').exists()


def test_there_are_many() -> None:
    assert len(NAMES) + len(CODE) >= 60


@pytest.mark.parametrize('training', [False, True])
@pytest.mark.parametrize('legacy', [False, True])
@pytest.mark.parametrize('name', CODE)
def test_code_does_not_run(name: str, legacy: bool, training: bool, nothing_else: Path) -> None:
    path = nothing_else / 'model.pth'
    path.write_bytes(hostile.with_code(nothing_else / 'marker')[name])
    with pytest.raises(ValueError, match=f'^{path} {REFUSED}: .+'):
        read_checkpoint(path, legacy, training)


@pytest.mark.parametrize('name', ['os.system', 'builtins.eval', '__setstate__', 'INST', 'plain pickle', 'old format'])
def test_the_code_would_run_without_care(name: str, tmp_path: Path) -> None:
    content = hostile.with_code(tmp_path / 'marker')[name]
    (tmp_path / 'model.pth').write_bytes(content)
    if name == 'plain pickle':
        pickle.loads(content)
    else:
        torch.load(tmp_path / 'model.pth', weights_only=False)
    assert (tmp_path / 'marker').exists()


@pytest.mark.parametrize('name', NAMES)
def test_broken_files(name: str, broken: dict[str, tuple[bytes, str]], nothing_else: Path) -> None:
    path = nothing_else / 'model.pth'
    content, message = broken[name]
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f'^{path} {REFUSED}: .*{message}') as caught:
        read_checkpoint(path)
    assert len(str(caught.value)) < len(str(path)) + 400


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / 'pipe')
    for name, message in [('pipe', 'it is no regular file'), ('.', 'it is a folder')]:
        with pytest.raises(ValueError, match=message):
            read_checkpoint(tmp_path / name)
    with pytest.raises(ValueError, match='it is no regular file'):
        read_checkpoint('/dev/zero')
    with pytest.raises(ValueError, match=r'no checkpoint at .*absent'):
        read_checkpoint(tmp_path / 'absent')
    (tmp_path / 'loop').symlink_to(tmp_path / 'loop')
    with pytest.raises(ValueError, match=f'loop {REFUSED}'):
        read_checkpoint(tmp_path / 'loop')


def test_a_link_is_followed(tmp_path: Path) -> None:
    torch.save(hostile.STATE, tmp_path / 'there.pth')
    (tmp_path / 'here.pth').symlink_to('there.pth')
    assert torch.equal(read_checkpoint(tmp_path / 'here.pth')['conv.bias'], torch.ones(3))


@pytest.mark.parametrize(
    ('limit', 'value', 'message'),
    [
        ('MAX_BYTES', 100, r'bytes, over the limit of 100'),
        ('MAX_TENSORS', 2, r'entries, over the limit of 2'),
        ('MAX_PICKLE_BYTES', 50, r'data.pkl. has \d+ bytes, over the limit of 50'),
        ('MAX_PICKLE_STEPS', 10, 'its index takes over 10 steps'),
    ],
)
def test_limits_of_a_torch_file(limit: str, value: int, message: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(weight_limits, limit, value)
    torch.save(hostile.STATE, tmp_path / 'm.pth')
    with pytest.raises(ValueError, match=message):
        read_checkpoint(tmp_path / 'm.pth')


@pytest.mark.parametrize(
    ('limit', 'value', 'message'),
    [
        ('MAX_BYTES', 100, 'over the limit of 100'),
        ('MAX_TENSORS', 1, 'it states 2 tensors, over the limit of 1'),
        ('MAX_HEADER_BYTES', 20, r'its header states \d+ bytes, over the limit of 20'),
    ],
)
def test_limits_of_safetensors(limit: str, value: int, message: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(weight_limits, limit, value)
    save_file(hostile.STATE, tmp_path / 'm.safetensors')
    with pytest.raises(ValueError, match=message):
        read_checkpoint(tmp_path / 'm.safetensors')


def test_many_values(tmp_path: Path, monkeypatch) -> None:
    torch.save({'a': [0] * 50}, tmp_path / 'm.pth')
    monkeypatch.setattr(torch_file, 'check_archive', lambda *_: None)
    monkeypatch.setattr(weight_limits, 'MAX_PICKLE_STEPS', 40)
    with pytest.raises(ValueError, match='it holds over 40 values'):
        read_checkpoint(tmp_path / 'm.pth')


def test_an_archive_that_unpacks_to_more_than_it_has(tmp_path: Path) -> None:
    # two entries of the directory point at the same bytes
    with zipfile.ZipFile(tmp_path / 'm.pth', 'w') as archive:
        archive.writestr('m/data.pkl', pickle.dumps({}, 2))
        archive.writestr('m/data/0', bytes(5000))
        for i in range(1, 9):
            again = zipfile.ZipInfo(f'm/data/{i}')
            first = archive.getinfo('m/data/0')
            for part in ('file_size', 'compress_size', 'CRC', 'header_offset', 'flag_bits'):
                setattr(again, part, getattr(first, part))
            archive.filelist.append(again)
            archive.NameToInfo[again.filename] = again
    with pytest.raises(ValueError, match=r'its archive unpacks to more than the \d+ bytes that it has'):
        read_checkpoint(tmp_path / 'm.pth')
    (tmp_path / 'no.zip').write_bytes(b'PK\x03\x04' + bytes(99))
    with (tmp_path / 'no.zip').open('rb') as file, pytest.raises(ValueError, match='its archive is damaged: '):
        check_archive(file)


def test_a_legacy_file_states_no_more_than_it_has(tmp_path: Path) -> None:
    path = tmp_path / 'old.pth'
    path.write_bytes(hostile.torch_bytes({'state_dict': hostile.STATE}, legacy=True))
    assert torch.equal(read_checkpoint(path, legacy=True)['state_dict']['conv.bias'], torch.ones(3))
    huge = path.read_bytes().replace(b'K\x0cN', b'J\x00\x00\x00\x7fN')
    assert huge != path.read_bytes()
    path.write_bytes(huge)
    with pytest.raises(ValueError, match='it states the number 2130706432, larger than the file'):
        read_checkpoint(path, legacy=True)


CONTENT = {
    'state_dict': {
        name: torch.arange(6).reshape(2, 3).to(getattr(torch, name))
        for name in ('float16', 'bfloat16', 'float32', 'float64', 'uint8', 'int8', 'int16', 'int32', 'int64', 'bool')
    },
    'meta': {'classes': ['A', 'B'], 'seed': 7, 'text': 'Ä', 'none': None, 'deep': [{'x': 0.5}]},
}


def same(found: dict[str, Any]) -> bool:
    state = CONTENT['state_dict']
    return found['meta'] == CONTENT['meta'] and all(
        torch.equal(found['state_dict'][k], v) and found['state_dict'][k].dtype == v.dtype for k, v in state.items()
    )


@pytest.mark.parametrize('name', ['m.pth', 'm.safetensors', 'm'])
def test_whole_files_come_back(name: str, tmp_path: Path) -> None:
    torch.save(CONTENT, tmp_path / name)
    assert same(read_checkpoint(tmp_path / name))
    write_tensors(tmp_path / name, CONTENT['state_dict'], CONTENT['meta'])
    assert same(read_checkpoint(tmp_path / name))
    state, meta = read_tensors(tmp_path / name)
    assert same({'state_dict': state, 'meta': meta})


def test_views_parameters_and_shared_tensors(tmp_path: Path) -> None:
    base = torch.arange(12.0).reshape(3, 4)
    state = {'t': base.T, 'slice': base[1:], 'p': torch.nn.Parameter(base), 'zero': torch.zeros(0), 'one': base[0, 0]}
    torch.save(state, tmp_path / 'm.pth')
    write_tensors(tmp_path / 'm.safetensors', state, {})
    for found in (read_checkpoint(tmp_path / 'm.pth'), read_checkpoint(tmp_path / 'm.safetensors')['state_dict']):
        assert all(torch.equal(found[k], v) for k, v in state.items())


def test_foreign_safetensors(tmp_path: Path) -> None:
    save_file({'a': torch.ones(2)}, tmp_path / 'm.safetensors', {'format': 'pt'})
    assert read_tensors(tmp_path / 'm.safetensors')[1] == {'format': 'pt'}


def test_metadata_must_be_plain(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='not JSON compliant'):
        write_tensors(tmp_path / 'm.safetensors', {}, {'x': float('nan')})
    assert [*tmp_path.iterdir()] == []


class Model(torch.nn.Linear):
    def __init__(self) -> None:
        super().__init__(4, 3)
        self.register_buffer('steps', torch.tensor(0))


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(weight=torch.zeros(4, 3)), r'weight has the shape \(4, 3\), the model \(3, 4\)'),
        (dict(weight=torch.zeros(3, 4, dtype=torch.int64)), r'weight is torch.int64, in the model torch.float32'),
        (dict(steps=torch.tensor(0.5)), r'steps is torch.float32, in the model torch.int64'),
        (dict(extra=torch.zeros(1)), r'it has extra, which the model lacks'),
        (dict(weight=None), r'it lacks weight'),
        (dict.fromkeys(('weight', 'bias', 'steps')), r'it lacks bias, steps, weight'),
        ({f'x{i}': torch.zeros(1) for i in range(5)}, r'it has x0, x1, x2 and 2 more'),
        (dict(bias=torch.tensor([0, float('nan'), 0])), r'm.pth holds numbers that are not finite, in bias'),
        (dict(weight=torch.full((3, 4), float('inf'))), r'm.pth holds numbers that are not finite, in weight'),
    ],
)
def test_weights_that_do_not_fit(change: dict[str, Any], message: str) -> None:
    model = Model().state_dict()
    state = {k: v for k, v in {**model, **change}.items() if v is not None}
    with pytest.raises(ValueError, match=message):
        check_fits('m.pth', state, model)


def test_weights_that_fit() -> None:
    model = Model().state_dict()
    check_fits('m.pth', model, model)
    check_fits('m.pth', {**model, 'weight': model['weight'].half()}, model)
    check_finite('m.pth', {'n': torch.tensor([1, 2]), 'x': torch.ones(2)})


def test_archives_that_readers_take_apart_differently(tmp_path: Path) -> None:
    torch.save(hostile.STATE, tmp_path / 'm.pth')
    content = (tmp_path / 'm.pth').read_bytes()
    with zipfile.ZipFile(tmp_path / 'm.pth', 'a') as archive:
        archive.comment = b'here another list of entries could stand'
    for path, text in (
        ('m.pth', None),
        ('before.pth', b'PK\x03\x04' + bytes(30) + content),
        ('after.pth', content + b'x'),
    ):
        if text is not None:
            (tmp_path / path).write_bytes(text)
        with pytest.raises(ValueError, match='it does not begin and end as torch writes it'):
            read_checkpoint(tmp_path / path)
