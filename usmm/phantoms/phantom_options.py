"""Settings of a phantom that do not depend on its preset."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PhantomOptions:
    """All that decides the content of a phantom, apart from the preset and the index of a case.

    Args:
        seed: Seed of all draws.
        strength: Factor of every d.
        modalities: Those to make, in the preset's order.
        shared: Groups of modalities that share a latent.
        clip_seconds: Length of a clip.
        fps: Frames per second of the clips.
        dicom: DICOM instead of PNG and MP4.

    Raises:
        ValueError: If a number is out of its range.

    Example:
        >>> PhantomOptions(seed=0, modalities=('dceus',), clip_seconds=2.0).frames
        44
    """

    seed: int
    strength: float = 1.0
    modalities: tuple[str, ...] = ()
    shared: tuple[tuple[str, ...], ...] = ()
    clip_seconds: float = 90.0
    fps: float = 22.0
    dicom: bool = False

    def __post_init__(self) -> None:
        at_least('seed', self.seed, 0)
        # beyond 4 times the separation of the paper, latents leave the range that the images can show
        within('strength', self.strength, 0, 4)
        within('fps', self.fps, 1, 120)
        within('clip_seconds', self.clip_seconds, 1, 600)

    @property
    def frames(self) -> int:
        """Frames of a clip."""
        return max(2, round(self.clip_seconds * self.fps))


def at_least(name: str, value: int, low: int) -> int:
    """The value of an option.

    Raises:
        ValueError: If it is below `low`.
    """
    if value < low:
        raise ValueError(f'{name} must be at least {low}, got {value}')
    return value


def within(name: str, value: float, low: float, high: float) -> float:
    """The value of an option.

    Raises:
        ValueError: If it is outside [low, high], or not a number.
    """
    if not low <= value <= high:
        raise ValueError(f'{name} must be from {low:g} to {high:g}, got {value:g}')
    return value
