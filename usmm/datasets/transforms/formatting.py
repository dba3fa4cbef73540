"""The end of a pipeline: arrays to tensors, and cases to a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from usmm.datasets.transforms.base_transform import Transform
from usmm.readers import DataError
from usmm.registry import FUNCTIONS, TRANSFORMS
from usmm.structures import Batch, Case, Settings, Variable, clinical_vector
from usmm.structures.case_info import PACK, ROW, SCORES, TABLE
from usmm.structures.settings import CLINICAL, IMAGE_LOGITS


@TRANSFORMS.register_module()
class PackCase(Transform):
    """Arrays to uint8 tensors: (H, W, 3) to (3, H, W), (T, H, W, 3) to (3, T, H, W); the table row to a vector.

    Args:
        modalities: What the network takes; others are dropped, `'clinical'` is ignored here. Default: all that the
            pipeline made. A missing one has no
            entry.
        clinical: Clinical variables (`Variable` or its dict) of the vector, in order; categories with resolved values.
        shapes: Modality -> shape of its tensor, for a batch in which no case has the modality.

    Raises:
        ValueError: A category whose values are still `'auto'`.
    """

    def __init__(
        self,
        modalities: Sequence[str] | None = None,
        clinical: Sequence[Variable | Settings] = (),
        shapes: Mapping[str, Sequence[int]] | None = None,
    ) -> None:
        self.modalities = None if modalities is None else tuple(m for m in modalities if m != CLINICAL)
        self.clinical = tuple(Variable.of(v) for v in clinical or ())
        self.shapes = {m: tuple(s) for m, s in (shapes or {}).items()}
        auto = [v.name for v in self.clinical if v.values == 'auto']
        if auto:
            raise ValueError(f"the values of {auto} are still 'auto'; take them from the training part (auto_values)")

    def __call__(self, case: Case) -> Case:
        """Pack one case."""
        modalities = _all_modalities(case) if self.modalities is None else self.modalities
        case.data = {m: pack(case.data[m], case.case_id, m) for m in modalities if m in case.data}
        case.info[PACK] = {'modalities': tuple(modalities), 'shapes': self.shapes}
        if self.clinical:
            vector = torch.from_numpy(clinical_vector(case.clinical, self.clinical))
            case.info.setdefault(ROW, {})['vector'] = vector
        return case


def pack(array: np.ndarray, case: str | None = None, modality: str | None = None) -> Tensor:
    """Channels first, contiguous.

    Args:
        array: (H, W, 3) or (T, H, W, 3) uint8.
        case, modality: For the message.

    Raises:
        DataError: Another shape or type.
    """
    array = np.asarray(array)
    if array.ndim not in (3, 4) or array.shape[-1] != 3 or array.dtype != np.uint8:
        got = f'{array.shape} {array.dtype}'
        raise DataError(f'expected (H, W, 3) or (T, H, W, 3) uint8, got {got}', case=case, modality=modality)
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(array, -1, 0)))


@FUNCTIONS.register_module()
def collate_cases(cases: Sequence[Case]) -> Batch:
    """Packed cases to a batch.

    Args:
        cases: Cases after `PackCase`; or cases with cached scores in `info['scores']['image_logits']`, (K,).

    Returns:
        `inputs`: modality -> (B, 3, H, W) or (B, 3, T, H, W) uint8, zeros where a case lacks it; a modality that
        the whole batch lacks has an entry only where its shape is known (`PackCase(shapes=...)`, or another still image
        of the batch). With cached scores: `image_logits` -> (B, K) instead. `present`: modality -> (B,) bool.
        `clinical`: (B, K) float32 or None. `data_samples`: the cases without pixels.

    Raises:
        DataError: Cases of different shapes, or only some with cached scores.
    """
    has_vector = 'vector' in cases[0].info.get(ROW, {})
    inputs, present = _scores(cases) or _pixels(cases)
    return Batch(
        inputs=inputs,
        present=present,
        clinical=torch.stack([case.info[ROW]['vector'] for case in cases]) if has_vector else None,
        data_samples=[replace(case, data={}, masks={}) for case in cases],
    )


def _all_modalities(case: Case) -> tuple[str, ...]:
    """What the pipeline made, and what the table has a column for but this case has no file."""
    missing = [m for m in case.info.get(TABLE, {}).get('modalities', ()) if m not in case.files]
    return tuple(dict.fromkeys([*case.data, *missing]))


def _scores(cases: Sequence[Case]) -> tuple[dict[str, Tensor], dict[str, Tensor]] | None:
    scores = {case.case_id: case.info.get(SCORES, {}).get(IMAGE_LOGITS) for case in cases}
    without = [case_id for case_id, score in scores.items() if score is None]
    if len(without) == len(scores):
        return None
    if without:
        raise DataError('has no cached scores, but others of its batch have', case=without[0])
    return {IMAGE_LOGITS: torch.stack([case.info[SCORES][IMAGE_LOGITS] for case in cases])}, {}


def _pixels(cases: Sequence[Case]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    facts = cases[0].info.get(PACK, {})
    modalities = tuple(dict.fromkeys(m for c in cases for m in c.info.get(PACK, {}).get('modalities', c.data)))
    present = {m: torch.tensor([m in case.data for case in cases]) for m in modalities}
    shapes = {m: _shape(cases, m, facts.get('shapes', {})) for m in modalities}
    still = next((s for s in shapes.values() if s is not None and len(s) == 3), None)
    inputs = {}
    for m in modalities:
        is_clip = m in cases[0].info.get(TABLE, {}).get('clips', ())
        shape = shapes[m] or (None if is_clip else still)
        if shape is not None:
            inputs[m] = torch.stack([case.data.get(m, torch.zeros(shape, dtype=torch.uint8)) for case in cases])
    return inputs, present


def _shape(cases: Sequence[Case], modality: str, known: Mapping[str, tuple[int, ...]]) -> tuple[int, ...] | None:
    """The one shape of a modality in a batch."""
    shape = known.get(modality)
    for case in cases:
        if modality in case.data:
            got = tuple(case.data[modality].shape)
            shape = shape or got
            if got != shape:
                message = f'shape {got} does not fit into a batch of {shape}; add a Resize'
                raise DataError(message, case=case.case_id, modality=modality)
    return shape
