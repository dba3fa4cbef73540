"""Random transforms: shared draws, replay, and each operation against another way to compute it."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from usmm.datasets.transforms import (
    Cached,
    ColourJitter,
    PackCase,
    RandomAffine,
    RandomErase,
    RandomFlip,
    RandomResizedCrop,
    RandomRotate,
    RandomShift,
    RandomTransform,
    replay,
)
from usmm.datasets.transforms.base_transform import Transform
from usmm.registry import TRANSFORMS
from usmm.structures import Case

GEOMETRIC = [
    RandomFlip(prob=1.0),
    RandomFlip(prob=1.0, direction='vertical'),
    RandomRotate(30, prob=1.0),
    RandomShift(0.3, prob=1.0),
    RandomAffine(20, 0.1, (0.8, 1.2)),
    RandomResizedCrop((0.3, 0.6), prob=1.0),
]
ALL = [*GEOMETRIC, RandomErase(prob=1.0), ColourJitter(0.5, 0.5, 0.5, 0.2, prob=1.0)]


def smooth(shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    """A picture without edges, so that ways to interpolate agree."""
    y, x = np.mgrid[: shape[0], : shape[1]] / max(shape)
    phase = np.random.default_rng(seed).uniform(0, 6, 3)
    return np.stack([127 + 100 * np.sin(3 * x + 4 * y + p) for p in phase], -1).astype(np.uint8)


def aligned(case_id: str = 'c1', epoch: int = 0, seed: int = 0) -> Case:
    """Three stills of one slice (different in size) and a clip of equal frames."""
    image, frame = smooth((40, 40)), smooth((20, 24), 1)
    mask = np.zeros((40, 40), bool)
    mask[5:20, 10:22] = True
    data = {'bus': image, 'cdfi': image.copy(), 'ue': image.copy(), 'dceus': np.stack([frame] * 4)}
    return Case(case_id, 'p', data=data, masks={'bus': mask, 'ue': mask.copy()}, epoch=epoch, seed=seed)


def same(one: Case, other: Case) -> bool:
    return all((one.data[m] == other.data[m]).all() for m in one.data)


@pytest.mark.parametrize('transform', GEOMETRIC, ids=repr)
def test_aligned_stills_share_a_draw_and_frames_move_together(transform: RandomTransform) -> None:
    before, case = aligned(), transform(aligned())
    assert not same(before, case)
    assert (case.data['bus'] == case.data['cdfi']).all()
    assert (case.data['bus'] == case.data['ue']).all()
    assert all((frame == case.data['dceus'][0]).all() for frame in case.data['dceus'])
    assert (case.masks['bus'] == case.masks['ue']).all()
    assert {m: a.shape for m, a in case.data.items()} == {m: a.shape for m, a in before.data.items()}
    assert all(a.dtype == np.uint8 and a.flags.c_contiguous for a in case.data.values())


@pytest.mark.parametrize('transform', [t for t in GEOMETRIC if t.random], ids=repr)
def test_a_mask_follows_its_image(transform: RandomTransform) -> None:
    case = aligned()
    case.data['bus'] = np.repeat(case.masks['bus'][..., None].astype(np.uint8) * 255, 3, -1)
    case = transform(case)
    assert ((case.data['bus'][..., 0] > 127) == case.masks['bus']).all()


def test_groups_say_who_shares() -> None:
    apart = RandomAffine(30, groups=('bus', ('cdfi', 'dceus')))(aligned())
    draws = apart.info['draws']
    assert set(draws) == {'RandomAffine/bus', 'RandomAffine/cdfi+dceus'}
    assert draws['RandomAffine/bus'] != draws['RandomAffine/cdfi+dceus']
    assert (apart.data['bus'] != apart.data['cdfi']).any()
    assert (apart.data['ue'] == aligned().data['ue']).all()  # in no group
    shared = RandomAffine(30, groups=(('bus', 'dceus'),))(aligned())
    params = shared.info['draws']['RandomAffine/bus+dceus']
    for modality in ('bus', 'dceus'):
        assert (shared.data[modality] == replay(RandomAffine(30), aligned().data[modality], params)).all()


def test_a_missing_modality_does_not_change_the_draw_of_the_others() -> None:
    whole, part = aligned(), aligned()
    del part.data['cdfi'], part.data['dceus']
    for groups in (None, (('cdfi', 'bus', 'ue'), ('dceus',))):
        transform = RandomAffine(30, 0.2, groups=groups)
        assert (transform(whole).data['bus'] == transform(part).data['bus']).all()


@pytest.mark.parametrize('transform', ALL, ids=repr)
def test_draws_depend_on_seed_epoch_and_case_alone(transform: RandomTransform) -> None:
    first = transform(aligned())
    random.seed(1)
    torch.manual_seed(1)  # global generators must not matter
    assert same(first, transform(aligned()))
    if not isinstance(transform, RandomFlip):  # a flip has only one way
        for other in (aligned('c2'), aligned(epoch=1), aligned(seed=1)):
            assert not same(first, transform(other))


def test_equal_transforms_with_other_options_draw_independently() -> None:
    """Two flips must not always happen together."""
    pairs = set()
    for epoch in range(40):
        case = Case('c', 'p', data={'bus': smooth((8, 9))}, epoch=epoch)
        RandomFlip()(case)
        RandomFlip(direction='vertical')(case)
        original = smooth((8, 9))
        found = [(fy, fx) for fy in (1, -1) for fx in (1, -1) if (original[::fy, ::fx] == case.data['bus']).all()]
        pairs.update(found)
    assert len(pairs) == 4


@pytest.mark.parametrize(('prob', 'low', 'high'), [(0.0, 0, 0), (0.3, 80, 160), (1.0, 400, 400)])
def test_prob_is_how_often_it_happens(prob: float, low: int, high: int) -> None:
    image = smooth((4, 5))
    flip = RandomFlip(prob)
    changed = sum((flip(Case('c', 'p', data={'b': image}, epoch=e)).data['b'] != image).any() for e in range(400))
    assert low <= changed <= high  # 120 expected, standard deviation 9


@pytest.mark.parametrize('transform', ALL, ids=repr)
def test_what_was_drawn_is_kept_and_can_be_replayed(transform: RandomTransform) -> None:
    case = transform(aligned())
    for modality in case.data:
        group = 'still' if transform.geometric and modality != 'dceus' else modality
        key = f'{type(transform).__name__}/{group}'
        if key not in case.info['draws']:  # an eraser shares draws too
            key = f'{type(transform).__name__}/still'
        again = replay(transform, aligned().data[modality], case.info['draws'][key])
        assert (again == case.data[modality]).all()


@pytest.mark.parametrize(('angle', 'shift'), [(17.0, (0, 0)), (0, (0.1, -0.2)), (-30, (0.05, 0.1))])
def test_affine_equals_pillow(angle: float, shift: tuple[float, float]) -> None:
    image = smooth((40, 40))
    ours = RandomAffine().apply(image, dict(angle=angle, shift=shift, scale=1.0))
    move = dict(resample=Image.Resampling.BILINEAR, translate=tuple(round(s * 40) for s in shift))
    theirs = np.asarray(Image.fromarray(image).rotate(angle, **move)).astype(int)
    inside = np.asarray(Image.new('L', (40, 40), 255).rotate(angle, **move)) == 255
    inside &= np.asarray(Image.fromarray(ours).convert('L')) > 0
    assert inside.mean() > 0.5
    assert np.quantile(np.abs(ours - theirs)[inside], 0.95) <= 2


def test_zoom_enlarges_the_middle() -> None:
    image = smooth((40, 40))
    ours = RandomAffine().apply(image, dict(angle=0.0, shift=(0.0, 0.0), scale=2.0))
    middle = Image.fromarray(image[10:30, 10:30]).resize((40, 40), Image.Resampling.BILINEAR)
    assert np.abs(ours.astype(int) - np.asarray(middle))[2:-2, 2:-2].max() <= 3


def test_crop_is_the_part_of_the_image() -> None:
    image = smooth((40, 60))
    out = RandomResizedCrop().apply(image, dict(box=(0.25, 0.5, 0.5, 0.5)))
    assert np.abs(out[1::2, 1::2].astype(int) - image[20:40, 15:45]).max() <= 6
    whole = RandomResizedCrop().apply(image, dict(box=(0.0, 0.0, 1.0, 1.0)))
    assert (whole == image).all()


@pytest.mark.parametrize('seed', range(5))
def test_drawn_rectangles_lie_inside_and_have_their_area(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(200):
        x, y, w, h = RandomResizedCrop((0.2, 0.5), (0.8, 1.25)).draw(rng)['box']
        assert min(x, y) >= 0
        assert max(x + w, y + h) <= 1 + 1e-12
        assert 0.2 - 1e-9 <= w * h <= 0.5 + 1e-9
        assert 0.8 - 1e-9 <= w / h <= 1.25 + 1e-9


def test_erasing_fills_one_rectangle() -> None:
    image = np.full((40, 60, 3), 9, np.uint8)
    out = RandomErase(value=200).apply(image, dict(box=(0.5, 0.25, 0.25, 0.5)))
    assert (out[10:30, 30:45] == 200).all()
    assert (out == 200).sum() == 20 * 15 * 3
    assert (image == 9).all()


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        (lambda: RandomFlip(prob=1.5), r'prob must lie between 0 and 1, got 1\.5'),
        (lambda: RandomFlip(direction='diagonal'), "'horizontal' or 'vertical', got 'diagonal'"),
        (lambda: RandomFlip(groups=(('bus', 'ue'), ('ue',))), 'a modality stands in two groups'),
        (lambda: RandomAffine(degrees=-1), 'expected ranges of degrees'),
        (lambda: RandomAffine(scale=(0, 1)), 'expected ranges of degrees'),
        (lambda: RandomResizedCrop(scale=(0.5, 1.5)), 'expected 0 < scale <= 1'),
        (lambda: RandomErase(ratio=(2, 1)), 'expected 0 < scale <= 1'),
    ],
)
def test_options_are_checked(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]


def test_the_base_classes_say_what_is_missing() -> None:
    with pytest.raises(NotImplementedError, match='Transform must define __call__'):
        Transform()(Case('c', 'p'))
    with pytest.raises(NotImplementedError, match='RandomTransform must define draw'):
        RandomTransform().draw(np.random.default_rng(0))
    with pytest.raises(NotImplementedError, match='RandomTransform must define apply'):
        RandomTransform().apply(smooth((4, 4)), {})


def test_they_are_registered_and_name_their_options() -> None:
    built = TRANSFORMS.build(dict(type='RandomFlip', prob=0.3, groups=[['bus', 'ue'], 'dceus']))
    assert repr(built) == "RandomFlip(prob=0.3, groups=(('bus', 'ue'), ('dceus',)), direction='horizontal')"


class Pipeline(Dataset):
    """A pipeline behind a cache, as it is used in training."""

    def __init__(self, folder: Path) -> None:
        self.transforms = [Cached([Fill()], cache_dir=folder), *ALL, PackCase()]

    def __len__(self) -> int:
        return 12

    def __getitem__(self, key: tuple[int, int]) -> tuple[str, bytes]:
        case = Case(f'c{key[1]}', 'p', epoch=key[0])
        for transform in self.transforms:
            case = transform(case)
        return f'{case.epoch}/{case.case_id}', b''.join(t.numpy().tobytes() for t in case.data.values())


class Fill(Transform):
    """Stands for loading."""

    def __call__(self, case: Case) -> Case:
        case.data = aligned().data
        return case


def test_augmented_pixels_are_the_same_for_any_number_of_workers(tmp_path: Path) -> None:
    dataset = Pipeline(tmp_path)
    keys = [(epoch, i) for epoch in (0, 1) for i in range(12)]
    results = [
        dict(DataLoader(dataset, None, sampler=keys, num_workers=w, multiprocessing_context='fork' if w else None))
        for w in (0, 1, 2)
    ]
    assert results[0] == results[1] == results[2]
    assert len(set(results[0].values())) == 24
