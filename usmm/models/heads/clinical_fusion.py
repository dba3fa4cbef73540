"""Clinical fusion head: the image score and the clinical table decide together (step 3 of MSMFN)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModule, ModuleList
from torch import Tensor, nn
from torch.nn import functional as F

from usmm.models.building import build
from usmm.registry import MODELS
from usmm.structures import Settings, Variable


@MODELS.register_module()
class ClinicalFusionHead(BaseModule):
    """One number per input, one fully connected layer on these numbers.

    The image's number is its probability of the positive class (all probabilities, where there are more classes than
    two). A clinical number (log(1 + x) of it where its variable says `log`) is z-scored with the training part's mean
    and standard deviation; missing, it is the mean.
    A category is one-hot with a slot for unknown, through its own fully connected layer to one number.

    Args:
        variables: The clinical variables, in the order of the columns of `forward`'s table.
        num_classes: Number of classes K.
        positive: Index of the positive class, of two.
        use_image: Whether there is an image score.
        columns: Where the variables stand in a table that has more; None: the table has these columns alone.
        relu: ReLU behind each category's number (as in the published code).
        loss: Config of the loss on the logits; None: cross entropy.
        select: Keep the variables whose p value in the training part is at most this (0.05 in the paper): `fit` is told
            which, and the others count for nothing. None: keep all.
        init_cfg: Initialisation.

    Raises:
        ValueError: If there is no variable, the categories of one are not known yet, or select is not within (0, 1).

    References:
        Meng et al., IEEE TMI 2022, section III-D, eq. 8, fig. 3.

    Example:
        >>> head = ClinicalFusionHead([Variable('age'), Variable('gender', values=('F', 'M'))])
        >>> head.fit(torch.tensor([[40.0, 0.0], [60.0, 1.0], [float('nan'), 1.0]]))
        >>> head(torch.tensor([[0.7]]), torch.tensor([[50.0, float('nan')]])).shape
        torch.Size([1, 2])
        >>> sorted(head.weights())
        ['age', 'gender', 'image']
    """

    mean: Tensor
    std: Tensor
    fitted: Tensor
    selected: Tensor

    def __init__(
        self,
        variables: Sequence[Variable | Settings],
        num_classes: int = 2,
        positive: int = 1,
        use_image: bool = True,
        columns: Sequence[int] | None = None,
        relu: bool = True,
        loss: Settings | None = None,
        select: float | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.variables = tuple(Variable.of(v) for v in variables)
        _check(self.variables)
        self.columns = None if columns is None else list(columns)
        self.num_classes, self.positive, self.use_image, self.relu = num_classes, positive, use_image, relu
        self.numbers = [i for i, v in enumerate(self.variables) if not v.is_category]
        self.categories = [i for i, v in enumerate(self.variables) if v.is_category]
        layers = [nn.Linear(len(self.variables[i].values or ()) + 1, 1) for i in self.categories]
        self.encode = ModuleList(layers)
        if relu:
            for layer in layers:
                # Weights start within +-1: with this bias no category starts on the dead side of the ReLU for good.
                nn.init.ones_(layer.bias)
        self.image_width = 0 if not use_image else (1 if num_classes == 2 else num_classes)
        self.fc = nn.Linear(self.image_width + len(self.variables), num_classes)
        self.criterion = build(dict(loss or dict(type='CrossEntropyLoss')))
        self.register_buffer('mean', torch.zeros(len(self.numbers)))
        self.register_buffer('std', torch.ones(len(self.numbers)))
        self.register_buffer('fitted', torch.tensor(False))
        if select is not None and not 0 < select < 1:
            raise ValueError(f'select is the largest p value that is kept, between 0 and 1, got {select}')
        self.select = select
        if select is not None:
            self.register_buffer('selected', torch.ones(len(self.variables), dtype=torch.bool))

    @torch.no_grad()
    def fit(self, clinical: Tensor, selected: Sequence[bool] | None = None) -> None:
        """Take mean and standard deviation (of the population) of the numbers from the training part.

        Args:
            clinical: Raw table (N, K), NaN where missing.
            selected: Which variables to keep, in their order; for a head with `select`, and for no other.

        Raises:
            ValueError: Given without need, or needed and not given; or there would be no input left.
        """
        self._choose(selected)
        clinical = self._own_columns(clinical)
        for slot, column in enumerate(self.numbers):
            known = self._number(clinical, column).double()
            known = known[known.isfinite()]
            name = self.variables[column].name
            if not len(known):
                print_log(f'clinical variable {name!r} has no value in the training part: it is ignored', 'current')
                continue
            std = float(known.std(correction=0))
            self.mean[slot] = float(known.mean())
            self.std[slot] = std if std > 0 else 1.0
        self.fitted.fill_(True)

    def normalise(self, clinical: Tensor) -> Tensor:
        """The numbers (B, number of numbers), z-scored, 0 where missing."""
        if not bool(self.fitted):
            raise ValueError('ClinicalFusionHead is not fitted: call fit(clinical table of the training part) first')
        if not self.numbers:
            return clinical[:, []].float()
        numbers = torch.stack([self._number(clinical, column).float() for column in self.numbers], dim=1)
        z = (numbers - self.mean) / self.std
        return torch.where(z.isfinite(), z, torch.zeros_like(z))

    def one_hot(self, clinical: Tensor, column: int) -> Tensor:
        """The category of a column (B, number of values + 1); the last slot is for missing and unknown."""
        count = len(self.variables[column].values or ())
        index = clinical[:, column].float()
        known = (index >= 0) & (index < count)  # False for NaN
        index = torch.where(known, index, torch.full_like(index, count))
        return F.one_hot(index.long(), count + 1).float()

    def image_scores(self, probabilities: Tensor) -> Tensor:
        """What the head takes of the image's class probabilities (B, K): the positive class of two, else all."""
        return probabilities[:, [self.positive]] if self.num_classes == 2 else probabilities

    def forward(self, image_scores: Tensor | None, clinical: Tensor) -> Tensor:
        """Logits (B, K), in float32 also under autocast.

        Args:
            image_scores: (B, 1) or (B, K), see `image_scores`; None without images.
            clinical: Raw table (B, number of variables): numbers, category indices, NaN where missing.

        Raises:
            ValueError: If the head is not fitted, or the inputs are not those that it was built for.
        """
        clinical = self._own_columns(clinical)
        if (image_scores is None) == self.use_image:
            raise ValueError(f'ClinicalFusionHead(use_image={self.use_image}) got image scores {image_scores}')
        with torch.autocast(clinical.device.type, enabled=False):
            columns: dict[int, Tensor] = dict(zip(self.numbers, self.normalise(clinical).split(1, dim=1)))
            for column, layer in zip(self.categories, self.encode):
                number = layer(self.one_hot(clinical, column))
                columns[column] = number.relu() if self.relu else number
            parts = [] if image_scores is None else [image_scores.float()]
            table = torch.cat([columns[i] for i in sorted(columns)], dim=1)
            return self.fc(torch.cat([*parts, table if self.select is None else table * self.selected], dim=1))

    def loss(self, logits: Tensor, target: Tensor) -> dict[str, Tensor]:
        """The loss of the final logits (B, K), eq. 8."""
        return dict(loss_clinical=self.criterion(logits.float(), target))

    def weights(self, contrast: bool = False) -> dict[str, float]:
        """The final layer's weight of each input, for the positive class (fig. 3 of the paper).

        A variable that was not selected has the weight 0; `not_selected` names them.

        Args:
            contrast: Take the difference to the other class's weight, which is what decides between two classes.
        """
        rows = self.fc.weight.detach().float().cpu()
        row = (
            rows[self.positive] - rows[1 - self.positive] if contrast and self.num_classes == 2 else rows[self.positive]
        )
        if self.select is not None:
            row = torch.cat([row[: self.image_width], row[self.image_width :] * self.selected.cpu()])
        images = {1: ['image'], 0: []}.get(self.image_width, [f'image_{i}' for i in range(self.image_width)])
        return dict(zip([*images, *(v.name for v in self.variables)], row.tolist()))

    @property
    def not_selected(self) -> list[str]:
        """Names of the variables that `fit` was told to leave out."""
        kept = [True] * len(self.variables) if self.select is None else self.selected.tolist()
        return [v.name for v, keep in zip(self.variables, kept) if not keep]

    def _number(self, clinical: Tensor, column: int) -> Tensor:
        """A number (B,), or log(1 + x) of it where its variable says so."""
        return clinical[:, column].log1p() if self.variables[column].log else clinical[:, column]

    def _choose(self, selected: Sequence[bool] | None) -> None:
        if (selected is None) != (self.select is None):
            raise ValueError(f'ClinicalFusionHead(select={self.select}) was told to keep {selected}')
        if selected is None:
            return
        if len(selected) != len(self.variables):
            raise ValueError(f'expected one choice for each of {len(self.variables)} variables, got {len(selected)}')
        if not any(selected) and not self.use_image:
            raise ValueError('none of the clinical variables is selected, and there is no image score')
        self.selected.copy_(torch.tensor([bool(s) for s in selected]))

    def _own_columns(self, clinical: Tensor) -> Tensor:
        if self.columns is not None and clinical.ndim == 2 and clinical.shape[1] > max(self.columns):
            clinical = clinical[:, self.columns]
        if clinical.ndim != 2 or clinical.shape[1] != len(self.variables):
            names = [v.name for v in self.variables]
            raise ValueError(f'clinical table must be (B, {len(names)}) for {names}, got {tuple(clinical.shape)}')
        return clinical


def _check(variables: Sequence[Variable]) -> None:
    if not variables:
        raise ValueError('ClinicalFusionHead needs one clinical variable or more, got none')
    open_ones = [v.name for v in variables if v.values == 'auto']
    if open_ones:
        raise ValueError(f"values='auto' of {open_ones} must be replaced by the training part's categories first")
