"""The drawings that usmm region_agreement compares, and their comparisons."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from usmm.cli.region_files import Drawing, bounds_of, overlap_of, pairs_of
from usmm.evaluation.stats.agreement import Comparison, Reliability, compare_regions, reliability
from usmm.readers import DataError
from usmm.visualization.pages.agreement_page import LOWEST, lowest, picture_of

Group = tuple[str, list[Drawing]]


def groups_of(drawings: Sequence[Drawing], source: Path) -> list[Group]:
    """Drawings of one table that are compared: each observer's sessions, and each session's observers."""
    observers, sessions = (dict.fromkeys(getattr(d, key) for d in drawings) for key in ('observer', 'session'))
    groups: list[Group] = [('intra', [d for d in drawings if d.observer == who]) for who in observers]
    groups += [('inter', [d for d in drawings if d.session == when]) for when in sessions]
    groups = [(kind, found) for kind, found in groups if len(found) > 1]
    if not groups:
        raise DataError(
            'one table by itself needs two observers, or two sessions of one (columns of these names)', file=source
        )
    return groups


def shared_cases(drawings: Sequence[Drawing], common: bool) -> list[str]:
    """The cases of all drawings, which must be those of each unless only common ones are asked for."""
    first = drawings[0]
    for other in () if common else drawings[1:]:
        for one, two in ((first, other), (other, first)):
            absent = [case for case in one.regions if case not in two.regions]
            if absent:
                raise DataError(
                    f'{len(absent)} cases of {one.name} are not in {two.name}; --common leaves them out',
                    case=absent[0], file=two.source,
                )  # fmt: skip
    return [case for case in first.regions if all(case in d.regions for d in drawings)]


def compare(groups: Sequence[Group], args: argparse.Namespace) -> tuple[list[Comparison], list[Reliability], dict]:
    """Every pair within each group, the ICC of each group, and pictures of the cases that agree least."""
    comparisons: list[Comparison] = []
    found: list[Reliability] = []
    pictures: dict[tuple[int, str], Any] = {}
    for kind, drawings in groups:
        for one, two in pairs_of(drawings):
            cases = shared_cases((one, two), args.common)
            overlaps = {case: overlap_of(one.regions[case], two.regions[case]) for case in cases}
            made = compare_regions(kind, (one.name, two.name), overlaps, args.limits)
            for case in lowest(made, LOWEST):
                pair = one.regions[case], two.regions[case]
                bounds = bounds_of(*pair)
                pictures[len(comparisons), case] = picture_of(*(region.within(bounds) for region in pair))
            comparisons.append(made)
            if len(drawings) == 2:
                pixels = {name: [o.pixels[i] for o in overlaps.values()] for i, name in enumerate(made.names)}
                found.append(reliability(kind, pixels, args.icc))
        if len(drawings) > 2:
            cases = shared_cases(drawings, args.common)
            sizes = {d.name: [overlap_of(d.regions[c], d.regions[c]).pixels[0] for c in cases] for d in drawings}
            found.append(reliability(kind, sizes, args.icc))
    return comparisons, found, pictures
