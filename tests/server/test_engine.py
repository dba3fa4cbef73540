"""The engine: the numbers of a Predictor, what was blanked, outlines, and what is refused in which words."""

from __future__ import annotations

import base64
import io
import json
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from usmm.apis import Predictor
from usmm.datasets.transforms import ultrasound_region
from usmm.phantoms.generate import make_phantom
from usmm.phantoms.write_dicom import region, write_still
from usmm.readers import read_image, read_mask, read_table
from usmm.server.engine import Engine
from usmm.server.http.http_errors import RequestError
from usmm.server.server_limits import Limits

PHANTOM, BREAST = 'msmfn_small_phantom', 'msmfn_small_breast'
Request = tuple[dict[str, list[Path]], dict[str, str]]


@pytest.fixture(scope='module')
def predictors() -> dict[str, Predictor]:
    return {name: Predictor(name, device='cpu') for name in (PHANTOM, BREAST)}


def request_of(engine: Engine, model: str, row: Mapping[str, Any], root: Path) -> Request:
    """A row of a case table as a form would send it."""
    fields = engine.fields(model)
    files = {name: [root / row[name]] for name in fields.files if row.get(name)}
    return files, {name: row[name] for name in fields.values if row.get(name)}


@pytest.fixture(scope='module')
def rows(phantom: Path) -> list[dict[str, Any]]:
    return read_table(phantom / 'cases.xlsx').to_dict('records')


@pytest.fixture(scope='module')
def first(engine: Engine, phantom: Path, rows: list[dict[str, Any]]) -> Request:
    return request_of(engine, PHANTOM, rows[0], phantom)


@pytest.fixture
def breast_image(tmp_path: Path) -> Path:
    """A sector of speckle, words and a lesion, (300, 400)."""
    return picture(tmp_path / '0.png')


def picture(path: Path) -> Path:
    inside = np.zeros((300, 400), np.uint8)
    inside[40:280, 60:340] = 1
    speckle = np.clip(np.random.default_rng(0).rayleigh(45, (300, 400)), 12, 255)
    image = np.repeat((speckle * inside).astype(np.uint8)[..., None], 3, 2)
    cv2.putText(image, 'DOE^JANE 1970-01-01', (5, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (230, 230, 230), 1)
    Image.fromarray(image).save(path)
    return path


def decoded(uri: str) -> np.ndarray:
    kind, content = re.fullmatch(r'data:image/(png|jpeg);base64,(.*)', uri).groups()  # type: ignore[union-attr]
    image = Image.open(io.BytesIO(base64.b64decode(content)))
    assert image.format == kind.upper()
    return np.asarray(image)


def refused(call: Any, *args: Any) -> RequestError:
    with pytest.raises(RequestError) as error:
        call(*args)
    return error.value


def test_the_numbers_are_those_of_the_predictor(engine, predictors, phantom, rows) -> None:
    for row in rows:
        files, values = request_of(engine, PHANTOM, row, phantom)
        (expected,) = predictors[PHANTOM].predict([{**files, **values}])
        found = engine.predict(PHANTOM, files, values, False, 'stated')
        assert found['probabilities'] == dict(expected.probabilities)  # to the last bit
        assert found['stages'] == {name: dict(scores) for name, scores in expected.stages.items()}
        assert found['predicted'] == expected.predicted and found['explanation'] is None


def test_the_numbers_on_real_images(engine, predictors, real_data: Path) -> None:
    folder = real_data / 'breast_lesions_usg' / 'BrEaST-Lesions_USG-images_and_masks'
    for case in ('case001', 'case002', 'case010'):
        files = {'bus': [folder / f'{case}.png'], 'bus_mask': [folder / f'{case}_tumor.png']}
        values = {'age': '57', 'tissue': 'homogeneous: fat', 'palpable': 'yes'}
        (expected,) = predictors[BREAST].predict([{**files, **values}], explain=True)
        found = engine.predict(BREAST, files, values, True, 'stated')
        assert found['probabilities'] == dict(expected.probabilities)
        assert found['warnings'] == list(expected.warnings)
        assert found['explanation']['contributions'] == pytest.approx(dict(expected.contributions), abs=1e-9)
        picture = decoded(found['explanation']['pictures']['bus'][0])
        assert np.array_equal(picture, expected.pictures['bus'])
        assert found['values']['age'] == 57.0 and found['values']['warmth'] is None


def test_the_answer_is_plain_data_of_the_contract(engine: Engine, first: Request) -> None:
    found = engine.predict(PHANTOM, *first)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert set(found) == {
        'request', 'model', 'made', 'seconds', 'predicted', 'probabilities', 'calibrated', 'stages', 'warnings',
        'values', 'inputs', 'explanation',
    }  # fmt: skip
    assert set(found['seconds']) == {'wait', 'read', 'predict', 'total'} and len(found['request']) == 16
    assert sum(found['probabilities'].values()) == pytest.approx(1)
    assert [i['name'] for i in found['inputs']] == ['bus', 'cdfi', 'ue', 'dceus']
    explained = found['explanation']
    assert explained['class'] == found['predicted']
    total = explained['baseline'] + sum(explained['contributions'].values())
    assert total == pytest.approx(found['probabilities'][found['predicted']], abs=1e-4)
    assert len(explained['pictures']['dceus']) == len(explained['heat']['dceus']) == 10
    assert len(explained['times']['dceus']) == 10 and explained['times']['bus'] is None
    times = explained['times']['dceus']
    assert times == sorted(times) and times[-1] <= 1.5
    heat, shown = decoded(explained['heat']['bus'][0]), decoded(explained['pictures']['bus'][0])
    assert heat.shape == (*shown.shape[:2], 4) and heat[..., 3].max() == 200


def test_words_beside_the_picture_are_blanked_for_model_and_page(engine, breast_image: Path) -> None:
    box = {'bus_box': '150,100,250,200'}
    whole = engine.predict(BREAST, {'bus': [breast_image]}, box, False, 'stated')
    found = engine.predict(BREAST, {'bus': [breast_image]}, box, False, 'auto')
    assert (whole['inputs'][0]['blanked'], whole['inputs'][0]['kept']) == ('none', 1.0)
    assert found['inputs'][0]['blanked'] == 'found'
    kept = ultrasound_region(read_image(breast_image)).mean()
    assert found['inputs'][0]['kept'] == pytest.approx(kept, abs=1e-4)
    assert decoded(whole['inputs'][0]['pictures'][0])[:26].max() > 150
    assert decoded(found['inputs'][0]['pictures'][0])[:26].max() < 20
    assert decoded(engine.preview(breast_image, 'image', 'auto')['pictures'][0])[:26].max() < 20


@pytest.mark.parametrize('blank', ['auto', 'stated'])
def test_the_model_sees_what_the_page_shows(engine, breast_image: Path, blank: str) -> None:
    """Without an outline the whole picture is taken: the words are in it, or not."""
    found = engine.predict(BREAST, {'bus': [breast_image]}, {}, True, blank)
    seen = decoded(found['explanation']['pictures']['bus'][0])
    top = round(128 * 50 / 400)  # the picture is made square with zeros above
    assert (seen[top : top + 8].max() > 60) == (blank == 'stated')
    assert 'no outline of the lesion in bus: the whole picture was used' in found['warnings']


def test_stated_regions_of_dicom_files_count_in_both_modes(engine, breast_image: Path, tmp_path: Path) -> None:
    file, image = tmp_path / '0.dcm', read_image(breast_image)
    write_still(file, image, 'SECRET-ID', (0.1, 0.2), [region((60, 40, 339, 279), (0.1, 0.2))])
    for blank in ('auto', 'stated'):
        found = engine.predict(BREAST, {'bus': [file]}, {'bus_box': '150,100,250,200'}, False, blank)
        shown = found['inputs'][0]
        assert (shown['blanked'], shown['type'], shown['spacing_mm']) == ('stated', 'DICOM', [0.1, 0.2])
        assert shown['kept'] == pytest.approx(240 * 280 / (300 * 400), abs=1e-4)
        assert 'SECRET' not in json.dumps(found) and str(tmp_path) not in json.dumps(found)
        assert decoded(shown['pictures'][0])[:26].max() < 20


def test_dicom_stills_and_clips_of_all_modalities(engine, tmp_path: Path) -> None:
    root = make_phantom(tmp_path / 'ph', 1, 7, strength=2, clip_seconds=1.0, dicom=True, workers=1)
    files, values = request_of(engine, PHANTOM, read_table(root / 'cases.xlsx').to_dict('records')[0], root)
    found = engine.predict(PHANTOM, files, values, False, 'stated')
    assert [(i['name'], i['type'], i['blanked']) for i in found['inputs']] == [
        (name, 'DICOM', 'stated') for name in ('bus', 'cdfi', 'ue', 'dceus')
    ]
    assert all(0.3 < i['kept'] < 1 for i in found['inputs'])
    assert engine.predict(PHANTOM, files, values, False, 'auto')['probabilities'] == found['probabilities']
    clip = engine.preview(files['dceus'][0], 'clip', 'stated')
    assert (clip['blanked'], clip['frames'], len(clip['pictures'])) == ('stated', 22, 8) and clip['spacing_mm']


def test_a_box_stands_for_an_outline(engine, breast_image: Path, tmp_path: Path, predictors) -> None:
    mask = np.zeros((300, 400), np.uint8)
    mask[100:200, 150:260] = 255
    Image.fromarray(mask).save(tmp_path / '1.png')
    assert read_mask(tmp_path / '1.png').sum() == 11_000
    drawn = engine.predict(BREAST, {'bus': [breast_image], 'bus_mask': [tmp_path / '1.png']}, {}, False, 'stated')
    boxed = engine.predict(BREAST, {'bus': [breast_image]}, {'bus_box': '150,100,260,200'}, False, 'stated')
    bare = engine.predict(BREAST, {'bus': [breast_image]}, {}, False, 'stated')
    assert drawn['probabilities'] == boxed['probabilities'] != bare['probabilities']
    assert drawn['warnings'] == boxed['warnings'] != bare['warnings']


def test_an_implausible_request_says_which_field_it_is(engine, breast_image: Path, tmp_path: Path) -> None:
    bus = {'bus': [breast_image]}
    Image.new('L', (7, 9), 255).save(tmp_path / '2.png')
    (tmp_path / '3.png').write_bytes(b'no picture')
    for files, values, code, field, words in (
        (bus, {'age': '400'}, 'bad_value', 'age', 'age 400 year is outside the plausible range 0 to 120 year'),
        (bus, {'age': 'old'}, 'bad_value', 'age', 'is not a number'),
        (bus, {'tissue': 'soft'}, 'bad_value', 'tissue', 'is none of'),
        (bus, {'bus_box': '1,2'}, 'bad_value', 'bus_box', 'a box is four numbers'),
        (bus, {'bus_box': '0,0,900,900'}, 'bad_value', 'bus_box', 'leaves its image of 400x300'),
        (bus, {'weight': '4'}, 'bad_request', None, 'an unknown field; this model has age, breast_scar, bus_box'),
        ({'cdfi': [breast_image]}, {}, 'bad_request', None, 'an unknown field; this model has bus, bus_mask'),
        ({}, {'age': '4'}, 'missing_input', 'bus', 'this model needs B-mode'),
        ({'bus_mask': [breast_image]}, {}, 'missing_input', 'bus', 'an outline came without its image'),
        ({**bus, 'bus_mask': [tmp_path / '2.png']}, {}, 'unreadable', 'bus_mask', 'the mask is 7x9'),
        ({'bus': [tmp_path / '3.png']}, {}, 'unreadable', 'bus', 'cannot be read as an image'),
        ({'bus': [tmp_path / 'none.png']}, {}, 'unavailable', 'bus', 'no longer on the server'),
    ):
        error = refused(engine.predict, BREAST, files, values)
        assert (error.code, error.input) == (code, field), error.message
        assert words in error.message and '.png' not in error.message and str(tmp_path) not in error.message


def test_what_is_asked_wrongly_is_refused(engine, first: Request, breast_image: Path) -> None:
    files, values = first
    assert refused(engine.predict, 'no_model', files, values).code == 'not_found'
    assert refused(engine.card, '../x').code == 'not_found'
    assert refused(engine.fields, '').code == 'not_found'
    error = refused(engine.predict, PHANTOM, files, values, True, 'all')
    assert (error.code, error.input) == ('bad_request', 'blank')
    assert refused(engine.preview, breast_image, 'mask').input == 'kind'
    two = {**files, 'dceus': files['dceus'] * 2}
    assert refused(engine.predict, PHANTOM, two, values).message == 'Contrast clip: one file of a clip, not 2'
    found = engine.predict(PHANTOM, {**files, 'ue': files['ue'] * 2}, values, False)
    assert 'ue: of 2 files one is read' in found['warnings']


def test_previews_of_files(engine: Engine, phantom: Path, breast_image: Path) -> None:
    clip = engine.preview(next((phantom / 'dceus').glob('*.mp4')), 'clip', 'stated')
    assert (clip['kind'], clip['type'], len(clip['pictures'])) == ('clip', 'MP4', 8)
    assert clip['frames'] == 33 and clip['fps'] == pytest.approx(22, abs=0.1)
    assert clip['seconds'] == pytest.approx(32 / 22, abs=0.02)
    still = engine.preview(breast_image, 'image', 'stated')
    assert (still['width'], still['height'], still['scale'], still['name']) == (400, 300, 1.0, None)
    assert decoded(still['pictures'][0]).shape == (300, 400, 3)
    assert refused(engine.preview, breast_image, 'clip').code == 'unreadable'


def test_several_threads_get_their_own_answers(engine, phantom, rows) -> None:
    requests = [request_of(engine, PHANTOM, row, phantom) for row in rows]
    expected = [engine.predict(PHANTOM, *request, False)['probabilities'] for request in requests]
    found: dict[int, Any] = {}

    def ask(i: int) -> None:
        found[i] = engine.predict(PHANTOM, *requests[i % 3], False)['probabilities']

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {i: expected[i % 3] for i in range(6)}


def test_a_model_that_fails_is_told_without_its_words(engine, first: Request, monkeypatch) -> None:
    served = engine._of(PHANTOM)

    def fail(case: Any) -> Any:
        raise ValueError('secret')

    monkeypatch.setattr(served, 'packing', [fail])
    assert refused(engine.predict, PHANTOM, *first).message == 'the model does not take what was read'
    monkeypatch.undo()
    monkeypatch.setattr(served.predictor, '_run', lambda cases: [ValueError('secret')])
    error = refused(engine.predict, PHANTOM, *first)
    assert (error.code, error.message) == ('failed', 'the model gives no answer for this case')


def test_a_server_needs_models_that_can_be_served(tmp_path: Path, monkeypatch) -> None:
    with pytest.raises(ValueError, match='a server needs one model or more'):
        Engine([], Limits())
    with pytest.raises(ValueError, match="no model 'nothing_like_it'"):
        Engine(['nothing_like_it'], Limits())
    monkeypatch.setattr('usmm.server.served.without_caches', lambda steps: [dict(type='Nowhere'), *steps])
    with pytest.raises(ValueError, match='its pipeline cannot be built in the process that reads files'):
        Engine([PHANTOM], Limits(), device='cpu')
