"""Image transforms of other packages on named modalities: same pixels as there, draws from (seed, epoch, case)."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from mmengine.runner import set_random_seed
from PIL import Image, ImageOps

from usmm.datasets.transforms import ImageTransform, Transform
from usmm.structures import Case


def case(epoch: int = 0, name: str = 'c1', **data: np.ndarray) -> Case:
    draws = np.random.default_rng(0)
    image = draws.integers(0, 256, (12, 16, 3), dtype=np.uint8)
    return Case(name, 'p1', data={'bus': image, 'ue': image.copy(), **data}, seed=3, epoch=epoch)


def process_draws() -> tuple[float, ...]:
    return random.random(), float(np.random.random()), float(torch.rand(1))  # noqa: NPY002  upstream draws from it


def test_a_function_gets_a_pil_image() -> None:
    done = ImageTransform(ImageOps.invert, modalities='bus', random=False)(case())
    np.testing.assert_array_equal(done.data['bus'], 255 - case().data['bus'])
    np.testing.assert_array_equal(done.data['ue'], case().data['ue'])


def test_transforms_of_torchvision_do_what_torchvision_does() -> None:
    settings = dict(type='torchvision.Grayscale', num_output_channels=3)
    done = ImageTransform(settings, random=False)(case())
    expected = np.asarray(Image.fromarray(case().data['bus']).convert('L').convert('RGB'))
    np.testing.assert_array_equal(done.data['bus'], expected)


def test_transforms_of_openmmlab_see_bgr() -> None:
    """Solarise above a threshold, and a posterisation, are known per pixel; the order of the channels by a weight."""
    done = ImageTransform(dict(type='mmpretrain.Solarize', thr=128, prob=1.0), random=False)(case())
    image = case().data['bus']
    np.testing.assert_array_equal(done.data['bus'], np.where(image < 128, image, 255 - image))
    grey = dict(type='mmcv.RandomGrayscale', prob=1.0, keep_channels=True, color_format='bgr',
                channel_weights=(1.0, 0.0, 0.0))  # fmt: skip
    done = ImageTransform(grey, random=False)(case())
    np.testing.assert_array_equal(done.data['bus'], np.repeat(image[..., 2:], 3, axis=2))  # blue is the last of RGB


def test_grey_results_are_images() -> None:
    grey = ImageTransform(dict(type='mmcv.RandomGrayscale', prob=1.0), random=False)(case()).data['bus']
    assert grey.shape == (12, 16, 3) and (grey == grey[..., :1]).all() and grey.std() > 10


@pytest.mark.parametrize(
    'settings',
    [
        dict(type='torchvision.RandomAffine', degrees=40),
        dict(type='mmpretrain.RandAugment', policies='timm_increasing', num_policies=2, magnitude_level=9),
        dict(type='mmcv.RandomChoiceResize', scales=[(8, 8), (10, 10), (12, 12), (14, 14)], keep_ratio=False),
    ],
    ids=lambda s: s['type'],
)
def test_draws_depend_on_seed_epoch_and_case_alone(settings: dict[str, object]) -> None:
    step = ImageTransform(settings)
    set_random_seed(1)
    first = step(case()).data['bus']
    after = process_draws()
    set_random_seed(1)
    assert process_draws() == after  # the generators of the process go on as before
    np.testing.assert_array_equal(ImageTransform(settings)(case()).data['bus'], first)
    others = [step(case(epoch)).data['bus'] for epoch in range(1, 6)] + [step(case(name='c2')).data['bus']]
    assert any(other.shape != first.shape or (other != first).any() for other in others)
    same = step(case())
    np.testing.assert_array_equal(same.data['bus'], same.data['ue'])  # still images share a draw


def test_the_frames_of_a_clip_move_together() -> None:
    clip = np.repeat(case().data['bus'][None], 4, axis=0)
    done = ImageTransform(dict(type='torchvision.RandomAffine', degrees=40), modalities=('clip',))(case(clip=clip))
    assert (done.data['clip'] == done.data['clip'][:1]).all()
    assert (done.data['clip'][0] != clip[0]).any()


def test_masks_move_with_the_image_where_it_is_stated() -> None:
    given = case()
    given.masks['bus'] = np.zeros((12, 16), bool)
    given.masks['bus'][:, :4] = True
    settings = dict(type='torchvision.RandomHorizontalFlip', p=1.0)
    with pytest.raises(ValueError, match=r"c1 has masks of \['bus'\]: state geometric=True where torchvision.Rand"):
        ImageTransform(settings)(given)
    moved = ImageTransform(settings, geometric=True)(given)
    assert moved.masks['bus'][:, 12:].all() and not moved.masks['bus'][:, :12].any()
    kept = ImageTransform(dict(type='torchvision.ColorJitter', brightness=0.5), geometric=False)(given)
    assert kept.masks['bus'][:, 12:].all()


def test_it_states_whether_it_draws() -> None:
    assert ImageTransform(ImageOps.invert).random and not ImageTransform(ImageOps.invert, random=False).random
    assert 'torchvision.Grayscale' in repr(ImageTransform(dict(type='torchvision.Grayscale')))
    assert not Transform.random


@pytest.mark.parametrize(
    ('arguments', 'error', 'message'),
    [
        (dict(transform=3), TypeError, 'transform must be the config of an image transform or a function, got 3'),
        (dict(transform=ImageOps.invert, modalities='bus', groups=['ue']), ValueError, 'give modalities or groups'),
        (dict(transform=ImageOps.invert, prob=2.0), ValueError, 'prob must lie between 0 and 1, got 2.0'),
    ],
)
def test_settings_that_cannot_work(arguments: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ImageTransform(**arguments)


@pytest.mark.parametrize(
    ('settings', 'kind'),
    [
        (dict(type='torchvision.ToTensor'), r'torchvision.ToTensor must give a uint8 image \(H, W, 3\), got float32'),
        (dict(type='mmcv.Normalize', mean=[1.0] * 3, std=[1.0] * 3), 'mmcv.Normalize must give a uint8 image'),
    ],
)
def test_results_that_are_no_images(settings: dict[str, object], kind: str) -> None:
    with pytest.raises(ValueError, match=kind):
        ImageTransform(settings)(case())


GROWING = {
    'borders': (dict(type='torchvision.Pad', padding=9000), 'could make 324504192 pixels of an image of 12 x 16'),
    'a factor': (dict(type='mmcv.Resize', scale_factor=3000.0), 'could make .* pixels of an image of 12 x 16'),
    'two factors': (
        dict(type='mmcv.Resize', scale_factor=(1.0, 3000.0)),
        'could make .* pixels of an image of 12 x 16',
    ),
    'a size': (
        dict(type='torchvision.Resize', size=[9000, 9000]),
        'could make .* over the limit of 67108864: its numbe',
    ),
}


@pytest.mark.parametrize('name', GROWING)
def test_a_transform_that_could_fill_the_memory_is_refused_before_it_runs(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, message = GROWING[name]
    step = ImageTransform(settings, random=False)
    monkeypatch.setattr(step, '_apply', lambda image: pytest.fail('it runs'))
    with pytest.raises(ValueError, match=message):
        step(case())


def test_transforms_that_grow_an_image_step_by_step_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('usmm.datasets.transforms.image_transform.MAX_PIXELS', 60_000)
    for settings in (
        dict(type='torchvision.RandomRotation', degrees=[45, 45], expand=True),
        dict(type='torchvision.Pad', padding=20),
        dict(type='mmcv.Resize', scale_factor=1.2),
    ):
        step, one, sizes = ImageTransform(settings, random=False), case(), []
        with pytest.raises(
            ValueError, match=r'(made|could make) \d+ pixels of an image of .*, over the limit of 60000'
        ):
            for _ in range(100):
                one = step(one)
                sizes.append(one.data['bus'].shape[0] * one.data['bus'].shape[1])
        assert max(sizes) <= 60_000


def test_a_large_image_that_stays_as_large_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('usmm.datasets.transforms.image_transform.MAX_PIXELS', 100)
    assert ImageTransform(dict(type='torchvision.ColorJitter', brightness=0.4))(case()).data['bus'].shape == (12, 16, 3)


def test_a_function_that_returns_nothing() -> None:
    with pytest.raises(ValueError, match='got NoneType; normalisation belongs into the data preprocessor'):
        ImageTransform(lambda image: None)(case())
