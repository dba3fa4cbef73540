from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from usmm.export import OnnxModel
from usmm.export import onnx_file as limits
from usmm.export.onnx_file import read_onnx

Change = Callable[[onnx.ModelProto], Any]
SECRET = b'\x00' * 64


def outside(tensor: onnx.TensorProto, where: str = 'weights.bin') -> None:
    tensor.data_location = TensorProto.EXTERNAL
    tensor.ClearField('raw_data')
    tensor.external_data.add(key='location', value=where)


def constant(model: onnx.ModelProto) -> onnx.TensorProto:
    """A tensor that an operation holds, not the list of weights."""
    model.graph.node.append(helper.make_node('Constant', [], ['c'], value=numpy_helper.from_array(np.ones(3))))
    return model.graph.node[-1].attribute[0].t


def sparse(model: onnx.ModelProto) -> onnx.TensorProto:
    values = helper.make_tensor('s', TensorProto.FLOAT, [1], [1.0])
    found = helper.make_sparse_tensor(values, helper.make_tensor('i', TensorProto.INT64, [1], [0]), [4])
    model.graph.sparse_initializer.append(found)
    return model.graph.sparse_initializer[0].values


def loop(model: onnx.ModelProto) -> None:
    body = helper.make_graph([], 'body', [], [])
    model.graph.node.append(helper.make_node('Loop', [], [], body=body))


def prop(key: str, value: str) -> Change:
    def change(model: onnx.ModelProto) -> None:
        next(p for p in model.metadata_props if p.key == key).value = value

    return change


HOSTILE: dict[str, tuple[Change, str]] = {
    'external weights': (lambda m: outside(m.graph.initializer[0]), "tensor 'full' is in another file"),
    'absolute path': (lambda m: outside(m.graph.initializer[0], '/etc/passwd'), 'is in another file'),
    'path upwards': (lambda m: outside(m.graph.initializer[0], '../../secret'), 'is in another file'),
    'external constant': (lambda m: outside(constant(m)), 'is in another file'),
    'external sparse': (lambda m: outside(sparse(m)), "tensor 's' is in another file"),
    'location without the flag': (
        lambda m: m.graph.initializer[0].external_data.add(key='location', value='x'), 'is in another file',
    ),
    'foreign domain': (lambda m: setattr(m.graph.node[0], 'domain', 'com.microsoft'), "domain 'com.microsoft'"),
    'loop': (loop, r'branches or loops \(Loop\)'),
    'function': (lambda m: m.functions.add(name='f', domain='d'), 'functions or training steps'),
    'no operation': (lambda m: m.graph.ClearField('node'), '0 operations'),
    'no metadata': (lambda m: m.ClearField('metadata_props'), 'usmm_format=None, expected 1'),
    'later format': (prop('usmm_format', '2'), 'usmm_format=2, expected 1'),
    'no JSON': (prop('classes', '[unclosed'), "metadata 'classes' are no JSON"),
    'deep JSON': (prop('classes', '[' * 200_000), "metadata 'classes' are no JSON"),
    'one class': (prop('classes', '["malignant"]'), 'classes='),
    'classes twice': (prop('classes', '["malignant", "malignant"]'), 'classes='),
    'other positive': (prop('positive', '"SCC"'), "positive='SCC'"),
    'readers': (prop('readers', '["bus"]'), 'readers='),
    'schema': (prop('schema', '{"pictures": 1}'), 'unknown schema keys'),
    'another input': (prop('readers', '{"static": ["ue"]}'), 'expected'),
    'clinical width': (prop('schema', '{"clinical": [{"name": "age"}]}'), 'expected'),
    'batch of one': (lambda m: m.graph.input[0].type.tensor_type.shape.dim.__getitem__(0).__setattr__('dim_value', 1),
                     'batch of any size'),
    'float pixels': (lambda m: setattr(m.graph.input[0].type.tensor_type, 'elem_type', TensorProto.FLOAT), 'expected'),
    'endless pixels': (
        lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[3], 'dim_value', 2**40), 'has the shape',
    ),
    'other outputs': (lambda m: m.graph.output.pop(), 'its outputs are'),
    'unknown operation': (lambda m: setattr(m.graph.node[0], 'op_type', 'Teleport'), "it has the operation 'Teleport'"),
    'drawn numbers': (lambda m: setattr(m.graph.node[0], 'op_type', 'RandomNormalLike'), "'RandomNormalLike'"),
    'a wrong operation': (lambda m: setattr(m.graph.node[0], 'op_type', 'Einsum'), 'onnxruntime cannot run it'),
}  # fmt: skip


@pytest.mark.parametrize('name', HOSTILE)
def test_hostile_files_are_refused(name: str, saved: Callable[..., Path], tmp_path: Path) -> None:
    change, message = HOSTILE[name]
    (tmp_path / 'weights.bin').write_bytes(SECRET)
    path = saved(change)
    with pytest.raises(ValueError, match=message) as caught:
        OnnxModel(path)
    assert str(caught.value).startswith(f'{path} is no exported model that can be run safely: ')
    assert '\n' not in str(caught.value)


def test_the_file_that_they_are_changed_from_is_taken(saved: Callable[..., Path]) -> None:
    content, model, meta = read_onnx(saved())
    assert onnx.load_from_string(content) == model
    assert meta['classes'] == ['benign', 'malignant'] and meta['usmm_version'] == '1.0'


@pytest.mark.parametrize('content', [b'\x80\x04garbage' * 40, b'<!doctype html>', b'version https://git-lfs'])
def test_what_is_no_onnx_file(content: bytes, tmp_path: Path) -> None:
    (tmp_path / 'a.onnx').write_bytes(content)
    with pytest.raises(ValueError, match=r'it is damaged, or no ONNX file|operations'):
        read_onnx(tmp_path / 'a.onnx')


def test_a_cut_file(saved: Callable[..., Path]) -> None:
    path = saved()
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match='it is damaged, or no ONNX file'):
        read_onnx(path)


def test_nothing_and_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='no checkpoint at'):
        read_onnx(tmp_path / 'none.onnx')
    with pytest.raises(ValueError, match='it is a folder'):
        read_onnx(tmp_path)
    os.mkfifo(tmp_path / 'pipe')
    with pytest.raises(ValueError, match='no regular file'):
        read_onnx(tmp_path / 'pipe')


def test_sizes_are_limited(saved: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved()
    size = path.stat().st_size
    with pytest.raises(ValueError, match=f'it has {size} bytes, over the limit of {size - 1}'):
        OnnxModel(path, max_bytes=size - 1)
    OnnxModel(path, max_bytes=size)
    monkeypatch.setattr(limits, 'MAX_META_BYTES', 10)
    with pytest.raises(ValueError, match='metadata are longer than 10 bytes'):
        read_onnx(path)
    monkeypatch.setattr(limits, 'MAX_NODES', 3)
    with pytest.raises(ValueError, match='12 operations; 1 to 3 are allowed'):
        read_onnx(path)


def test_metadata_are_json_of_any_language(saved: Callable[..., Path]) -> None:
    names = ['gutartig', 'bösartig']
    path = saved(meta=dict(classes=names, positive='bösartig', note={'a': [1, None]}))
    meta = OnnxModel(path).meta
    assert (meta['classes'], meta['note']) == (names, json.loads('{"a": [1, null]}'))


def test_packages_that_are_not_installed(saved: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved()
    monkeypatch.setitem(sys.modules, 'onnx', None)
    with pytest.raises(ImportError, match=r"need onnx: pip install 'usmm\[export\]'"):
        OnnxModel(path)
