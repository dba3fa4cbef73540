"""Is the exported model the same? The same inputs through torch and through onnxruntime."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from usmm.export.runtime import OnnxModel, Scores

if TYPE_CHECKING:
    from mmengine.model import BaseModel

    from usmm.export.cases import ArrayBatch

TOLERANCE = 1e-4
TIE = 1e-6


@dataclass(frozen=True)
class Parity:
    """What a comparison found.

    Args:
        count: Number of cases.
        largest: Largest difference of a probability, that of the images alone included.
        changed: Cases that get another class, ties aside.
        torch_ms, onnx_ms: Milliseconds a case, the first batch not counted; None: there was only that one.
    """

    count: int
    largest: float
    changed: int
    torch_ms: float | None = None
    onnx_ms: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the two are the same: no probability differs by more than 1e-4, no case gets another class."""
        return self.largest <= TOLERANCE and self.changed == 0

    @property
    def ratio(self) -> float | None:
        """Time of torch over that of onnxruntime."""
        return None if not self.torch_ms or not self.onnx_ms else self.torch_ms / self.onnx_ms

    def __str__(self) -> str:
        text = f'{self.count} inputs: largest difference {self.largest:.1e}, another class in {self.changed}'
        if self.ratio is None:
            return text
        return f'{text}; torch {self.torch_ms:.2f} ms, onnxruntime {self.onnx_ms:.2f} ms, ratio {self.ratio:.2f}'


def check_parity(model: BaseModel, exported: OnnxModel, batches: Iterable[ArrayBatch]) -> Parity:
    """Compare a model with its exported form.

    Args:
        model: The torch model; on the CPU, it is put back into its mode afterwards.
        exported: What was exported of it.
        batches: `inputs`, `clinical` and `present` as `OnnxModel.predict` takes them.

    Raises:
        ValueError: There is no batch.
    """
    count, changed, largest = 0, 0, 0.0
    seconds = np.zeros(2)
    timed = 0
    was_training = model.training
    model.eval()
    try:
        for batch in batches:
            start = time.perf_counter()
            expected = run_torch(model, batch)
            middle = time.perf_counter()
            found = exported.predict(**batch)
            end = time.perf_counter()
            size = len(expected['probabilities'])
            if count:
                seconds += (middle - start, end - middle)
                timed += size
            count += size
            largest = max(largest, difference(expected, found))
            changed += other_class(expected['probabilities'], found['probabilities'])
    finally:
        model.train(was_training)
    if not count:
        raise ValueError('there is no input to compare the models on')
    times = (seconds / timed * 1000).tolist() if timed else (None, None)
    return Parity(count, largest, changed, *times)


def run_torch(model: BaseModel, batch: ArrayBatch) -> Scores:
    """`probabilities` and `image_probabilities` (or None) of a torch model, as `OnnxModel.predict` gives them."""
    import torch

    present = {m: torch.from_numpy(rows) for m, rows in (batch['present'] or {}).items()}
    data = dict(
        inputs={m: torch.from_numpy(x) for m, x in batch['inputs'].items()},
        present=present or None,
        clinical=None if batch['clinical'] is None else torch.from_numpy(batch['clinical']),
    )
    with torch.no_grad():
        rows = model(**model.data_preprocessor(data), mode='predict')
    images = [row['image_scores'] for row in rows]
    image = None if any(i is None for i in images) else np.stack(images)
    return Scores(probabilities=np.stack([row['scores'] for row in rows]), image_probabilities=image)


def difference(expected: Mapping[str, object], found: Mapping[str, object]) -> float:
    """The largest difference of arrays by name; infinite where one is no number, or one has what the other has not."""
    largest = 0.0
    for name, values in expected.items():
        other = found[name]
        if values is None and other is None:
            continue
        if not isinstance(values, np.ndarray) or not isinstance(other, np.ndarray) or values.shape != other.shape:
            return float('inf')
        apart = np.abs(values.astype(float) - other)
        largest = max(largest, float(apart.max()) if np.isfinite(apart).all() else float('inf'))
    return largest


def other_class(expected: np.ndarray, found: np.ndarray) -> int:
    """Cases (B, K) that get another class, unless the two classes are as good as equally probable."""
    rows = np.arange(len(expected))
    gap = expected.max(1) - expected[rows, found.argmax(1)]
    return int((gap > TIE).sum())
