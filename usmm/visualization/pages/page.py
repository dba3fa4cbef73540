"""A report as one HTML file that needs nothing else: style inside, pictures as data URIs, no script."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from usmm.utils.atomic_files import write_text


@dataclass(frozen=True)
class Link:
    """A cell of a table that leads somewhere.

    Args:
        text: What is read.
        href: Where it leads, relative to the page.
    """

    text: str
    href: str


Cell = str | Link


@dataclass(frozen=True)
class Text:
    """A paragraph.

    Args:
        words: Plain text; whatever it holds is shown, never run.
        tone: `plain`, `note` (small and pale) or `warning` (in a box).
    """

    kind: ClassVar[str] = 'text'
    words: str
    tone: str = 'plain'


@dataclass(frozen=True)
class Table:
    """A table; the first cell of a row is its heading.

    Args:
        head: Names of the columns.
        rows: Cells.
        caption: A line above it.
        numbers: Whether the columns after the first hold numbers (set to the right), not words.
        marked: Index of a row that is set apart.
    """

    kind: ClassVar[str] = 'table'
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str = ''
    numbers: bool = True
    marked: int | None = None


@dataclass(frozen=True)
class Picture:
    """A picture with its words.

    Args:
        source: A data URI.
        alt: What it shows, for who cannot see it.
        caption: A line below it.
        wide: Whether it takes the whole width.
    """

    source: str
    alt: str
    caption: str = ''
    wide: bool = False


@dataclass(frozen=True)
class Pictures:
    """Figures side by side, where there is room."""

    kind: ClassVar[str] = 'pictures'
    items: Sequence[Picture]


@dataclass(frozen=True)
class Card:
    """One case: a title, facts and small pictures.

    Args:
        title: Such as the case id.
        facts: Lines below it.
        pictures: Its pictures; their captions name the modalities.
    """

    title: str
    facts: Sequence[str]
    pictures: Sequence[Picture] = ()


@dataclass(frozen=True)
class Cards:
    """Cases beside one another."""

    kind: ClassVar[str] = 'cards'
    items: Sequence[Card]


@dataclass(frozen=True)
class Source:
    """A long text, folded away.

    Args:
        title: What it is.
        words: The text, kept as it is.
    """

    kind: ClassVar[str] = 'source'
    title: str
    words: str


Block = Text | Table | Pictures | Cards | Source


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it.

    Args:
        title: The heading; the anchor comes from it.
        blocks: What stands below.
    """

    title: str
    blocks: Sequence[Block]

    @property
    def anchor(self) -> str:
        """The heading in small letters, digits and hyphens."""
        return re.sub(r'[^a-z0-9]+', '-', self.title.lower()).strip('-') or 'section'


@dataclass(frozen=True)
class Page:
    """A whole report.

    Args:
        title, subtitle: At the top.
        sections: In order; each has its line in the table of contents.
        alerts: What a reader must see before any number.
        figures: The few numbers that matter: (name, value, small print).
    """

    title: str
    subtitle: str
    sections: Sequence[Section]
    alerts: Sequence[str] = ()
    figures: Sequence[tuple[str, str, str]] = field(default=())


def render(page: Page) -> str:
    """The page as HTML; every text is escaped.

    Example:
        >>> '&lt;b&gt;' in render(Page('<b>', '', []))
        True
    """
    environment = Environment(
        loader=PackageLoader('usmm.visualization.pages', 'templates'), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    style = environment.get_template('page.css').render()
    return environment.get_template('page.html').render(page=page, style=style)


def write_report(path: Path, text: str) -> Path:
    """Write a file of a report atomically. Characters that names of files and classes cannot encode become `?`."""
    return write_text(path, text, errors='replace')


def embedded(svg: Path) -> str:
    """An SVG file as a data URI."""
    return f'data:image/svg+xml;base64,{base64.b64encode(svg.read_bytes()).decode()}'


def photograph(image: np.ndarray, side: int = 240) -> str:
    """An image as a small JPEG in a data URI.

    Args:
        image: (H, W, 3) or (H, W) uint8.
        side: Pixels that the longer side has at most.

    Raises:
        ValueError: An array of another shape or type.
    """
    if image.ndim not in (2, 3) or image.dtype != np.uint8 or (image.ndim == 3 and image.shape[2] != 3):
        raise ValueError(f'a picture is (H, W, 3) or (H, W) uint8, got {image.shape} {image.dtype}')
    picture = Image.fromarray(image).convert('RGB')
    picture.thumbnail((side, side))
    buffer = io.BytesIO()
    picture.save(buffer, 'JPEG', quality=82)
    return f'data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}'
