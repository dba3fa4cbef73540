"""Several labelled data sets at once, a task each: one backbone learns from all of them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from torch.utils.data import Dataset, Sampler

from usmm.datasets.case_dataset import CaseDataset
from usmm.datasets.case_table import CaseTable
from usmm.datasets.checks.verify import Progress, fresh, verify_parts
from usmm.datasets.epochs import EpochGuard
from usmm.datasets.folds import check_disjoint, inner_split
from usmm.datasets.paired_views import one_view
from usmm.datasets.samplers import CaseSampler
from usmm.datasets.split_settings import Split
from usmm.datasets.transforms.base_transform import Step, build_steps, draws
from usmm.readers import DataError
from usmm.registry import DATA_SAMPLERS, DATASETS
from usmm.structures import Case, ModalityInfo, Schema, Settings
from usmm.structures.case_info import DRAWN, PACK, TASK

ORDERS = ('sequential', 'interleaved')
NEEDED = ('name', 'table', 'schema', 'classes')
TASK_KEYS = (*NEEDED, 'modalities', 'pipeline', 'ignore_labels', 'missing', 'bad_cases', 'other_patients')


@DATASETS.register_module()
class MultiTaskDataset(Dataset):
    """Images of several case tables, each with labels of its own; an epoch meets every image of every case once.

    Of a clip a frame is drawn anew in each epoch. Each task is divided into a training and a validation part, by
    patient and with their share of every label; `held_out` gives the validation part, whose draws are always the same.

    Args:
        tasks: A dict a task: `name`, `table`, `schema`, `classes`, and optionally `modalities`, `pipeline`,
            `ignore_labels`, `missing` and `bad_cases` as in `CaseDataset`. `other_patients=True`: its ids are those of
            other patients, even where the run's own table has the same ones.
        table, schema, classes, ignore_labels: The run's own table, of which nothing may be in a task; None: none.
        modalities, part, split, missing: Settings of the run's own table, not used.
        seed: Of the draws, and of the division.
        bad_cases: As in `CaseDataset`, for tasks without a word of their own.
        pipeline: Transforms of a case for tasks without a pipeline of their own: loading, one size for all.
        augment: Transforms of each image, under the name `view`; the last is to be `PackCase`. The validation part
            leaves the random ones out.
        order: `'sequential'`: all batches of the first task, then those of the second, ...; `'interleaved'`: mixed
            in proportion to their numbers. Every batch is of one task.
        val_ratio: Share of a task that validates.
        validating: Whether this is the validation part; `held_out` makes it from the training part without reading
            the tables again.

    Raises:
        ValueError: No tasks, a name twice, a key that a task lacks or does not know, another order, or no `PackCase`.
        DataError: As `CaseDataset`; a case without images; a case, a patient or a file that is in the run's table too.
    """

    batch_sampler: ClassVar[Settings] = dict(type='TaskBatchSampler')  # how batches are made in training
    _known: tuple[list[int], list[tuple[str, int, str]]] | None = None

    def __init__(
        self,
        tasks: Sequence[Settings],
        table: str | Path | None = None,
        schema: Schema | Settings | None = None,
        classes: Sequence[str] = (),
        modalities: Sequence[str] | None = None,
        part: str | None = None,
        split: Split | Settings | None = None,
        seed: int = 0,
        missing: str = 'error',
        ignore_labels: Sequence[str] = (),
        bad_cases: str = 'error',
        pipeline: Sequence[Step | Settings] = (),
        augment: Sequence[Step | Settings] = (),
        order: str = 'sequential',
        val_ratio: float = 0.2,
        validating: bool = False,
    ) -> None:
        if order not in ORDERS:
            raise ValueError(f'order must be one of {list(ORDERS)}, got {order!r}')
        _check_tasks(tasks)
        self.augment = build_steps(augment)
        if not self.augment or type(self.augment[-1]).__name__ != 'PackCase':
            raise ValueError(f'augment of MultiTaskDataset must end with PackCase, got {self.augment}')
        self.seed, self.order, self.validating = seed, order, validating
        if validating:
            self.augment = [t for t in self.augment if not draws(t)]
        self._epochs = EpochGuard(type(self).__name__)
        common = dict(pipeline=pipeline, missing='keep', bad_cases=bad_cases, seed=seed)
        self.sets = {str(task['name']): _read(task, common) for task in tasks}
        if table is not None:
            own = CaseTable.read(table, Schema.of(schema or {}), classes, ignore_labels)
            for task, (name, data) in zip(tasks, self.sets.items(), strict=True):
                _check_apart(own, data, name, bool(task.get('other_patients')))
        self.held = {name: _held(data, val_ratio, seed) for name, data in self.sets.items()}

    @property
    def tasks(self) -> dict[str, tuple[str, ...]]:
        """Task -> its classes."""
        return {name: tuple(data.table.classes) for name, data in self.sets.items()}

    @property
    def metainfo(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """What an evaluator needs to know: the tasks and their classes."""
        return dict(tasks=self.tasks)

    @property
    def cases(self) -> list[Case]:
        """The cases of all tasks and both parts; ids begin with the name of the task."""
        return [
            replace(case, case_id=f'{name}/{case.case_id}', patient_id=f'{name}/{case.patient_id}')
            for name, data in self.sets.items()
            for case in data.cases
        ]

    @property
    def decides(self) -> list[list[str | int | bool | None]]:
        """What decides the weights beside settings and images: label and part of each case."""
        held = {f'{name}/{case_id}' for name, ids in self.held.items() for case_id in ids}
        return [[case.case_id, case.patient_id, case.label, case.case_id in held] for case in self.cases]

    @property
    def is_random(self) -> bool:
        """Whether a sample depends on random draws: of its transforms, or of the frame of a clip."""
        drawn = any(draws(step) for step in self.augment) or any(
            data.is_random or any(m in data.schema.clips for m in data.modalities) for data in self.sets.values()
        )
        return drawn and not self.validating

    def task_sizes(self) -> dict[str, int]:
        """Task -> images of this part, in the order of the indices."""
        sizes = dict.fromkeys(self.sets, 0)
        for name, _, _ in self._items():
            sizes[name] += 1
        return sizes

    def held_out(self) -> MultiTaskDataset:
        """The validation part."""
        other = copy.copy(self)
        other.validating = True
        other.augment = [t for t in self.augment if not draws(t)]
        other._known = None  # its images are others
        return other

    def verify(self, num_workers: int = 0, progress: Progress | None = None) -> dict[str, str]:
        """Read every case once; see `CaseDataset.verify`."""
        found = verify_parts(self.sets, num_workers, progress)
        return {f'{name}/{case_id}': why for name, bad in found.items() for case_id, why in bad.items()}

    def __len__(self) -> int:
        return len(self._items())

    def __getitem__(self, index: int | tuple[int, int]) -> Case:
        """The case with one `image`, a (3, H, W) uint8 tensor; `info` names its task and modality.

        Args:
            index: Index of the image, or (epoch, index), as a sampler gives it.

        Raises:
            DataError: A file cannot be read.
            ValueError: The epoch is missing where random draws would repeat without it, see `EpochGuard`.
        """
        epoch, i = self._epochs.split(index, self.is_random)
        task, number, modality = self._items()[i]
        data = self.sets[task]
        case = fresh(data.cases[number], seed=self.seed, epoch=0 if self.validating else epoch)
        transforms = [t for t in data.pipeline if not (self.validating and draws(t))]
        try:
            for transform in transforms:
                case = transform(case)
            image = one_view(case, modality, self.augment, ('frame', task, modality), ('view', task, modality))
        except DataError as error:
            raise error.at(case=case.case_id) from error
        info = {
            **case.info,
            TASK: ModalityInfo(name=task),
            DRAWN: ModalityInfo(modalities=(modality,)),
            PACK: ModalityInfo(modalities=('image',), shapes={}),
        }
        return replace(case, data={'image': image}, masks={}, info=info)

    def _items(self) -> list[tuple[str, int, str]]:
        # cases may have been left out since
        state = [len(data.cases) for data in self.sets.values()]
        if self._known is None or self._known[0] != state:
            self._known = (state, self._found())
        return self._known[1]

    def _found(self) -> list[tuple[str, int, str]]:
        return [
            (name, i, modality)
            for name, data in self.sets.items()
            for i, case in enumerate(data.cases)
            for modality in data.modalities
            if modality in case.files and (case.case_id in self.held[name]) == self.validating
        ]


def _check_tasks(tasks: Sequence[Settings]) -> None:
    names = [task.get('name') for task in tasks]
    if not tasks or len(set(names)) < len(names):
        raise ValueError(f'MultiTaskDataset needs tasks, each with a name of its own, got {names}')
    for task in tasks:
        missing, unknown = [k for k in NEEDED if k not in task], [k for k in task if k not in TASK_KEYS]
        if missing or unknown:
            raise ValueError(f'task {task.get("name")!r}: lacks {missing}, unknown {unknown}; keys are {TASK_KEYS}')


def _read(task: Settings, common: Settings) -> CaseDataset:
    own = {k: v for k, v in task.items() if k not in ('name', 'other_patients')}
    arguments: dict[str, Any] = {**common, **own}
    data = CaseDataset(**arguments)
    empty = [case.case_id for case in data.cases if not any(m in case.files for m in data.modalities)]
    if empty or not data.modalities:
        names = ', '.join(empty[:5])
        raise DataError(f'{len(empty)} cases have none of {list(data.modalities)}: {names}', file=data.table.path)
    return data


def _check_apart(own: CaseTable, data: CaseDataset, name: str, other_patients: bool) -> None:
    """See that nothing of the run's own table, which may be tested, is in a task."""
    cases = list(data.cases)
    if other_patients:
        cases = [replace(case, patient_id=f'task {name}/{case.case_id}') for case in cases]
    else:
        ids = {case.case_id for case in own.cases}
        same = [case.case_id for case in cases if case.case_id in ids]
        if same:
            text = f'{len(same)} cases are in {own.path} too; if they are not the same ones: other_patients=True'
            raise DataError(text, file=data.table.path, case=same[0])
    check_disjoint({'the table of this run': own.cases, f'task {name!r}': cases})


def _held(data: CaseDataset, val_ratio: float, seed: int) -> frozenset[str]:
    """Ids of the cases that validate."""
    ids, patients = [c.case_id for c in data.cases], [c.patient_id for c in data.cases]
    mask = inner_split(ids, patients, [c.label for c in data.cases], val_ratio, seed)
    return frozenset(case_id for case_id, held in zip(ids, mask, strict=True) if held)


@runtime_checkable
class OfTasks(Protocol):
    """A data set whose images belong to tasks."""

    def task_sizes(self) -> dict[str, int]:
        """Task -> number of its images, in the order of the indices."""


@runtime_checkable
class Ordered(Protocol):
    """A data set that states the order of its tasks in an epoch."""

    order: str


@DATA_SAMPLERS.register_module()
class TaskBatchSampler(Sampler):
    """Yields batches of (epoch, index) for this process, shuffled within a task.

    Every process gets as many batches of a task as the others, and the same tasks in the same order. A last batch of a
    single image is left out, as batch norm cannot learn from it.

    Args:
        sampler: Whose data set (with `task_sizes`), seed, epoch and process count.
        batch_size: Images in a batch.
        order: `'sequential'`: task after task; `'interleaved'`: mixed in proportion to their numbers; None: as the
            data set states, else `'sequential'`.

    Raises:
        TypeError: If the data set does not consist of tasks.
    """

    def __init__(self, sampler: CaseSampler, batch_size: int, order: str | None = None) -> None:
        self.sampler, self.batch_size = sampler, batch_size
        if not isinstance(sampler.dataset, OfTasks):
            raise TypeError(f'TaskBatchSampler needs a data set of tasks, got {type(sampler.dataset).__name__}')
        self.dataset = sampler.dataset
        stated = self.dataset.order if isinstance(self.dataset, Ordered) else ORDERS[0]
        self.order = stated if order is None else order

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        found = self._batches()
        placed = [
            ((i if self.order == 'sequential' else (j + 0.5) / len(batches), i), batch)
            for i, batches in enumerate(found)
            for j, batch in enumerate(batches)
        ]
        # a stable sort: the batches of a task stay in their order
        return iter([batch for _, batch in sorted(placed, key=lambda pair: pair[0])])

    def __len__(self) -> int:
        """How many batches this process gets."""
        return sum(len(batches) for batches in self._batches())

    def _batches(self) -> list[list[list[tuple[int, int]]]]:
        """The batches of each task."""
        found, start = [], 0
        for i, size in enumerate(self.dataset.task_sizes().values()):
            order = np.random.default_rng([self.sampler.seed, self.sampler.epoch, i]).permutation(size)
            world = self.sampler.world_size
            mine = np.resize(order, -(-size // world) * world)[self.sampler.rank :: world] + start
            cuts = [mine[at : at + self.batch_size] for at in range(0, len(mine), self.batch_size)]
            if len(cuts) > 1 and len(cuts[-1]) == 1:
                cuts.pop()
            found.append([[(self.sampler.epoch, int(k)) for k in cut] for cut in cuts])
            start += size
        return found
