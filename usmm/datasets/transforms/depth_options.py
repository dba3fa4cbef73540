"""Which grey values become 0 and 255: one setting for all modalities, or one for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from usmm.readers import Window, check_depth

WindowOption = Window | Mapping[str, Window] | None
BitsOption = int | Mapping[str, int] | None
LOADERS = ('LoadImage', 'LoadClip', 'KeyFrames')


@dataclass(frozen=True)
class DepthOptions:
    """Windows and bits by modality; the name None stands for all others.

    Args:
        windows: Modality -> (low, high).
        bits: Modality -> bits in use.

    Example:
        >>> DepthOptions.of(window={'bus': (0, 4095)}, bits={'ue': 10}).at('bus')
        ((0, 4095), None)
    """

    windows: tuple[tuple[str | None, Window], ...] = ()
    bits: tuple[tuple[str | None, int], ...] = ()

    @classmethod
    def of(cls, window: WindowOption = None, bits: BitsOption = None) -> DepthOptions:
        """From the settings of a config.

        Args:
            window: (low, high), or modality -> (low, high).
            bits: Bits, or modality -> bits.

        Raises:
            ValueError: if a setting makes no sense, or a modality has both.
        """
        windows = () if window is None else tuple(window.items()) if isinstance(window, Mapping) else ((None, window),)
        depths = () if bits is None else tuple(bits.items()) if isinstance(bits, Mapping) else ((None, bits),)
        for name, value in windows:
            if isinstance(value, str) or not isinstance(value, Sequence) or len(value) != 2:
                raise ValueError(f'window{_place(name)} must be (low, high), got {value!r}')
        options = cls(tuple((name, (low, high)) for name, (low, high) in windows), depths)
        for modality in {name for name, _ in (*options.windows, *options.bits)}:
            check_depth(*options.at(modality))
        return options

    def at(self, modality: str | None) -> tuple[Window | None, int | None]:
        """Window and bits of a modality."""
        windows, bits = dict(self.windows), dict(self.bits)
        return windows.get(modality, windows.get(None)), bits.get(modality, bits.get(None))


def _place(modality: str | None) -> str:
    return '' if modality is None else f' of {modality}'


def pipeline_depths(steps: Sequence[object], clips: Sequence[str], images: Sequence[str]) -> DepthOptions:
    """The windows and bits with which the loaders of a pipeline read each modality.

    Args:
        steps: The pipeline as a config has it: dicts, also inside of others.
        clips, images: The modalities of the schema.

    Raises:
        ValueError: As `DepthOptions.of`.

    Example:
        >>> steps = [dict(type='Cached', transforms=[dict(type='LoadImage', bits=12)])]
        >>> pipeline_depths(steps, ['dceus'], ['bus']).at('bus'), pipeline_depths(steps, ['dceus'], ['bus']).at('dceus')
        ((None, 12), (None, None))
    """
    windows: dict[str, Window] = {}
    depths: dict[str, int] = {}
    for step in loader_steps(steps):
        default = images if step['type'] == 'LoadImage' else clips
        named = step.get('modalities') or step.get('modality') or default
        options = DepthOptions.of(step.get('window'), step.get('bits'))
        for modality in [named] if isinstance(named, str) else named:
            window, bits = options.at(modality)
            if window is not None:
                windows[modality] = window
            if bits is not None:
                depths[modality] = bits
    return DepthOptions.of(windows or None, depths or None)


def loader_steps(steps: Sequence[object]) -> list[Mapping[str, Any]]:
    """The settings of the loaders of a pipeline, also of those inside of other transforms.

    Args:
        steps: The pipeline as a config has it.
    """
    loaders: list[Mapping[str, Any]] = []
    for step in steps:
        if isinstance(step, Mapping):
            if str(step.get('type')).rpartition('.')[2] in LOADERS:
                loaders.append({**step, 'type': str(step['type']).rpartition('.')[2]})
            inner = step.get('transforms')
            loaders += loader_steps(inner) if isinstance(inner, (list, tuple)) else []
    return loaders
