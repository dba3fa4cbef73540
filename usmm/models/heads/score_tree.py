"""Score tree: a probability a stream, all fused by a fully connected layer; or groups of them first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import TypeAlias

import torch
from mmengine.model import ModuleDict
from torch import Tensor, nn

from usmm.models.heads.linear import LinearHead
from usmm.registry import MODELS
from usmm.structures import Settings

Tree: TypeAlias = str | Sequence['Tree']  # the name of a stream, or a group of such


def leaves(tree: Tree) -> list[str]:
    """The names in a nested sequence, from left to right.

    Example:
        >>> leaves((('bus', 'ue'), 'dceus'))
        ['bus', 'ue', 'dceus']
    """
    return [tree] if isinstance(tree, str) else [name for node in tree for name in leaves(node)]


def prune(tree: Tree, kept: Collection[str]) -> Tree | None:
    """A tree without the leaves that are not kept; a group of one becomes that one, None: nothing is left.

    Example:
        >>> prune((('bus', 'cdfi', 'ue'), 'dceus'), ('bus', 'dceus')), prune((('bus', 'ue'), 'dceus'), ('ue', 'bus'))
        (('bus', 'dceus'), ('bus', 'ue'))
    """
    if isinstance(tree, str):
        return tree if tree in kept else None
    nodes = tuple(node for node in (prune(child, kept) for child in tree) if node is not None)
    return (nodes[0] if len(nodes) == 1 else nodes) if nodes else None


@MODELS.register_module()
class ScoreTreeHead(LinearHead):
    """A fully connected layer on the probabilities of the streams, each from a fully connected layer of its own.

    In a nested tree the streams of a group are fused into the group's probability first. The predictions of streams
    and groups are auxiliary logits: with `DeepSupervisionLoss` all of them enter the loss. Of a stream that a case
    lacks all classes are equally probable. The joint vector is not looked at: `PoolFusion` goes with it.

    Args:
        num_classes: Number of classes K.
        in_channels: Width of the joint vector; not used.
        streams: Stream -> width of its vector.
        tree: Nested sequence that names every stream once, as `(('bus', 'cdfi', 'ue'), 'dceus')`; None: flat. Streams
            that a model does not have are passed over.
        losses: Configs of losses, as in `LinearHead`.
        dropout: Drop rate before the streams' layers.
        init_cfg: Initialisation.

    Raises:
        ValueError: If there is no stream, or the tree does not name every stream once.

    References:
        Meng et al., IEEE TMI 2022, Table VI.

    Example:
        >>> head = ScoreTreeHead(2, 12, dict(bus=4, cdfi=4, ue=4, dceus=4))
        >>> sum(p.numel() for p in head.fc.parameters())  # (4 streams x 2 classes) x 2 + 2
        18
    """

    always_aux = True
    handles_missing = True

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        streams: Mapping[str, int],
        tree: Sequence[Tree] | None = None,
        losses: Sequence[Settings] | None = None,
        dropout: float = 0.0,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        if not streams:
            raise ValueError('ScoreTreeHead needs one stream or more, got none')
        names = Counter(leaves(tuple(streams) if tree is None else tree))
        if any(names[s] != 1 for s in streams):
            raise ValueError(f'the tree of ScoreTreeHead must name each of {list(streams)} once, got {tree}')
        pruned = prune(tuple(streams) if tree is None else tree, streams)
        root: Sequence[Tree] = (pruned,) if isinstance(pruned, str) else pruned or ()
        super().__init__(num_classes, num_classes * len(root), streams, losses, dropout, init_cfg)
        self.tree = root
        self.groups = ModuleDict()
        self._add_groups(root)

    def forward(
        self, vector: Tensor, vectors: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Logits (B, K) of the root, and stream or group -> logits (B, K).

        Args:
            vector: Joint vector (B, D); not used.
            vectors: Stream -> (B, D).
            present: Stream -> which rows have it (B,); None: all.
        """
        aux = {s: layer(self.dropout(vectors[s])) for s, layer in self.aux.items()}
        return self.fc(self._children(self.tree, aux, present)), aux

    def _children(self, nodes: Sequence[Tree], aux: dict[str, Tensor], present: Mapping[str, Tensor] | None) -> Tensor:
        """The probabilities of nodes side by side (B, K * nodes); the logits of groups are added to `aux`."""
        scores = []
        for node in nodes:
            name = _name(node)
            if not isinstance(node, str):
                aux[name] = self.groups[name](self._children(node, aux, present))
            score = aux[name].float().softmax(1)
            if isinstance(node, str) and present is not None:
                rows = present[node].bool().to(score.device)
                score = torch.where(rows[:, None], score, torch.full_like(score, 1 / self.num_classes))
            scores.append(score)
        return torch.cat(scores, dim=1)

    def _add_groups(self, nodes: Sequence[Tree]) -> None:
        for node in nodes:
            if not isinstance(node, str):
                self._add_groups(node)
                self.groups[_name(node)] = nn.Linear(self.num_classes * len(node), self.num_classes)


def _name(node: Tree) -> str:
    return '+'.join(leaves(node))
