"""Work directories to report on, and a reader of pages."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest


class ReadPage(HTMLParser):
    """Tags with their attributes, and the text of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.html = path.read_text(encoding='utf-8')
        self.feed(self.html)
        self.text = ' '.join(' '.join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def values(self, tag: str, name: str) -> list[str]:
        return [found.get(name) or '' for t, found in self.tags if t == tag]


@pytest.fixture(scope='session')
def read_page() -> Callable[[Path], ReadPage]:
    """Parse a page."""
    return ReadPage
