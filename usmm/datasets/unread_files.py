"""Files of a case table that a pipeline does not read, because its loaders take one file of a modality."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from usmm.datasets.transforms.base_transform import all_steps
from usmm.structures import Case


@runtime_checkable
class ReadsOneFile(Protocol):
    """A loader that takes one file of a modality."""

    def unread(self, case: Case) -> dict[str, int]:
        """Modality -> files of it that are never read, where a case has several."""


@dataclass(frozen=True)
class UnreadFiles:
    """Files of one modality that are not read.

    Args:
        files: Files that are not read.
        total: All files of the modality.
        cases: Cases with files that are not read.
    """

    files: int
    total: int
    cases: int


def unread_files(*groups: tuple[Iterable[Case], Sequence[object]]) -> dict[str, UnreadFiles]:
    """Modality -> its files that are not read, of the modalities that have such files.

    Args:
        groups: Cases, and the transforms of their data set, those inside other transforms included.
    """
    totals: dict[str, int] = {}
    unread: dict[str, list[int]] = {}
    for cases, pipeline in groups:
        loaders = [step for step in all_steps(pipeline) if isinstance(step, ReadsOneFile)]
        for case in cases:
            for modality, files in case.files.items():
                totals[modality] = totals.get(modality, 0) + len(files)
            of_case: dict[str, int] = {}
            for loader in loaders:
                of_case |= loader.unread(case)
            for modality, count in of_case.items():
                unread.setdefault(modality, []).append(count)
    return {m: UnreadFiles(sum(counts), totals[m], len(counts)) for m, counts in unread.items()}


def unread_text(unread: Mapping[str, UnreadFiles]) -> str:
    """What is not read, as a sentence.

    Example:
        >>> unread_text({'bus': UnreadFiles(109, 219, 60)})
        'files that are not read, as a case is read from one file of a modality: bus 109 of 219 (in 60 cases)'
    """
    counts = [f'{m} {n.files} of {n.total} (in {n.cases} case{"" if n.cases == 1 else "s"})' for m, n in unread.items()]
    return f'files that are not read, as a case is read from one file of a modality: {", ".join(counts)}'
