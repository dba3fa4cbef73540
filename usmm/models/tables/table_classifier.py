"""The classical baseline: a classifier on the clinical table alone, fitted once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from usmm.models.assembly import pick_variables
from usmm.models.building import build_preprocessor
from usmm.models.classifier import Outputs, labels_of, predictions
from usmm.models.staging import StagedModel
from usmm.models.tables.table_encoding import TableEncoding
from usmm.models.tables.table_estimators import ESTIMATORS
from usmm.registry import MODELS
from usmm.structures import CLINICAL, Case, Schema, Settings, Variable
from usmm.structures.prediction_row import PredictionRow
from usmm.structures.protocols import TableHead

MODES = ('tensor', 'loss', 'predict')


@MODELS.register_module()
class TableClassifier(StagedModel):
    """Logistic regression or gradient boosting on the clinical table, fitted by a stage with `fit=True`.

    For the logistic regression numbers are filled with the training part's median, z-scored, and flagged where they
    were missing; gradient boosting takes them as they are. Categories are one-hot with a column for unknown.

    Args:
        modalities: `('clinical',)`.
        classes: Names of the classes.
        positive: Name of the positive class of two; None: the second.
        estimator: `'logistic'` (scikit-learn's `LogisticRegression`) or `'boosting'`
            (`HistGradientBoostingClassifier`).
        options: Arguments of scikit-learn's estimator.
        variables: Names of the clinical variables to read; None: all of the schema's.
        schema: The schema of the case table, or its dict.
        data_preprocessor: Config of the preprocessor; None: `CasePreprocessor`.
        init_cfg: Initialisation; not used.

    Raises:
        ValueError: If other modalities are asked for, the estimator or a variable is unknown, or the positive class is
            not among the classes.

    Example:
        >>> schema = dict(clinical=[dict(name='age'), dict(name='size')])
        >>> model = TableClassifier(('clinical',), ('benign', 'malignant'), schema=schema)
        >>> rows = torch.tensor([[30.0, 5.0], [40.0, 7.0], [60.0, 20.0], [70.0, 25.0]])
        >>> model.fit_table(rows, torch.tensor([0, 0, 1, 1]))
        >>> model({}, clinical=torch.tensor([[65.0, float('nan')]])).logits.argmax(1)
        tensor([1])
    """

    encoder: nn.ModuleDict | None = None
    fusion: nn.Module | None = None
    head: nn.Module | None = None
    clinical: TableHead | None = None
    readers: Mapping[str, tuple[str, ...]] = {}
    optional_modalities: tuple[str, ...] = ()
    joint: bool = False  # the table is no stream beside others
    clinical_decides: bool = False  # there is no clinical head
    fitted: Tensor

    def __init__(
        self,
        modalities: Sequence[str],
        classes: Sequence[str],
        positive: str | None = None,
        estimator: str = 'logistic',
        options: Settings | None = None,
        variables: Sequence[str] | None = None,
        schema: Schema | Settings | None = None,
        data_preprocessor: Settings | nn.Module | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(build_preprocessor(data_preprocessor, 'CasePreprocessor'), init_cfg)
        self.modalities, self.classes = tuple(modalities), tuple(classes)
        if self.modalities != (CLINICAL,):
            raise ValueError(f"TableClassifier reads the clinical table alone: modalities must be ('{CLINICAL}',), "
                             f'got {self.modalities}')  # fmt: skip
        if positive is not None and positive not in self.classes:
            raise ValueError(f'positive class {positive!r} is not one of the classes {self.classes}')
        if estimator not in ESTIMATORS:
            raise ValueError(f'estimator of TableClassifier must be one of {tuple(ESTIMATORS)}, got {estimator!r}')
        self.positive = 1 if positive is None else self.classes.index(positive)
        known = {v.name: v for v in Schema.of(schema or {}).clinical}
        chosen = [Variable.of(v) for v in pick_variables(variables, known)]
        self.options = dict(options or {})
        self.num_columns, self.columns = len(known), [[*known].index(v.name) for v in chosen]
        self.encoding = TableEncoding(chosen, impute=estimator == 'logistic')
        self.estimator = ESTIMATORS[estimator](len(self.encoding.names), len(self.classes))
        self.register_buffer('fitted', torch.tensor(False))

    def missing_modalities(self, absent: Collection[str]) -> list[str]:
        """What this model needs of the modalities that a case does not have: it reads no files."""
        return []

    def cam_layers(self) -> dict[str, str]:
        """None: a table has no heat-map."""
        return {}

    def fit_table(self, clinical: Tensor, labels: Tensor, seed: int = 0) -> None:
        """Fit on the training part.

        Args:
            clinical: Raw table (N, number of the schema's variables): numbers, category indices, NaN where missing.
            labels: Class indices (N,).
            seed: Seed of the estimator.

        Raises:
            ValueError: If a class has no case, or the numbers of rows differ.
        """
        if len(clinical) != len(labels):
            raise ValueError(f'fit_table expects a label for each of {len(clinical)} rows, got {len(labels)}')
        absent = [name for i, name in enumerate(self.classes) if not bool((labels == i).any())]
        if absent:
            raise ValueError(f'there is no labelled row of the classes {absent} to fit on')
        table = self._own_columns(clinical)
        self.encoding.fit(table)
        columns = self.encoding(table).cpu().numpy()
        self.estimator.fit(columns, labels.cpu().numpy(), seed, self.options)
        self.fitted.fill_(True)

    def forward(  # type: ignore[override]  # mmengine's models take one tensor
        self,
        inputs: Mapping[str, Tensor],
        present: Mapping[str, Tensor] | None = None,
        clinical: Tensor | None = None,
        data_samples: Sequence[Case] | None = None,
        mode: str = 'tensor',
    ) -> Outputs | dict[str, Tensor] | list[PredictionRow]:
        """Classify rows of the table.

        Args:
            inputs: Not used.
            present: Not used.
            clinical: Raw clinical table (B, number of the schema's variables), NaN where missing.
            data_samples: The cases.
            mode: `'tensor'`: `Outputs`; `'loss'`: the cross entropy; `'predict'`: one dict a case.

        Raises:
            ValueError: If the mode is not known, there is no table, or the model is not fitted.
        """
        if mode not in MODES:
            raise ValueError(f'mode must be one of {MODES}, got {mode!r}')
        if clinical is None:
            raise ValueError('TableClassifier reads the clinical table, which the batch does not have')
        if not bool(self.fitted):
            raise ValueError('TableClassifier is not fitted: train it with a stage that has fit=True')
        outputs = Outputs(self.estimator(self.encoding(self._own_columns(clinical))))
        if mode == 'tensor':
            return outputs
        if mode == 'predict':
            return predictions(outputs, data_samples)
        target = labels_of(data_samples, self.classes, outputs.logits.device)
        return dict(loss_table=F.cross_entropy(outputs.logits, target))

    def _own_columns(self, clinical: Tensor) -> Tensor:
        if clinical.ndim != 2 or clinical.shape[1] != self.num_columns:
            raise ValueError(f'clinical table must be (B, {self.num_columns}), got {tuple(clinical.shape)}')
        return clinical[:, self.columns]
