"""A model exported to ONNX, with the interface of a network: the same batches and the same predictions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from torch import Tensor

from usmm.apis.bundle import Bundle, as_meta, settled_settings
from usmm.apis.model_interface import ScoreRow
from usmm.export import OnnxModel
from usmm.structures import Batch, Case
from usmm.structures.streams import missing_modalities
from usmm.zoo.stated_twice import check_agreement
from usmm.zoo.stored_settings import check_settings

SUFFIX = '.onnx'
NEEDED = ('test_pipeline', 'schema', 'batch_size')


class ExportedNetwork:
    """A `Scorer` that runs an exported model by onnxruntime on the CPU; it has no heat maps.

    Args:
        model: The exported model.
    """

    def __init__(self, model: OnnxModel) -> None:
        self.model = model
        self.classes, self.modalities, self.readers = model.classes, model.modalities, model.readers
        self.positive = model.classes.index(model.positive)
        self.optional_modalities = model.optional

    def missing_modalities(self, absent: Collection[str]) -> list[str]:
        """The modalities among those that a case lacks without which the model cannot predict."""
        return missing_modalities(self.readers, self.optional_modalities, absent)

    def eval(self) -> ExportedNetwork:
        """An exported model is always in evaluation mode."""
        return self

    def data_preprocessor(self, batch: Batch) -> Batch:
        """The batch as it is: normalisation is part of the graph."""
        return batch

    def __call__(
        self,
        inputs: Mapping[str, Tensor],
        present: Mapping[str, Tensor] | None,
        clinical: Tensor | None,
        data_samples: Sequence[Case] | None,
        mode: Literal['predict'],
    ) -> list[ScoreRow]:
        """Class probabilities of a batch as `collate_cases` returns it.

        Raises:
            ValueError: The file gives no probabilities.
        """
        table = None if clinical is None else clinical.numpy()
        rows = {name: here.numpy() for name, here in (present or {}).items()}
        outputs = self.model.predict({name: x.numpy() for name, x in inputs.items()}, table, rows)
        scores, images = outputs['probabilities'], outputs['image_probabilities']
        if scores is None:
            raise ValueError(f'{self.model.path} gave no probabilities')
        return [
            ScoreRow(scores=np.asarray(score), image_scores=None if images is None else images[i])
            for i, score in enumerate(scores)
        ]


def open_exported(path: Path) -> tuple[Bundle, ExportedNetwork]:
    """An exported file and the settings in it; only allowed components are built from them.

    Raises:
        ValueError: The file is refused, see `usmm.export.OnnxModel`, or lacks settings.
    """
    network = ExportedNetwork(OnnxModel(path))
    settings = network.model.meta.get('settings')
    missing = [key for key in NEEDED if settings.get(key) is None] if isinstance(settings, Mapping) else [*NEEDED]
    if missing or not isinstance(settings, Mapping):
        raise ValueError(f'{path} lacks the settings {missing}: export it again from a run or a published model')
    check_settings({key: value for key, value in settings.items() if key != 'model'}, path)
    own = settled_settings(settings, {})
    stated = {key: network.model.meta[key] for key in ('classes', 'positive', 'modalities', 'schema')}
    check_agreement(stated, own, path)
    return Bundle(own, {}, as_meta(network.model.meta, path), str(path), stored_bytes=0), network
