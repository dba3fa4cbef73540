"""A view: one image or clip of a modality of a case, with what a file table states about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class View:
    """One file of a modality of a case.

    Args:
        file: The image or clip, absolute.
        masks: Its lesion masks, absolute; they are united.
        name: Name of the view, such as the scan position; files of several modalities with one name show one slice.
        time: When it was taken, as the table has it.
        site: Where it was taken, as the table has it.
    """

    file: Path
    masks: tuple[Path, ...] = ()
    name: str | None = None
    time: str | None = None
    site: str | None = None
