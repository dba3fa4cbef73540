"""The page in a browser without a server: its files from the disk under the real policy, and answers made up here."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

STATIC = Path(__file__).resolve().parents[3] / 'usmm' / 'server' / 'static'
ADDRESS = 'http://127.0.0.1:9'
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
TYPES = {'.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.json': 'application/json'}
PNG = 'data:image/png;base64,' + (
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
)
HOSTILE = '<img src=x onerror=alert(1)>{class}'
MODEL = {
    'id': 'm', 'title': 'A model', 'purpose': 'tests', 'classes': ['benign', HOSTILE], 'positive': HOSTILE,
    'inputs': [
        {'name': 'bus', 'label': 'B-mode', 'kind': 'image', 'required': True, 'outline': True},
        {'name': 'ceus', 'label': HOSTILE, 'kind': 'clip', 'required': False, 'outline': False},
    ],
    'streams': [],
    'variables': [{'name': 'afp', 'label': 'AFP', 'kind': 'number', 'unit': 'ng/mL', 'range': None, 'values': None}],
    'performance': [{'metric': 'auc', 'value': 0.8765, 'ci95': [0.8012, 0.9234]}], 'performance_note': 'Folds.',
    'limits': 'Few patients.', 'data': 'none', 'licence': 'MIT', 'calibrated': True, 'version': '1',
    'links': {'card': '/api/v1/models/m/card', 'code': 'javascript:alert(1)', 'data': 'https://example.org/data'},
}  # fmt: skip
PREVIEW = {
    'name': None, 'kind': 'image', 'type': 'PNG', 'width': 100, 'height': 80, 'frames': 1, 'seconds': None, 'fps': None,
    'spacing_mm': [0.1, 0.1], 'kept': 0.5, 'blanked': 'stated', 'scale': 1.0, 'pictures': [PNG],
}  # fmt: skip
ANSWER = {
    'request': 'r1', 'model': 'm', 'made': '2026-01-02T03:04:05Z',
    'seconds': {'wait': 0, 'read': 0.1, 'predict': 0.2, 'total': 0.3}, 'predicted': HOSTILE,
    'probabilities': {'benign': 0.2684, HOSTILE: 0.7316}, 'calibrated': {'benign': 0.39, HOSTILE: 0.61},
    'stages': {}, 'warnings': [HOSTILE], 'values': {'afp': 12.5}, 'inputs': [{**PREVIEW, 'name': 'bus'}],
    'explanation': {
        'class': HOSTILE, 'baseline': 0.4, 'contributions': {'bus': 0.3816, 'clinical': -0.05}, 'variables': {},
        'pictures': {'bus': [PNG], 'ceus': [PNG, PNG, 'https://example.org/track.png']},
        'heat': {'bus': [PNG], 'ceus': [PNG, PNG]}, 'heat_notes': {}, 'times': {'bus': None, 'ceus': [0.0, 0.5]},
    },
}  # fmt: skip


Answer = tuple[int, Any, dict[str, str]]


class Stage:
    """Answers of a server that is not there; each list gives one (status, body, headers) after the other."""

    def __init__(self) -> None:
        self.model: dict[str, Any] = copy.deepcopy(MODEL)
        self.answers: list[Answer] = []
        self.extra: dict[str, str] = {}

    def reply(self, route: Any) -> None:
        """Fulfil one request of the page."""
        path = route.request.url.removeprefix(ADDRESS).split('?')[0]
        if path.startswith('/static/') or path == '/':
            return self._file(route, path.removeprefix('/static/').removeprefix('/') or 'index.html')
        if path.endswith('/predictions'):
            status, body, headers = self.answers.pop(0) if self.answers else (200, ANSWER, {})
            if status == 0:
                return route.abort()
            return route.fulfill(
                status=status, headers=headers, body=body if isinstance(body, str) else json.dumps(body)
            )
        known = {
            '/api/v1/models': {'models': [self.model]},
            '/api/v1/version': {'usmm': '1', 'torch': '2', 'api': '1'},
            '/api/v1/preview': PREVIEW,
        }
        return route.fulfill(body=json.dumps(known[path]), content_type='application/json')

    def _file(self, route: Any, name: str) -> None:
        path = STATIC / name
        if name in self.extra:
            return route.fulfill(body=self.extra[name], content_type='application/json')
        if not path.is_file():
            return route.fulfill(status=404, body='')
        headers = {'Content-Security-Policy': POLICY, 'Content-Type': TYPES.get(path.suffix, 'image/svg+xml')}
        return route.fulfill(body=path.read_bytes(), headers=headers)


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def opened(chromium: Any, stage: Stage, spy: str) -> Any:
    """Open the page with one file chosen: `opened(path='/')`."""
    pages: list[tuple[Any, list[str], set[str]]] = []

    def open_page(path: str = '/', file: bool = True, expected: tuple[str, ...] = ()) -> Any:
        page = chromium.new_context(locale='en-GB').new_page()
        page.set_default_timeout(10_000)
        page.add_init_script(spy)
        heard: list[str] = []
        page.on('console', lambda message: heard.append(message.text) if message.type == 'error' else None)
        page.on('pageerror', lambda error: heard.append(str(error)))
        page.on('dialog', lambda dialog: heard.append(f'dialog: {dialog.message}'))
        page.on('request', lambda r: None if r.url.startswith((ADDRESS, 'data:')) else heard.append(r.url))
        page.route('**/*', stage.reply)
        page.goto(ADDRESS + path)
        page.wait_for_selector('#work')
        if file:
            chooser = page.locator('[data-input=bus] + input')
            chooser.set_input_files({'name': 'Doe_Jane.png', 'mimeType': 'image/png', 'buffer': b'0'})
            page.locator('#inputs .preview').wait_for()
        pages.append((page, heard, set(expected)))
        return page

    yield open_page
    for page, heard, expected in pages:
        assert [line for line in heard if not any(part in line for part in expected)] == []
        page.context.close()


def fault(status: int, code: str, message: str, name: str | None = None, **headers: str) -> Answer:
    return status, {'error': {'code': code, 'message': message, 'input': name}}, headers


def ask(page: Any) -> None:
    page.click('#send')
    page.wait_for_selector('#result-heading')


def test_words_of_data_stay_words(opened: Callable[..., Any]) -> None:
    page = opened()
    page.get_by_text('About this model').click()
    links = page.locator('.links a').evaluate_all('els => els.map(e => e.getAttribute("href"))')
    assert links == ['/api/v1/models/m/card', 'https://example.org/data']
    ask(page)
    assert page.locator('img[src=x]').count() == 0
    assert HOSTILE in page.inner_text('.sentence') and HOSTILE in page.inner_text('.warnings')
    assert page.locator('[data-map=ceus] input[type=range]').get_attribute('max') == '1'  # not the picture of elsewhere


def test_the_sentence_the_bars_and_the_print_out(opened: Callable[..., Any]) -> None:
    page = opened()
    page.fill('[data-input=afp]', '12,5')
    ask(page)
    assert page.inner_text('.sentence') == (
        f'The model gives 73.2% to {HOSTILE}. Calibrated on patients that it was not trained on, this is 61.0%. '
        'In testing its AUC was 0.877 (95 % interval 0.801 to 0.923). How it was tested: Folds.'
    )
    assert page.locator('.signed .number').all_inner_texts() == ['+38.2 points', '-5.0 points']
    assert page.locator('.signed .bar-label').all_inner_texts() == ['B-mode', 'Clinical values']
    widths = page.locator('.signed .bar').evaluate_all('els => els.map(e => [e.style.left, e.style.width])')
    assert [float(text.rstrip('%')) for text in widths[0]] == pytest.approx([50, 50])
    assert [float(text.rstrip('%')) for text in widths[1]] == pytest.approx(
        [50 - 50 * 0.05 / 0.3816, 50 * 0.05 / 0.3816]
    )
    assert '12.5 ng/mL' in page.inner_text('.facts.values')
    page.get_by_label('Your note for the print-out').fill('seen with Dr X\nagain')
    page.emulate_media(media='print')
    report = page.inner_text('body')
    for words in ('Research use only', 'seen with Dr X\nagain', 'A model', '2 January 2026', 'Few patients.'):
        assert words in report
    assert 'Doe_Jane' not in report
    page.emulate_media(media='screen')
    ask(page)
    sent = page.evaluate('window.sent')
    assert [value for name, value in sent if name == 'afp'] == ['12.5', '12.5']
    assert not any('seen with' in value or 'Doe_Jane' in value for _, value in sent)


@pytest.mark.parametrize(
    ('probability', 'words'),
    [(0.99996, ['< 0.1%', '> 99.9%']), (1.0, ['0.0%', '100.0%']), (0.5, ['50.0%', '50.0%'])],
)
def test_what_is_nearly_certain_is_not_called_certain(
    opened: Callable[..., Any], stage: Stage, probability: float, words: list[str]
) -> None:
    probabilities = {'benign': 1 - probability, HOSTILE: probability}
    stage.answers = [(200, {**ANSWER, 'probabilities': probabilities, 'explanation': None}, {})]
    page = opened()
    ask(page)
    assert page.locator('[data-scores=final] data').all_inner_texts() == words
    page.get_by_text('No explanation was asked for.').wait_for()


def test_a_busy_server_is_asked_again(opened: Callable[..., Any], stage: Stage) -> None:
    stage.answers = [fault(429, 'busy', 'Too many.', **{'Retry-After': '1'})]
    page = opened(expected=('429',))
    page.click('#send')
    page.get_by_text('The server is busy. Trying again in 1 second').wait_for()
    page.wait_for_selector('#result-heading')


def test_waiting_can_be_cancelled(opened: Callable[..., Any], stage: Stage) -> None:
    stage.answers = [fault(429, 'busy', 'Too many.', **{'Retry-After': '50'})]
    page = opened(expected=('429',))
    page.click('#send')
    page.get_by_text('Trying again in 50 seconds').wait_for()
    page.click('#cancel')
    page.get_by_text('Cancelled.').wait_for()
    ask(page)


@pytest.mark.parametrize(
    ('answer', 'words', 'focus'),
    [
        (fault(422, 'unreadable', 'It ends.', 'bus'), 'This file could not be read. (It ends.)', '[data-input=bus]'),
        (fault(415, 'bad_type', 'A GIF.', 'bus_mask'), 'This kind of file cannot be read.', '[data-input=bus_mask]'),
        (fault(422, 'bad_value', 'Long.', 'bus_box'), 'A value cannot be used. (Long.)', '[data-input=bus_box]'),
        (fault(422, 'bad_value', 'Too high.', 'afp'), 'A value cannot be used. (Too high.)', '[data-input=afp]'),
        (fault(413, 'too_large', 'At most 3.'), 'This is too large for the server. (At most 3.)', '#form-error'),
        (fault(500, 'failed', 'x'), 'The server could not answer. Nothing was kept; please try again.', '#form-error'),
        ((502, '<h1>proxy</h1>', {}), 'The server answered in a way', '#form-error'),
        ((200, 'no json', {}), 'The server answered in a way', '#form-error'),
        ((0, '', {}), 'The server cannot be reached', '#form-error'),
    ],
    ids=lambda value: value[:12] if isinstance(value, str) else '',
)  # fmt: skip
def test_errors_are_told_where_they_belong(
    opened: Callable[..., Any], stage: Stage, answer: Any, words: str, focus: str
) -> None:
    stage.answers = [answer]
    page = opened(expected=('status of', 'ERR_FAILED'))
    page.click('#send')
    page.get_by_text(words).first.wait_for()
    assert page.evaluate('s => document.activeElement.matches(s)', focus)
    assert page.locator(focus).is_visible()
    assert page.locator('[role=alert]').filter(has_text=words).count() == 1
    ask(page)
    assert not page.locator('#patient').get_by_text(words).first.is_visible()


def test_an_answer_to_earlier_inputs_says_so(opened: Callable[..., Any]) -> None:
    page = opened()
    ask(page)
    assert not page.is_visible('.stale')
    page.fill('[data-input=afp]', '3')
    page.get_by_text('The inputs were changed after this result.').wait_for()
    ask(page)
    assert not page.is_visible('.stale')


def test_a_picture_without_an_outline_is_told(opened: Callable[..., Any]) -> None:
    page = opened()
    assert page.inner_text('#bare') == (
        'No box or mask of the lesion is given for B-mode: the whole picture will be used.'
    )
    page.get_by_text('Box around the lesion').click()
    for field, value in zip(page.locator('.pixel').all(), ('1', '2', '30', '40'), strict=True):
        field.fill(value)
    assert not page.is_visible('#bare')
    page.get_by_role('button', name='Clear the box').click()
    assert page.is_visible('#bare')
    page.get_by_text('Mask of the lesion', exact=True).click()
    mask = {'name': 'm.png', 'mimeType': 'image/png', 'buffer': b'0'}
    page.locator('[data-input=bus_mask] + input').set_input_files(mask)
    page.locator('.mask .preview').wait_for()
    assert not page.is_visible('#bare')
    ask(page)
    assert ['bus_mask', 'a file called file'] in page.evaluate('window.sent')


def test_another_language(opened: Callable[..., Any], stage: Stage) -> None:
    stage.extra['strings.de.json'] = json.dumps({'send.button': 'Modell fragen'})
    page = opened('/?lang=de')
    assert page.inner_text('#send') == 'Modell fragen'
    assert page.inner_text('#reset') == 'New patient'  # what a translation lacks is English
    assert page.evaluate('document.documentElement.lang') == 'de'
    page.fill('[data-input=afp]', '12,5')
    ask(page)
    assert page.locator('[data-scores=final] data').first.inner_text() == '26,8\xa0%'


def test_an_unknown_language_is_english(opened: Callable[..., Any]) -> None:
    page = opened('/?lang=xx', expected=('404',))
    assert page.inner_text('#send') == 'Ask the model'
    assert opened('/?lang=../../etc', file=False).inner_text('#send') == 'Ask the model'


def test_dropping_a_file(opened: Callable[..., Any]) -> None:
    page = opened(file=False)
    drop = """(zone) => {
      const data = new DataTransfer();
      data.items.add(new File(['0'], 'dropped.png', { type: 'image/png' }));
      zone.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
    }"""
    page.locator('[data-input=bus]').evaluate(drop)
    page.locator('#inputs .preview').wait_for()
    assert page.inner_text('.file-name .name') == 'dropped.png'
    assert page.inner_text('#missing') == 'Ready.'
    page.locator('[data-input=bus]').evaluate(drop)  # a second one takes the place of the first
    assert page.locator('.upload').count() == 1
