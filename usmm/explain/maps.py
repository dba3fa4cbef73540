"""Grad-CAM and LayerCAM for models with several named inputs: one map per modality, one per frame of a clip."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from usmm.explain.capture import Capture
from usmm.explain.targets import Target

USED, NOT_USED, FLAT = 'used', 'not used', 'no heat'
SCORES = ('logit', 'margin')


@dataclass(frozen=True, eq=False)
class HeatMap:
    """Heat of one modality.

    Args:
        modality: The modality.
        layer: The layer that the heat comes from, as text (see `Target`).
        heat: (B, H, W) or, for a clip, (B, T, H, W) float32, not negative, of the input's size, not normalised;
            zeros in rows that are not `'used'`. None where no row is.
        status: One word a row. `'used'`; `'not used'`: the modality did not reach the score; `'no heat'`: it did, but
            nothing of it speaks for the class.
        classes: (B,) index of the class that is explained.
    """

    modality: str
    layer: str
    heat: NDArray[np.float32] | None
    status: tuple[str, ...]
    classes: NDArray[np.int64]

    def normalised(self) -> NDArray[np.float32] | None:
        """The heat of each row divided by its largest value (over all frames of a clip): 0 to 1."""
        if self.heat is None:
            return None
        top = self.heat.reshape(len(self.heat), -1).max(1)
        scale = np.where(top > 0, top, 1).astype(np.float32)
        return self.heat / scale.reshape((len(scale),) + (1,) * (self.heat.ndim - 1))


def grad_cam(maps: Tensor, gradients: Tensor) -> Tensor:
    """ReLU of the sum over channels of map x mean gradient: (B, C, ...) -> (B, ...).

    References:
        Selvaraju et al., ICCV 2017, eq. 1 and 2.
    """
    weights = gradients.flatten(2).mean(2)
    return torch.einsum('bc,bc...->b...', weights, maps).relu()


def layer_cam(maps: Tensor, gradients: Tensor) -> Tensor:
    """ReLU of the sum over channels of map x positive gradient, place by place: (B, C, ...) -> (B, ...).

    References:
        Jiang et al., LayerCAM, IEEE TIP 2021, eq. 6 and 7.
    """
    return (gradients.relu() * maps).sum(1).relu()


METHODS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {'layercam': layer_cam, 'gradcam': grad_cam}


def heat_maps(
    model: nn.Module,
    inputs: Mapping[str, Tensor],
    layers: Mapping[str, str | Target | nn.Module],
    forward: Callable[[Mapping[str, Tensor]], Tensor] | None = None,
    classes: int | Sequence[int] | None = None,
    method: str = 'layercam',
    score: str = 'logit',
    rows: Mapping[str, Tensor] | None = None,
) -> dict[str, HeatMap]:
    """Heat-maps of all modalities from one forward and one backward pass.

    Args:
        model: The network.
        inputs: Modality -> normalised images (B, 3, H, W) or clips (B, 3, T, H, W).
        layers: Modality -> the layer that its map comes from; a module of the model, or its name.
        forward: From the inputs to the logits (B, K); None: the model itself.
        classes: Index of the class to explain, one for all or one a row; None: the predicted one of each row.
        method: `'layercam'` or `'gradcam'`.
        score: `'logit'` of the class, or its `'margin'`: the logit less the log-sum-exp of the others.
        rows: Modality -> rows that its layer sees (B,), where a model encodes only cases that have it; None: all.

    Returns:
        Modality -> heat, in the order of `layers`.

    Raises:
        ValueError: An unknown method or score, a class that is not there, or a layer that gives no map.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))
        >>> found = heat_maps(net, {'bus': torch.rand(2, 3, 8, 8)}, {'bus': '1'}, lambda x: net(x['bus']))
        >>> found['bus'].heat.shape, found['bus'].layer
        ((2, 8, 8), '1')
    """
    if method not in METHODS:
        raise ValueError(f'method must be one of {list(METHODS)}, got {method!r}')
    if score not in SCORES:
        raise ValueError(f'score must be one of {list(SCORES)}, got {score!r}')
    with Capture(model, layers) as seen:
        given = {name: x.clone() if x.is_inference() else x for name, x in inputs.items()}
        logits = (forward or model)(given)
        chosen = _classes(classes, logits)
        pairs = seen.differentiate(_score(logits, chosen, score))
        names = {modality: str(target) for modality, (target, _) in seen.targets.items()}
    index = chosen.cpu().numpy()
    return {
        m: _heat_map(m, names[m], pair, inputs.get(m), None if rows is None else rows.get(m), METHODS[method], index)
        for m, pair in pairs.items()
    }


def _classes(classes: int | Sequence[int] | None, logits: Tensor) -> Tensor:
    count, width = logits.shape
    if classes is None:
        return logits.detach().argmax(1)
    chosen = torch.as_tensor(classes, device=logits.device).reshape(-1)
    chosen = chosen.expand(count) if len(chosen) == 1 else chosen
    if len(chosen) != count or int(chosen.min()) < 0 or int(chosen.max()) >= width:
        raise ValueError(f'classes must be one or {count} indices from 0 to {width - 1}, got {classes}')
    return chosen.long()


def _score(logits: Tensor, chosen: Tensor, score: str) -> Tensor:
    own = logits.float().gather(1, chosen[:, None])[:, 0]
    if score == 'logit':
        return own
    return own - logits.float().scatter(1, chosen[:, None], -math.inf).logsumexp(1)


def _heat_map(
    modality: str,
    layer: str,
    pair: tuple[Tensor, Tensor] | None,
    image: Tensor | None,
    rows: Tensor | None,
    method: Callable[[Tensor, Tensor], Tensor],
    classes: NDArray[np.int64],
) -> HeatMap:
    count = len(classes)
    if pair is None or image is None:
        return HeatMap(modality, layer, None, (NOT_USED,) * count, classes)
    maps, gradients = (_as_grid(x.float(), modality, layer, image.ndim) for x in pair)
    seen = torch.ones(count, dtype=torch.bool) if rows is None else rows.bool().cpu()
    if len(maps) not in (count, int(seen.sum())):
        raise ValueError(
            f'{modality}: {layer} saw {len(maps)} rows of a batch of {count}; say which they are, or go case by case'
        )
    if len(maps) < count:
        maps, gradients = (_spread(x, seen) for x in (maps, gradients))
    with torch.no_grad():
        heat = _resize(method(maps, gradients), image.shape[2:]).cpu().numpy()
        reached = gradients.flatten(1).abs().amax(1).cpu().numpy() > 0
    warm = heat.reshape(count, -1).max(1) > 0
    status = tuple(FLAT if r and not w else USED if r else NOT_USED for r, w in zip(reached, warm))
    heat[~reached] = 0
    return HeatMap(modality, layer, heat if reached.any() else None, status, classes)


def _as_grid(x: Tensor, modality: str, layer: str, ndim: int) -> Tensor:
    """Maps (B, C, ...) as they are; tokens (B, N, C) of a square image, class token in front, as a grid."""
    if x.ndim == 3 and ndim == 4:
        side = math.isqrt(x.shape[1])
        if side * side <= x.shape[1] <= side * side + 2:
            return x[:, x.shape[1] - side * side :].transpose(1, 2).unflatten(2, (side, side))
    if x.ndim != ndim:
        raise ValueError(f'{modality}: {layer} gives {tuple(x.shape)}, which is no map of an input of {ndim} axes')
    return x


def _spread(x: Tensor, seen: Tensor) -> Tensor:
    full = x.new_zeros((len(seen), *x.shape[1:]))
    full[seen.to(x.device)] = x
    return full


def _resize(heat: Tensor, size: Sequence[int]) -> Tensor:
    """Bilinear to the input's height and width; a clip's time steps are spread over its frames in the same way."""
    mode = 'bilinear' if heat.ndim == 3 else 'trilinear'
    return F.interpolate(heat[:, None], size=tuple(size), mode=mode, align_corners=False)[:, 0]
