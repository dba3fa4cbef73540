"""The page in a browser, against a real server and real models."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from usmm.phantoms import make_phantom

Visit = Callable[..., Any]
MODALITIES = {'bus': 'png', 'cdfi': 'png', 'ue': 'png', 'dceus': 'mp4'}
VALUES = {'age': '63', 'td': '16.3', 'ld': '21,6', 'gender': 'F', 'node_side': 'right', 'neck_level': 'IV'}


@pytest.fixture(scope='module')
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two synthetic patients."""
    root = tmp_path_factory.mktemp('page') / 'phantom'
    return make_phantom(root, cases=2, strength=2.0, clip_seconds=6.0, fps=11.0, workers=1)


@pytest.fixture(scope='module')
def predictor() -> Any:
    """The model without a server."""
    from usmm.apis import Predictor

    return Predictor('msmfn_small_phantom', device='cpu')


@pytest.fixture
def still(tmp_path: Path) -> Path:
    """A small picture with a grey disc, under a name that nobody else may see."""
    rows, columns = np.mgrid[:120, :160]
    grey = np.where((rows - 60) ** 2 + (columns - 80) ** 2 < 900, 60, 150).astype(np.uint8)
    path = tmp_path / 'Mustermann_Erika_1961-02-03.png'
    Image.fromarray(grey).save(path)
    return path


def case_files(root: Path, case: str) -> dict[str, str]:
    return {name: str(root / name / f'{case}.{suffix}') for name, suffix in MODALITIES.items()}


def upload(page: Any, name: str, *paths: str | Path) -> None:
    page.locator(f'[data-input={name}] + input[type=file]').set_input_files([str(path) for path in paths])


def give(page: Any, files: dict[str, str]) -> None:
    """Choose the files and wait until all are read."""
    for name, path in files.items():
        upload(page, name, path)
    page.locator('#inputs .preview').nth(len(files) - 1).wait_for()


def shown(page: Any, scores: str = 'final') -> list[float]:
    """Probabilities as the page has them, in the order of the classes."""
    page.wait_for_selector('#result-heading')
    return [float(item.get_attribute('value')) for item in page.locator(f'[data-scores={scores}] data').all()]


def wide(page: Any) -> int:
    return int(page.evaluate('document.scrollingElement.scrollWidth'))


def focused(page: Any) -> Any:
    return page.locator(':focus')


def test_four_modalities_and_clinical_values(visit: Visit, phantom: Path, predictor: Any) -> None:
    watched = visit(color_scheme='dark')
    page = watched.page
    assert 'one of these sets: (' in page.inner_text('#missing')
    page.check('#blank')  # as the model without a server, which blanks nothing
    files = case_files(phantom, 'C0001')
    give(page, files)
    page.fill('[data-input=age]', VALUES['age'])
    page.fill('[data-input=td]', VALUES['td'])
    page.fill('[data-input=ld]', VALUES['ld'])
    for name in ('gender', 'node_side', 'neck_level'):
        page.select_option(f'[data-input={name}]', VALUES[name])
    page.click('#send')
    found = shown(page)
    (expected,) = predictor.predict([{**files, **VALUES, 'ld': 21.6}])
    assert expected.ok, expected.error
    assert found == pytest.approx(list(expected.probabilities.values()), abs=1e-5)
    assert shown(page, 'image') == pytest.approx(list(expected.stages['image'].values()), abs=1e-5)
    sentence = page.inner_text('.sentence')
    assert expected.predicted in sentence and 'In testing its AUC was 0.976' in sentence
    assert page.inner_text('.report .research').startswith('Research use only')
    assert page.locator('.map').count() == 4 and page.locator('.map .heat').count() >= 1
    assert page.locator('.map[data-map=dceus] .play').count() == 1
    assert page.inner_text('.facts.values').split('\n')[:2] == ['Age', '63 year']
    assert '21.6 mm' in page.inner_text('.facts.values')

    page.set_viewport_size({'width': 360, 'height': 740})
    assert wide(page) <= 360
    page.locator('.opacity').fill('0')
    assert page.locator('.map .heat').first.evaluate('e => getComputedStyle(e).opacity') == '0'
    page.emulate_media(media='print')
    assert not page.is_visible('#patient button') and page.is_visible('.sentence') and page.is_visible('.banner')
    page.emulate_media(media='screen')
    assert not page.is_visible('.stale')
    page.select_option('[data-input=gender]', 'M')
    assert page.is_visible('.stale')
    page.click('#reset')
    assert page.locator('#inputs .upload').count() == 0 and page.locator('#result-heading').count() == 0
    assert [page.input_value(f'[data-input={name}]') for name in VALUES] == [''] * 6
    assert not page.is_checked('#blank')


def test_two_users_at_once_get_their_own_results(visit: Visit, phantom: Path, predictor: Any) -> None:
    pages, cases = [visit().page for _ in range(2)], ['C0001', 'C0002']
    names = ('bus', 'cdfi', 'ue')
    for page, case in zip(pages, cases, strict=True):
        page.check('#blank')
        page.uncheck('#explain')
        give(page, {name: path for name, path in case_files(phantom, case).items() if name in names})
    for page in pages:
        page.click('#send')
    found = [shown(page) for page in pages]
    records = [{m: path for m, path in case_files(phantom, case).items() if m in names} for case in cases]
    expected = [list(one.probabilities.values()) for one in predictor.predict(records)]
    assert abs(expected[0][0] - expected[1][0]) > 1e-3
    assert found == [pytest.approx(one, abs=1e-5) for one in expected]


def test_by_keyboard_alone(visit: Visit, still: Path) -> None:
    watched = visit()
    page = watched.page
    page.on('filechooser', lambda _: None)  # from now on: else the first dialog may open before playwright listens
    press = page.keyboard.press

    def tab_to(selector: str) -> None:
        for _ in range(60):
            press('Tab')
            if page.evaluate('s => document.activeElement.matches(s)', selector):
                return
        pytest.fail(f'{selector} is not reached')

    press('Tab')
    assert focused(page).inner_text() == 'Skip to the main part'
    press('Enter')
    tab_to('#model')
    press('ArrowDown')
    assert page.input_value('#model') == 'msmfn_small_breast'
    tab_to('[data-input=bus]')
    with page.expect_file_chooser() as chooser:
        press('Enter')
    chooser.value.set_files(str(still))
    page.locator('#inputs .preview').wait_for()
    tab_to('[data-input=age]')
    page.keyboard.type('54')
    tab_to('#send')
    press('Enter')
    page.wait_for_selector('#result-heading')
    assert focused(page).get_attribute('id') == 'result-heading'
    assert watched.sent == [
        ['kind', 'image'], ['blank', 'auto'], ['file', 'a file called file'],
        ['explain', 'true'], ['blank', 'auto'], ['age', '54'], ['bus', 'a file called file'],
    ]  # fmt: skip


def test_missing_input_and_value_out_of_range(visit: Visit, still: Path) -> None:
    watched = visit()
    page = watched.page
    page.select_option('#model', 'msmfn_small_breast')
    page.click('#send')
    assert focused(page).get_attribute('data-input') == 'bus'
    assert 'This is needed' in page.inner_text('.input .files > .error')
    give(page, {'bus': str(still)})
    assert not page.is_visible('.input .files > .error')
    page.fill('[data-input=age]', '300')
    page.click('#send')
    assert focused(page).get_attribute('data-input') == 'age'
    assert focused(page).get_attribute('aria-invalid') == 'true'
    assert 'Age must lie between 0 and 120 year.' in page.inner_text('#values')
    for text, words in [('1,234', 'without a thousands separator'), ('5o', 'a number is expected')]:
        page.fill('[data-input=age]', text)
        page.click('#send')
        assert words in page.inner_text('#values')
    assert watched.asked('/predictions') == 0


def test_wrong_type_is_told_beside_its_field(visit: Visit, tmp_path: Path) -> None:
    watched = visit()
    watched.statuses |= {415}
    page = watched.page
    (tmp_path / 'scan.png').write_bytes(b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')
    upload(page, 'cdfi', tmp_path / 'scan.png')
    error = page.locator('.input').nth(1).locator('.upload .error')
    error.wait_for()
    assert error.inner_text().startswith('This kind of file cannot be read.')
    upload(page, 'bus', tmp_path / 'scan.png')
    page.locator('.input').nth(0).locator('.upload .error').wait_for()
    page.get_by_role('button', name='Remove scan.png').first.click()
    assert page.locator('.upload').count() == 1
    assert focused(page).get_attribute('data-input') == 'bus'


def test_sign_in_and_a_file_that_is_too_large(visit: Visit, token: str, tmp_path: Path, still: Path) -> None:
    watched = visit(signed_in=False)
    watched.statuses |= {413}
    page = watched.page
    page.get_by_role('button', name='Sign in').wait_for()
    page.fill('#token', 'not the right one')
    page.keyboard.press('Enter')
    page.get_by_text('This token is not right.').wait_for()
    page.fill('#token', token)
    page.keyboard.press('Enter')
    page.wait_for_selector('#work')
    (tmp_path / 'large.png').write_bytes(b'\x89PNG\r\n\x1a\n' + bytes(2_000_000))
    upload(page, 'dceus', tmp_path / 'large.png')
    error = page.locator('.upload .error')
    error.wait_for()
    assert error.inner_text().startswith('This is too large for the server.')
    upload(page, 'bus', still)
    page.locator('#inputs .preview').wait_for()
    assert page.evaluate('document.cookie') == ''  # scripts cannot read the session
    page.click('#sign-out')
    page.wait_for_selector('#token')


def test_a_box_is_drawn_or_typed(visit: Visit, still: Path) -> None:
    watched = visit()
    page = watched.page
    give(page, {'bus': str(still)})
    page.get_by_text('Box around the lesion').click()
    page.get_by_role('button', name='Draw a box').click()
    page.locator('.stage').scroll_into_view_if_needed()
    place = page.locator('.stage').bounding_box()
    scale = place['width'] / 160
    page.mouse.move(place['x'] + 50 * scale, place['y'] + 30 * scale)
    page.mouse.down()
    page.mouse.move(place['x'] + 90 * scale, place['y'] + 60 * scale)
    page.mouse.move(place['x'] + 110 * scale, place['y'] + 90 * scale)
    page.mouse.up()
    typed = [int(field.input_value()) for field in page.locator('.pixel').all()]
    assert typed == pytest.approx([50, 30, 110, 90], abs=1)
    assert page.locator('.box').is_visible()
    for name in ('cdfi', 'ue'):
        upload(page, name, still)
    page.locator('#inputs .preview').nth(2).wait_for()
    page.locator('.pixel').nth(2).fill('400')  # the picture is 160 wide
    page.click('#send')
    assert 'inside the picture (160 x 120 pixels)' in page.inner_text('.outline')
    page.locator('.pixel').nth(2).fill('111')
    page.uncheck('#explain')
    page.click('#send')
    page.wait_for_selector('#result-heading')
    (box,) = [value for name, value in watched.sent if name == 'bus_box']
    assert [int(side) for side in box.split(',')] == [*typed[:2], 111, typed[3]]
    assert 'no outline of the lesion in cdfi, ue' in page.inner_text('.warnings')  # bus has one


def test_a_table_of_patients(visit: Visit, still: Path, tmp_path: Path) -> None:
    watched = visit()
    page = watched.page
    page.select_option('#model', 'msmfn_small_breast')
    page.click('#batch-send')
    assert page.inner_text('#batch-table-error') == 'Choose a table first.'
    (tmp_path / 'a.png').write_bytes(still.read_bytes())
    (tmp_path / 'cases.csv').write_text('case_id,bus,age\n<img src=x onerror=alert(1)>,a.png,54\nB2,absent.png,61\n')
    upload(page, 'table', tmp_path / 'cases.csv')
    upload(page, 'files', tmp_path / 'a.png')
    page.click('#batch-send')
    page.get_by_text('2 rows were answered.').wait_for()
    assert page.locator('#batch-result tbody th').all_inner_texts() == ['<img src=x onerror=alert(1)>', 'B2']
    assert page.locator('#batch-result img').count() == 0
    with page.expect_download() as download:
        page.get_by_text('Download as CSV').click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text(encoding='utf-8-sig'))))
    assert [row['case_id'] for row in rows] == ['<img src=x onerror=alert(1)>', 'B2']
    assert float(rows[0]['prob_benign']) + float(rows[0]['prob_malignant']) == pytest.approx(1, abs=1e-5)
    assert rows[1]['error']


@pytest.mark.parametrize('color_scheme', ['light', 'dark'])
def test_an_empty_page_on_a_phone(visit: Visit, color_scheme: str) -> None:
    page = visit(viewport={'width': 360, 'height': 740}, color_scheme=color_scheme).page
    page.get_by_text('About this model').click()
    assert wide(page) <= 360
    assert page.evaluate('document.documentElement.lang') == 'en-GB'
    dark = page.evaluate('getComputedStyle(document.body).backgroundColor') == 'rgb(16, 24, 28)'
    assert dark == (color_scheme == 'dark')
    labelled = 'els => els.filter(e => !e.labels?.length && !e.ariaLabel && !e.hidden).length'
    assert page.locator('input, select, textarea').evaluate_all(labelled) == 0
