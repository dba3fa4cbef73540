"""Copies of a picture across the parts of a split that their bytes do not show."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from mmengine.logging import print_log

from usmm.datasets.case_table import CaseTable
from usmm.datasets.checks.file_facts import FileFacts
from usmm.datasets.checks.picture_digests import (
    Picture,
    PictureDigest,
    first_picture,
    near_pairs,
    picture_digest,
    same_texture,
)
from usmm.datasets.checks.picture_variants import VARIANTS, Variant
from usmm.datasets.table_problem import Problem
from usmm.datasets.transforms.depth_options import DepthOptions
from usmm.readers import DataError
from usmm.structures import Case

SHOWN = 5  # pairs named in a message
MOST = 2000  # pairs whose textures are compared, the nearest first
TRIES = 3  # pairs of frames of two clips of them


@dataclass(frozen=True)
class PicturePair:
    """Two pictures of different patients that show nearly the same.

    Args:
        pictures: Both pictures.
        cases: Ids of their cases.
        places: What tells the two apart for the check: their parts, or their patients.
        bits: Bits of the perceptual hash, of 256, in which they differ.
        equal: Whether every decoded pixel is equal.
        variant: What was done to one of them: mirrored, rotated or cut, or nothing of the kind.
        changed: Which of both that is, 0 or 1.
    """

    pictures: tuple[Picture, Picture]
    cases: tuple[str, str]
    places: tuple[str, str]
    bits: int
    equal: bool
    variant: Variant = VARIANTS[0]
    changed: int = 1

    @property
    def names(self) -> tuple[str, str]:
        """Names of the files, of a clip with the number of the frame."""
        first, second = (p.path.name + (f' frame {p.frame}' if p.frame else '') for p in self.pictures)
        return first, second

    def __str__(self) -> str:
        pictures = zip(self.names, self.cases, self.places, strict=True)
        named = [f'{name} (case {case}, {place})' for name, case, place in pictures]
        return f'{" and ".join(named)}: {self.how}'

    @property
    def how(self) -> str:
        """How the two differ.

        Example:
            >>> pictures = Picture(Path('a.png')), Picture(Path('b.png'))
            >>> PicturePair(pictures, ('1', '2'), ('train', 'test'), 4, False, Variant(mirrored=True)).how
            'b.png is mirrored, 4 of 256 bits differ'
        """
        if self.equal:
            return 'the same pixels'
        variant = '' if self.variant == VARIANTS[0] else f'{self.names[self.changed]} is {self.variant}, '
        return f'{variant}{self.bits} of 256 bits differ'


class Entry(NamedTuple):
    """A picture that is compared.

    Args:
        picture: The picture.
        digest: Its digest.
        case: Its case.
        place: Its part or patient.
    """

    picture: Picture
    digest: PictureDigest
    case: Case
    place: str


def copies_across(
    groups: Mapping[str, Sequence[Case]], clips: Sequence[str], depth: DepthOptions | None = None
) -> list[PicturePair]:
    """Pairs of files in two groups that show the same, or nearly; those with equal pixels first.

    Args:
        groups: Name of a part -> its cases. A pair of one patient counts as none: views of one lesion look alike.
        clips: Modalities that are clips, compared by their first frame that is not blank.
        depth: The grey values that become 0 and 255, as the loaders have them.
    """
    entries = []
    unread = []
    for name, cases in groups.items():
        for case in cases:
            for modality, files in case.files.items():
                for file in files:
                    window, bits = (depth or DepthOptions()).at(modality)
                    try:
                        clip = modality in clips
                        picture = first_picture(file, window) if clip else Picture(file, False, 0, window, bits)
                        entries.append(Entry(picture, picture_digest(picture), case, name))
                    except (DataError, OSError):
                        unread.append(file.name)
    if unread:
        text = f'{len(unread)} files were not compared with those of other parts, as they cannot be read'
        print_log(f'{text}: {", ".join(unread[:SHOWN])}', 'current', logging.WARNING)
    return similar_pairs(entries)


def table_copies(table: CaseTable, facts: Mapping[tuple[Path, str], FileFacts]) -> list[PicturePair]:
    """Pairs of pictures of two patients of a table that show the same, or nearly; clips by several of their frames.

    Args:
        table: The table.
        facts: What was found in every file, by (file, role); a file that could not be read is among the problems.
    """
    entries = []
    for case in table.cases:
        for modality, files in case.files.items():
            clip = modality in table.schema.clips
            for file in files:
                fact = facts.get((file, 'clip' if clip else 'image'))
                if fact is None:
                    continue
                for frame, digest in fact.pictures:
                    picture = Picture(file, clip, frame, fact.window, fact.bits)
                    entries.append(Entry(picture, digest, case, f'patient {case.patient_id}'))
    return similar_pairs(entries)


def similar_pairs(entries: Sequence[Entry]) -> list[PicturePair]:
    """Pairs of pictures of two patients in two places that show the same, or nearly; one pair for two files.

    Args:
        entries: The pictures; those that are blank are left out.
    """
    entries = [entry for entry in entries if not entry.digest.blank]
    pairs: dict[tuple[Path, Path], PicturePair] = {}
    tried: Counter[tuple[Path, Path]] = Counter()
    compared = 0
    for near in near_pairs([entry.digest.hashes for entry in entries]):
        copy, original = entries[near.copy], entries[near.original]
        first, second = (copy, original) if near.copy < near.original else (original, copy)
        files = first.picture.path, second.picture.path
        if first.place == second.place or first.case.patient_id == second.case.patient_id or files in pairs:
            continue
        equal = first.digest.pixels == second.digest.pixels
        if not equal:
            tried[files] += 1
            compared += 1
            if tried[files] > TRIES or compared > MOST:
                continue
            if not same_texture(copy.picture, original.picture, near.variant):
                continue
        pairs[files] = PicturePair(
            (first.picture, second.picture), (first.case.case_id, second.case.case_id), (first.place, second.place),
            near.bits, equal, near.variant, int(copy is second),
        )  # fmt: skip
    if compared > MOST:
        text = f'{compared - MOST} of {compared} pairs of pictures with like hashes were not compared further'
        print_log(f'{text}; the nearest {MOST} were', 'current', logging.WARNING)
    return sorted(pairs.values(), key=lambda pair: not pair.equal)


def copy_problems(pairs: Sequence[PicturePair]) -> list[Problem]:
    """Problems of pairs of two patients: `same_pixels`, which is blocking, and `near_duplicate`, which is not."""
    problems = []
    for pair in pairs:
        kind = 'same_pixels' if pair.equal else 'near_duplicate'
        how = 'shows the same pixels as' if pair.equal else f'looks like ({pair.how})'
        message = f'{how} {pair.names[0]} of case {pair.cases[0]}, {pair.places[0]}'
        problems.append(Problem(kind, pair.cases[1], pair.pictures[1].path, None, message))
    return problems


def listed(pairs: Sequence[PicturePair]) -> str:
    """The first few pairs, for a message."""
    return '; '.join(map(str, pairs[:SHOWN])) + ('; ...' if len(pairs) > SHOWN else '')
