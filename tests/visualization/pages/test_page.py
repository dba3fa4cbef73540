from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from usmm.visualization.pages.page import (
    Card,
    Cards,
    Link,
    Page,
    Picture,
    Pictures,
    Section,
    Source,
    Table,
    Text,
    embedded,
    photograph,
    render,
    write_report,
)

EVIL = '<script>alert("1")</script> & \' <img src=x onerror=alert(1)>'
IMAGE = 'data:image/png;base64,AAAA'


def everything(text: str) -> Page:
    picture = Picture(IMAGE, text, text)
    blocks = [
        Text(text),
        Text(text, 'warning'),
        Table([text], [[text, Link(text, text)]], text),
        Pictures([picture]),
        Cards([Card(text, [text], [picture])]),
        Source(text, text),
    ]
    return Page(text, text, [Section(text, blocks)], [text], [(text, text, text)])


def test_every_text_is_escaped(tmp_path: Path, read_page: Callable) -> None:
    page = read_page(write_report(tmp_path / 'p.html', render(everything(EVIL))))
    tags = [tag for tag, _ in page.tags]
    assert 'script' not in tags
    assert not any('onerror' in found for _, found in page.tags)
    assert page.values('img', 'src') == [IMAGE, IMAGE]
    assert page.values('img', 'alt') == [EVIL, EVIL]
    assert page.text.count('<script>alert("1")</script>') > 10


def test_contents_lead_to_sections(tmp_path: Path, read_page: Callable) -> None:
    sections = [Section('What was run', []), Section('TRIPOD+AI', []), Section('结果', [])]
    page = read_page(write_report(tmp_path / 'p.html', render(Page('t', 's', sections))))
    anchors = page.values('section', 'id')
    assert anchors == ['what-was-run', 'tripod-ai', 'section']
    assert page.values('a', 'href') == [f'#{anchor}' for anchor in anchors]


def test_a_page_loads_nothing(tmp_path: Path, read_page: Callable) -> None:
    page = read_page(write_report(tmp_path / 'p.html', render(everything('text'))))
    policy = [found['content'] for tag, found in page.tags if tag == 'meta' and 'http-equiv' in found]
    assert policy == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]
    assert 'url(' not in page.html
    assert '@import' not in page.html
    assert not {'link', 'script', 'iframe', 'object'} & {tag for tag, _ in page.tags}
    assert '@media (prefers-color-scheme: dark)' in page.html


def test_tables(tmp_path: Path, read_page: Callable) -> None:
    table = Table(['', 'AUC'], [['a', '0.5'], [Link('b', 'rows/b/report.html'), '0.6']], 'A caption', marked=1)
    html = render(Page('t', 's', [Section('x', [table])]))
    assert '<tr class="marked"><th scope="row"><a href="rows/b/report.html">b</a></th><td>0.6</td></tr>' in html
    assert '<tr><th scope="row">a</th><td>0.5</td></tr>' in html
    assert 'class="numbers"' in html
    assert 'class="numbers"' not in render(Page('t', 's', [Section('x', [Table([], [['a', 'b']], numbers=False)])]))


def test_a_picture_is_small_and_keeps_its_shape() -> None:
    image = np.zeros((100, 400, 3), np.uint8)
    image[..., 0] = 250
    data = base64.b64decode(photograph(image, 200).split(',')[1])
    with Image.open(io.BytesIO(data)) as back:
        assert back.size == (200, 50)
        assert back.format == 'JPEG'
        red, green, _ = back.getpixel((100, 25))
        assert red > 240
        assert green < 15
    with Image.open(io.BytesIO(base64.b64decode(photograph(image[..., 0]).split(',')[1]))) as back:
        assert back.size == (240, 60)


@pytest.mark.parametrize('image', [np.zeros((4, 4)), np.zeros((4, 4, 4), np.uint8), np.zeros((2, 4, 4, 3), np.uint8)])
def test_refuses_other_arrays(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r'a picture is \(H, W, 3\) or \(H, W\) uint8, got'):
        photograph(image)


def test_embedded_svg(tmp_path: Path) -> None:
    (tmp_path / 'a.svg').write_bytes(b'<svg/>')
    assert base64.b64decode(embedded(tmp_path / 'a.svg').removeprefix('data:image/svg+xml;base64,')) == b'<svg/>'


def test_write_report_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_report(tmp_path / 'new' / 'a.txt', 'old \udcff')
    assert path.read_text() == 'old ?'

    def full(self: Path, target: Path) -> None:
        raise OSError('disk full')

    monkeypatch.setattr(Path, 'replace', full)
    with pytest.raises(OSError, match='disk full'):
        write_report(path, 'new')
    assert [p.name for p in path.parent.iterdir()] == ['a.txt']
    assert path.read_text() == 'old ?'
