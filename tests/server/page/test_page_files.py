"""The files of the page, read as text: words in one place, nothing inline, nothing that turns data into markup."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

STATIC = Path(__file__).resolve().parents[3] / 'usmm' / 'server' / 'static'
PAGE = sorted(path for path in STATIC.glob('*.js') if path.name != 'login.js')
SCRIPTS = sorted(STATIC.glob('*.js'))
DOCUMENTS = sorted(STATIC.glob('*.html'))
DANGEROUS = (
    r'innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|\beval\b|new Function|srcdoc'
)


def used(scripts: list[Path], document: Path, areas: set[str]) -> set[str]:
    """Keys of the strings that scripts and a document name: literals `'area.word'` and data-text."""
    literal = re.compile(rf"""['"]((?:{'|'.join(areas)})\.[a-z_0-9]+)['"]""")
    found = {key for path in scripts for key in literal.findall(path.read_text())}
    return found | set(re.findall(r'data-text="([^"]+)"', document.read_text()))


@pytest.mark.parametrize(
    ('strings', 'scripts', 'document'),
    [
        ('strings.en.json', PAGE, 'index.html'),
        ('login.en.json', [STATIC / 'login.js'], 'login.html'),
    ],
)
def test_every_key_is_used_and_every_used_key_exists(strings: str, scripts: list[Path], document: str) -> None:
    words = json.loads((STATIC / strings).read_text())
    assert used(scripts, STATIC / document, {key.split('.')[0] for key in words}) == set(words)


def test_plural_forms_and_texts_are_filled() -> None:
    for key, words in json.loads((STATIC / 'strings.en.json').read_text()).items():
        forms = words.values() if isinstance(words, dict) else [words]
        assert all(isinstance(form, str) and form.strip() for form in forms), key
        if isinstance(words, dict):
            assert set(words) == {'one', 'other'}, key
            assert all('{count}' in form for form in forms), key


@pytest.mark.parametrize('path', SCRIPTS, ids=lambda path: path.name)
def test_scripts_never_turn_data_into_markup(path: Path) -> None:
    assert not re.search(DANGEROUS, path.read_text())


@pytest.mark.parametrize('path', SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_short_and_import_only_local_files_that_exist(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 300
    for name in re.findall(r"from '([^']+)'", text):
        assert re.fullmatch(r'\./[a-z]+\.js', name), name
        assert (STATIC / name).is_file(), name


@pytest.mark.parametrize('path', DOCUMENTS, ids=lambda path: path.name)
def test_documents_have_nothing_inline_and_nothing_from_elsewhere(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r'<style|\sstyle=|\son[a-z]+=|javascript:', text)
    for script in re.findall(r'<script[^>]*>(.*?)</script>', text, re.DOTALL):
        assert script == ''
    for address in re.findall(r'(?:src|href)="([^"]+)"', text):
        assert address.startswith(('/static/', '#', '/api/')) or address == 'data:,', address


@pytest.mark.parametrize('name', ['style.css', 'login.css'])
def test_styles_load_nothing(name: str) -> None:
    assert not re.search(r'url\(|@import|@font-face', (STATIC / name).read_text())


def colours(name: str, dark: bool) -> dict[str, str]:
    """The colour variables of a style sheet: those of :root, and over them those of the dark scheme."""
    blocks = re.findall(r':root \{(.*?)\}', (STATIC / name).read_text(), re.DOTALL)
    found: dict[str, str] = {}
    for block in blocks[: 2 if dark else 1]:
        found |= dict(re.findall(r'--([a-z-]+): (#[0-9a-f]{3,6});', block))
    return found


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    digits = colour[1:] if len(colour) == 7 else ''.join(2 * digit for digit in colour[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """Contrast of two colours, WCAG 2.2."""
    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast_of_known_pairs() -> None:
    assert contrast('#fff', '#000') == pytest.approx(21)
    assert contrast('#777777', '#ffffff') == pytest.approx(4.48, abs=0.01)  # the well-known grey that just fails


PAIRS = [('ink', 'paper'), ('ink', 'card'), ('soft', 'paper'), ('soft', 'card'), ('main', 'card'), ('main', 'paper')]
MORE = [('on-main', 'main'), ('note-ink', 'note'), ('main', 'tint'), ('ink', 'tint'), ('bad', 'bad-tint')]


@pytest.mark.parametrize('dark', [False, True])
@pytest.mark.parametrize(('ink', 'paper'), [*PAIRS, *MORE])
def test_text_has_the_contrast_of_wcag_aa(ink: str, paper: str, dark: bool) -> None:
    found = colours('style.css', dark)
    assert contrast(found[ink], found[paper]) >= 4.5


@pytest.mark.parametrize('dark', [False, True])
@pytest.mark.parametrize(
    ('part', 'paper'), [('edge', 'card'), ('for', 'track'), ('against', 'track'), ('main', 'track')]
)
def test_edges_and_bars_have_the_contrast_of_wcag_aa(part: str, paper: str, dark: bool) -> None:
    found = colours('style.css', dark)
    assert contrast(found[part], found[paper]) >= 3
