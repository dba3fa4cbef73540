"""Copies of a picture across the parts of a split that their bytes do not show."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmengine.logging import print_log

from usmm.datasets.case_table import CaseTable
from usmm.datasets.checks.picture_digests import PictureDigest, near_pairs, picture_digest, same_texture
from usmm.datasets.table_problem import Problem
from usmm.readers import DataError
from usmm.structures import Case

SHOWN = 5  # pairs named in a message
MOST = 2000  # pairs whose textures are compared, the nearest first


@dataclass(frozen=True)
class PicturePair:
    """Two files of different patients that show nearly the same.

    Args:
        first, second: The files.
        cases: Ids of their cases.
        places: What tells the two apart for the check: their parts, or their patients.
        bits: Bits of the perceptual hash, of 256, in which they differ.
        equal: Whether every decoded pixel is equal.
    """

    first: Path
    second: Path
    cases: tuple[str, str]
    places: tuple[str, str]
    bits: int
    equal: bool

    def __str__(self) -> str:
        how = 'the same pixels' if self.equal else f'{self.bits} of 256 bits differ'
        files = zip((self.first, self.second), self.cases, self.places, strict=True)
        named = [f'{file.name} (case {case}, {place})' for file, case, place in files]
        return f'{" and ".join(named)}: {how}'


def copies_across(groups: Mapping[str, Sequence[Case]], clips: Sequence[str]) -> list[PicturePair]:
    """Pairs of files in two groups that show the same, or nearly; those with equal pixels first.

    Args:
        groups: Name of a part, or of a patient -> its cases. A pair of one patient counts as none: views of one lesion
            look alike.
        clips: Modalities that are clips, compared by their first frames.
    """
    entries = [
        (file, case, name, modality in clips)
        for name, cases in groups.items()
        for case in cases
        for modality, files in case.files.items()
        for file in files
    ]
    digests: list[PictureDigest] = []
    kept = []
    for entry in entries:
        try:
            digests.append(picture_digest(entry[0], entry[3]))
            kept.append(entry)
        except (DataError, OSError):
            continue  # reported where all files are read
    found = []
    compared = 0
    for i, j, bits in near_pairs([digest.bits for digest in digests]):
        (first, case, name, clip), (second, other, other_name, other_clip) = kept[i], kept[j]
        if name == other_name or case.patient_id == other.patient_id:
            continue
        equal = digests[i].pixels == digests[j].pixels
        if not equal:
            compared += 1
            if compared > MOST or not same_texture((first, clip), (second, other_clip)):
                continue
        found.append(PicturePair(first, second, (case.case_id, other.case_id), (name, other_name), bits, equal))
    if compared > MOST:
        text = f'{compared - MOST} of {compared} pairs of pictures with like hashes were not compared further'
        print_log(f'{text}; the nearest {MOST} were', 'current', logging.WARNING)
    return sorted(found, key=lambda pair: not pair.equal)


def patient_copies(table: CaseTable) -> list[PicturePair]:
    """Pairs of pictures of two patients of a table that show the same, or nearly."""
    patients: dict[str, list[Case]] = {}
    for case in table.cases:
        patients.setdefault(f'patient {case.patient_id}', []).append(case)
    return copies_across(patients, list(table.schema.clips))


def copy_problems(pairs: Sequence[PicturePair]) -> list[Problem]:
    """Problems of pairs of two patients: `same_pixels`, which is blocking, and `near_duplicate`, which is not."""
    problems = []
    for pair in pairs:
        kind = 'same_pixels' if pair.equal else 'near_duplicate'
        how = 'shows the same pixels as' if pair.equal else f'looks like ({pair.bits} of 256 bits differ)'
        message = f'{how} {pair.first.name} of case {pair.cases[0]}, {pair.places[0]}'
        problems.append(Problem(kind, pair.cases[1], pair.second, None, message))
    return problems


def listed(pairs: Sequence[PicturePair]) -> str:
    """The first few pairs, for a message."""
    return '; '.join(map(str, pairs[:SHOWN])) + ('; ...' if len(pairs) > SHOWN else '')
