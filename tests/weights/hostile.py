"""Files of weights that must be refused, each written into a folder; those with code would leave a marker file."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import tarfile
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as to_safetensors

STATE = {'conv.weight': torch.arange(12.0).reshape(3, 4), 'conv.bias': torch.ones(3)}


class Runs:
    """Runs a function when unpickled."""

    def __init__(self, function: Callable[..., Any], *args: Any) -> None:
        self.parts = function, args

    def __reduce__(self) -> tuple[Any, ...]:
        return self.parts


class Listed(OrderedDict):
    """A class of this module; its `__setstate__` would run."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        Path(state['marker']).touch()


def torch_bytes(content: Any, legacy: bool = False) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=not legacy)
    return file.getvalue()


def rezip(source: bytes, change: Callable[[str, bytes], bytes | None], method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip archive again, entry by entry; None leaves one out."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(source)) as old, zipfile.ZipFile(out, 'w', method) as new:
        for name in old.namelist():
            content = change(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return out.getvalue()


def with_pickle(index: bytes) -> bytes:
    """A torch archive with another data.pkl."""
    return rezip(torch_bytes(STATE), lambda name, data: index if name.endswith('data.pkl') else data)


def with_entry(name: str, content: bytes = b'x') -> bytes:
    out = io.BytesIO(torch_bytes(STATE))
    with warnings.catch_warnings(), zipfile.ZipFile(out, 'a') as archive:
        warnings.simplefilter('ignore')  # of a name that is there already
        archive.writestr(name, content)
    return out.getvalue()


def index_of(content: Any) -> bytes:
    with zipfile.ZipFile(io.BytesIO(torch_bytes(content))) as archive:
        return archive.read(next(n for n in archive.namelist() if n.endswith('data.pkl')))


def script() -> bytes:
    file = io.BytesIO()
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), file)
    return file.getvalue()


def tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w') as archive:
        for name in ('sys_info', 'pickle', 'storages', 'tensors'):
            entry = tarfile.TarInfo(name)
            archive.addfile(entry, io.BytesIO(b''))
    return out.getvalue()


def packed(header: Any, numbers: bytes = bytes(16), length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack('<Q', len(text) if length is None else length) + text + numbers


def tensor(shape: Any = (4,), offsets: Any = (0, 16), dtype: Any = 'F32') -> dict[str, Any]:
    return {'dtype': dtype, 'shape': shape, 'data_offsets': offsets}


def with_code(marker: Path) -> dict[str, bytes]:
    """Name -> file that runs code when it is unpickled without care."""
    import copyreg

    command = f'touch {marker}'
    touch = Runs(os.system, command)
    text = f'open({str(marker)!r}, "w").close()'
    listed = Listed(a=1)
    build = pickle.dumps(listed, 2)[:-1] + pickle.dumps({'marker': str(marker)}, 2)[2:-1] + b'b.'
    return {
        'os.system': torch_bytes({'state_dict': touch}),
        'builtins.eval': torch_bytes({'state_dict': STATE, 'meta': Runs(eval, text)}),
        'builtins.exec': torch_bytes({'state_dict': STATE, 'meta': Runs(exec, text)}),
        'builtins.getattr': torch_bytes({'a': Runs(getattr, Path(marker), 'touch')}),
        'copyreg': torch_bytes({'a': Runs(copyreg._reconstructor, Listed, object, None), 'b': touch}),
        '__setstate__': with_pickle(build),
        'nested in the weights': torch_bytes({'state_dict': {**STATE, 'deep': {'er': [1, (2, touch)]}}}),
        'a key': torch_bytes({'state_dict': {Runs(os.system, command): torch.ones(1)}}),
        'subprocess': torch_bytes([Runs(__import__('subprocess').check_call, ['touch', str(marker)])]),
        'INST': with_pickle(b'(S' + repr(command).encode() + b'\nios\nsystem\n.'),
        'OBJ': with_pickle(b'(cos\nsystem\nS' + repr(command).encode() + b'\no.'),
        'STACK_GLOBAL': with_pickle(pickle.dumps(touch, 4)),
        'module of torch': with_pickle(b'ctorch.hub\nload\n(S"a"\ntR.'),
        'old format': torch_bytes({'state_dict': touch}, legacy=True),
        'plain pickle': pickle.dumps({'state_dict': touch}),
        'plain pickle of protocol 0': pickle.dumps({'state_dict': touch}, 0),
        'too much memory': with_pickle(b'cbuiltins\nbytearray\n(J\xff\xff\xff\x7ftR.'),
        'tensor of any size': with_pickle(b'ctorch\nFloatTensor\n(J\xff\xff\xff\x7ftR.'),
    }


def broken() -> dict[str, tuple[bytes, str]]:
    """Name -> (file, a part of the message)."""
    whole, tensors = torch_bytes({'state_dict': STATE}), to_safetensors(STATE)
    index = index_of(STATE)
    found = {
        'empty': (b'', 'it is empty'),
        'text': (b'hello', 'neither safetensors nor a file that torch saved'),
        'git-lfs pointer': (b'version https://git-lfs.github.com/spec/v1\noid sha256:0\n', 'git lfs pull'),
        'web page': (b'\n<!DOCTYPE html><html>404</html>', 'a web page'),
        'gzip': (b'\x1f\x8b' + bytes(40), 'a packed file'),
        'old tar': (tar(), 'a tar archive'),
        'old format': (torch_bytes({'state_dict': STATE}, legacy=True), 'format of torch before version 1.6'),
        'TorchScript': (script(), 'it is TorchScript'),
        'zip of something': (rezip(whole, lambda n, d: None if n.endswith('data.pkl') else d), 'none that torch.save'),
        'zip in a zip': (with_entry('archive/weights.zip', whole), "an entry 'archive/weights.zip'"),
        'path traversal': (with_entry('../../evil.py'), 'none that torch.save wrote'),
        'path traversal below': (with_entry('archive/../../evil'), 'that torch.save does not write'),
        'absolute entry': (with_entry('/etc/evil'), 'none that torch.save wrote'),
        'two indices': (with_entry('archive/data.pkl', index), 'it has an entry twice'),
        'two archives in one': (with_entry('other/data.pkl', index), 'none that torch.save wrote'),
        'zip bomb': (rezip(torch_bytes(torch.zeros(10**6)), lambda _, d: d, zipfile.ZIP_DEFLATED), 'is compressed'),
        'changed number': (flip(whole, whole.rindex(struct.pack('<f', 7.0))), 'checksum of .*data/0 is wrong'),
        'storage too short': (rezip(whole, lambda n, d: d[:4] if n.endswith('data/0') else d), ''),
        'storage is gone': (rezip(whole, lambda n, d: None if n.endswith('data/0') else d), ''),
        'shape over the storage': (with_pickle(index.replace(b'K\x03K\x04\x86', b'K\x63K\x63\x86')), ''),
        'stretched': (torch_bytes({'w': torch.ones(1).expand(10**9)}), 'more than it holds'),
        'stretched a little': (torch_bytes({'w': torch.ones(1).expand(3)}), 'more than it holds'),
        'complex': (torch_bytes({'w': torch.ones(1, dtype=torch.complex64)}), ''),
        'sparse': (torch_bytes({'w': torch.eye(2).to_sparse()}), ''),
        'on no device': (torch_bytes({'w': torch.ones(2, device='meta')}), ''),
        'header is longer': (packed({'a': tensor()}, length=10**6), r'states 1000000 bytes, and \d+ follow'),
        'header over the limit': (packed({'a': tensor()}, length=2**62), 'over the limit of'),
        'header is no JSON': (packed(b'{"a": ['), ''),
        'header is no text': (packed(b'{"\xff\xfe": 1}'), 'header cannot be used: it is no JSON: it is no UTF-8'),
        'header is deep': (packed(b'{"a":' + b'[' * 10**5), ''),
        'header holds NaN': (packed(b'{"a": NaN}'), 'its header cannot be used: it has NaN, which is no number'),
        'a tensor twice': (packed(b'{"a":%s,"a":%s}' % ((json.dumps(tensor()).encode(),) * 2)), "the key 'a' twice"),
        'overlapping': (packed({'a': tensor(), 'b': tensor()}), "'b' start at 0, and the ones before end at 16"),
        'a hole': (packed({'a': tensor(offsets=[8, 24])}, bytes(24)), 'start at 8'),
        'past the end': (packed({'a': tensor([40], [0, 160])}), 'need 160 bytes, and 16 are there'),
        'unused bytes': (packed({'a': tensor()}, bytes(99)), 'need 16 bytes, and 99 are there'),
        'negative shape': (packed({'a': tensor([-4])}), 'a shape that is no list of sizes'),
        'negative offsets': (packed({'a': tensor(offsets=[-16, 0])}), 'offsets that are no pair'),
        'backwards': (packed({'a': tensor(offsets=[16, 0])}), 'its offsets span -16'),
        'shape and offsets differ': (packed({'a': tensor([5])}), 'needs 20 bytes by shape and dtype'),
        'shape overflows': (packed({'a': tensor([2**62, 2**62])}), 'by shape and dtype'),
        'shape of truth values': (packed({'a': tensor([True, 4])}), 'a shape that is no list'),
        'unknown dtype': (packed({'a': tensor(dtype='F5')}), "has dtype 'F5'"),
        'float8': (packed({'a': tensor([16], dtype='F8_E4M3')}), "has dtype 'F8_E4M3'"),
        'many axes': (packed({'a': tensor([1] * 200 + [4])}), 'a shape that is no list'),
        'unknown field': (packed({'a': {**tensor(), 'code': 'x'}}), 'not described by dtype'),
        'metadata are no text': (packed({'a': tensor(), '__metadata__': {'usmm': 1}}), 'metadata are no texts'),
        'metadata that are deep': (packed({'a': tensor(), '__metadata__': {'usmm': '[' * 10**5}}), 'nested deeper'),
        'metadata of a huge number': (
            packed({'a': tensor(), '__metadata__': {'usmm': '{"seed": ' + '9' * 10**5 + '}'}}),
            'its metadata cannot be used: it has a number of 100000 characters',
        ),
        'metadata with a key twice': (
            packed({'a': tensor(), '__metadata__': {'usmm': '{"classes": [], "classes": []}'}}),
            "its metadata cannot be used: it has the key 'classes' twice",
        ),
        'metadata are no object': (packed({'a': tensor(), '__metadata__': {'usmm': '[]'}}), 'no JSON object'),
    }  # fmt: skip
    for part in (0.02, 0.3, 0.6, 0.9, 0.999):
        found[f'torch file cut at {part}'] = (whole[: int(len(whole) * part)], '')
    for part in (0.03, 0.4, 0.95):
        found[f'safetensors cut at {part}'] = (tensors[: max(9, int(len(tensors) * part))], '')
    return found


def flip(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
