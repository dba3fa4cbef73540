"""A sheet of picture pairs, side by side, for a person to judge."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from usmm.datasets.checks.picture_copies import PicturePair

SHEET = 'near_duplicates.png'  # in the folder of the results
SIDE, TEXT, PAIRS = 240, 18, 40  # pixels of a picture and of a line of text; pairs on a sheet


def duplicate_sheet(pairs: Sequence[PicturePair], path: Path) -> None:
    """Write a PNG with a row for each pair, the nearest first, with file names, cases and how they differ.

    Args:
        pairs: The pairs; the first 40 are shown.
        path: The PNG.
    """
    shown = pairs[:PAIRS]
    sheet = Image.new('RGB', (2 * SIDE, max(len(shown), 1) * (SIDE + 3 * TEXT)), 'white')
    draw = ImageDraw.Draw(sheet)
    for row, pair in enumerate(shown):
        top = row * (SIDE + 3 * TEXT)
        for column, (entry, case) in enumerate(zip(pair.pictures, pair.cases, strict=True)):
            picture = Image.fromarray(entry.read())
            picture.thumbnail((SIDE - 4, SIDE - 4))
            sheet.paste(picture, (column * SIDE + 2, top + 2))
            draw.text((column * SIDE + 2, top + SIDE), f'{pair.names[column][-26:]}, case {case[-12:]}', fill='black')
        for line, text in enumerate((f'{pair.places[0]} and {pair.places[1]}:', pair.how), 1):
            draw.text((2, top + SIDE + line * TEXT), text, fill='black')
    sheet.save(path)
