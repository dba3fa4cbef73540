"""Variants of a picture and their perceptual hashes."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import imagehash
import numpy as np
import pytest
from PIL import Image

from usmm.datasets.checks.picture_digests import NEAR, near_pairs
from usmm.datasets.checks.picture_variants import VARIANTS, Variant, thumbnail, variant_hashes
from usmm.readers import read_image


def scene(seed: int) -> np.ndarray:
    """A smooth picture with noise, (256, 256)."""
    rng = np.random.default_rng(seed)
    smooth = cv2.resize(rng.integers(20, 220, (12, 12), dtype=np.uint8), (256, 256), interpolation=cv2.INTER_CUBIC)
    return (smooth * rng.uniform(0.6, 1, (256, 256))).astype(np.uint8)


def bits(hashes: bytes) -> np.ndarray:
    return np.unpackbits(np.frombuffer(hashes, np.uint8).reshape(len(VARIANTS), 32), axis=1)


def test_variants_are_those_of_numpy() -> None:
    picture = np.arange(20, dtype=np.uint8).reshape(4, 5)
    assert Variant().of(picture).tolist() == picture.tolist()
    assert Variant(mirrored=True).of(picture).tolist() == np.fliplr(picture).tolist()
    assert Variant(mirrored=True, turns=2).of(picture).tolist() == np.flipud(picture).tolist()
    assert Variant(mirrored=True, turns=1).of(picture).tolist() == np.rot90(np.fliplr(picture)).tolist()
    assert Variant(0.6, turns=3).of(picture).tolist() == np.rot90(picture[1:-1, 1:-1], 3).tolist()
    assert VARIANTS[0] == Variant() and len(set(VARIANTS)) == len(VARIANTS) == 20


@pytest.mark.parametrize('variant', VARIANTS, ids=lambda variant: str(variant) or 'the picture itself')
def test_the_hash_of_a_variant_is_that_of_the_picture_that_was_changed(variant: Variant) -> None:
    small = scene(1)
    changed = cv2.resize(variant.of(small), (64, 64), interpolation=cv2.INTER_AREA)
    expected = imagehash.phash(Image.fromarray(changed), hash_size=16).hash.ravel()  # of a picture of its own size
    found = bits(variant_hashes(small))[VARIANTS.index(variant)]
    assert (found != expected).sum() <= 2, 'equal but for coefficients at the median'


def test_a_thumbnail_has_the_grey_of_the_picture() -> None:
    pixels = np.zeros((512, 768, 3), np.uint8)
    pixels[:, 384:] = (10, 20, 30)
    small = thumbnail(pixels)
    assert small.shape == (256, 256) and set(small[:, :127].ravel()) == {0}
    assert set(small[:, 129:].ravel()) == {round(0.299 * 10 + 0.587 * 20 + 0.114 * 30)}


def test_real_pictures_of_different_patients_are_not_near_each_other() -> None:
    folder = Path(os.environ.get('USMM_REAL_DATA', '../shared/data'), 'breast_lesions_usg')
    files = [f for f in sorted(folder.glob('*/case*.png')) if '_' not in f.name][:40]
    if not files:
        pytest.skip(f'no pictures of BrEaST in {folder}')
    hashes = [variant_hashes(thumbnail(read_image(file))) for file in files]
    assert near_pairs(hashes) == []
    mirrored = variant_hashes(thumbnail(read_image(files[0])[:, ::-1].copy()))
    (pair,) = near_pairs([*hashes, mirrored])
    assert (pair.copy, pair.original, pair.variant) == (40, 0, Variant(mirrored=True)) and pair.bits < NEAR / 4
