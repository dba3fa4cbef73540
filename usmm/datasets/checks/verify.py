"""Read every case once before a training starts: what cannot be read is known then, not after hours."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.logging import print_log
from torch.utils.data import DataLoader, Dataset

from usmm.datasets.checks.file_facts import examine
from usmm.datasets.transforms.base_transform import Step, draws
from usmm.readers import DataError
from usmm.structures import Case
from usmm.structures.case_info import TABLE

SHOWN = 10  # problems and cases named in one message
Result = DataError | None
Progress = Callable[[Iterable[Result], int], Iterable[Result]]
"""Shows how far a check is: takes the results as they come and their number, gives the results."""


class Readable(Protocol):
    """What `verify_parts` needs of a data set, see `CaseDataset`."""

    cases: list[Case]
    pipeline: list[Step]
    bad_cases: str

    @property
    def readings(self) -> list[Case]:
        """The cases to read."""

    def leave_out(self, case_ids: Collection[str]) -> None:
        """Go on without these cases."""


def verify_parts(
    parts: Mapping[str, Readable], num_workers: int = 0, progress: Progress | None = None
) -> dict[str, dict[str, str]]:
    """Read every case of several `CaseDataset`s, and refuse or leave out what cannot be read, as each of them says.

    Args:
        parts: Name -> data set.
        num_workers, progress: See `find_bad`.

    Returns:
        Name -> case id -> why it cannot be used, of the cases that were left out.

    Raises:
        DataError: Cases of data sets with `bad_cases='error'` cannot be read: lists those of all parts. Or a part would
            be left without cases.
    """
    found: dict[str, dict[str, str]] = {}
    for name, data in parts.items():
        readings = data.readings
        bad = find_bad(readings, data.pipeline, num_workers, progress)
        found[name] = {readings[index].case_id: str(error) for index, error in bad}
    errors = [text for name, data in parts.items() if data.bad_cases == 'error' for text in found[name].values()]
    if errors:
        total = sum(len(data.cases) for data in parts.values())
        text = listing(f'{len(errors)} of {total} cases cannot be read', errors)
        raise DataError(f"{text}\nusmm check_data lists all bad files; bad_cases='skip' leaves such cases out")
    for name, bad_cases in found.items():
        if bad_cases:
            total = len(parts[name].cases)
            text = listing(f'{len(bad_cases)} of {total} cases of {name} cannot be read', bad_cases.values())
            if len(bad_cases) == total:
                raise DataError(text)
            print_log(f'{text}; left out', 'current', logging.WARNING)
            parts[name].leave_out(bad_cases)
    return found


def find_bad(
    cases: Sequence[Case], pipeline: Sequence[Step], num_workers: int = 0, progress: Progress | None = None
) -> list[tuple[int, DataError]]:
    """Index and error of every case whose files cannot be read; with several processes, each reads its share.

    What is run on a case is the beginning of its pipeline, up to the first random transform, so that a cache is filled
    on the way. Where that reads no file (because files are drawn), every file of the case is read.

    Args:
        cases: The cases, as the data set keeps them.
        pipeline: The transforms.
        num_workers: Processes that read.
        progress: Shows how far it is: takes an iterable and its length, gives the iterable.
    """
    mine = range(get_rank(), len(cases), get_world_size())
    loader: Iterable[Result] = DataLoader(
        _Checked(cases, steady_part(pipeline), mine),
        batch_size=None,
        num_workers=num_workers,
        collate_fn=_as_it_is,
    )
    found = [(mine[i], error) for i, error in enumerate(progress(loader, len(mine)) if progress else loader) if error]
    return sorted((pair for share in all_gather_object(found) for pair in share), key=lambda pair: pair[0])


def steady_part(pipeline: Sequence[Step]) -> list[Step]:
    """The transforms before the first one that draws random numbers."""
    count = next((i for i, t in enumerate(pipeline) if draws(t)), len(pipeline))
    return list(pipeline[:count])


def fresh(case: Case, seed: int = 0, epoch: int = 0) -> Case:
    """A copy that a pipeline may fill without touching the original."""
    return replace(
        case,
        data=dict(case.data),
        masks=dict(case.masks),
        clinical=dict(case.clinical),
        boxes=dict(case.boxes),
        info={key: value.copy() for key, value in case.info.items()},
        seed=seed,
        epoch=epoch,
    )


class _Checked(Dataset):
    """For each case the error that reading it gives, or None."""

    def __init__(self, cases: Sequence[Case], pipeline: Sequence[Step], indices: Sequence[int]) -> None:
        self.cases, self.pipeline, self.indices = cases, pipeline, indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Result:
        case = fresh(self.cases[self.indices[index]])
        bare = not case.data
        try:
            for transform in self.pipeline:
                case = transform(case)
            if bare and not case.data:
                _read_all(case)
        except DataError as error:
            return error.at(case=case.case_id)
        return None


def _read_all(case: Case) -> None:
    clips = case.info.get(TABLE, {}).get('clips', ())
    jobs = [(m, f, 'clip' if m in clips else 'image') for m, files in case.files.items() for f in files]
    jobs += [(m, f, 'mask') for m, files in case.mask_files.items() for f in files]
    for modality, file, role in jobs:
        facts = examine(file, role)
        if facts.error:
            raise DataError(facts.error, file=file, modality=modality)


def _as_it_is(item: object) -> object:
    return item


def listing(title: str, items: Iterable[object]) -> str:
    """A title and the first few items, one a line."""
    lines = [str(i) for i in items]
    more = [f'... and {len(lines) - SHOWN} more'] if len(lines) > SHOWN else []
    return '\n  '.join([f'{title}:', *lines[:SHOWN], *more])
