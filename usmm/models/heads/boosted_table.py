"""Gradient-boosted trees on the clinical table and the image score: the classical rival of every fusion."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor
from torch.nn import functional as F

from usmm.models.tables.table_encoding import TableEncoding, own_columns
from usmm.models.tables.table_estimators import BoostedTable
from usmm.registry import MODELS
from usmm.structures import Settings, Variable


@MODELS.register_module()
class BoostedTableHead(BaseModule):
    """Histogram gradient boosting on [image score, table], fitted once by a stage with `fit=True`.

    The image score of a training patient must come from a network that did not see that patient (`out_of_fold` of the
    stage): on patients that it has learnt by heart the score looks better than it is, and the trees would trust it too
    much. Numbers are taken as they are, NaN where missing; categories are one-hot with a column for unknown.

    Args:
        variables: The clinical variables, in the order of the columns of `forward`'s table.
        num_classes: Number of classes K.
        positive: Index of the positive class, of two.
        use_image: Whether there is an image score.
        columns: Where the variables stand in a table that has more; None: the table has these columns alone.
        options: Arguments of scikit-learn's `HistGradientBoostingClassifier`.
        init_cfg: Initialisation; not used.

    Raises:
        ValueError: If there is no variable, or the categories of one are not known yet.

    References:
        Wolpert, Stacked generalization, Neural Networks 1992.

    Example:
        >>> head = BoostedTableHead([Variable('age')], options=dict(min_samples_leaf=1))
        >>> rows, scores = torch.tensor([[30.0], [40.0], [60.0], [70.0]]), torch.tensor([[0.2], [0.1], [0.7], [0.9]])
        >>> head.fit_table(rows, torch.tensor([0, 0, 1, 1]), image_scores=scores)
        >>> head(torch.tensor([[0.8]]), torch.tensor([[65.0]])).argmax(1)
        tensor([1])
    """

    fitted: Tensor

    def __init__(
        self,
        variables: Sequence[Variable | Settings],
        num_classes: int = 2,
        positive: int = 1,
        use_image: bool = True,
        columns: Sequence[int] | None = None,
        options: Settings | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.variables = tuple(Variable.of(v) for v in variables)
        self.columns = None if columns is None else list(columns)
        self.num_classes, self.positive, self.use_image = num_classes, positive, use_image
        self.options = dict(options or {})
        self.encoding = TableEncoding(self.variables, impute=False)
        self.image_width = 0 if not use_image else (1 if num_classes == 2 else num_classes)
        self.trees = BoostedTable(self.image_width + len(self.encoding.names), num_classes)
        self.register_buffer('fitted', torch.tensor(False))

    def image_scores(self, probabilities: Tensor) -> Tensor:
        """What the head takes of the image's class probabilities (B, K): the positive class of two, else all."""
        return probabilities[:, [self.positive]] if self.num_classes == 2 else probabilities

    def fit_table(self, clinical: Tensor, labels: Tensor, seed: int = 0, image_scores: Tensor | None = None) -> None:
        """Fit on the training part.

        Args:
            clinical: Raw table (N, K), NaN where missing.
            labels: Class indices (N,).
            seed: Seed of the estimator.
            image_scores: (N, 1) or (N, K), see `image_scores`, each of a network that did not see the case.

        Raises:
            ValueError: If a class has no case, the numbers of rows differ, or the image scores are not those that the
                head was built for.
        """
        if len(clinical) != len(labels):
            raise ValueError(f'fit_table expects a label for each of {len(clinical)} rows, got {len(labels)}')
        absent = [i for i in range(self.num_classes) if not bool((labels == i).any())]
        if absent:
            raise ValueError(f'there is no labelled row of the classes {absent} to fit on')
        columns = self._inputs(image_scores, clinical)
        self.trees.fit(columns.cpu().numpy(), labels.cpu().numpy(), seed, self.options)
        self.fitted.fill_(True)

    def forward(self, image_scores: Tensor | None, clinical: Tensor) -> Tensor:
        """Logits (B, K).

        Args:
            image_scores: (B, 1) or (B, K), see `image_scores`; None without images.
            clinical: Raw table (B, number of variables): numbers, category indices, NaN where missing.

        Raises:
            ValueError: If the head is not fitted, or the inputs are not those that it was built for.
        """
        if not bool(self.fitted):
            raise ValueError('BoostedTableHead is not fitted: train it with a stage that has fit=True')
        return self.trees(self._inputs(image_scores, clinical))

    def loss(self, logits: Tensor, target: Tensor) -> dict[str, Tensor]:
        """The cross entropy, to be looked at: nothing here learns by it."""
        return dict(loss_clinical=F.cross_entropy(logits.float(), target))

    def _inputs(self, image_scores: Tensor | None, clinical: Tensor) -> Tensor:
        if (image_scores is None) == self.use_image:
            raise ValueError(f'BoostedTableHead(use_image={self.use_image}) got image scores {image_scores}')
        table = self.encoding(own_columns(clinical, self.columns))
        if image_scores is None:
            return table
        shape = (table.shape[0], self.image_width)
        if tuple(image_scores.shape) != shape:
            raise ValueError(f'expected image scores of shape {shape}, got {tuple(image_scores.shape)}')
        return torch.cat([image_scores.double(), table], dim=1)
