"""Made-up inputs to compare two forms of a model on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from usmm.structures import Variable
from usmm.structures.settings import CLINICAL

if TYPE_CHECKING:
    from usmm.export.runtime import OnnxModel

MISSING = 0.15  # share of clinical values, and of modalities that a case may lack
PATCHES = 4


class ArrayBatch(TypedDict):
    """A batch as arrays, the arguments of `OnnxModel.predict`.

    Args:
        inputs: Modality -> (B, 3, H, W) or (B, 3, T, H, W) uint8.
        clinical: (B, variables) float32, NaN where missing; None for a model without a clinical table.
        present: Modality that may be missing -> (B,) bool, whether a case has it; None: all are there.
    """

    inputs: dict[str, np.ndarray]
    clinical: np.ndarray | None
    present: dict[str, np.ndarray] | None


def random_batches(model: OnnxModel, count: int, seed: int = 0, batch_size: int = 8) -> Iterator[ArrayBatch]:
    """Batches of `inputs`, `clinical` and `present`, as `OnnxModel.predict` takes them; the first has one case.

    Images are patches of random brightness with noise of random strength, over the whole range of grey levels. Some
    clinical values are missing, and some modalities of a model that can do without them.

    Args:
        model: The model that the inputs are for.
        count: Number of cases.
        seed: Seed of everything that is drawn.
        batch_size: Cases of the batches after the first.

    Raises:
        ValueError: A number below 1.
    """
    if count < 1 or batch_size < 1:
        raise ValueError(f'count and batch_size must be 1 or more, got {count} and {batch_size}')
    rng = np.random.default_rng(seed)
    done, size = 0, 1
    while done < count:
        inputs = {m: np.stack([picture(shape, rng) for _ in range(size)]) for m, shape in model.shapes.items()}
        present = _present(model, size, rng)
        for modality, rows in present.items():
            inputs[modality][~rows] = 0
        table = [random_row(model.schema.clinical, rng) for _ in range(size)] if model.reads_clinical else None
        clinical = None if table is None else np.stack(table)
        yield ArrayBatch(inputs=inputs, clinical=clinical, present=present or None)
        done, size = done + size, min(batch_size, max(count - done - size, 1))


def picture(shape: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """An image (3, H, W) or clip (3, T, H, W), uint8."""
    height, width = shape[-2:]
    patches = rng.uniform(0, 255, (*shape[:-2], PATCHES, PATCHES))
    rows, columns = np.arange(height) * PATCHES // height, np.arange(width) * PATCHES // width
    pixels = patches[..., rows[:, None], columns] + rng.normal(0, rng.uniform(0, 60), shape)
    return np.clip(pixels, 0, 255).astype(np.uint8)


def random_row(variables: Sequence[Variable], rng: np.random.Generator) -> np.ndarray:
    """A clinical row (K,), float32, NaN where missing."""
    row = np.full(len(variables), np.nan, np.float32)
    for i, variable in enumerate(variables):
        if rng.random() < MISSING:
            continue
        if variable.is_category:
            row[i] = rng.integers(0, max(len(variable.values or ()), 1))
        else:
            row[i] = rng.uniform(*(variable.range or (0.0, 100.0)))
    return row


def _present(model: OnnxModel, size: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Rows that have each modality that may be missing; every row keeps one whole stream."""
    found = {m: rng.random(size) >= MISSING for m in model.optional}
    if found and (CLINICAL,) not in model.readers.values():  # a table is always there, and enough
        whole = [np.all([found[m] for m in names], axis=0) for names in model.readers.values()]
        for rows in found.values():
            rows |= ~np.any(whole, axis=0)
    return found
