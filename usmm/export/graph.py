"""A model as one graph without branches: from uint8 pixels and the raw clinical row to probabilities."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from usmm.export.onnx_file import PRESENT
from usmm.models.assembly import encoders_of
from usmm.models.classifier import MultiModalClassifier, Outputs
from usmm.models.presence import encode_streams
from usmm.models.tables.table_classifier import TableClassifier
from usmm.structures.settings import CLINICAL

AnyClassifier = MultiModalClassifier | TableClassifier
Model = TypeVar('Model', bound=nn.Module)


class ExportGraph(nn.Module):
    """A copy of a model that can be traced once for all batches.

    In training, rows that lack a modality do not pass its encoder. In a graph every row does, and what comes out of
    the absent ones is put to zero, which in eval mode is the same.

    Args:
        model: A `MultiModalClassifier` or `TableClassifier`, trained.

    Attributes:
        optional: Modalities that a case may lack; each has an input `present_<modality>`.
        reads_clinical: Whether there is an input `clinical`.

    Raises:
        ValueError: What decides was never fitted.
    """

    def __init__(self, model: AnyClassifier) -> None:
        super().__init__()
        self.optional: tuple[str, ...] = tuple(model.optional_modalities)
        joint = CLINICAL in read_by(model)
        self.reads_clinical: bool = model.encoder is None or joint or bool(model.clinical_decides)
        if any(not bool(part.fitted) for part in deciding(model)):
            raise ValueError('the clinical part of this model is not fitted: train it before it is exported')
        self.alone = has_image_scores(model)
        self.model = plain_copy(model)

    def forward(self, inputs: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        """Probabilities (B, K), and of a model with images those of the images alone (B, K).

        Args:
            inputs: Modality -> uint8 pixels, `present_<modality>` -> bool (B,), `clinical` -> float32 (B, variables).
        """
        pixels = {n: x for n, x in inputs.items() if n != CLINICAL and x.dtype == torch.uint8}
        model = self.model
        data = model.data_preprocessor(dict(inputs=pixels, clinical=inputs.get(CLINICAL)))
        if not isinstance(model, MultiModalClassifier) or model.encoder is None:
            return (model(data['inputs'], clinical=data['clinical']).logits.float().softmax(1),)
        outputs: Outputs | None
        if self.optional:
            outputs = self.masked({**data['inputs'], CLINICAL: data['clinical']}, self._rows(inputs))
        else:
            outputs = model.run_images(data['inputs'], clinical=data['clinical'])
        image = None if outputs is None else outputs.image_logits  # before the clinical head decides
        scores = model.run_clinical(outputs, data['clinical']).logits.float().softmax(1)
        return (scores, image.float().softmax(1)) if self.alone and image is not None else (scores,)

    def _rows(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Stream -> rows that have all of its modalities (B,); the table is always there."""
        rows = {m: inputs[PRESENT + m] for m in self.optional}
        rows[CLINICAL] = torch.ones_like(next(iter(rows.values())))
        return {stream: torch.stack([rows[m] for m in names]).all(0) for stream, names in self.model.readers.items()}

    def masked(self, inputs: Mapping[str, Tensor], rows: Mapping[str, Tensor]) -> Outputs:
        """The image part, the maps of absent streams at zero.

        Args:
            inputs: Modality -> normalised pixels; `clinical` -> the table.
            rows: Stream -> rows that have it (B,).
        """
        model = self.model
        if model.encoder is None or model.fusion is None or model.head is None:
            raise ValueError(f'a {type(model).__name__} without images has no streams that may be missing')
        streams: dict[str, list[Tensor]] = {}
        for name, encoder in encoders_of(model.encoder).items():
            for stream, maps in encode_streams(name, encoder, inputs, None).items():
                streams[stream] = [torch.where(rows[stream].view(-1, *[1] * (m.ndim - 1)), m, 0.0) for m in maps]
        vector, vectors = model.fusion(streams, rows)
        logits, _ = model.head(vector, vectors, rows)
        return Outputs(logits, image_logits=logits)


def read_by(model: AnyClassifier) -> list[str]:
    """What the streams of a model read, `'clinical'` among it where the table is one of them."""
    return [m for names in model.readers.values() for m in names]


def has_image_scores(model: AnyClassifier) -> bool:
    """Whether there are scores of the images alone."""
    return model.encoder is not None and CLINICAL not in read_by(model)


def deciding(model: AnyClassifier) -> list[Any]:
    """The parts whose fitted numbers the answer hangs on."""
    if model.encoder is None:
        return [model if model.clinical is None else model.clinical]
    heads = [model.clinical] if model.clinical_decides else []
    return heads + [e for e in model.encoder.values() if hasattr(e, 'fitted')]


def plain_copy(model: Model) -> Model:
    """A copy on the CPU in eval mode, whose single-number buffers are numbers of Python.

    What a graph does cannot depend on the value of a tensor; that of `fitted`, or of the depth of trees, is settled.
    """
    found = copy.deepcopy(model).cpu()
    found.eval()
    for module in found.modules():
        for name, buffer in list(module._buffers.items()):
            if buffer is not None and buffer.ndim == 0:
                delattr(module, name)
                setattr(module, name, buffer.item())
    return found
