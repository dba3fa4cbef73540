"""Whether equal grey values of a modality become equal levels in all of its files."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from usmm.datasets.checks.file_facts import FileFacts
from usmm.datasets.table_problem import Problem
from usmm.structures import Case

SETTING = 'window=(low, high) or bits=... of LoadImage (window of LoadClip)'


def depth_problems(cases: Sequence[Case], facts: Mapping[tuple[Path, str], FileFacts]) -> Iterable[Problem]:
    """Modalities whose files differ in depth or scale, or leave the upper bits empty; none of it stops a training.

    Args:
        cases: The cases of a table.
        facts: What was found in every file, by (file, role).

    Yields:
        `depths`: files of several depths; `scales`: DICOM files with different windows, tables or rescaling; `dark`:
        files whose values need fewer bits than they state, in all of the modality, so that they come out dark; `label`:
        DICOM files whose colours were decided by their pixels, against the header.
    """
    files: dict[str, dict[Path, FileFacts]] = defaultdict(dict)
    for case in cases:
        for modality, paths in case.files.items():
            found = ((path, facts.get((path, 'image')) or facts.get((path, 'clip'))) for path in paths)
            files[modality].update({path: fact for path, fact in found if fact is not None and fact.error is None})
    for modality, of_modality in files.items():
        read = list(of_modality.values())
        depths = Counter(fact.depth for fact in read)
        windowed = all(fact.window is not None for fact in read)
        settled = min(depths, default=0) > 8 and (windowed or all(fact.bits is not None for fact in read))
        if len(depths) > 1 and not settled:
            words = ', '.join(f'{count} of {bits} bits' for bits, count in sorted(depths.items()))
            message = f'files of several depths ({words}): equal values need not become equal levels, set {SETTING}'
            yield Problem('depths', None, _odd(read, depths), modality, message)
        scales = Counter(fact.scale or 'none' for fact in read)
        if len(scales) > 1 and not windowed:
            words = ', '.join(f'{count} with {scale}' for scale, count in scales.most_common(5))
            more = f' and {len(scales) - 5} others' if len(scales) > 5 else ''
            message = (
                f'files of several grey scales ({words}{more}): equal values become different levels, set {SETTING}'
            )
            yield Problem('scales', None, None, modality, message)
        for words, count in Counter(fact.assumed for fact in read if fact.assumed).items():
            message = f'{count} files whose colours their header labels wrongly, by the number of bytes: {words}'
            yield Problem('colours', None, None, modality, message)
        deep = [fact for fact in read if fact.depth > 8 and fact.window is None and fact.bits is None]
        used = max((fact.used_depth for fact in deep), default=0)
        stated = max((fact.depth for fact in deep), default=0)
        if used < stated:
            message = (
                f'the values of all {len(deep)} files of {stated} bits need {used} bits alone, so the images are dark: '
                f'set bits={used} of LoadImage'
            )
            yield Problem('dark', None, None, modality, message)


def _odd(read: Sequence[FileFacts], depths: Counter[int]) -> Path:
    """A file of the rarest depth."""
    rarest = min(depths, key=lambda bits: depths[bits])
    return next(fact.path for fact in read if fact.depth == rarest)
