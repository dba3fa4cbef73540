"""A file as `export_onnx` writes it, made by hand: without torch, and quick."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

META = {
    'usmm_version': '1.0',
    'usmm_format': 1,
    'classes': ['benign', 'malignant'],
    'positive': 'malignant',
    'modalities': ['bus', 'clip', 'clinical'],
    'readers': {'static': ['bus'], 'dynamic': ['clip']},
    'schema': {'images': {'bus': 'bus'}, 'clips': {'clip': 'clip'}, 'clinical': [{'name': 'age'}, {'name': 'size'}]},
}


def hand_made(meta: dict[str, Any] | None = None, optional: bool = True) -> onnx.ModelProto:
    """probabilities = (p, 1 - p), p = mean of bus / 255; those of the images p / 2 and 1 - p / 2.

    The other inputs are read and count for nothing.
    """
    kinds: dict[str, tuple[int, list[Any]]] = {
        'bus': (TensorProto.UINT8, ['batch', 3, 4, 4]),
        'clip': (TensorProto.UINT8, ['batch', 3, 2, 4, 4]),
        'clinical': (TensorProto.FLOAT, ['batch', 2]),
    }
    if optional:
        kinds |= {f'present_{m}': (TensorProto.BOOL, ['batch']) for m in ('bus', 'clip')}
    constants = {'full': np.float32(255), 'one': np.float32(1), 'half': np.float32(0.5), 'axes': np.array([1, 2, 3])}
    nodes = [
        helper.make_node('Cast', ['bus'], ['pixels'], to=TensorProto.FLOAT),
        helper.make_node('ReduceMean', ['pixels', 'axes'], ['mean'], keepdims=0),
        helper.make_node('Div', ['mean', 'full'], ['p']),
        helper.make_node('Mul', ['p', 'half'], ['q']),
    ]
    for name, output in (('p', 'probabilities'), ('q', 'image_probabilities')):
        nodes += [
            helper.make_node('Sub', ['one', name], [f'not_{name}']),
            helper.make_node('Unsqueeze', [name, 'last'], [f'{name}_column']),
            helper.make_node('Unsqueeze', [f'not_{name}', 'last'], [f'not_{name}_column']),
            helper.make_node('Concat', [f'{name}_column', f'not_{name}_column'], [output], axis=1),
        ]
    constants['last'] = np.array([1])
    graph = helper.make_graph(
        nodes, 'g', [helper.make_tensor_value_info(n, *kind) for n, kind in kinds.items()],
        [helper.make_tensor_value_info(o, TensorProto.FLOAT, ['batch', 2])
         for o in ('probabilities', 'image_probabilities')],
        [numpy_helper.from_array(np.asarray(v), n) for n, v in constants.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 20)], ir_version=10)
    helper.set_model_props(model, {k: json.dumps(v) for k, v in (META | (meta or {})).items()})
    return model


@pytest.fixture
def make() -> Callable[..., onnx.ModelProto]:
    return hand_made


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., Path]:
    """Write a model made by hand, changed by a function."""

    def save(change: Callable[[onnx.ModelProto], Any] | None = None, **kwargs: Any) -> Path:
        model = hand_made(**kwargs)
        if change is not None:
            change(model)
        path = tmp_path / 'made.onnx'
        path.write_bytes(model.SerializeToString())
        return path

    return save
