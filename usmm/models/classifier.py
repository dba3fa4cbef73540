"""The classifier: encoders -> fusion -> head -> (clinical head), for any subset of its modalities."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from usmm.models.assembly import build_clinical, build_encoders, build_fusion, build_head, encoders_of
from usmm.models.building import build_preprocessor
from usmm.models.fusions import BaseFusion
from usmm.models.heads.base_head import BaseHead
from usmm.models.preprocessor import CasePreprocessor
from usmm.models.presence import check_presence, encode_streams, stream_presence
from usmm.models.staging import StagedModel
from usmm.registry import MODELS
from usmm.structures import CLINICAL, Case, Schema, Settings
from usmm.structures.prediction_row import PredictionRow
from usmm.structures.protocols import TableHead
from usmm.structures.settings import IMAGE_LOGITS, TRAIN_IMAGES
from usmm.structures.streams import missing_modalities


@dataclass
class Outputs:
    """Everything that a classifier computed on the way to its logits.

    Args:
        logits: Final logits (B, K): the clinical head's where it decides, else the image's.
        image_logits: Logits (B, K) of the head, before a clinical head decides; None without encoders.
        streams: Stream -> stage maps, shallow to deep. Empty for cached logits.
        vector: Joint vector (B, D) of the fusion, or None.
        vectors: Stream -> vector (B, D).
        aux_logits: Stream -> logits (B, K) of the auxiliary layers.
        complete: Rows in which every stream is present (B,), or None: all.
        present: Stream -> rows that have it (B,), or None: all.
        joint: Whether `image_logits` also look at the clinical table, so that they are no image's score.
    """

    logits: Tensor
    image_logits: Tensor | None = None
    streams: dict[str, list[Tensor]] = field(default_factory=dict)
    vector: Tensor | None = None
    vectors: dict[str, Tensor] = field(default_factory=dict)
    aux_logits: dict[str, Tensor] = field(default_factory=dict)
    complete: Tensor | None = None
    present: dict[str, Tensor] | None = None
    joint: bool = False


def predictions(outputs: Outputs, cases: Sequence[Case] | None) -> list[PredictionRow]:
    """The predictions for the cases of a batch; without cases, identifiers and labels are None."""
    scores = _probabilities(outputs.logits)
    alone = None if outputs.joint else outputs.image_logits
    images = None if alone is None else _probabilities(alone)
    given: Sequence[Case | None] = cases or [None] * len(scores)
    return [_row(case, scores[i], None if images is None else images[i]) for i, case in enumerate(given)]


def labels_of(cases: Sequence[Case] | None, classes: Sequence[str], device: torch.device) -> Tensor:
    """The class indices (B,) of cases.

    Raises:
        ValueError: If there are no cases, or some have no label among the classes.
    """
    if not cases:
        raise ValueError('a loss needs data_samples, the cases with their labels; got none')
    wrong = [c.case_id for c in cases if c.label is None or not 0 <= c.label < len(classes)]
    if wrong:
        raise ValueError(f'cases {wrong} have no label among the {len(classes)} classes {tuple(classes)}')
    return torch.tensor([c.label for c in cases], device=device)


def _probabilities(logits: Tensor) -> np.ndarray:
    return logits.detach().float().softmax(1).cpu().numpy()


def _row(case: Case | None, scores: np.ndarray, image_scores: np.ndarray | None) -> PredictionRow:
    if case is None:
        return dict(case_id=None, patient_id=None, label=None, scores=scores, image_scores=image_scores)
    row: PredictionRow = dict(
        case_id=case.case_id, patient_id=case.patient_id, label=case.label, scores=scores, image_scores=image_scores
    )
    if pair := case.info.get('pair'):
        row['of'] = pair['case_id']
    return row


IMAGE_PARTS = ('encoder', 'fusion', 'head')
MODES = ('tensor', 'loss', 'predict')


@MODELS.register_module()
class MultiModalClassifier(StagedModel):
    """Diagnose from any modalities of a patient.

    Parts whose modalities are not asked for are not built: without its inputs a branch is gone, with one stream left
    the fusion is that stream's projection, and a loss between streams goes with them. `'clinical'` among the
    modalities adds the clinical head, which then gives the final logits; or, with a `ClinicalEncoder` among the
    encoders, the table is a stream like the others, and there is a clinical head only if it has a config.

    Args:
        modalities: The inputs in use; images and clips by name, `'clinical'` for the table.
        classes: Names of the classes.
        positive: Name of the positive class of two; None: the second.
        encoder: Stream -> config of its encoder.
        fusion: Config of the fusion (`in_channels` is filled in); None: `TransformerFusion`.
        head: Config of the head (`num_classes`, `in_channels`, `streams` are filled in); None: `LinearHead`.
        clinical: Config of the clinical head; its `variables` are the schema's unless it names some of them.
        schema: The schema of the case table, or its dict.
        data_preprocessor: Config of the preprocessor; None: `CasePreprocessor` with ImageNet's mean and std.
        init_cfg: Initialisation.

    Raises:
        ValueError: If there is no modality, one that nothing reads, or the positive class is not among the classes.

    References:
        Meng et al., IEEE TMI 2022.

    Example:
        >>> encoder = dict(static=dict(type='GuidedEncoder', depth=18, base_channels=4))
        >>> model = MultiModalClassifier(('bus', 'ue'), ('ADC', 'SCC'), encoder=encoder)
        >>> images = dict(bus=torch.rand(2, 3, 64, 64), ue=torch.rand(2, 3, 64, 64))
        >>> model(images).logits.shape
        torch.Size([2, 2])
    """

    def __init__(
        self,
        modalities: Sequence[str],
        classes: Sequence[str],
        positive: str | None = None,
        encoder: Mapping[str, Settings] | None = None,
        fusion: Settings | None = None,
        head: Settings | None = None,
        clinical: Settings | None = None,
        schema: Schema | Settings | None = None,
        data_preprocessor: Settings | nn.Module | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(build_preprocessor(data_preprocessor, 'CasePreprocessor'), init_cfg)
        self.modalities, self.classes = tuple(modalities), tuple(classes)
        if not self.modalities or len(self.classes) < 2:
            raise ValueError(f'a classifier needs modalities and two classes or more, got {modalities} and {classes}')
        if positive is not None and positive not in self.classes:
            raise ValueError(f'positive class {positive!r} is not one of the classes {self.classes}')
        self.positive = 1 if positive is None else self.classes.index(positive)
        self.fusion: BaseFusion | None = None
        self.head: BaseHead | None = None
        self.clinical: TableHead | None = None
        self.encoder = build_encoders(encoder, self.modalities, schema)
        if self.encoder is not None:
            self.fusion = build_fusion(fusion, self.encoder)
            self.head = build_head(head, self.fusion, len(self.classes))
        if CLINICAL in self.modalities and (clinical is not None or not self.joint):
            filled = dict(num_classes=len(self.classes), positive=self.positive, use_image=self.encoder is not None)
            self.clinical = build_clinical(clinical, schema, **filled)
        if isinstance(self.data_preprocessor, CasePreprocessor) and self.data_preprocessor.channels_last:
            self._take_channels_last()

    @property
    def readers(self) -> dict[str, tuple[str, ...]]:
        """Stream -> the modalities that it reads."""
        return {s: names for name, e in encoders_of(self.encoder).items() for s, names in e.streams(name).items()}

    @property
    def joint(self) -> bool:
        """Whether the clinical table is one of the streams."""
        return any(CLINICAL in names for names in self.readers.values())

    @property
    def optional_modalities(self) -> tuple[str, ...]:
        """Modalities that a case may lack, as long as it has all those of another stream; the table is always there."""
        if self.fusion is None or self.head is None or len(self.readers) < 2:
            return ()
        if not (self.fusion.handles_missing or self.head.handles_missing):
            return ()
        return tuple(m for modalities in self.readers.values() for m in modalities if m != CLINICAL)

    def freeze_unfitted(self) -> None:
        """Freeze a clinical head that was never fitted, as in weights of an image stage, so that the images decide."""
        if self.encoder is not None and self.clinical is not None and not bool(self.clinical.fitted):
            self.trainable(TRAIN_IMAGES)

    def cam_layers(self) -> dict[str, str]:
        """Modality -> name of the module that its heat-map is made from; empty for a model without images.

        Example:
            >>> encoder = dict(static=dict(type='GuidedEncoder', guided=(), depth=18, base_channels=4))
            >>> MultiModalClassifier(('bus',), ('ADC', 'SCC'), encoder=encoder).cam_layers()
            {'bus': 'encoder.static.trunks.bus.layer2'}
        """
        found = {m: (s, layer) for s, e in encoders_of(self.encoder).items() for m, layer in e.cam_layers().items()}
        return {m: f'encoder.{s}.{layer}'.rstrip('.') for m, (s, layer) in found.items()}

    def missing_modalities(self, absent: Collection[str]) -> list[str]:
        """The modalities among those that a case lacks without which the model cannot predict.

        Example:
            >>> encoder = dict(static=dict(type='GuidedEncoder', guided=(), depth=18, base_channels=4))
            >>> MultiModalClassifier(('bus',), ('ADC', 'SCC'), encoder=encoder).missing_modalities(['bus', 'ue'])
            ['bus']
        """
        return missing_modalities(self.readers, self.optional_modalities, absent)

    @property
    def image_learns(self) -> bool:
        """Whether anything before the clinical head learns."""
        return any(self.learns(part) for part in IMAGE_PARTS)

    @property
    def clinical_decides(self) -> bool:
        """Whether the final logits are the clinical head's: it learns, or it has learnt."""
        return self.clinical is not None and (self.learns(CLINICAL) or bool(self.clinical.fitted))

    def forward(  # type: ignore[override]  # mmengine's models take one tensor
        self,
        inputs: Mapping[str, Tensor],
        present: Mapping[str, Tensor] | None = None,
        clinical: Tensor | None = None,
        data_samples: Sequence[Case] | None = None,
        mode: str = 'tensor',
    ) -> Outputs | dict[str, Tensor] | list[PredictionRow]:
        """Run the network.

        Args:
            inputs: Modality -> images (B, 3, H, W) or clips (B, 3, T, H, W); or `image_logits` (B, K) computed before.
            present: Modality -> rows that have it (B,); None: all.
            clinical: Raw clinical table (B, number of variables), NaN where missing.
            data_samples: The cases.
            mode: `'tensor'`: `Outputs`; `'loss'`: named losses; `'predict'`: one dict a case.

        Raises:
            ValueError: If the mode is not known, an input that is needed is missing, or a label is.
        """
        if mode not in MODES:
            raise ValueError(f'mode must be one of {MODES}, got {mode!r}')
        # A frozen image part costs no memory for its backward pass in the clinical stage.
        with torch.set_grad_enabled(torch.is_grad_enabled() and (mode != 'loss' or self.image_learns)):
            outputs = self.run_images(inputs, present, data_samples, clinical)
        outputs = self.run_clinical(outputs, clinical)
        if mode == 'tensor':
            return outputs
        return self.loss(outputs, data_samples) if mode == 'loss' else predictions(outputs, data_samples)

    def run_images(
        self,
        inputs: Mapping[str, Tensor],
        present: Mapping[str, Tensor] | None = None,
        data_samples: Sequence[Case] | None = None,
        clinical: Tensor | None = None,
    ) -> Outputs | None:
        """The image part: encoders, fusion, head; the table goes to an encoder that reads it. None without encoders."""
        if self.encoder is None or self.fusion is None or self.head is None:
            return None
        if IMAGE_LOGITS in inputs:
            return Outputs(inputs[IMAGE_LOGITS], image_logits=inputs[IMAGE_LOGITS], joint=self.joint)
        if self.joint and clinical is not None:
            inputs = {**inputs, CLINICAL: clinical}
        # a modality that no case of the batch has comes without pixels
        nowhere = {m for m, rows in (present or {}).items() if not bool(rows.any())}
        absent = [m for names in self.readers.values() for m in names if m not in inputs and m not in nowhere]
        if absent:
            raise ValueError(f'this model reads {absent}, which the batch does not have; it has {sorted(inputs)}')
        rows = stream_presence(self.readers, present)
        if rows is not None:
            check_presence(rows, self.readers, present or {}, bool(self.optional_modalities), data_samples)
        streams: dict[str, list[Tensor]] = {}
        for name, encoder in encoders_of(self.encoder).items():
            streams |= encode_streams(name, encoder, inputs, rows)
        vector, vectors = self.fusion(streams, rows)
        logits, aux_logits = self.head(vector, vectors, rows)
        complete = None if rows is None else torch.stack(list(rows.values())).all(0).to(logits.device)
        return Outputs(logits, logits, streams, vector, vectors, aux_logits, complete, rows, self.joint)

    def run_clinical(self, outputs: Outputs | None, clinical: Tensor | None) -> Outputs:
        """Let the clinical head decide, unless it is frozen before it was ever fitted (the image stage)."""
        if outputs is not None and not self.clinical_decides:
            return outputs
        if self.clinical is None or clinical is None:
            raise ValueError(f'a model of {self.modalities} reads the clinical table, which the batch does not have')
        if outputs is None or outputs.image_logits is None:
            return Outputs(self.clinical(None, clinical))
        scores = self.clinical.image_scores(outputs.image_logits.float().softmax(1))
        outputs.logits = self.clinical(scores, clinical)
        return outputs

    def loss(self, outputs: Outputs, data_samples: Sequence[Case] | None) -> dict[str, Tensor]:
        """Named losses of the parts that learn: the image's own, and the clinical head's cross entropy."""
        target = labels_of(data_samples, self.classes, outputs.logits.device)
        losses: dict[str, Tensor] = {}
        if self.image_learns and self.head is not None:
            if outputs.vector is None or outputs.image_logits is None:
                raise ValueError('cached image logits can only train the clinical head: freeze the image part')
            given = (outputs.image_logits, outputs.aux_logits, outputs.vectors)
            losses.update(self.head.loss(*given, target, outputs.complete, outputs.present))
        if self.clinical is not None and self.learns(CLINICAL):
            losses.update(self.clinical.loss(outputs.logits, target))
        return losses

    def _take_channels_last(self) -> None:
        """Weights in the memory format of the inputs: else every convolution would reorder them again."""
        for p in self.parameters():
            if p.ndim in (4, 5):
                layout = torch.channels_last if p.ndim == 4 else torch.channels_last_3d
                p.data = p.data.contiguous(memory_format=layout)
