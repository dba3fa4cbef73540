"""One image of a case as a view: a frame of a clip, then transforms with draws of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from usmm.case import Case


def one_view(case: Case, modality: str, transforms: Sequence[Any], frame: Sequence[str], draw: Sequence[str]) -> Any:
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
