"""The shapes of a network's inputs, as the pipeline of its config makes them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from usmm.structures import Settings

Shapes = dict[str, tuple[int, ...]]


def input_shapes(
    pipeline: Sequence[object],
    images: Collection[str],
    clips: Collection[str] = (),
    known: Mapping[str, Sequence[int]] | None = None,
) -> Shapes:
    """Modality -> (3, H, W) of images, (3, T, H, W) of clips.

    Args:
        pipeline: Configs of transforms; `Resize` or `CropBox` says the size, `num_frames` of the transform that loads a
            clip how many frames.
        images: Still modalities that the model reads.
        clips: Clips that it reads.
        known: Modality -> (H, W) or (T, H, W), where it is known from elsewhere.

    Raises:
        ValueError: The pipeline does not say the shape of a modality, or what is known has another number of sizes.

    Example:
        >>> input_shapes([dict(type='Resize', size=64)], ['bus'], known={'dceus': (10, 32, 32)}, clips=['dceus'])
        {'bus': (3, 64, 64), 'dceus': (3, 10, 32, 32)}
    """
    steps = list(_steps(pipeline))
    found: Shapes = {}
    for modality in (*images, *clips):
        count = 3 if modality in clips else 2
        shape = tuple((known or {}).get(modality, ())) or _shape(steps, modality, modality in clips)
        if len(shape) != count or min(shape, default=0) < 1:
            form = '(frames, height, width)' if count == 3 else '(height, width)'
            raise ValueError(f'the shape of {modality!r} must be {form}, and the pipeline or you say {shape}')
        found[modality] = (3, *(int(n) for n in shape))
    return found


def _shape(steps: Sequence[Settings], modality: str, is_clip: bool) -> tuple[int, ...]:
    """What the pipeline says, () where it is silent."""
    size: tuple[int, ...] = ()
    frames: tuple[int, ...] = ()
    for settings in steps:
        step: dict[str, Any] = dict(settings)  # their types are what the transforms check
        chosen = step.get('modalities', step.get('modality'))
        if chosen is not None and modality not in ([chosen] if isinstance(chosen, str) else chosen):
            continue
        if step.get('type') in ('Resize', 'CropBox'):
            side = step.get('size', 224)  # CropBox has a default
            size = (side, side) if isinstance(side, int) else tuple(side)
        if step.get('type') == 'KeyFrames':
            frames = (step.get('num_frames', 10),)
        elif step.get('num_frames') is not None:
            frames = (step['num_frames'],)
    return (*frames, *size) if is_clip else size


def _steps(pipeline: Sequence[object]) -> Iterator[Settings]:
    """The transforms, also those inside of others."""
    for step in pipeline:
        if isinstance(step, Mapping):
            yield step
            yield from _steps(step.get('transforms', ()))
