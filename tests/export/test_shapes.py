from __future__ import annotations

import pytest

from usmm.config import load_config
from usmm.export import input_shapes


def test_of_the_shipped_network() -> None:
    # Meng et al.: 224 x 224 images, ten key frames; clip_size and image_size of the config
    pipeline = load_config('msmfn_r50_r2plus1d').test_pipeline
    found = input_shapes(pipeline, ['bus', 'cdfi', 'ue'], ['dceus'])
    assert found == dict.fromkeys(('bus', 'cdfi', 'ue'), (3, 224, 224)) | {'dceus': (3, 10, 128, 128)}


def test_the_last_size_of_a_modality_counts() -> None:
    pipeline = [
        dict(type='Resize', size=99),
        dict(type='Cached', transforms=[dict(type='Resize', size=(20, 30), modalities=('bus',))]),
        dict(type='KeyFrames', modality='clip'),
    ]
    assert input_shapes(pipeline, ['bus', 'ue'], ['clip']) == dict(
        bus=(3, 20, 30), ue=(3, 99, 99), clip=(3, 10, 99, 99)
    )


def test_what_is_known_comes_first() -> None:
    pipeline = [dict(type='Resize', size=8)]
    assert input_shapes(pipeline, ['bus'], ['clip'], dict(clip=[5, 6, 7])) == dict(bus=(3, 8, 8), clip=(3, 5, 6, 7))


@pytest.mark.parametrize(
    ('pipeline', 'known'),
    [([], {}), ([dict(type='Resize', size=8)], {}), ([], dict(clip=(8, 8))), ([], dict(clip=(4, 0, 8)))],
)
def test_a_shape_that_nothing_says(pipeline: list, known: dict) -> None:
    with pytest.raises(ValueError, match=r"shape of 'clip' must be \(frames, height, width\)"):
        input_shapes(pipeline, [], ['clip'], known)
