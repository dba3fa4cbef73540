"""Exported files that would hang, fill the memory or crash: tried out in another process first."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from usmm.export import OnnxModel, trial

Change = Callable[[onnx.ModelProto], Any]


def before(model: onnx.ModelProto, *nodes: onnx.NodeProto, **constants: np.ndarray) -> None:
    """Put operations in front of the others; the result `extra`, one number, is added to p."""
    last = next(n for n in model.graph.node if n.output[0] == 'p')
    last.output[0] = 'p0'
    place = [*model.graph.node].index(last) + 1
    for node in (helper.make_node('Add', ['p0', 'extra'], ['p']), *reversed(nodes)):
        model.graph.node.insert(place, node)
    for name, value in constants.items():
        model.graph.initializer.append(numpy_helper.from_array(value, name))


def constant_work(model: onnx.ModelProto) -> None:
    """Products of constant matrices, which onnxruntime computes while it reads the file."""
    names = ['full_matrix', *(f'm{i}' for i in range(2000))]
    nodes = [
        helper.make_node('ConstantOfShape', ['size'], ['full_matrix']),
        *(helper.make_node('MatMul', [names[i], 'full_matrix'], [names[i + 1]]) for i in range(2000)),
        helper.make_node('ReduceMax', [names[-1]], ['extra'], keepdims=0),
    ]
    before(model, *nodes, size=np.array([1500, 1500]))


def constant_memory(model: onnx.ModelProto) -> None:
    nodes = [
        helper.make_node('ConstantOfShape', ['size'], ['all']),
        helper.make_node('ReduceMax', ['all'], ['extra'], keepdims=0),
    ]
    before(model, *nodes, size=np.array([2**20, 2**20]))


def memory_of_a_batch(model: onnx.ModelProto) -> None:
    """Little for one case, over a terabyte for three."""
    nodes = [
        helper.make_node('Shape', ['mean'], ['cases']),
        helper.make_node('Sub', ['cases', 'unit'], ['others']),
        helper.make_node('Mul', ['others', 'many'], ['size']),
        helper.make_node('Add', ['size', 'unit'], ['size1']),
        helper.make_node('ConstantOfShape', ['size1'], ['all']),
        helper.make_node('ReduceMax', ['all'], ['extra'], keepdims=0),
    ]
    before(model, *nodes, many=np.array([2**38]), unit=np.array([1]))


def size_of_values(model: onnx.ModelProto) -> None:
    nodes = [
        helper.make_node('ReduceMax', ['pixels'], ['largest'], keepdims=0),
        helper.make_node('Cast', ['largest'], ['whole'], to=TensorProto.INT64),
        helper.make_node('Unsqueeze', ['whole', 'first'], ['size']),
        helper.make_node('ConstantOfShape', ['size'], ['all']),
        helper.make_node('ReduceMax', ['all'], ['extra'], keepdims=0),
    ]
    before(model, *nodes, first=np.array([0]))


LIMITED = pytest.mark.skipif(sys.platform == 'win32', reason='Windows has no limits of a process')


@LIMITED
@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (constant_work, 'ended with signal .* processor time, or more memory than its weights explain'),
        (constant_memory, 'onnxruntime cannot run it|ended with signal'),
        (memory_of_a_batch, 'onnxruntime cannot run it|ended with signal'),
        (size_of_values, "its operation 'ConstantOfShape' takes a size from the values of an input"),
    ],
)
def test_time_and_memory_are_bounded(
    change: Change, message: str, saved: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, 'SECONDS', 3)
    path = saved(change)
    with pytest.raises(ValueError, match=rf'^{path} is no exported model that can be run safely: .*({message})'):
        OnnxModel(path)


def test_a_process_that_answers_nothing(saved: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, 'WALL_SECONDS', 0.0)
    with pytest.raises(ValueError, match='reading and running it took more than 0 s'):
        OnnxModel(saved())


@pytest.mark.parametrize(
    ('program', 'message'),
    [
        ('import os; os._exit(3)', 'the process that reads and runs it ended with 3'),
        (f'import os; os.kill(os.getpid(), {int(signal.SIGSEGV)})', 'ended with signal 11'),
        ('print("it is odd"); raise SystemExit(1)', 'it is odd'),
    ],
)
def test_a_process_that_dies(
    program: str, message: str, saved: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / 'program.py').write_text(program)
    monkeypatch.setattr(trial, '__file__', str(tmp_path / 'program.py'))
    path = saved()
    with pytest.raises(ValueError, match=message):
        OnnxModel(path)
    assert OnnxModel(path, trusted=True).classes == ('benign', 'malignant')


def test_nothing_of_the_folder_is_imported(
    saved: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / 'here'
    here.mkdir()
    for name in ('onnxruntime', 'numpy', 'json'):
        (here / f'{name}.py').write_text('open("hacked", "w").close()')
    monkeypatch.chdir(here)
    assert OnnxModel(saved()).modalities == ('bus', 'clip', 'clinical')
    assert not os.path.lexists('hacked')


def at_the_end(model: onnx.ModelProto, *operations: str, **constants: np.ndarray) -> None:
    """Put operations behind the probabilities; `x` is what they were, the result takes their name."""
    last = next(n for n in model.graph.node if n.output[0] == 'probabilities')
    last.output[0] = 'x'
    for text in operations:
        operation, *inputs, output = text.split()
        keep = {'keepdims': 1} if operation == 'ReduceMean' else {}
        model.graph.node.append(helper.make_node(operation, inputs, [output], **keep))
    for name, value in constants.items():
        model.graph.initializer.append(numpy_helper.from_array(value, name))


ANSWERS: dict[str, tuple[Change, str]] = {
    'twice as much': (lambda m: at_the_end(m, 'Add x x probabilities'), 'its answers are not probabilities'),
    'below zero': (lambda m: at_the_end(m, 'Neg x probabilities'), 'its answers are not probabilities'),
    'of the batch': (
        lambda m: at_the_end(
            m, 'ReduceMean x rows mean_of_batch', 'Add x mean_of_batch both', 'Mul both half probabilities',
            rows=np.array([0]),
        ),
        'its answer to a case depends on the other cases of the batch',
    ),
    'one of two': (
        lambda m: at_the_end(m, 'Slice x from to columns probabilities', **{'from': np.array([0])}, to=np.array([1]),
                             columns=np.array([1])),
        r'of 1 cases its answer has the shape \(1, 1\), not \(1, 2\)',
    ),
}  # fmt: skip


@pytest.mark.parametrize('name', ANSWERS)
def test_answers_that_are_no_probabilities_of_a_case_are_refused(name: str, saved: Callable[..., Path]) -> None:
    change, message = ANSWERS[name]
    with pytest.raises(ValueError, match=f'is no exported model that can be run safely: {message}'):
        OnnxModel(saved(change))


def test_answers_that_turn_wrong_later_are_refused(saved: Callable[..., Path]) -> None:
    """One that is right for the cases of the trial: it is looked at again in every batch."""
    model = OnnxModel(saved(lambda m: at_the_end(m, 'Add x x probabilities')), trusted=True)
    inputs = {'bus': np.full((1, 3, 4, 4), 51, np.uint8), 'clip': np.zeros((1, 3, 2, 4, 4), np.uint8)}
    with pytest.raises(ValueError, match=r'answers with numbers that are no probabilities, such as \[0.4, 1.6\]'):
        model.predict(inputs, np.zeros((1, 2), np.float32))
