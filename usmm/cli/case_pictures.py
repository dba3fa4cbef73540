"""The images of a case as the network sees them, for reports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from mmengine.config import Config

from usmm.readers import DataError
from usmm.registry import DATASETS

Pictures = Callable[[str], list[tuple[str, np.ndarray]]]


def pictures_of(config: Config) -> Pictures:
    """Case id -> (modality, (H, W, 3) uint8) of its images, of a clip the middle frame; none that cannot be read."""
    steps = [step for step in config.test_pipeline if step['type'].split('.')[-1] != 'PackCase']
    given: dict[str, Any] = dict(part=None, pipeline=steps, split=None, missing='keep', require_labels=False)
    given |= {'test_draws': None} if 'test_draws' in config.dataset else {}
    built: dict[str, Any] = {}

    def pictures(case_id: str) -> list[tuple[str, np.ndarray]]:
        if not built:  # a report without mistakes needs none
            built['data'] = DATASETS.build({**config.dataset, **given})
            built['index'] = {c.case_id: built['data'].index_of(c.case_id) for c in built['data'].cases}
        index = built['index'].get(case_id)
        if index is None:
            return []
        try:
            case = built['data'][index]
        except (DataError, OSError):
            return []
        found = [(name, np.asarray(value)) for name, value in case.data.items() if value is not None]
        return [(name, value[len(value) // 2] if value.ndim == 4 else value) for name, value in found]

    return pictures
