"""Exported models behind the Predictor: the same answers as the network's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from usmm.apis import Predictor
from usmm.apis.exported import ExportedNetwork
from usmm.cli import main as cli

pytest.importorskip('onnxruntime')


@pytest.fixture(scope='module')
def exported(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny run as an .onnx file, as `usmm export` writes it."""
    out = tmp_path_factory.mktemp('exported') / 'tiny.onnx'
    assert cli.main(['export', str(run), '--out', str(out), '--parity', '4', '--shape', 'clip=6x32x32']) == 0
    return out


def test_a_table_gets_the_same_answers(exported: Path, predictor: Predictor, tiny_data: Path) -> None:
    table = tiny_data / 'cases.csv'
    ours, theirs = Predictor(exported).predict(table, batch_size=4), predictor.predict(table, batch_size=4)
    assert [p.case_id for p in ours] == [p.case_id for p in theirs] and len(ours) == 19
    for one, other in zip(ours, theirs, strict=True):
        assert one.error is None and other.error is None
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-4)
        assert one.stages['image'] == pytest.approx(other.stages['image'], abs=1e-4)
        assert one.predicted == other.predicted


def test_it_says_what_the_network_says_of_itself(exported: Path, predictor: Predictor) -> None:
    found, expected = Predictor(exported).describe(), predictor.describe()
    assert {k: v for k, v in found.items() if k != 'source'} == {k: v for k, v in expected.items() if k != 'source'}


def test_missing_modalities_are_treated_alike(exported: Path, predictor: Predictor, tiny_data: Path) -> None:
    record = dict(case_id='x', clip=str(tiny_data / '3.avi'), age=50, side='left')
    for case in (record, {**record, 'clip': None}):
        (one,), (other,) = Predictor(exported).predict(case), predictor.predict(case)
        assert (one.error is None) == (other.error is None) and one.error == other.error
        if other.error is None:
            assert one.probabilities == pytest.approx(other.probabilities, abs=1e-4)


def test_there_are_no_heat_maps(exported: Path, tiny_data: Path) -> None:
    (found,) = Predictor(exported).predict([_first(tiny_data)], explain=True)
    assert found.error is None and 'not explained: an exported model has no heat-maps' in found.warnings


def test_it_runs_on_the_cpu(exported: Path) -> None:
    with pytest.raises(ValueError, match='an exported model runs on the CPU, not on cuda'):
        Predictor(exported, device='cuda')


@pytest.mark.parametrize('key', ['classes', 'schema'])
def test_a_file_that_contradicts_itself_is_refused(key: str, exported: Path, tmp_path: Path) -> None:
    """Its own statement in another order than the one in its settings."""
    import onnx

    model = onnx.load(exported)
    (stated,) = [item for item in model.metadata_props if item.key == key]
    value = json.loads(stated.value)
    if key == 'classes':
        value.reverse()
    else:
        value['clinical'].reverse()
    stated.value = json.dumps(value)
    onnx.save(model, tmp_path / 'm.onnx')
    with pytest.raises(ValueError, match=r'm\.onnx contradicts itself: its metadata, compared with its settings'):
        Predictor(tmp_path / 'm.onnx')


def test_a_file_without_settings_is_refused(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from usmm.apis import exported as room

    class Bare(room.OnnxModel):
        def __init__(self, path: Path) -> None:
            super().__init__(path)
            self.meta = {**self.meta, 'settings': {'schema': {}}}

    monkeypatch.setattr(room, 'OnnxModel', Bare)
    with pytest.raises(ValueError, match=r"lacks the settings \['test_pipeline', 'batch_size'\]"):
        Predictor(exported)


def test_no_probabilities_is_an_error() -> None:
    class Empty:
        classes, modalities, readers, positive, optional = ('a', 'b'), (), {}, 'b', ()
        path = Path('empty.onnx')

        def predict(self, *_: object) -> dict[str, None]:
            return {'probabilities': None, 'image_probabilities': None}

    with pytest.raises(ValueError, match=r'empty\.onnx gave no probabilities'):
        ExportedNetwork(Empty())({}, {}, None, [], 'predict')  # type: ignore[arg-type]


def _first(folder: Path) -> dict[str, object]:
    import csv

    row: dict[str, object] = dict(next(csv.DictReader((folder / 'cases.csv').open())))
    return row | {name: str(folder / str(row[name])) for name in ('bus', 'ue', 'clip')}


def test_the_file_says_what_it_was_made_of(exported: Path) -> None:
    assert json.dumps(Predictor(exported).bundle.settings['schema'])
