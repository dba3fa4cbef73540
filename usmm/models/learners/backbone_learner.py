"""What every pre-training shares: a backbone, how it begins, and how a classifier takes it over."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from usmm.models.assembly import encoders_of
from usmm.models.building import build, build_preprocessor
from usmm.models.encoders.feature_maps import as_list, probe
from usmm.models.fusions.base_fusion import pool
from usmm.models.pretrained import load_pretrained, split_pretrained
from usmm.models.staging import StagedModel
from usmm.structures import Settings
from usmm.structures.protocols import Classifier


class BackboneLearner(StagedModel):
    """A model that trains one backbone for a classifier.

    Args:
        backbone: Config of the backbone; `init_cfg=dict(type='Pretrained', ...)` starts it from a checkpoint.
        data_preprocessor: Config of the preprocessor; None: `PairPreprocessor`.
        input_size: Side in pixels of the image that the backbone's width is found with.
        init_cfg: Initialisation.

    Attributes:
        width: Channels of the backbone's last map.
    """

    def __init__(
        self,
        backbone: Settings,
        data_preprocessor: Settings | nn.Module | None = None,
        input_size: int = 64,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(build_preprocessor(data_preprocessor, 'PairPreprocessor'), init_cfg)
        cfg, self.pretrained = split_pretrained(dict(backbone))
        self.backbone = build(cfg)
        self.width = probe(self.backbone, input_size)[-1]

    def init_weights(self) -> None:
        """Initialise as upstream does, then load pre-trained weights over it."""
        fresh = not self.is_init
        super().init_weights()
        if fresh and self.pretrained is not None:
            load_pretrained(self.backbone, self.pretrained)

    def vector(self, image: Tensor) -> Tensor:
        """The global average of the last map: (B, 3, H, W) -> (B, width)."""
        return pool(as_list(self.backbone(image))[-1])

    def fits(self, model: Classifier) -> dict[str, dict[str, Tensor]]:
        """Parts of a classifier that can take what was learnt -> the tensors that they take.

        Args:
            model: A `MultiModalClassifier`; an encoder takes all tensors of the backbone or none.

        Raises:
            ValueError: If no encoder fits.
        """
        state = self.backbone.state_dict()
        found = {}
        encoders = encoders_of(model.encoder)
        for name, encoder in encoders.items():
            placed = {to: value for key, value in state.items() for to in encoder.place(key)}
            if fit(encoder, placed):
                found[f'encoder.{name}'] = placed
        if not found:
            kinds = [type(e).__name__ for e in encoders.values()]
            raise ValueError(
                f'no encoder of the model can take the weights of the pre-training: it has {kinds}, '
                f'and what is pre-trained is a {type(self.backbone).__name__}; both need one backbone config'
            )
        return found

    def hand_over(self, model: Classifier) -> list[str]:
        """Give a classifier what was learnt; see `fits`.

        Args:
            model: A `MultiModalClassifier`.

        Returns:
            The parts that took weights.
        """
        found = self.fits(model)
        for name, state in found.items():
            model.get_submodule(name).load_state_dict(state, strict=False)
        return list(found)


def fit(module: nn.Module, state: Mapping[str, Tensor]) -> bool:
    """Whether a module has all of these tensors, in these shapes."""
    own = module.state_dict()
    return all(name in own and own[name].shape == value.shape for name, value in state.items())
