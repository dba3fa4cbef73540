"""Classical classifiers that scikit-learn fits and torch predicts with: what was fitted is kept as tensors.

No pickle, which could run code when it is loaded: a checkpoint of these is one like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from usmm.structures import Settings

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier as FittedTrees

TREE_PARTS = {
    'feature': torch.int64, 'threshold': torch.float64, 'left': torch.int64, 'right': torch.int64,
    'missing_left': torch.bool, 'value': torch.float64,
}  # fmt: skip


def number(value: np.ndarray) -> nn.Parameter:
    """Float64 values as a parameter: distributed evaluation wants a model to have one."""
    return nn.Parameter(torch.as_tensor(value, dtype=torch.float64))


class LogisticTable(nn.Module):
    """Logistic regression with an L2 penalty; of more classes than two, multinomial.

    Args:
        num_features: Number of columns.
        num_classes: Number of classes K.
    """

    def __init__(self, num_features: int, num_classes: int) -> None:
        super().__init__()
        self.weight = number(np.zeros((num_classes, num_features)))
        self.bias = number(np.zeros(num_classes))

    def fit(self, columns: np.ndarray, labels: np.ndarray, seed: int, options: Settings) -> None:
        """Fit scikit-learn's `LogisticRegression` with these options, and take its coefficients.

        Args:
            columns: (N, number of columns), no NaN.
            labels: Class indices (N,), every class among them.
            seed: Seed of the solvers that draw.
            options: Arguments of `LogisticRegression`.
        """
        from sklearn.linear_model import LogisticRegression

        fitted = LogisticRegression(**{'max_iter': 1000, 'random_state': seed, **options}).fit(columns, labels)
        weight, bias = fitted.coef_, fitted.intercept_
        if len(weight) == 1:  # of two classes the first has the logit 0
            weight, bias = np.concatenate([0 * weight, weight]), np.concatenate([0 * bias, bias])
        self.weight.data.copy_(torch.from_numpy(weight))
        self.bias.data.copy_(torch.from_numpy(bias))

    def forward(self, columns: Tensor) -> Tensor:
        """Logits (B, K) of columns (B, number of columns)."""
        return F.linear(columns, self.weight, self.bias)


class BoostedTable(nn.Module):
    """Gradient boosting of histogram trees; a missing value goes the way that its split has learnt.

    The trees are padded to tensors (number of trees, largest number of nodes); a leaf is its own child. Their sizes
    are those of the checkpoint that is loaded.

    Args:
        num_features: Number of columns.
        num_classes: Number of classes K.
    """

    feature: Tensor
    threshold: Tensor
    left: Tensor
    right: Tensor
    missing_left: Tensor
    value: Tensor
    output: Tensor
    depth: Tensor
    splits: Tensor

    def __init__(self, num_features: int, num_classes: int) -> None:
        super().__init__()
        # one output for two classes, as scikit-learn has it; a leaf and no tree to begin with
        self.baseline = number(np.zeros(1 if num_classes == 2 else num_classes))
        for name, dtype in TREE_PARTS.items():
            self.register_buffer(name, torch.zeros(0, 1, dtype=dtype))
        self.register_buffer('output', torch.zeros(0, dtype=torch.int64))
        self.register_buffer('depth', torch.tensor(0))
        # splits at each column; of a fixed size, so that weights for another table are refused
        self.register_buffer('splits', torch.zeros(num_features, dtype=torch.int64))

    def fit(self, columns: np.ndarray, labels: np.ndarray, seed: int, options: Settings) -> None:
        """Fit scikit-learn's `HistGradientBoostingClassifier` with these options, and take its trees.

        Args:
            columns: (N, number of columns), NaN where missing.
            labels: Class indices (N,), every class among them.
            seed: Seed of what is drawn (bins of very large tables, columns per split, early stopping).
            options: Arguments of `HistGradientBoostingClassifier`.

        Raises:
            ValueError: If the options ask for categorical splits; categories come in columns of their own.
        """
        from sklearn.ensemble import HistGradientBoostingClassifier

        if options.get('categorical_features', 'from_dtype') not in ('from_dtype', None):
            raise ValueError(f'categories come as columns of 0 and 1: leave out categorical_features, got {options}')
        settings = {'random_state': seed, 'early_stopping': False, **options}
        self._take(HistGradientBoostingClassifier(**settings).fit(columns, labels))

    def forward(self, columns: Tensor) -> Tensor:
        """Logits (B, K) of columns (B, number of columns)."""
        trees = torch.arange(len(self.output), device=columns.device)[None]
        batch = columns.shape[0]  # not len(), which would fix the batch size of an exported graph
        rows = torch.arange(batch, device=columns.device)[:, None]
        node = torch.zeros(batch, len(self.output), dtype=torch.int64, device=columns.device)
        for _ in range(int(self.depth)):
            value = columns[rows, self.feature[trees, node]]
            low = value <= self.threshold[trees, node]  # False for NaN
            to_left = low | (value.isnan() & self.missing_left[trees, node])
            node = torch.where(to_left, self.left[trees, node], self.right[trees, node])
        raw = self.baseline.expand(batch, -1).index_add(1, self.output, self.value[trees, node])
        return raw if raw.shape[1] > 1 else torch.cat([torch.zeros_like(raw), raw], dim=1)

    def _take(self, fitted: FittedTrees) -> None:
        """Copy the trees of a fitted classifier."""
        rounds = fitted._predictors  # iteration -> one tree an output; there is no public way to them
        nodes = [tree.nodes for trees in rounds for tree in trees]
        shape = (len(nodes), max(len(n) for n in nodes))
        for name, dtype in TREE_PARTS.items():
            setattr(self, name, torch.zeros(shape, dtype=dtype))
        for i, tree in enumerate(nodes):
            leaf, itself = tree['is_leaf'].astype(bool), np.arange(len(tree))
            found = dict(
                feature=np.where(leaf, 0, tree['feature_idx']),
                # infinite where only missing values go right; weights that are not finite count as damaged
                threshold=np.minimum(tree['num_threshold'], np.finfo(np.float64).max),
                left=np.where(leaf, itself, tree['left']), right=np.where(leaf, itself, tree['right']),
                missing_left=tree['missing_go_to_left'].astype(bool), value=tree['value'],
            )  # fmt: skip
            for name, values in found.items():
                getattr(self, name)[i, : len(tree)] = torch.from_numpy(np.ascontiguousarray(values))
        used = [tree['feature_idx'][tree['is_leaf'] == 0] for tree in nodes]
        self.splits.copy_(torch.from_numpy(np.bincount(np.concatenate(used), minlength=len(self.splits))))
        self.output = torch.arange(len(rounds[0])).repeat(len(rounds))
        self.depth.fill_(int(max(tree['depth'].max() for tree in nodes)))
        self.baseline.data.copy_(torch.from_numpy(fitted._baseline_prediction.reshape(-1)))

    def _load_from_state_dict(self, state_dict: Mapping[str, object], prefix: str, *args: object) -> None:
        stored = {name: state_dict.get(prefix + name) for name in (*TREE_PARTS, 'output', 'depth')}
        tensors = {name: value for name, value in stored.items() if isinstance(value, Tensor)}
        if len(tensors) == len(stored) and (problem := self._problem(tensors)):
            errors: list[str] = args[-1]  # type: ignore[assignment]  # torch raises them together
            errors.append(f'the trees under {prefix!r} cannot be followed: {problem}')
        for name in (*TREE_PARTS, 'output'):
            if name in tensors:
                setattr(self, name, getattr(self, name).new_zeros(tensors[name].shape))
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _problem(self, stored: Mapping[str, Tensor]) -> str | None:
        """Why trees of a checkpoint lead nowhere, or in circles; None: they can be followed."""
        shape = stored['feature'].shape
        if len(shape) != 2 or any(stored[name].shape != shape for name in TREE_PARTS):
            return f'their parts have the shapes {[tuple(stored[name].shape) for name in TREE_PARTS]}'
        trees, nodes = shape
        if stored['output'].shape != (trees,) or stored['depth'].numel() != 1:
            return f'{trees} trees have {tuple(stored["output"].shape)} outputs'
        limits = {'feature': len(self.splits), 'left': nodes, 'right': nodes, 'output': len(self.baseline)}
        for name, limit in limits.items():
            if stored[name].numel() and not (stored[name].min() >= 0 and stored[name].max() < limit):
                return f'{name} must be from 0 to {limit - 1}, got {stored[name].min()} to {stored[name].max()}'
        if not 0 <= int(stored['depth']) <= max(nodes, 1):
            return f'their depth is {int(stored["depth"])}, with {nodes} nodes at most'
        return None


ESTIMATORS: dict[str, type[LogisticTable] | type[BoostedTable]] = dict(logistic=LogisticTable, boosting=BoostedTable)
