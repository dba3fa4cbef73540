"""Random transforms of the geometry. Parameters are drawn first, then applied by code that can be replayed.

Draws depend on (seed, epoch, case, transform) alone, so they are the same for any number of workers. Modalities of one
group share a draw: still images of one slice stay aligned, and all frames of a clip move together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from usmm.datasets.transforms.base_transform import Transform, names_of
from usmm.registry import TRANSFORMS
from usmm.structures import Case
from usmm.structures.case_info import DRAWS

Params = dict[str, Any]
Groups = Sequence[str | Sequence[str]]


class RandomTransform(Transform):
    """Draw, then apply.

    Args:
        prob: Probability that anything happens.
        groups: Which modalities share a draw, as `(('bus', 'cdfi', 'ue'), ('dceus',))`; modalities of no group are left
            alone. None: all still images share one, each clip has its own.

    Raises:
        ValueError: A probability outside 0 to 1, or a modality in two groups.
    """

    random = True
    geometric = True

    def __init__(self, prob: float = 0.5, groups: Groups | None = None) -> None:
        if not 0 <= prob <= 1:
            raise ValueError(f'prob must lie between 0 and 1, got {prob}')
        self.prob = prob
        self.groups = None if groups is None else tuple(names_of(g) or () for g in groups)
        named = [m for group in self.groups or () for m in group]
        if len(set(named)) < len(named):
            raise ValueError(f'a modality stands in two groups: {self.groups}')

    def draw(self, rng: np.random.Generator) -> Params:
        """Parameters of one application, in units that do not depend on the image's size."""
        raise NotImplementedError(f'{type(self).__name__} must define draw')

    def apply(self, array: np.ndarray, params: Params) -> np.ndarray:
        """Apply parameters to (H, W, C); C is 3, or 1 for a mask."""
        raise NotImplementedError(f'{type(self).__name__} must define apply')

    def __call__(self, case: Case) -> Case:
        """Draw once a group, and apply to its modalities; `info['draws']` keeps what was drawn."""
        for name, members in self._members(case):
            rng = case.rng(repr(self), name)
            if rng.random() >= self.prob:
                continue
            params = self.draw(rng)
            case.info.setdefault(DRAWS, {})[f'{type(self).__name__}/{name}'] = params  # type: ignore[literal-required]
            for modality in members:
                case.data[modality] = replay(self, case.data[modality], params)
                if self.geometric and modality in case.masks:
                    mask = case.masks[modality].astype(np.uint8)[..., None] * np.uint8(255)
                    case.masks[modality] = self.apply(mask, params).reshape(mask.shape[:2]) > 127
        return case

    def _members(self, case: Case) -> list[tuple[str, list[str]]]:
        """Name of a group -> its modalities in the case. The name does not depend on which of them are present."""
        if self.groups is not None:
            groups = [('+'.join(g), [m for m in g if m in case.data]) for g in self.groups]
        else:
            still = [m for m, array in case.data.items() if array.ndim == 3]
            groups = [('still', still), *((m, [m]) for m in case.data if m not in still)]
        return [(name, members) for name, members in groups if members]


def replay(transform: RandomTransform, array: np.ndarray, params: Params) -> np.ndarray:
    """Apply drawn parameters to (H, W, 3), or to every frame of (T, H, W, 3)."""
    if array.ndim == 3:
        return np.ascontiguousarray(transform.apply(array, params))
    return np.stack([transform.apply(frame, params) for frame in array])


@TRANSFORMS.register_module()
class RandomFlip(RandomTransform):
    """Mirror left and right, or top and bottom.

    Args:
        prob, groups: As in `RandomTransform`.
        direction: `'horizontal'` or `'vertical'` (which turns shadows upwards).

    Raises:
        ValueError: Another direction.
    """

    def __init__(self, prob: float = 0.5, direction: str = 'horizontal', groups: Groups | None = None) -> None:
        super().__init__(prob, groups)
        if direction not in ('horizontal', 'vertical'):
            raise ValueError(f"direction must be 'horizontal' or 'vertical', got {direction!r}")
        self.direction = direction

    def draw(self, rng: np.random.Generator) -> Params:
        """Nothing to draw beside whether it happens."""
        return {}

    def apply(self, array: np.ndarray, params: Params) -> np.ndarray:
        """Mirror one image."""
        return array[:, ::-1] if self.direction == 'horizontal' else array[::-1]


@TRANSFORMS.register_module()
class RandomAffine(RandomTransform):
    """Rotate, shift and zoom in one step; what comes in from outside is zero.

    Args:
        degrees: Largest rotation to either side.
        shift: Largest shift to either side, as a share of width and height.
        scale: Smallest and largest zoom.
        prob, groups: As in `RandomTransform`.

    Raises:
        ValueError: A negative range, or a zoom that is not positive.
    """

    def __init__(
        self,
        degrees: float = 0.0,
        shift: float = 0.0,
        scale: Sequence[float] = (1.0, 1.0),
        prob: float = 1.0,
        groups: Groups | None = None,
    ) -> None:
        super().__init__(prob, groups)
        if degrees < 0 or shift < 0 or not 0 < scale[0] <= scale[1]:
            raise ValueError(f'expected ranges of degrees, shift, scale; got {degrees}, {shift}, {tuple(scale)}')
        self.degrees, self.shift, self.scale = degrees, shift, (float(scale[0]), float(scale[1]))

    def draw(self, rng: np.random.Generator) -> Params:
        """Angle in degrees, shift (x, y) in shares, zoom."""
        return dict(
            angle=rng.uniform(-self.degrees, self.degrees),
            shift=tuple(rng.uniform(-self.shift, self.shift, 2).tolist()),
            scale=rng.uniform(*self.scale),
        )

    def apply(self, array: np.ndarray, params: Params) -> np.ndarray:
        """Move one image about its centre."""
        height, width = array.shape[:2]
        matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), params['angle'], params['scale'])
        matrix[:, 2] += params['shift'][0] * width, params['shift'][1] * height
        return cv2.warpAffine(array, matrix, (width, height), flags=cv2.INTER_LINEAR)


@TRANSFORMS.register_module()
class RandomRotate(RandomAffine):
    """Rotate about the centre.

    Args:
        degrees: Largest rotation to either side.
        prob, groups: As in `RandomTransform`.
    """

    def __init__(self, degrees: float = 10.0, prob: float = 0.5, groups: Groups | None = None) -> None:
        super().__init__(degrees=degrees, prob=prob, groups=groups)


@TRANSFORMS.register_module()
class RandomShift(RandomAffine):
    """Shift by a share of width and height.

    Args:
        shift: Largest shift to either side.
        prob, groups: As in `RandomTransform`.
    """

    def __init__(self, shift: float = 0.1, prob: float = 0.5, groups: Groups | None = None) -> None:
        super().__init__(shift=shift, prob=prob, groups=groups)


@TRANSFORMS.register_module()
class RandomResizedCrop(RandomTransform):
    """Crop a rectangle of random area and shape, and resize it back to the size of the image.

    Args:
        scale: Smallest and largest share of the area.
        ratio: Smallest and largest width / height, relative to the image's.
        prob, groups: As in `RandomTransform`.

    Raises:
        ValueError: A range that does not rise within its limits.
    """

    def __init__(
        self,
        scale: Sequence[float] = (0.8, 1.0),
        ratio: Sequence[float] = (1.0, 1.0),
        prob: float = 0.5,
        groups: Groups | None = None,
    ) -> None:
        super().__init__(prob, groups)
        if not (0 < scale[0] <= scale[1] <= 1 and 0 < ratio[0] <= ratio[1]):
            raise ValueError(f'expected 0 < scale <= 1 and a positive ratio, both rising; got {scale} and {ratio}')
        self.scale, self.ratio = (float(scale[0]), float(scale[1])), (float(ratio[0]), float(ratio[1]))

    def draw(self, rng: np.random.Generator) -> Params:
        """The rectangle (x, y, width, height) in shares of the image."""
        area, ratio = rng.uniform(*self.scale), math.exp(rng.uniform(*np.log(self.ratio)))
        width, height = min(1.0, math.sqrt(area * ratio)), min(1.0, math.sqrt(area / ratio))
        x, y = rng.random(2) * (1 - width, 1 - height)
        return dict(box=(float(x), float(y), width, height))

    def apply(self, array: np.ndarray, params: Params) -> np.ndarray:
        """Crop and resize one image."""
        height, width = array.shape[:2]
        x, y, w, h = params['box']
        left, top = min(round(x * width), width - 1), min(round(y * height), height - 1)
        part = array[top : top + max(1, round(h * height)), left : left + max(1, round(w * width))]
        return cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR)
