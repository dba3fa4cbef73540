"""Several images per patient and modality: every combination of them is a sample, made when it is asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from usmm.datasets.case_dataset import CaseDataset
from usmm.datasets.checks.verify import fresh
from usmm.datasets.samples import check_names, check_unit, read_samples
from usmm.readers import DataError
from usmm.registry import DATASETS
from usmm.structures import Case
from usmm.structures.case_info import PAIR, POOL


@DATASETS.register_module()
class PairPool(CaseDataset):
    """All pairs (or tuples) of images of one case, one image of each modality.

    A cell of the case table holds several files, joined by `;`. Nothing is stored per pair: the index of a sample is
    taken apart by arithmetic. A sample is a `Case` with one file a modality, the id `<case>#<i>-<j>` (numbers of its
    images, in the order of `modalities`) and the case's own id in `info['pair']['case_id']`, by which predictions are
    pooled.

    Args:
        draws: Samples of each case in an epoch of the training part, drawn anew in every epoch without repetition;
            None: every pair.
        min_samples: An epoch of the training part has so many samples at least: a smaller set is gone through again,
            with other random draws. So a network learns for as long from few labels as from many.
        test_draws: Samples of each case in the other parts, spread evenly over its pairs; None: every pair.
        frames: Modality -> `(clip modality, number)`: so many frames of each clip, evenly spread, join its images.
        only: A CSV file with the columns `sample_id` and, optionally, `label` (name of the class): the training part
            is these samples. A label in it counts, whatever the table says.
        kwargs: As of `CaseDataset`.

    Raises:
        DataError: As of `CaseDataset`, or `only` names a sample that is not there.
        ValueError: An option that does not exist, or numbers below 1.
    """

    def __init__(
        self,
        *args: Any,
        draws: int | None = None,
        test_draws: int | None = None,
        min_samples: int | None = None,
        frames: Mapping[str, tuple[str, int]] | None = None,
        only: str | Path | None = None,
        **kwargs: Any,
    ) -> None:
        for name, value in dict(
            draws=draws, test_draws=test_draws, min_samples=min_samples, **_numbers(frames)
        ).items():
            if value is not None and value < 1:
                raise ValueError(f'{name} must be 1 or more, or None, got {value}')
        self.frames = {m: (clip, int(count)) for m, (clip, count) in (frames or {}).items()}
        super().__init__(*args, **kwargs)
        self._refuse([p for p in self.table.problems if p.modality in {clip for clip, _ in self.frames.values()}])
        self.draws = draws if self.part == 'train' else test_draws
        self.fixed = self.part != 'train'
        self.min_samples = min_samples if self.part == 'train' else None
        self._chosen: np.ndarray | None = None
        self._labels: dict[str, int] = {}
        self._count()
        if only is not None and self.part == 'train':
            self.choose(*read_samples(only, self.table.classes))

    def __len__(self) -> int:
        size = int(self.ends[-1]) if len(self.ends) else 0
        return size if self.min_samples is None else max(size, self.min_samples * (size > 0))

    def __getitem__(self, index: int | tuple[int, int]) -> Case:
        """The sample after the pipeline.

        Args:
            index: Index of the sample, or (epoch, index), as `CaseSampler` gives it.

        Raises:
            DataError: A file cannot be read.
            ValueError: The epoch is missing where random draws would repeat without it, see `EpochGuard`.
        """
        epoch, i = self._epochs.split(index, self.is_random)
        if not -len(self) <= i < len(self):
            raise IndexError(f'sample {i} of {len(self)}')
        size = int(self.ends[-1])
        again, i = divmod(i % len(self), size)
        epoch = epoch * -(-len(self) // size) + again  # each time that the set is gone through is an epoch
        c, k = self._place(i)
        case = fresh(self.sample(c, self._drawn(c, k, epoch)), seed=self.seed, epoch=epoch)
        try:
            for transform in self.pipeline:
                case = transform(case)
        except DataError as error:
            raise error.at(case=case.case_id) from error
        return case

    @property
    def is_random(self) -> bool:
        """Whether a sample depends on random draws: of its transforms, or of the pairs of an epoch."""
        return super().is_random or (self.draws is not None and not self.fixed)

    @property
    def labels(self) -> np.ndarray:
        """Label indices of `sample_ids` (N,); -1 where unknown."""
        if self._chosen is None:
            return np.repeat(super().labels, self.pairs)
        return np.array([-1 if (found := self._label(g)) is None else found for g in self._chosen], dtype=int)

    @property
    def readings(self) -> list[Case]:
        """Samples that together read every image at least once, for `verify`; each with the id of its case."""
        found = []
        for c, case in enumerate(self.cases):
            counts = self.counts[c]
            for k in range(max(counts)):
                place = int(np.ravel_multi_index([k % n for n in counts], counts))
                found.append(replace(self.sample(c, place), case_id=case.case_id))
        return found

    def sample(self, case: int, place: int) -> Case:
        """A sample without pixels.

        Args:
            case: Index of the case.
            place: Index of the pair among the pairs of this case.
        """
        source, picks = self.cases[case], np.unravel_index(place, self.counts[case])
        pick = {m: int(k) for m, k in zip(self.modalities, picks) if m in source.files}
        info = {name: facts.copy() for name, facts in source.info.items()}
        files: dict[str, tuple[Path, ...]] = {}
        masks: dict[str, tuple[Path, ...]] = {}
        for m, k in pick.items():
            stills = source.info[POOL]['stills'][m]
            if k >= stills:
                file, frame = divmod(k - stills, self.frames[m][1])
                info[m] = {**info.get(m, {}), 'frame': (frame, self.frames[m][1])}
                files[m] = (source.files[m][stills + file],)
            else:
                files[m] = (source.files[m][k],)
                own = source.views[m][k].masks if m in source.views else source.mask_files.get(m, ())
                one_each = m not in source.views and len(own) == stills
                masks |= {m: (own[k],) if one_each else own} if own else {}
        info[PAIR] = {'case_id': source.case_id, 'images': pick}
        name = f'{source.case_id}#{"-".join(str(k) for k in picks)}'
        label = self._labels.get(name, source.label)
        return replace(source, case_id=name, label=label, files=files, mask_files=masks, views={}, info=info)

    def sample_ids(self) -> list[str]:
        """Id of every pair of these cases, whether drawn or not, or of the chosen samples."""
        return [self._name(g) for g in self._all()]

    def _first(self, case: int) -> int:
        return int(self.ends[case] - self.sizes[case])

    def sample_files(self) -> list[dict[str, tuple[Path, ...]]]:
        """Modality -> file, of each sample of `sample_ids`."""
        found = []
        for g in self._all():
            c = self._case_of(int(g))
            found.append(self.sample(c, int(g) - int(self.starts[c])).files)
        return found

    def units(self, kind: str) -> list[str]:
        """What is asked for with each of the samples of `sample_ids`.

        Args:
            kind: `'sample'`; `'image'`: an image of the first modality, with every pair that it is in; `'patient'`.

        Raises:
            ValueError: Another kind.
        """
        check_unit(kind)
        if kind == 'sample':
            return self.sample_ids()
        if kind == 'image':
            return [name.partition('-')[0] for name in self.sample_ids()]
        return [self.cases[self._case_of(int(g))].patient_id for g in self._all()]

    def choose(self, names: Sequence[str], labels: Mapping[str, int] | None = None) -> None:
        """Go on with these samples alone, in the order of the pool.

        Args:
            names: Ids as in `sample_ids`.
            labels: Id -> class index, where it is to count instead of the table's.

        Raises:
            DataError: A sample that is not there.
        """
        check_names(names, self.sample_ids(), self.part, self.table.path)
        held = {name.rpartition('#')[0] for name in names}
        self.cases = [case for case in self.cases if case.case_id in held]
        self._chosen = None
        self._count()
        place = {name: i for i, name in enumerate(self.sample_ids())}
        self._chosen = np.array(sorted(place[name] for name in set(names)), dtype=np.int64)
        self._labels = dict(labels or {})
        self._count()

    def leave_out(self, case_ids: Collection[str]) -> None:
        """Go on without these cases."""
        chosen = None if self._chosen is None else self.sample_ids()
        self._chosen = None
        super().leave_out(case_ids)
        self._count()
        if chosen is not None:
            left = {case.case_id for case in self.cases}
            self.choose([name for name in chosen if name.rpartition('#')[0] in left], self._labels)

    def _used(self, case: Case) -> Case:
        """The case in which the clips that feed a modality stand behind its images."""
        used, stills = super()._used(case), {}
        for m in self.modalities:
            own = used.files.get(m, ())
            clips = case.files.get(self.frames[m][0], ()) if m in self.frames else ()
            stills[m] = len(own)
            if own or clips:
                used.files[m] = (*own, *clips)
        used.info[POOL] = {'stills': stills}
        return used

    def _images(self, case: Case, modality: str) -> int:
        """How many images a case has of a modality; 1 where it has none, so that its pairs still exist."""
        stills, files = case.info[POOL]['stills'][modality], len(case.files.get(modality, ()))
        return max(1, stills + (files - stills) * self.frames.get(modality, ('', 1))[1])

    def _count(self) -> None:
        self.counts = [tuple(self._images(case, m) for m in self.modalities) for case in self.cases]
        self.pairs = np.array([int(np.prod(n)) for n in self.counts], dtype=np.int64)
        self.starts = np.cumsum(self.pairs) - self.pairs
        held = self.pairs if self._chosen is None else self._held()
        self.sizes = held if self.draws is None else np.minimum(held, self.draws)
        self.ends = np.cumsum(self.sizes)

    def _held(self) -> np.ndarray:
        """Chosen samples of each case."""
        return np.diff(np.searchsorted(self._all(), [*self.starts, int(self.pairs.sum())]))

    def _place(self, index: int) -> tuple[int, int]:
        """Index of the case, and which of its samples of this epoch it is."""
        c = int(np.searchsorted(self.ends, index, 'right'))
        return c, index - int(self.ends[c] - self.sizes[c])

    def _drawn(self, case: int, k: int, epoch: int) -> int:
        """Which pair the k-th sample of a case is."""
        if self._chosen is None:
            count, first = int(self.pairs[case]), None
        else:
            edges = np.searchsorted(self._chosen, [self.starts[case], self.starts[case] + self.pairs[case]])
            count, first = int(edges[1] - edges[0]), int(edges[0])
        size = int(self.sizes[case])
        if size < count and self.fixed:
            k = (2 * k + 1) * count // (2 * size)
        elif size < count:
            draw = replace(self.cases[case], seed=self.seed, epoch=epoch).rng('PairPool')
            k = int(draw.permutation(count)[k])
        if first is None or self._chosen is None:
            return k
        return int(self._chosen[first + k] - self.starts[case])

    def _all(self) -> np.ndarray:
        return np.arange(int(self.pairs.sum())) if self._chosen is None else self._chosen

    def _case_of(self, index: int) -> int:
        return int(np.searchsorted(self.starts, index, 'right')) - 1

    def _name(self, index: int) -> str:
        c = self._case_of(int(index))
        picks = np.unravel_index(int(index) - int(self.starts[c]), self.counts[c])
        return f'{self.cases[c].case_id}#{"-".join(str(k) for k in picks)}'

    def _label(self, index: int) -> int | None:
        return self._labels.get(self._name(index), self.cases[self._case_of(int(index))].label)


def _numbers(frames: Mapping[str, tuple[str, int]] | None) -> dict[str, int]:
    return {f'frames of {m}': int(count) for m, (_, count) in (frames or {}).items()}
