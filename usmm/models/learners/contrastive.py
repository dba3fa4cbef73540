"""Contrastive pre-training of one encoder on pairs of views: SimSiam, BYOL and SimCLR."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from mmengine.model import ExponentialMovingAverage
from torch import Tensor, nn
from torch.nn import functional as F

from usmm.models.building import build
from usmm.models.encoders.feature_maps import as_list
from usmm.models.fusions.base_fusion import BaseFusion, pool
from usmm.models.layers.projector import ContrastiveMLP
from usmm.models.learners.backbone_learner import BackboneLearner, fit
from usmm.registry import MODELS
from usmm.structures import Case, Settings
from usmm.structures.protocols import Classifier

VIEWS = ('view1', 'view2')


class ContrastiveLearner(BackboneLearner):
    """What the three methods share: encoder f, global average, projector g; and the watch on collapse.

    Args:
        backbone: Config of the encoder; `init_cfg=dict(type='Pretrained', ...)` starts it from a checkpoint.
        hidden_channels, embed_dims: Widths of the projector's (and predictor's) hidden layer and output.
        loss: Config of the loss.
        data_preprocessor: Config of the preprocessor; None: `PairPreprocessor`.
        input_size: Side in pixels of the image that the encoder's width is found with.
        init_cfg: Initialisation.

    Attributes:
        spread: Of the last epoch, the standard deviation of the normalised outputs over a batch, times the square root
            of their width: 1 where they fill the sphere evenly, 0 where all cases have one output (collapse).

    Raises:
        ValueError: In `forward`, if a view is missing.

    References:
        Chiang et al., ACM MM Asia 2023.
    """

    spread: Tensor
    default_loss = 'PairDistanceLoss'

    def __init__(
        self,
        backbone: Settings | None = None,
        hidden_channels: int = 1792,
        embed_dims: int = 256,
        loss: Settings | None = None,
        data_preprocessor: Settings | nn.Module | None = None,
        input_size: int = 64,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        backbone = backbone or dict(type='mmpretrain.EfficientNet', arch='b2')
        super().__init__(backbone, data_preprocessor, input_size, init_cfg)
        self.projector = ContrastiveMLP(self.width, hidden_channels, embed_dims)
        self.criterion = build(loss or dict(type=self.default_loss))
        self.register_buffer('spread', torch.tensor(float('nan')))

    def project(self, image: Tensor) -> Tensor:
        """g(f(image)): (B, 3, H, W) -> (B, D)."""
        return self.projector(self.vector(image))

    def forward(  # type: ignore[override]  # mmengine's models take one tensor
        self,
        inputs: Mapping[str, Tensor],
        data_samples: Sequence[Case] | None = None,
        mode: str = 'tensor',
    ) -> dict[str, Tensor] | tuple[Tensor, Tensor]:
        """Run the network.

        Args:
            inputs: `view1` and `view2` -> normalised images (B, 3, H, W).
            data_samples: The cases; not used.
            mode: `'loss'`: the loss and the spread of the outputs; else the projected views.
        """
        missing = [view for view in VIEWS if view not in inputs]
        if missing:
            raise ValueError(f'{type(self).__name__} learns from pairs of views, and {missing} is not in {[*inputs]}')
        first, second = (inputs[view] for view in VIEWS)
        if mode != 'loss':
            return self.project(first), self.project(second)
        loss, output = self.learn(first, second)
        return dict(loss=loss, spread=spread_of(output))

    def learn(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """The loss of two views (B, 3, H, W) each, and the outputs (B, D) that are watched."""
        raise NotImplementedError

    def fits(self, model: Classifier) -> dict[str, dict[str, Tensor]]:
        """As in `BackboneLearner`; the projector of a `ProjectedFusion` takes that of the pre-training.

        Args:
            model: A `MultiModalClassifier`.

        Raises:
            ValueError: If no encoder fits, or the model has a projector of another size.
        """
        found = super().fits(model)
        if isinstance(model.fusion, BaseFusion) and model.fusion.projector is not None:
            if not fit(model.fusion.projector, self.projector.state_dict()):
                raise ValueError('the projector of the fusion and that of the pre-training have different sizes')
            found['fusion.projector'] = self.projector.state_dict()
        return found


@MODELS.register_module()
class SimSiam(ContrastiveLearner):
    """A predictor foretells each view's projection from the other's, which has no gradient.

    Args:
        backbone, hidden_channels, embed_dims, loss, data_preprocessor, input_size, init_cfg: As in
            `ContrastiveLearner`; the loss is D of eq. 1, which is 4 + 4 times that of Chen and He.

    References:
        Chen and He, CVPR 2021; Chiang et al., ACM MM Asia 2023, eq. 1-3.

    Example:
        >>> learner = SimSiam(dict(type='mmpretrain.ResNet', depth=18, base_channels=4, stem_channels=4), 32, 16)
        >>> views = dict(view1=torch.rand(4, 3, 64, 64), view2=torch.rand(4, 3, 64, 64))
        >>> sorted(learner(views, mode='loss'))
        ['loss', 'spread']
    """

    def __init__(
        self,
        backbone: Settings | None = None,
        hidden_channels: int = 1792,
        embed_dims: int = 256,
        loss: Settings | None = None,
        data_preprocessor: Settings | nn.Module | None = None,
        input_size: int = 64,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(backbone, hidden_channels, embed_dims, loss, data_preprocessor, input_size, init_cfg)
        self.predictor = ContrastiveMLP(embed_dims, hidden_channels, embed_dims)

    def learn(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """D(h(z1), z2) + D(h(z2), z1), and z1."""
        z1, z2 = self.project(first), self.project(second)
        loss = self.criterion(self.predictor(z1), z2.detach()) + self.criterion(self.predictor(z2), z1.detach())
        return loss, z1


@MODELS.register_module()
class BYOL(SimSiam):
    """As SimSiam, but what is foretold is the projection of a slowly moving average of the network.

    The average is made anew from the weights of the step before at the beginning of each step, and is part of the
    checkpoints.

    Args:
        backbone, hidden_channels, embed_dims, loss, data_preprocessor, input_size, init_cfg: As in
            `ContrastiveLearner`.
        momentum: Share of the average that is kept in a step.

    Raises:
        ValueError: If the momentum is not in 0.5 to 1.

    References:
        Grill et al., NeurIPS 2020.
    """

    def __init__(
        self,
        backbone: Settings | None = None,
        hidden_channels: int = 1792,
        embed_dims: int = 256,
        loss: Settings | None = None,
        momentum: float = 0.996,
        data_preprocessor: Settings | nn.Module | None = None,
        input_size: int = 64,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(backbone, hidden_channels, embed_dims, loss, data_preprocessor, input_size, init_cfg)
        if not 0.5 <= momentum < 1:
            raise ValueError(f'momentum of BYOL must be at least 0.5 and below 1, got {momentum}')
        # its first update copies the weights, as they are after the initialisation
        self.target = ExponentialMovingAverage(self._online(), 1 - momentum)

    def _online(self) -> nn.ModuleDict:
        return nn.ModuleDict(dict(backbone=self.backbone, projector=self.projector))

    @torch.no_grad()
    def target_project(self, image: Tensor) -> Tensor:
        """The projection by the averaged network, without a gradient."""
        backbone, projector = (self.target.module.get_submodule(name) for name in ('backbone', 'projector'))
        return projector(pool(as_list(backbone(image))[-1]))

    def learn(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """D(h(z1), t2) + D(h(z2), t1), and z1."""
        if self.training:
            self.target.update_parameters(self._online())
        z1, z2 = self.project(first), self.project(second)
        t1, t2 = self.target_project(first), self.target_project(second)
        return self.criterion(self.predictor(z1), t2) + self.criterion(self.predictor(z2), t1), z1


@MODELS.register_module()
class SimCLR(ContrastiveLearner):
    """Each view's partner is to be found among all other views of the batch.

    Args:
        backbone, hidden_channels, embed_dims, loss, data_preprocessor, input_size, init_cfg: As in
            `ContrastiveLearner`; the loss is `NTXentLoss` with temperature 0.1.

    References:
        Chen et al., ICML 2020.
    """

    default_loss = 'NTXentLoss'

    def learn(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """NT-Xent of z1 and z2, and z1."""
        z1, z2 = self.project(first), self.project(second)
        return self.criterion(z1, z2), z1


def spread_of(output: Tensor) -> Tensor:
    """Standard deviation of the normalised outputs (B, D) over the batch, mean over D, times the square root of D.

    Example:
        >>> round(float(spread_of(torch.eye(4))), 3), float(spread_of(torch.ones(4, 4)))
        (0.866, 0.0)
    """
    normalised = F.normalize(output.detach().float(), dim=1)
    return normalised.std(0, unbiased=False).mean() * output.shape[1] ** 0.5
