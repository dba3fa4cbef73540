"""Image transforms of mmcv, mmpretrain, mmaction and torchvision as steps of a pipeline of cases."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

from usmm import compat
from usmm.datasets.transforms.augment import Groups, Params, RandomTransform
from usmm.datasets.transforms.base_transform import names_of
from usmm.registry import TRANSFORMS
from usmm.structures import Case, Settings
from usmm.utils.random_state import seeded_random_state

Apply = Callable[[Any], Any]
MAX_PIXELS = 2**26
"""Pixels (8192 x 8192) that a transform may make of an image that has fewer. Set the attribute to change the limit."""

FACTORS = re.compile(r'scale|factor|ratio')  # arguments that multiply the sides of an image


@TRANSFORMS.register_module()
class ImageTransform(RandomTransform):
    """Apply an image transform of another package to named modalities.

    Its random numbers come from (seed, epoch, case), as those of our own transforms do, so they differ from epoch to
    epoch and are the same for any number of workers. Still images share a draw, and so do all frames of a clip.

    Args:
        transform: Its config: `dict(type='mmpretrain.RandAugment', ...)`, `dict(type='mmcv.RandomGrayscale', ...)`,
            `dict(type='torchvision.ColorJitter', brightness=0.4)`; or a function from a PIL image to one.
        modalities: Those that it is applied to; None: all images and clips.
        geometric: Whether it moves pixels. Masks then move with the image. It has to be stated where a case has a mask.
        random: Whether it draws random numbers; one that does not is kept where random transforms are left out.
        prob, groups: As in `RandomTransform`.

    Transforms of OpenMMLab read and write `results['img']`, (H, W, 3) uint8 in the order BGR; those of torchvision, and
    functions, get a PIL image. The result is an image of uint8, colour or grey; normalisation belongs into the data
    preprocessor of the model.

    Raises:
        ValueError: `modalities` and `groups` at once; a mask and no word on `geometric`; a result that is not a uint8
            image; or a transform whose numbers could make more than `MAX_PIXELS` pixels of a smaller image.
        TypeError: `transform` is neither a config nor a function.

    Example:
        >>> step = ImageTransform(dict(type='torchvision.Grayscale', num_output_channels=3), random=False)
        >>> image = np.zeros((4, 4, 3), np.uint8) + np.array([200, 0, 0], np.uint8)
        >>> step(Case('c', 'p', data={'bus': image})).data['bus'][0, 0].tolist()
        [60, 60, 60]
    """

    def __init__(
        self,
        transform: Settings | Apply,
        modalities: str | Sequence[str] | None = None,
        geometric: bool | None = None,
        random: bool = True,
        prob: float = 1.0,
        groups: Groups | None = None,
    ) -> None:
        super().__init__(prob, groups)
        if modalities is not None and groups is not None:
            raise ValueError(f'give modalities or groups, got {modalities!r} and {groups!r}')
        self.transform, self.modalities = transform, names_of(modalities)
        self.geometric, self.random = geometric, random  # type: ignore[assignment]
        self._apply = _built(transform)

    def __call__(self, case: Case) -> Case:
        """The case with the transform applied to its modalities."""
        masked = [m for _, members in self._members(case) for m in members if m in case.masks]
        if masked and self.geometric is None:
            raise ValueError(
                f'case {case.case_id} has masks of {masked}: state geometric=True where {self._name} moves pixels, '
                'so that the masks move with them, or geometric=False'
            )
        return super().__call__(case)

    def draw(self, rng: np.random.Generator) -> Params:
        """The seed of the transform's own random numbers."""
        return {'seed': int(rng.integers(2**31))}

    def apply(self, array: np.ndarray, params: Params) -> np.ndarray:
        """Apply the transform to one image (H, W, 3) or mask (H, W, 1)."""
        self._check_growth(*array.shape[:2])
        image = np.ascontiguousarray(np.broadcast_to(array, (*array.shape[:2], 3)))
        with seeded_random_state(params['seed']):
            result = self._array(self._apply(image))
        made, given = result.shape[0] * result.shape[1], image.shape[0] * image.shape[1]
        if made > max(MAX_PIXELS, given):
            raise ValueError(
                f'{self._name} made {made} pixels of an image of {image.shape[0]} x {image.shape[1]}, over the limit '
                f'of {MAX_PIXELS}'
            )
        return result if array.shape[2] == 3 else result.mean(2, keepdims=True).astype(np.uint8)

    def _check_growth(self, height: int, width: int) -> None:
        """Refuse a transform that could fill the memory, before it does: by the largest of its numbers."""
        if not isinstance(self.transform, Mapping):
            return
        most, factor = _largest(self.transform)
        bound = max((height + 2 * most) * (width + 2 * most), height * width * max(1.0, factor) ** 2)
        if bound > MAX_PIXELS and bound > 1.5 * height * width:
            raise ValueError(
                f'{self._name} could make {bound:.0f} pixels of an image of {height} x {width}, over the limit of '
                f'{MAX_PIXELS}: its numbers are too large'
            )

    @property
    def _name(self) -> str:
        return str(self.transform['type'] if isinstance(self.transform, Mapping) else self.transform)

    def _members(self, case: Case) -> list[tuple[str, list[str]]]:
        groups = super()._members(case)
        if self.modalities is not None:
            groups = [(name, [m for m in members if m in (self.modalities or ())]) for name, members in groups]
        return [(name, members) for name, members in groups if members]

    def _array(self, result: object) -> np.ndarray:
        if isinstance(result, torch.Tensor):
            result = result.movedim(0, -1).numpy() if result.ndim == 3 else result.numpy()
        elif isinstance(result, Image.Image):
            result = np.asarray(result.convert('RGB'))
        if isinstance(result, np.ndarray) and (result.ndim == 2 or result.shape[2:] == (1,)):
            result = np.repeat(result.reshape(*result.shape[:2], 1), 3, axis=2)  # a grey image
        if not isinstance(result, np.ndarray) or result.dtype != np.uint8 or result.ndim != 3 or result.shape[2] != 3:
            kind = f'{result.dtype} {result.shape}' if isinstance(result, np.ndarray) else type(result).__name__
            raise ValueError(
                f'{self._name} must give a uint8 image (H, W, 3), got {kind}; normalisation belongs into the data '
                'preprocessor of the model'
            )
        return result


def _largest(node: object, key: str = '') -> tuple[float, float]:
    """The largest number of nested settings, and the largest that multiplies sides."""
    if isinstance(node, Mapping):
        parts = [_largest(value, str(name)) for name, value in node.items()]
    elif isinstance(node, (list, tuple)):
        parts = [_largest(value, key) for value in node]
    elif isinstance(node, (int, float)) and not isinstance(node, bool):
        return abs(float(node)), abs(float(node)) if FACTORS.search(key) else 0.0
    else:
        return 0.0, 0.0
    return max((most for most, _ in parts), default=0.0), max((factor for _, factor in parts), default=0.0)


def _built(transform: Settings | Apply) -> Apply:
    """A function of an RGB image (H, W, 3)."""
    if isinstance(transform, Mapping):
        compat.apply()
        from mmcv.transforms import BaseTransform  # here, for it takes a second and few pipelines need it

        built = TRANSFORMS.build(copy.deepcopy(dict(transform)))
        if isinstance(built, BaseTransform):
            with_results: Callable[[dict], object] = built
            return lambda image: _with_results(with_results, image)
        transform = built
    if not callable(transform):
        raise TypeError(f'transform must be the config of an image transform or a function, got {transform!r}')
    function = transform
    return lambda image: function(Image.fromarray(image))


def _with_results(transform: Callable[[dict], object], image: np.ndarray) -> object:
    """Apply a transform of OpenMMLab, which takes and returns a dict."""
    results = transform({'img': image[..., ::-1].copy(), 'img_shape': image.shape[:2], 'ori_shape': image.shape[:2]})
    changed = results.get('img') if isinstance(results, Mapping) else None
    return changed[..., ::-1] if isinstance(changed, np.ndarray) and changed.ndim == 3 else changed
