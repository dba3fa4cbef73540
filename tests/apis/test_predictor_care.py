"""What a Predictor must not do: write, leak, lose a case, mix up threads, touch the caller's random numbers."""

from __future__ import annotations

import csv
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from usmm.apis import Prediction, Predictor, to_frame
from usmm.apis.bundle import from_config
from usmm.apis.network import build_network
from usmm.config import load_config
from usmm.engine import Experiment, RunOptions, read_predictions


@pytest.fixture
def rows(tiny_data: Path) -> list[dict[str, Any]]:
    """The rows of the tiny table, paths absolute."""
    table = csv.DictReader((tiny_data / 'cases.csv').open(newline=''))
    return [{**row, **{m: str(tiny_data / row[m]) for m in ('bus', 'ue', 'clip')}} for row in table]


def scores(found: Prediction) -> list[float]:
    assert found.error is None, found.error
    return [found.probabilities[name] for name in ('ADC', 'SCC')]


def test_nothing_is_written(predictor, rows, run, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(p for p in run.rglob('*'))
    assert predictor.predict(rows[:1], explain=True)[0].ok
    assert sorted(p for p in run.rglob('*')) == before and list(tmp_path.iterdir()) == []


def test_caches_of_the_pipeline_are_off(run, predictor: Predictor, rows, tmp_path) -> None:
    text = (run / 'config.py').read_text()
    text += f"""
test_pipeline = [
    dict(type='Cached', cache_dir='{tmp_path / 'cache'}', memory=True, transforms=[
        dict(type='LoadImage'), dict(type='LoadClip', modalities=('clip',)), dict(type='Resize', size=32)]),
    dict(type='PackCase', clinical='${{schema.clinical}}')]
"""
    (tmp_path / 'cached.py').write_text(text)
    cached = Predictor((tmp_path / 'cached.py', run / 'model.pth'), device='cpu')
    expected = scores(predictor.predict(rows[0])[0])
    np.testing.assert_allclose(scores(cached.predict(rows[0])[0]), expected, rtol=0, atol=1e-6)
    assert not (tmp_path / 'cache').exists() and cached.pipeline[0]._held == {}


def test_several_threads_get_their_own_answers(predictor, rows) -> None:
    expected = {row['case_id']: scores(predictor.predict(row)[0]) for row in rows[:4]}
    found: dict[str, list[float]] = {}

    def ask(row: dict[str, Any]) -> None:
        found[row['case_id']] = scores(predictor.predict(row)[0])

    threads = [threading.Thread(target=ask, args=(row,)) for row in rows[:4]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {k: pytest.approx(v, abs=1e-6) for k, v in expected.items()} == found


def test_random_numbers_of_the_caller_stay(run) -> None:
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    Predictor(run, device='cpu')
    assert torch.equal(torch.rand(1), expected)


def test_a_score_that_is_not_finite_is_an_error(predictor, rows, monkeypatch) -> None:
    bad = [dict(scores=np.array([np.nan, 1.0]), image_scores=None)]
    monkeypatch.setattr(predictor, '_run', lambda cases: bad)
    assert predictor.predict(rows[:1])[0].error == 'the model gives no finite score for this case'


def test_a_model_that_fails_is_told_case_by_case(predictor, rows, monkeypatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError('no more memory')

    monkeypatch.setattr(predictor.model, 'forward', fail)
    assert [f.error for f in predictor.predict(rows[:2])] == ['RuntimeError: no more memory'] * 2


def test_a_dicom_file_leaves_no_name_behind(predictor, rows, tmp_path) -> None:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    path = tmp_path / 'a.dcm'
    file = FileDataset(str(path), {}, file_meta=meta, preamble=b'\0' * 128)
    file.SOPClassUID, file.SOPInstanceUID = SecondaryCaptureImageStorage, meta.MediaStorageSOPInstanceUID
    file.PatientName, file.PatientID, file.PatientBirthDate = 'Doe^Jane', 'ID-4711', '19700102'
    pixels = np.asarray(Image.open(rows[0]['bus']))
    file.Rows, file.Columns, file.SamplesPerPixel, file.PlanarConfiguration = *pixels.shape[:2], 3, 0
    file.PhotometricInterpretation, file.BitsAllocated, file.BitsStored, file.HighBit = 'RGB', 8, 8, 7
    file.PixelRepresentation, file.PixelData = 0, pixels.tobytes()
    file.save_as(path, enforce_file_format=True)
    (found,) = predictor.predict({**rows[0], 'bus': path}, explain=True)
    np.testing.assert_allclose(scores(found), scores(predictor.predict(rows[0])[0]), rtol=0, atol=1e-6)
    path.write_bytes(path.read_bytes()[:-2000])
    (cut,) = predictor.predict({**rows[0], 'bus': path})
    assert not cut.ok
    for text in (repr(vars(found)), to_frame([found, cut]).to_csv(), repr(cut)):
        assert not any(word in text for word in ('Doe', 'Jane', '4711', '19700102'))


def test_what_a_model_takes(predictor) -> None:
    found = predictor.describe()
    assert found['streams'] == [('bus', 'ue'), ('clip',)]
    assert found['classes'] == ('ADC', 'SCC') and found['positive'] == 'SCC' and found['calibrated'] is False
    assert (found['images'], found['clips']) == (['bus', 'ue'], ['clip'])
    assert [(v.name, v.values) for v in found['clinical']] == [('age', None), ('side', ('left', 'right'))]
    assert predictor.modalities == ('bus', 'ue', 'clip', 'clinical')


def test_a_model_of_the_table_alone(write_tiny_config, tiny_data: Path, tmp_path: Path) -> None:
    config = load_config(write_tiny_config(tmp_path), {'max_epochs': 1, 'modalities': ['clinical']})
    experiment = Experiment(config, options=RunOptions(progress=False))
    experiment.train()
    expected = {r['case_id']: r['prob_SCC'] for r in read_predictions(experiment.work_dir / 'predictions.csv')}
    predictor = Predictor(experiment.work_dir, device='cpu')
    found = predictor.predict(tiny_data / 'cases.csv', explain=True)
    for one in found:
        if one.case_id in expected:
            assert one.probabilities['SCC'] == pytest.approx(expected[one.case_id], abs=1e-6)
        assert one.error is None and list(one.stages) == ['final'] and one.heat == {} and one.pictures == {}
        total = one.baseline + one.contributions['clinical']
        assert total == pytest.approx(one.probabilities[one.predicted], abs=1e-5)
    (empty,) = predictor.predict([{'case_id': 'c'}])
    assert empty.ok and empty.warnings == ('not given, so filled in by the model: age, side',)


def test_three_classes_and_their_calibration(write_tiny_config, rows, tmp_path: Path) -> None:
    options = {'modalities': ['bus', 'ue'], 'classes': ['A', 'B', 'C'], 'positive': None}
    bundle = from_config(write_tiny_config(tmp_path), None)
    settings = load_config(tmp_path / 'tiny.py', options)._cfg_dict.to_dict()
    settings['test_pipeline'][-1]['clinical'] = ()
    model = build_network(replace(bundle, settings=settings))
    temperature = {'method': 'temperature', 'temperature': 2.0}
    given = replace(bundle, settings=settings, state=model.state_dict(), meta={'calibration': temperature})
    (found,) = Predictor(given, device='cpu').predict(rows[0])
    assert found.label is None and list(found.probabilities) == ['A', 'B', 'C']
    p = np.array([*found.probabilities.values()]) ** 0.5  # a temperature of 2 takes the root, then they sum to 1 again
    assert [*found.calibrated.values()] == pytest.approx((p / p.sum()).tolist(), abs=1e-6)
    with pytest.raises(ValueError, match="'logistic' does not fit a model of 3 classes"):
        Predictor(replace(given, meta={'calibration': {'method': 'logistic', 'intercept': 0, 'slope': 1}}))


def test_an_explanation_says_what_was_not_there(predictor, rows) -> None:
    (found,) = predictor.predict([{**rows[0], 'ue': None}], explain=True)
    assert found.ok and found.heat_notes['ue'] == 'missing' and found.heat_notes['bus'] == 'not used'
    assert 'bus not used: this model reads it together with ue' in found.warnings
    alone = predictor.predict([{**rows[0], 'ue': None, 'bus': None}], explain=True)[0]
    assert list(found.contributions) == list(alone.contributions) == ['clip', 'clinical']
    assert found.contributions == pytest.approx(alone.contributions, abs=1e-6)
    assert scores(found) == pytest.approx(scores(alone), abs=1e-6)
