"""Pairs of views for contrastive learning: two modalities of one case, or one image twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from usmm.datasets.case_dataset import CaseDataset
from usmm.datasets.checks.verify import fresh
from usmm.datasets.split_settings import Split
from usmm.datasets.transforms.base_transform import Step, build_steps
from usmm.readers import DataError
from usmm.registry import DATASETS
from usmm.structures import Case, ModalityInfo, Schema, Settings
from usmm.structures.case_info import DRAWN, PACK

PAIRS = ('modalities', 'views')
VIEWS = ('view1', 'view2')


@DATASETS.register_module()
class PairedViews(CaseDataset):
    """Two views of a case for each of its images: an epoch meets every image of every case once as the first view.

    With `pairs='modalities'` (multi-modality data augmentation) the second view is drawn from the other modalities of
    the case; with `'views'` it is the same image. Both are then augmented, each by draws of its own. Of a clip a frame
    is drawn for each view (with `'views'` one for both). A case with a single modality always pairs it with itself.
    Draws depend on (seed, epoch, case, image) alone.

    Args:
        table, schema, classes, modalities, part, split, seed, missing, ignore_labels, clinical, require_labels,
        bad_cases: As in `CaseDataset`; labels play no role.
        pipeline: Transforms of the whole case: loading, cropping, one size for all.
        augment: Transforms of each view, a still image under the name `view`; the last is to be `PackCase`.
        pairs: `'modalities'` or `'views'`.
        allow_same: With `'modalities'`: the second view may also be of the first one's modality.
        repeats: How often an epoch meets every image, each time with other draws.
        extra: Further tables whose cases all take part, as arguments of `CaseDataset`; none of their patients may be
            one that is tested.

    Raises:
        ValueError: Another word for `pairs`, repeats below 1, or no `PackCase` at the end of `augment`.
        DataError: As `CaseDataset`; a case without images, or a case or a file of an extra table that is in the table.

    References:
        Chiang et al., ACM MM Asia 2023.
    """

    _known: tuple[list[Case], list[tuple[int, str]]] | None = None

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
        augment: Sequence[Step | Settings] = (),
        pairs: str = 'modalities',
        allow_same: bool = False,
        repeats: int = 1,
        extra: Sequence[Settings] = (),
    ) -> None:
        if pairs not in PAIRS:
            raise ValueError(f'pairs must be one of {list(PAIRS)}, got {pairs!r}')
        if repeats < 1:
            raise ValueError(f'repeats of PairedViews must be 1 or more, got {repeats}')
        super().__init__(
            table, schema, classes, modalities, part, split, pipeline, seed, missing, ignore_labels, clinical,
            require_labels, bad_cases,
        )  # fmt: skip
        self.augment = build_steps(augment)
        if not self.augment or type(self.augment[-1]).__name__ != 'PackCase':
            raise ValueError(f'augment of PairedViews must end with PackCase, got {self.augment}')
        self.pairs, self.allow_same, self.repeats = pairs, allow_same, repeats
        for given in extra:
            arguments: dict[str, Any] = {'require_labels': False, 'missing': 'keep', **given}
            self._add(CaseDataset(**arguments))
        self._check_images()

    @property
    def anchors(self) -> list[tuple[int, str]]:
        """(index of the case, modality) of each first view."""
        return [(i, m) for i, case in enumerate(self.cases) for m in self.modalities if m in case.files]

    def __len__(self) -> int:
        return len(self._items()) * self.repeats

    def __getitem__(self, index: int | tuple[int, int]) -> Case:
        """The case with `view1` and `view2`, (3, H, W) uint8 tensors; `info['views']` names their modalities.

        Args:
            index: Index of the first view, or (epoch, index), as `CaseSampler` gives it.

        Raises:
            DataError: A file cannot be read.
            ValueError: The epoch is missing where random draws would repeat without it, see `EpochGuard`.
        """
        epoch, i = self._epochs.split(index, self.is_random)
        repeat, place = divmod(i, len(self._items()))
        number, anchor = self._items()[place]
        case = fresh(self.cases[number], seed=self.seed, epoch=epoch)
        draws = (anchor, str(repeat))
        drawn = (anchor, self._partner(case, anchor, draws))
        try:
            for transform in self.pipeline:
                case = transform(case)
            views = [self._view(case, draws, m, name) for m, name in zip(drawn, VIEWS, strict=True)]
        except DataError as error:
            raise error.at(case=case.case_id) from error
        info = {**case.info, DRAWN: ModalityInfo(modalities=drawn), PACK: ModalityInfo(modalities=VIEWS, shapes={})}
        return replace(case, data=dict(zip(VIEWS, views, strict=True)), masks={}, info=info)

    @property
    def is_random(self) -> bool:
        """The partner of a view is drawn, and how the views are augmented."""
        return True

    def _items(self) -> list[tuple[int, str]]:
        # cases may have been left out since
        if self._known is None or self._known[0] is not self.cases:
            self._known = (self.cases, self.anchors)
        return self._known[1]

    def _partner(self, case: Case, anchor: str, draws: tuple[str, ...]) -> str:
        if self.pairs == 'views':
            return anchor
        others = [m for m in self.modalities if m in case.files and (self.allow_same or m != anchor)]
        return others[int(case.rng('pair', *draws).integers(len(others)))] if others else anchor

    def _view(self, case: Case, draws: tuple[str, ...], modality: str, name: str) -> Tensor:
        """One augmented view: the same transforms, with a seed of their own."""
        frame = ('frame', *draws, *(() if self.pairs == 'views' else (name,)))
        return one_view(case, modality, self.augment, frame, ('view', *draws, name))

    def _add(self, other: CaseDataset) -> None:
        """Take in the cases of another table."""
        ids = {case.case_id for case in self.table.cases} | {case.case_id for case in self.cases}
        files = {file for case in self.table.cases for found in case.files.values() for file in found}
        for case in other.cases:
            if case.case_id in ids or any(file in files for found in case.files.values() for file in found):
                text = f'the case, or a file of it, is in {self.table.path} too'
                raise DataError(text, file=other.table.path, case=case.case_id)
        self.cases = [*self.cases, *other.cases]
        self.modalities = (*self.modalities, *(m for m in other.modalities if m not in self.modalities))

    def _check_images(self) -> None:
        empty = [case.case_id for case in self.cases if not any(m in case.files for m in self.modalities)]
        if empty or not self.modalities:
            names = ', '.join(empty[:5])
            raise DataError(f'{len(empty)} cases have none of {list(self.modalities)}: {names}', file=self.table.path)


def one_view(
    case: Case, modality: str, transforms: Sequence[Step], frame: Sequence[str], draw: Sequence[str]
) -> Tensor:
    """An image of a case after transforms, which see it as the still image `view`.

    Args:
        case: The case, its images loaded.
        modality: Which of them; of a clip (T, H, W, 3) a frame is drawn.
        transforms: The transforms; after `PackCase` the view is a (3, H, W) uint8 tensor.
        frame, draw: Names of the draw of the frame, and of that of the transforms' seed.
    """
    array = case.data[modality]
    if array.ndim == 4:
        array = array[int(case.rng(*frame).integers(len(array)))]
    seed = int(case.rng(*draw).integers(2**31))
    view = replace(case, data={'view': array.copy()}, masks={}, files={}, info={}, seed=seed)
    for transform in transforms:
        view = transform(view)
    return view.data['view']
