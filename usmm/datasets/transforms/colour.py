"""Random transforms of the pixel values: brightness, contrast, colour, erased rectangles."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from usmm.datasets.transforms.augment import Groups, Params, RandomResizedCrop, RandomTransform
from usmm.datasets.transforms.base_transform import chosen, names_of
from usmm.registry import TRANSFORMS
from usmm.structures import Case


@TRANSFORMS.register_module()
class RandomErase(RandomTransform):
    """Fill a rectangle with one value.

    Args:
        scale: Smallest and largest share of the area.
        ratio: Smallest and largest width / height, relative to the image's.
        value: Grey value, 0 to 255.
        prob, groups: As in `RandomTransform`.

    Raises:
        ValueError: A range that does not rise within its limits.
    """

    geometric = False

    def __init__(
        self,
        scale: Sequence[float] = (0.02, 0.2),
        ratio: Sequence[float] = (0.5, 2.0),
        value: int = 0,
        prob: float = 0.5,
        groups: Groups | None = None,
    ) -> None:
        super().__init__(prob, groups)
        self._rectangle = RandomResizedCrop(scale, ratio)
        self.scale, self.ratio, self.value = self._rectangle.scale, self._rectangle.ratio, value

    def draw(self, rng: np.random.Generator) -> Params:
        """The rectangle (x, y, width, height) in shares of the image."""
        return self._rectangle.draw(rng)

    def apply(self, array: np.ndarray, params: Params) -> np.ndarray:
        """Erase in one image."""
        height, width = array.shape[:2]
        x, y, w, h = params['box']
        out = array.copy()
        top, left = round(y * height), round(x * width)
        out[top : top + round(h * height), left : left + round(w * width)] = self.value
        return out


@TRANSFORMS.register_module()
class ColourJitter(RandomTransform):
    """Change brightness, contrast, and if asked saturation and hue; each modality by its own draw.

    The colours of Doppler and elastography images are measurements (direction and speed, stiffness), so hue and
    saturation are off by default.

    Args:
        brightness, contrast, saturation: Largest change of the factor to either side of 1, at most 1.
        hue: Largest turn to either side, as a share of the circle, at most 0.5.
        modalities: Which (default: all).
        prob: Probability that anything happens.

    Raises:
        ValueError: A range outside its limits.
    """

    geometric = False

    def __init__(
        self,
        brightness: float = 0.2,
        contrast: float = 0.2,
        saturation: float = 0.0,
        hue: float = 0.0,
        modalities: str | Sequence[str] | None = None,
        prob: float = 0.8,
    ) -> None:
        super().__init__(prob)
        got = (brightness, contrast, saturation, hue)
        if min(got) < 0 or max(got[:3]) > 1 or hue > 0.5:
            raise ValueError(f'brightness, contrast, saturation must lie in 0 to 1 and hue in 0 to 0.5, got {got}')
        self.brightness, self.contrast, self.saturation, self.hue = brightness, contrast, saturation, hue
        self.modalities = names_of(modalities)

    def draw(self, rng: np.random.Generator) -> Params:
        """Three factors, and the turn of the hue."""
        ranges = dict(brightness=self.brightness, contrast=self.contrast, saturation=self.saturation)
        return {n: 1 + rng.uniform(-r, r) for n, r in ranges.items()} | dict(hue=rng.uniform(-self.hue, self.hue))

    def apply(self, array: np.ndarray, params: Params) -> np.ndarray:
        """Change one image."""
        out = array
        if params['brightness'] != 1 or params['contrast'] != 1:
            out = scale_grey(out, params['brightness'], params['contrast'])
        if params['saturation'] != 1 or params['hue'] != 0:
            out = turn_hue(out, params['hue'], params['saturation'])
        return out

    def _members(self, case: Case) -> list[tuple[str, list[str]]]:
        return [(m, [m]) for m in chosen(self.modalities, case.data)]


def scale_grey(array: np.ndarray, brightness: float, contrast: float) -> np.ndarray:
    """Multiply by `brightness`, then spread about the mean grey by `contrast`, clipped to 0..255.

    Example:
        >>> scale_grey(np.full((1, 1, 3), 100, np.uint8), 1.5, 1.0).ravel().tolist()
        [150, 150, 150]
    """
    mean = brightness * float(cv2.mean(cv2.cvtColor(array, cv2.COLOR_RGB2GRAY))[0])
    table = np.arange(256) * (brightness * contrast) + mean * (1 - contrast)
    return cv2.LUT(array, np.clip(np.rint(table), 0, 255).astype(np.uint8))


def turn_hue(array: np.ndarray, hue: float, saturation: float) -> np.ndarray:
    """Turn the hue by a share of the circle, and multiply the saturation.

    Example:
        >>> (turn_hue(np.array([[[255, 0, 0]]], np.uint8), -0.5, 1.0) > 200).ravel().tolist()  # red to cyan
        [False, True, True]
    """
    colours = cv2.cvtColor(array, cv2.COLOR_RGB2HSV_FULL).astype(np.int16)
    colours[..., 0] = (colours[..., 0] + round(hue * 256)) % 256
    colours[..., 1] = np.minimum(np.rint(colours[..., 1] * saturation), 255)
    return cv2.cvtColor(colours.astype(np.uint8), cv2.COLOR_HSV2RGB_FULL)
