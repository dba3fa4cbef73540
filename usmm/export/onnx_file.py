"""Reading an exported file: what it asks for is checked before anything of it runs."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from usmm.utils.plain_json import read_plain_json
from usmm.weights.refusal import open_regular, size_of

if TYPE_CHECKING:
    import onnx

MAX_BYTES = 2**31 - 1
"""Bytes of a file; a protobuf message cannot be longer."""

MAX_NODES = 50_000
"""Operations of a graph; MSMFN has 400."""

MAX_META_BYTES = 4 * 2**20
"""Bytes of the metadata."""

DOMAINS = ('', 'ai.onnx')
OPERATIONS = frozenset({
    'Abs', 'Add', 'And', 'ArgMax', 'ArgMin', 'AveragePool', 'BatchNormalization', 'Cast', 'CastLike', 'Ceil',
    'Celu', 'Clip', 'Concat', 'Constant', 'ConstantOfShape', 'Conv', 'ConvTranspose', 'CumSum', 'DepthToSpace',
    'Div', 'Dropout', 'Einsum', 'Elu', 'Equal', 'Erf', 'Exp', 'Expand', 'Flatten', 'Floor', 'Gather',
    'GatherElements', 'GatherND', 'Gelu', 'Gemm', 'GlobalAveragePool', 'GlobalMaxPool', 'Greater',
    'GreaterOrEqual', 'GroupNormalization', 'HardSigmoid', 'HardSwish', 'Identity', 'InstanceNormalization',
    'IsInf', 'IsNaN', 'LayerNormalization', 'LeakyRelu', 'Less', 'LessOrEqual', 'Log', 'LogSoftmax', 'MatMul',
    'Max', 'MaxPool', 'Mean', 'Min', 'Mish', 'Mod', 'Mul', 'Neg', 'Not', 'Or', 'PRelu', 'Pad', 'Pow',
    'RMSNormalization', 'Range', 'Reciprocal', 'ReduceL1', 'ReduceL2', 'ReduceLogSum', 'ReduceLogSumExp',
    'ReduceMax', 'ReduceMean', 'ReduceMin', 'ReduceProd', 'ReduceSum', 'ReduceSumSquare', 'Relu', 'Reshape',
    'Resize', 'Round', 'ScatterElements', 'ScatterND', 'Selu', 'Shape', 'Sigmoid', 'Sign', 'Size', 'Slice',
    'Softmax', 'Softplus', 'Softsign', 'SpaceToDepth', 'Split', 'Sqrt', 'Squeeze', 'Sub', 'Sum', 'Tanh',
    'ThresholdedRelu', 'Tile', 'TopK', 'Transpose', 'Trilu', 'Unsqueeze', 'Where', 'Xor',
})  # fmt: skip
"""What networks of images, clips and tables are made of. None reads a file, draws numbers or repeats a graph."""

SIZES = {
    'Reshape': (1,), 'Expand': (1,), 'Tile': (1,), 'ConstantOfShape': (0,), 'Range': (0, 1, 2), 'Slice': (1, 2, 3, 4),
    'Pad': (1,), 'Resize': (1, 2, 3), 'TopK': (1,), 'Split': (1,), 'Unsqueeze': (1,), 'Squeeze': (1,),
}  # fmt: skip
"""Operation -> its inputs that decide how large its result is."""
FORMAT = 1
PRESENT = 'present_'
OUTPUTS = ('probabilities', 'image_probabilities')


def refused(path: Path | str, why: object) -> ValueError:
    """The error of a file that is not run.

    Example:
        >>> refused('model.onnx', 'it is empty')
        ValueError('model.onnx is no exported model that can be run safely: it is empty')
    """
    lines = str(why).splitlines() or ['no reason is known']
    return ValueError(f'{path} is no exported model that can be run safely: {lines[0]}')


def check_packages(*names: str) -> None:
    """See that the packages of the extra `export` are there.

    Raises:
        ImportError: Says how they are installed.
    """
    absent = [name for name in names if importlib.util.find_spec(name) is None]
    if absent:
        raise ImportError(f"ONNX files need {', '.join(absent)}: pip install 'usmm[export]'")


def read_onnx(path: Path | str, max_bytes: int = MAX_BYTES) -> tuple[bytes, onnx.ModelProto, dict[str, Any]]:
    """The bytes of an exported file, the message in them, and its metadata; nothing but this one file is opened.

    Args:
        path: A file of `export_onnx`.
        max_bytes: Larger files are refused.

    Raises:
        ValueError: The file is missing, too large or damaged, was not exported by usmm, refers to other files, or has
            operations that are not plain ONNX.
    """
    check_packages('onnx', 'onnxruntime')
    import onnx
    from google.protobuf.message import DecodeError

    with open_regular(path) as file:
        if size_of(file) > max_bytes:
            raise refused(path, f'it has {size_of(file)} bytes, over the limit of {max_bytes}')
        content = file.read(max_bytes + 1)
    try:
        model = onnx.ModelProto.FromString(content)
    except DecodeError as error:
        raise refused(path, 'it is damaged, or no ONNX file') from error
    try:
        check_graph(model)
        meta = metadata_of(model)
    except ValueError as error:
        raise refused(path, error) from error
    return content, model, meta


def check_graph(model: onnx.ModelProto) -> None:
    """See that a graph has plain operations and all of its weights inside.

    Args:
        model: The message.

    Raises:
        ValueError: It refers to another file, has operations of other domains, functions, branches or loops, other
            operations than `OPERATIONS` or too many of them, or its sizes depend on values.
    """
    import onnx

    graph = model.graph
    if not graph.node or len(graph.node) > MAX_NODES:
        raise ValueError(f'it has {len(graph.node)} operations; 1 to {MAX_NODES} are allowed')
    if model.functions or model.training_info:
        raise ValueError('it has functions or training steps of its own')
    for node in graph.node:
        if node.domain not in DOMAINS:
            raise ValueError(f'it has the operation {node.op_type!r} of the domain {node.domain!r}')
        if any(a.HasField('g') or a.graphs for a in node.attribute):
            raise ValueError(f'it has branches or loops ({node.op_type})')
        if node.op_type not in OPERATIONS:
            raise ValueError(f'it has the operation {node.op_type!r}, which networks of usmm do not have')
    for tensor in _tensors(graph):
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            raise ValueError(f'its tensor {tensor.name!r} is in another file')
    _check_sizes(graph)


def _check_sizes(graph: onnx.GraphProto) -> None:
    """See that the sizes of results follow from the shapes of the inputs, never from their values.

    Otherwise a first run says nothing of the next one: a pixel could ask for any amount of memory.
    """
    values = {i.name for i in graph.input} - {i.name for i in graph.initializer}
    for node in graph.node:  # in the order in which they run
        for place in SIZES.get(node.op_type, ()):
            if place < len(node.input) and node.input[place] in values:
                raise ValueError(f'its operation {node.op_type!r} takes a size from the values of an input')
        if node.op_type not in ('Shape', 'Size') and values.intersection(node.input):
            values.update(node.output)


def metadata_of(model: onnx.ModelProto) -> dict[str, Any]:
    """The metadata that `export_onnx` wrote, decoded.

    Args:
        model: The message.

    Raises:
        ValueError: One is missing or is not what it should be.
    """
    found = {p.key: p.value for p in model.metadata_props}
    if sum(len(v) for v in found.values()) > MAX_META_BYTES:
        raise ValueError(f'its metadata are longer than {MAX_META_BYTES} bytes')
    if found.get('usmm_format') != str(FORMAT):
        raise ValueError(f'its metadata say usmm_format={found.get("usmm_format")}, expected {FORMAT}')
    meta: dict[str, Any] = {}
    for key, value in found.items():
        try:
            meta[key] = read_plain_json(value, MAX_META_BYTES)
        except (ValueError, RecursionError) as error:
            raise ValueError(f'its metadata {key!r} are no JSON') from error
    classes: Any = meta.get('classes')
    modalities = meta.get('modalities')
    if not _names(classes) or len(classes) < 2 or not _names(modalities) or meta.get('positive') not in classes:
        raise ValueError(f'its metadata name {classes=}, positive={meta.get("positive")!r} and {modalities=}')
    readers = meta.get('readers')
    if not isinstance(readers, dict) or not all(_names(names) for names in readers.values()):
        raise ValueError(f'its metadata name the {readers=}')
    return meta


def _names(value: object) -> bool:
    """Whether a value is a list of different names."""
    if not isinstance(value, list) or not value or not all(isinstance(v, str) and v for v in value):
        return False
    return len(set(value)) == len(value)


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Every tensor of a graph, wherever it stands."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
