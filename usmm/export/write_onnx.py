"""Write a model as an ONNX file with everything inside: normalisation, both stages, classes and schema."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from usmm.export.cases import ArrayBatch
from usmm.export.onnx_file import FORMAT, MAX_BYTES, OUTPUTS, PRESENT, check_packages
from usmm.export.parity import TOLERANCE, Parity, check_parity
from usmm.export.runtime import OnnxModel
from usmm.structures import Schema, Settings
from usmm.structures.settings import CLINICAL
from usmm.utils.atomic_files import atomic_path
from usmm.version import __version__

if TYPE_CHECKING:
    import onnx
    from torch import Tensor

    from usmm.export.graph import AnyClassifier, ExportGraph

OPSET = 20
BATCH = 3  # of the example; 0 and 1 are special to the exporter

Batches = Callable[[OnnxModel], Iterable[ArrayBatch]]


def export_onnx(
    model: AnyClassifier,
    path: Path | str,
    schema: Schema | Settings,
    shapes: Mapping[str, Sequence[int]] | None = None,
    batches: Batches | None = None,
    opset: int = OPSET,
    meta: Settings | None = None,
    threads: int | None = None,
) -> Parity | None:
    """Write a model as an ONNX file, and leave it only if it gives the same as the model.

    Args:
        model: A `MultiModalClassifier` or `TableClassifier`, trained.
        path: The file; what stood there is replaced once the new one has passed.
        schema: The schema of its case table, categories settled.
        shapes: Modality -> (3, H, W) or (3, T, H, W), see `input_shapes`.
        batches: Inputs to compare the two on, made for the exported model (`random_batches`); None: not compared.
        opset: Version of ONNX's operations.
        meta: More to write into the file, plain values by name.
        threads: Threads of the comparison in onnxruntime.

    Returns:
        The comparison, or None without one.

    Raises:
        ValueError: The model is not fitted, a shape is missing, the two differ, or the file would be over 2 GiB.
    """
    path = Path(path)
    content = to_bytes(model, schema, shapes or {}, opset, meta or {})
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
        exported = OnnxModel(temporary, threads, trusted=True)
        parity = None if batches is None else check_parity(model, exported, batches(exported))
        if parity is not None and not parity.holds:
            raise ValueError(
                f'the exported model is another one, {path} is not written: largest difference of probabilities '
                f'{parity.largest:.2e} (limit {TOLERANCE:.0e}), another class in {parity.changed} of {parity.count}'
            )
    return parity


def to_bytes(
    model: AnyClassifier,
    schema: Schema | Settings,
    shapes: Mapping[str, Sequence[int]],
    opset: int,
    meta: Settings,
) -> bytes:
    """The content of the file of a model; arguments as those of `export_onnx`."""
    check_packages('onnx', 'onnxscript', 'onnxruntime')
    import onnx

    from usmm.export.graph import ExportGraph, has_image_scores

    settled = Schema.of(schema)
    graph = ExportGraph(model)
    example = example_of(graph, model, shapes, len(settled.clinical))
    outputs = OUTPUTS[: 2 if has_image_scores(model) else 1]
    proto = trace(graph, example, outputs, opset)
    strip(proto)
    facts = {
        'usmm_version': __version__,
        'usmm_format': FORMAT,
        'classes': list(model.classes),
        'positive': model.classes[model.positive],
        'modalities': list(model.modalities),
        'readers': {s: list(names) for s, names in model.readers.items()},
        'schema': asdict(settled),
    }
    written = {key: json.dumps(value, ensure_ascii=False) for key, value in {**meta, **facts}.items()}
    onnx.helper.set_model_props(proto, written)
    if proto.ByteSize() > MAX_BYTES:
        raise ValueError(f'an ONNX file with its weights inside has at most {MAX_BYTES} bytes, not {proto.ByteSize()}')
    return proto.SerializeToString()


def example_of(
    graph: ExportGraph,
    model: AnyClassifier,
    shapes: Mapping[str, Sequence[int]],
    variables: int,
) -> dict[str, Tensor]:
    """Inputs of a batch to trace a graph with.

    Raises:
        ValueError: The shape of a modality is missing, or one has a name that the file uses itself.
    """
    import torch

    given = [m for names in model.readers.values() for m in names]
    read = [m for m in given if not (m == CLINICAL and graph.reads_clinical)]  # the table has an input of its own
    wrong = [m for m in read if m in (CLINICAL, *OUTPUTS) or m.startswith(PRESENT)]
    if wrong or any(m not in shapes for m in read):
        raise ValueError(f'an export needs the shapes of {read}, none of them called as the file calls its own inputs '
                         f'and outputs; got {dict(shapes)}')  # fmt: skip
    found = {m: torch.full((BATCH, *shapes[m]), 100, dtype=torch.uint8) for m in read}
    found |= {PRESENT + m: torch.ones(BATCH, dtype=torch.bool) for m in graph.optional}
    if graph.reads_clinical:
        found[CLINICAL] = torch.zeros(BATCH, variables)
    return found


def trace(graph: ExportGraph, example: dict[str, Tensor], outputs: Sequence[str], opset: int) -> onnx.ModelProto:
    """The `onnx.ModelProto` of a graph with a batch of any size.

    Raises:
        ValueError: Some part of the model has fixed the batch size.
    """
    import torch

    batch = torch.export.Dim('batch', min=1)
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # a fused operation of attention that ONNX does not have
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter('ignore')
            program: Any = torch.onnx.export(
                graph,
                kwargs=dict(inputs=example),
                dynamo=True,
                dynamic_shapes=dict(inputs={name: {0: batch} for name in example}),
                input_names=list(example),
                output_names=list(outputs),
                opset_version=opset,
                external_data=False,
                verbose=False,
            )
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    proto = program.model_proto
    fixed = [i.name for i in proto.graph.input if i.type.tensor_type.shape.dim[0].HasField('dim_value')]
    if fixed:
        raise ValueError(f'a part of this model fixes the batch size of {fixed}: as len(x) of a tensor does')
    return proto


def strip(proto: onnx.ModelProto) -> None:
    """Take away what the exporter notes of the code that it traced: paths of this machine among it."""
    graph = proto.graph
    proto.ClearField('metadata_props')
    for part in (proto, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        part.ClearField('doc_string')
        if 'metadata_props' in part.DESCRIPTOR.fields_by_name:
            part.ClearField('metadata_props')
