"""What a model returns for a case with `mode='predict'`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    import numpy as np


class _PairRow(TypedDict, total=False):
    of: str  # id of the case of the table that the pair of images belongs to; only for pairs


class PredictionRow(_PairRow):
    """The prediction for one case by a classifier. Identifiers and label are None for a batch without cases.

    Args:
        case_id, patient_id: Identifiers of the table.
        label: Class index, None where unknown.
        scores: Class probabilities (K,), float32, in the order of the model's classes.
        image_scores: Class probabilities (K,) of the images without the clinical table; None where there are none.
    """

    case_id: str | None
    patient_id: str | None
    label: int | None
    scores: np.ndarray
    image_scores: np.ndarray | None


class TaskRow(TypedDict):
    """The prediction for one image by a multi-task learner.

    Args:
        case_id: Identifier of the image.
        task: Name of the task that the image belongs to.
        label: Class index within the task.
        scores: Class probabilities (K,) of the task, float32.
    """

    case_id: str
    task: str
    label: int | None
    scores: np.ndarray
