"""The data set: the cases of one part of a case table, run through a pipeline of transforms."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from mmengine.logging import print_log
from torch.utils.data import Dataset

from usmm.datasets.case_table import PARTS, CaseTable
from usmm.datasets.checks.verify import Progress, fresh, listing, verify_parts
from usmm.datasets.epochs import EpochGuard
from usmm.datasets.folds import split_cases
from usmm.datasets.samples import check_names, check_unit, read_samples
from usmm.datasets.split_settings import Split
from usmm.datasets.table_problem import Problem
from usmm.datasets.transforms.base_transform import Step, build_steps, draws
from usmm.readers import DataError
from usmm.registry import DATASETS
from usmm.structures import Case, Schema, Settings
from usmm.structures.case_info import TABLE
from usmm.structures.settings import BAD_CASES, CLINICAL, MISSING
from usmm.utils.suggestions import suggestion


@DATASETS.register_module()
class CaseDataset(Dataset):
    """Cases of a case table.

    Args:
        table: Case table, CSV or XLSX.
        schema: `Schema` or its dict.
        classes: Class names, in order of their index.
        modalities: The file modalities to use (default: all of the schema). The word `'clinical'` may be among them: it
            stands for the table's own columns. Files of other modalities are not looked at.
        part: `'train'`, `'val'`, `'test'`, or None for every case of the table.
        split: `Split` or its dict (folds, fold, seed, val_ratio, selection, file); needed for a part, unless the schema
            names a split column.
        pipeline: Transforms, or their configs, run on each case.
        seed: Seed of the random draws.
        missing: A case that lacks one of the modalities: `'error'`, `'drop'` (logged) or `'keep'`.
        ignore_labels: Rows with one of these labels are left out.
        clinical: Names of the clinical variables to keep (default: all of the schema).
        require_labels: Whether a missing label is an error.
        bad_cases: What `verify` does with cases that cannot be read: `'error'` or `'skip'`.
        only: A CSV file with the columns `sample_id` (the case) and, optionally, `label` (name of the class): the
            training part is these cases. A label in it counts, whatever the table says.

    Problems of the table are errors, except numbers outside their plausible range or in another unit, and patient ids
    that differ in leading zeros, signs or letters that look alike (logged), and, in the parts `val` and `test`,
    categories that the schema does not know (logged; the model takes them as unknown).

    Raises:
        DataError: No table, blocking problems in it, missing modalities, a patient in two parts, or an empty part.
        ValueError: An option that does not exist.
    """

    def __init__(
        self,
        table: str | Path,
        schema: Schema | Settings,
        classes: Sequence[str],
        modalities: Sequence[str] | None = None,
        part: str | None = None,
        split: Split | Settings | None = None,
        pipeline: Sequence[Step | Settings] = (),
        seed: int = 0,
        missing: str = 'error',
        ignore_labels: Sequence[str] = (),
        clinical: Sequence[str] | None = None,
        require_labels: bool = True,
        bad_cases: str = 'error',
        only: str | Path | None = None,
    ) -> None:
        schema = Schema.of(schema)
        _check_choice('part', part, (*PARTS, None))
        _check_choice('missing', missing, MISSING)
        _check_choice('bad_cases', bad_cases, BAD_CASES)
        if part is not None and split is None and schema.split is None:
            raise ValueError(f'part={part!r} needs split=dict(folds=...) or a split column in the schema')
        self.schema, self.part, self.seed, self.missing = schema, part, seed, missing
        self.bad_cases, self.dropped = bad_cases, 0  # cases that lack a modality and were left out
        self.modalities = _file_modalities(schema, modalities)
        self.clinical = _clinical_names(schema, clinical)
        self.table = CaseTable.read(table, schema, classes, ignore_labels)
        self.table.cases = [self._used(case) for case in self.table.cases]
        uses_clinical = modalities is None or CLINICAL in modalities or clinical is not None
        used = {*self.modalities, *([CLINICAL] if uses_clinical else [])}
        problems = [p for p in self.table.problems if p.modality is None or p.modality in used]
        milder = {'range', 'unit', 'category', 'id_zeros', 'spellings', 'mask_column'} | (
            set() if require_labels else {'no_label'}
        )
        self._refuse([p for p in problems if p.kind not in milder])
        cases = self.table.cases if part is None else split_cases(self.table, Split.of(split))[part]
        self.cases = self._with_all_modalities(cases)
        self._judge_categories(problems, self.cases)
        if not self.cases and part != 'val':
            raise DataError(f'part {part or "all"!r} has no cases', file=self.table.path)
        self.pipeline = build_steps(pipeline)
        if part in (None, 'train'):
            for note in self.table.notes:
                print_log(f'{self.table.path}: {note}', 'current', logging.WARNING)
        self._epochs = EpochGuard(type(self).__name__)
        if only is not None and part == 'train':
            self.choose(*read_samples(only, self.table.classes))

    @property
    def metainfo(self) -> dict[str, tuple[str, ...]]:
        """What an evaluator needs to know: the class names."""
        return dict(classes=self.table.classes)

    @property
    def labels(self) -> np.ndarray:
        """(N,) int label indices; -1 where unknown."""
        return np.array([-1 if c.label is None else c.label for c in self.cases], dtype=int)

    @property
    def is_random(self) -> bool:
        """Whether a sample depends on random draws, and with them on the epoch."""
        return any(draws(step) for step in self.pipeline)

    @property
    def readings(self) -> list[Case]:
        """What `verify` reads: the cases."""
        return self.cases

    def sample_ids(self) -> list[str]:
        """Id of every sample: the case's."""
        return [case.case_id for case in self.cases]

    def index_of(self, case_id: str) -> int:
        """Index of the first sample of a case.

        Raises:
            ValueError: There is no such case.
        """
        ids = [case.case_id for case in self.cases]
        if case_id not in ids:
            raise ValueError(f'the {self.part or "whole"} part has no case {case_id!r}{suggestion(case_id, ids)}')
        return self._first(ids.index(case_id))

    def _first(self, case: int) -> int:
        return case

    def sample_files(self) -> list[dict[str, tuple[Path, ...]]]:
        """Modality -> files, of each sample."""
        return [case.files for case in self.cases]

    def units(self, kind: str) -> list[str]:
        """What is asked for with each of the samples: `'sample'` or `'image'` (the case), or `'patient'`.

        Raises:
            ValueError: Another kind.
        """
        check_unit(kind)
        return [case.patient_id if kind == 'patient' else case.case_id for case in self.cases]

    def choose(self, names: Sequence[str], labels: Mapping[str, int] | None = None) -> None:
        """Go on with these samples alone, in the order of the table.

        Args:
            names: Ids as in `sample_ids`.
            labels: Id -> class index, where it is to count instead of the table's.

        Raises:
            DataError: A sample that is not there.
        """
        check_names(names, self.sample_ids(), self.part, self.table.path)
        chosen, known = set(names), labels or {}
        self.cases = [replace(c, label=known.get(c.case_id, c.label)) for c in self.cases if c.case_id in chosen]

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int | tuple[int, int]) -> Case:
        """The case after the pipeline.

        Args:
            index: Index of the case, or (epoch, index), as `CaseSampler` gives it; random draws depend on the epoch.

        Raises:
            DataError: A file cannot be read.
            ValueError: The epoch is missing where random draws would repeat without it, see `EpochGuard`.
        """
        epoch, i = self._epochs.split(index, self.is_random)
        case = fresh(self.cases[i], seed=self.seed, epoch=epoch)
        try:
            for transform in self.pipeline:
                case = transform(case)
        except DataError as error:
            raise error.at(case=case.case_id) from error
        return case

    def verify(self, num_workers: int = 0, progress: Progress | None = None) -> dict[str, str]:
        """Read every case once, up to the first random transform; a cache of the pipeline is filled on the way.

        Args:
            num_workers: Processes that read.
            progress: Shows how far it is, see `usmm.datasets.checks.verify.find_bad`.

        Returns:
            Case id -> why it cannot be used, of the cases that were left out.

        Raises:
            DataError: Cases cannot be read and `bad_cases` is `'error'`: lists them. Or none can be read.
        """
        return verify_parts({self.part or 'all': self}, num_workers, progress)[self.part or 'all']

    def leave_out(self, case_ids: Collection[str]) -> None:
        """Go on without these cases."""
        self.cases = [case for case in self.cases if case.case_id not in case_ids]

    def _refuse(self, problems: Sequence[Problem]) -> None:
        if problems:
            text = listing(f'{len(problems)} problems in the case table', problems)
            raise DataError(f'{text}; usmm check_data lists them all', file=self.table.path)

    def _judge_categories(self, problems: Sequence[Problem], cases: Sequence[Case]) -> None:
        """Refuse unknown categories where the model learns; where it is tested they are met as unknown."""
        ids = {case.case_id for case in cases}
        mild = [p for p in problems if p.kind in ('range', 'category') and p.case_id in ids]
        mild += [p for p in problems if p.kind in ('id_zeros', 'unit', 'spellings', 'mask_column')]
        if self.part not in ('val', 'test'):
            self._refuse([p for p in mild if p.kind == 'category'])
        if mild:
            print_log(listing(f'{self.table.path}: {len(mild)} warnings', mild), 'current', logging.WARNING)

    def _used(self, case: Case) -> Case:
        """The case with the modalities and clinical variables that are in use."""
        clips = tuple(m for m in self.modalities if m in self.schema.clips)
        return replace(
            case,
            info={TABLE: dict(modalities=self.modalities, clips=clips)},
            files={m: f for m, f in case.files.items() if m in self.modalities},
            mask_files={m: f for m, f in case.mask_files.items() if m in self.modalities},
            views={m: v for m, v in case.views.items() if m in self.modalities},
            boxes={m: box for m, box in case.boxes.items() if m in self.modalities},
            clinical={n: case.clinical[n] for n in self.clinical},
        )

    def _with_all_modalities(self, cases: list[Case]) -> list[Case]:
        missing = {c.case_id: [m for m in self.modalities if m not in c.files] for c in cases}
        missing = {case_id: names for case_id, names in missing.items() if names}
        if not missing or self.missing == 'keep':
            return list(cases)
        named = listing(
            f'{len(missing)} of {len(cases)} cases lack a modality', [f'{c}: {m}' for c, m in missing.items()]
        )
        if self.missing == 'error':
            hint = "; missing='drop' leaves them out, missing='keep' keeps them for a model that can do without"
            raise DataError(named + hint, file=self.table.path)
        print_log(f'{named}; left out', 'current', logging.WARNING)
        self.dropped = len(missing)
        return [c for c in cases if c.case_id not in missing]


def _check_choice(name: str, value: str | None, valid: tuple[str | None, ...]) -> None:
    if value not in valid:
        raise ValueError(f'{name} must be one of {list(valid)}, got {value!r}')


def _file_modalities(schema: Schema, modalities: Sequence[str] | None) -> tuple[str, ...]:
    chosen = schema.modalities if modalities is None else tuple(m for m in modalities if m != CLINICAL)
    for name in chosen:
        if name not in schema.modalities:
            hint = suggestion(name, schema.modalities)
            raise ValueError(f'schema has no modality {name!r}; it has {list(schema.modalities)}{hint}')
    return chosen


def _clinical_names(schema: Schema, names: Sequence[str] | None) -> tuple[str, ...]:
    """The chosen clinical variables, in the order of the schema."""
    known = [v.name for v in schema.clinical]
    for name in names or ():
        if name not in known:
            raise ValueError(f'schema has no clinical variable {name!r}; it has {known}{suggestion(name, known)}')
    return tuple(known if names is None else [n for n in known if n in names])
