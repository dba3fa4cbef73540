from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from usmm.export import OnnxModel, export_onnx, random_batches, write_onnx
from usmm.export.graph import ExportGraph, plain_copy
from usmm.export.write_onnx import example_of, strip, trace

spec = importlib.util.spec_from_file_location('families', Path(__file__).parents[2] / 'proofs' / 'export_families.py')
families = sys.modules.setdefault('families', importlib.util.module_from_spec(spec))
spec.loader.exec_module(families)

# Each layer takes time to export: these have all inputs, kinds of heads and classical parts between them;
# `proofs/prove.py export` compares every family.
SHORT = ('msmfn', 'three classes', 'score tree', 'table as a stream, film', 'shared, group conv', 'boosted trees')


@pytest.mark.parametrize('family', [*SHORT, 'logistic'])
def test_a_family_gives_the_same(family: str, tmp_path: Path) -> None:
    model = families.make(family)
    path = tmp_path / 'model.onnx'
    parity = export_onnx(
        model, path, families.SCHEMA, families.SHAPES, lambda m: random_batches(m, 8, batch_size=4), threads=1
    )
    assert parity.count == 8 and parity.largest <= 1e-4 and parity.changed == 0
    exported = OnnxModel(path, threads=1)
    inputs = [i.name for i in exported._session.get_inputs()]
    read = [m for names in model.readers.values() for m in names if m != 'clinical']
    assert inputs == [*read, *(f'present_{m}' for m in model.optional_modalities),
                      *(['clinical'] if 'clinical' in model.modalities else [])]  # fmt: skip
    assert (exported.classes, exported.modalities) == (model.classes, model.modalities)
    assert exported.positive == model.classes[1] and exported.schema == families.SCHEMA
    # the inputs of the comparison are not all alike: else a graph that ignores them would pass
    batches = list(random_batches(exported, 8, batch_size=7))
    found = np.concatenate([exported.predict(**b)['probabilities'] for b in batches])
    assert np.ptp(found[:, 0]) > 1e-3
    assert [p.name for p in tmp_path.iterdir()] == ['model.onnx']


def test_rows_without_a_stream_go_their_own_way(tmp_path: Path) -> None:
    # the torch model lets such rows pass no encoder at all: here the same must come out whatever stands in their pixels
    model = families.make('late fusion').eval()
    export_onnx(model, tmp_path / 'm.onnx', families.SCHEMA, families.SHAPES)
    exported = OnnxModel(tmp_path / 'm.onnx', threads=1)
    rng = np.random.default_rng(0)
    inputs = {m: rng.integers(0, 256, (4, *families.SHAPES[m]), np.uint8) for m in ('bus', 'ue')}
    present = dict(bus=np.array([True, True, False, True]), ue=np.array([True, False, True, True]))
    found = exported.predict(inputs, present=present)['probabilities']
    for row in range(4):
        data = dict(
            inputs={m: torch.from_numpy(x[[row]]) for m, x in inputs.items()},
            present={m: torch.from_numpy(p[[row]]) for m, p in present.items()},
        )
        with torch.no_grad():
            (expected,) = model(**model.data_preprocessor(data), mode='predict')
        np.testing.assert_allclose(found[row], expected['scores'], atol=1e-5)
    noise = {m: np.where(present[m][:, None, None, None], x, 255 - x) for m, x in inputs.items()}
    np.testing.assert_array_equal(exported.predict(noise, present=present)['probabilities'], found)


def test_weights_of_the_image_stage_alone(tmp_path: Path) -> None:
    model = families.make('three classes')
    model.clinical.fitted.fill_(False)
    with pytest.raises(ValueError, match='the clinical part of this model is not fitted'):
        ExportGraph(model)
    model.trainable('all but clinical')
    parity = export_onnx(
        model, tmp_path / 'm.onnx', families.SCHEMA, families.SHAPES, lambda m: random_batches(m, 3), threads=1
    )
    exported = OnnxModel(tmp_path / 'm.onnx', threads=1)
    assert parity.holds and not exported.reads_clinical and exported.modalities == ('bus', 'clinical')
    found = exported.predict(**next(random_batches(exported, 1)))
    np.testing.assert_array_equal(found['probabilities'], found['image_probabilities'])
    assert model.clinical.fitted.dtype == torch.bool  # the model itself is left as it was


def test_a_table_that_is_not_fitted() -> None:
    model = families.make('logistic')
    model.fitted.fill_(False)
    with pytest.raises(ValueError, match='is not fitted: train it before it is exported'):
        ExportGraph(model)


class Named(nn.Module):
    """As much of a model as its example asks for."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.readers = {'static': names}
        self.optional, self.reads_clinical = (), False


@pytest.mark.parametrize('names', [('bus', 'dceus'), ('probabilities',), ('present_bus',), ('clinical',)])
def test_shapes_and_names(names: tuple[str, ...]) -> None:
    shapes = {name: (3, 4, 4) for name in names if name != 'dceus'}
    with pytest.raises(ValueError, match='needs the shapes of'):
        example_of(Named(*names), Named(*names), shapes, 0)


class FixedBatch(nn.Module):
    def forward(self, inputs: dict[str, torch.Tensor]) -> tuple[torch.Tensor]:
        x = inputs['bus'].float().flatten(1)
        return (x.mean(1, keepdim=True).expand(len(x), 2),)


def test_a_part_that_fixes_the_batch_size() -> None:
    example = dict(bus=torch.zeros(3, 3, 4, 4, dtype=torch.uint8))
    with pytest.raises(ValueError, match=r"fixes the batch size of \['bus'\]"):
        trace(FixedBatch(), example, ['probabilities'], 20)
    assert torch.backends.mha.get_fastpath_enabled()


def test_a_model_that_differs_leaves_no_file(tmp_path: Path) -> None:
    model = families.make('clinical')
    path = tmp_path / 'm.onnx'

    def batches(exported: OnnxModel):
        with torch.no_grad():
            model.clinical.fc.bias += torch.tensor([0.01, 0.0])  # after the export
        return random_batches(exported, 4)

    with pytest.raises(ValueError, match=r'largest difference of probabilities 2\.\d+e-03 \(limit 1e-04\)'):
        export_onnx(model, path, families.SCHEMA, batches=batches, threads=1)
    assert list(tmp_path.iterdir()) == []


def test_weights_that_do_not_fit_into_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_onnx, 'MAX_BYTES', 1000)
    with pytest.raises(ValueError, match='has at most 1000 bytes'):
        export_onnx(families.make('logistic'), tmp_path / 'm.onnx', families.SCHEMA)
    assert list(tmp_path.iterdir()) == []


def test_what_the_exporter_notes_is_taken_away(make) -> None:
    model = make()
    clean = model.SerializeToString()
    model.doc_string = 'somebody'
    for part in (model.graph, model.graph.node[0], model.graph.input[0], model.graph.initializer[0]):
        part.doc_string = 'somewhere'
        part.metadata_props.add(key='pkg.torch.onnx.stack_trace', value='/home/somebody/model.py')
    strip(model)
    assert b'some' not in model.SerializeToString()
    expected = onnx.load_from_string(clean)
    expected.ClearField('metadata_props')
    assert model == expected


def test_a_copy_has_numbers_in_place_of_single_buffers() -> None:
    model = families.make('boosting')
    copied = plain_copy(model)
    assert copied.fitted is True and copied.estimator.depth == int(model.estimator.depth) > 0
    assert isinstance(model.fitted, torch.Tensor)
