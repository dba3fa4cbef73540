"""A picture that should have been cropped to the lesion, and has no outline, is said."""

from __future__ import annotations

import numpy as np
import pytest

from usmm.apis import Predictor
from usmm.registry import TRANSFORMS


@pytest.fixture
def cropping(run, monkeypatch) -> Predictor:
    """The tiny model, whose pictures are now cropped first."""
    found = Predictor(run, device='cpu')
    crop = TRANSFORMS.build(dict(type='CropLesion', modalities=('bus',)))
    place = next(i for i, step in enumerate(found.pipeline) if type(step).__name__ == 'Resize')
    monkeypatch.setattr(found, 'pipeline', [*found.pipeline[:place], crop, *found.pipeline[place:]])
    return found


@pytest.mark.parametrize(('drawn', 'said'), [(True, False), (False, True), (None, True)])
def test_a_missing_or_empty_outline_is_said(cropping, drawn, said) -> None:
    image = np.random.default_rng(0).integers(0, 255, (40, 48, 3)).astype(np.uint8)
    case = dict(case_id='x', bus=image, ue=image, clip=np.zeros((6, 32, 32, 3), np.uint8), age=50, side='left')
    if drawn is not None:
        mask = np.zeros((40, 48), bool)
        mask[10:20, 10:30] = drawn
        case['bus_mask'] = mask
    (found,) = cropping.predict(case)
    assert found.error is None
    assert ('no outline of the lesion in bus: the whole picture was used' in found.warnings) == said


def test_a_box_is_an_outline(run, monkeypatch) -> None:
    found = Predictor(run, device='cpu')
    crop = TRANSFORMS.build(dict(type='CropBox', size=32, modalities=('bus',)))
    place = next(i for i, step in enumerate(found.pipeline) if type(step).__name__ == 'Resize')
    monkeypatch.setattr(found, 'pipeline', [*found.pipeline[:place], crop, *found.pipeline[place:]])
    image = np.random.default_rng(0).integers(0, 255, (40, 48, 3)).astype(np.uint8)
    case = dict(case_id='x', bus=image, ue=image, clip=np.zeros((6, 32, 32, 3), np.uint8), age=50, side='left')
    (boxed,) = found.predict({**case, 'bus_box': '10,10,30,20'})
    assert boxed.error is None and not any('outline' in warning for warning in boxed.warnings)
    (bare,) = found.predict(case)
    assert bare.error is not None and 'neither a box nor a lesion mask' in bare.error
