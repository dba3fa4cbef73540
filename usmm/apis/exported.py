"""A model exported to ONNX in the place of a network: the same batches in, the same predictions out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from usmm.apis.bundle import Bundle
from usmm.apis.components import check_components
from usmm.export import OnnxModel

SUFFIX = '.onnx'
NEEDED = ('test_pipeline', 'schema', 'batch_size')


class ExportedNetwork:
    """What `Predictor` asks of a network, answered by onnxruntime on a CPU; it has no heat-maps.

    Args:
        model: The exported model.
    """

    def __init__(self, model: OnnxModel) -> None:
        self.model = model
        self.classes, self.modalities, self.readers = model.classes, model.modalities, model.readers
        self.positive = model.classes.index(model.positive)
        self.optional_modalities = model.optional

    def missing_modalities(self, absent: Collection[str]) -> list[str]:
        """What it needs of the modalities that a case does not have; empty where it can do without them."""
        missing = [[m for m in names if m in absent] for names in self.readers.values()]
        if not all(missing) and self.optional_modalities:
            return []
        return [m for names in missing for m in names]

    def eval(self) -> ExportedNetwork:
        """It is never in training."""
        return self

    def data_preprocessor(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Normalisation is a part of the graph."""
        return batch

    def __call__(
        self, inputs: Mapping[str, Any], present: Mapping[str, Any], clinical: Any, data_samples: Any, mode: str
    ) -> list[dict[str, Any]]:
        """Scores of a batch as `collate_cases` makes it."""
        table = None if clinical is None else clinical.numpy()
        rows = {name: here.numpy() for name, here in (present or {}).items()}
        found = self.model.predict({name: x.numpy() for name, x in inputs.items()}, table, rows)
        scores, images = found['probabilities'], found['image_probabilities']
        if scores is None:
            raise ValueError(f'{self.model.path} gave no probabilities')
        return [
            {'scores': np.asarray(score), 'image_scores': None if images is None else images[i]}
            for i, score in enumerate(scores)
        ]


def open_exported(path: Path) -> tuple[Bundle, ExportedNetwork]:
    """An exported file, and the settings that it carries; no component is built that is not registered.

    Raises:
        ValueError: The file is refused, see `usmm.export.OnnxModel`, or lacks settings.
    """
    network = ExportedNetwork(OnnxModel(path))
    settings = network.model.meta.get('settings')
    lacking = [key for key in NEEDED if key not in settings] if isinstance(settings, Mapping) else [*NEEDED]
    if lacking or not isinstance(settings, Mapping):
        raise ValueError(f'{path} lacks the settings {lacking}: export it again from a run or a published model')
    check_components({'test_pipeline': settings['test_pipeline']}, path)
    return Bundle(dict(settings), {}, network.model.meta, str(path)), network
