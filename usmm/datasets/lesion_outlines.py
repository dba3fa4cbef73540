"""How many cases have an outline of the lesion, and whether a model meets as many as it was trained with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from usmm.structures import Case

OTHER = 0.3  # difference of two shares that is stated
MANY, FEW = 0.9, 0.5  # shares of cases: nearly all of the training part, and of those of now


def outlined(cases: Sequence[Case], modalities: Sequence[str]) -> dict[str, float]:
    """Modality -> share of the cases with a mask or a box for it.

    Example:
        >>> outlined([Case('a', 'a', boxes={'bus': (0, 0, 4, 4)}), Case('b', 'b')], ['bus'])
        {'bus': 0.5}
    """
    total = max(len(cases), 1)
    return {m: sum(bool(case.masks_of(m)) or m in case.boxes or m in case.masks for case in cases) / total
            for m in modalities}  # fmt: skip


def outline_changes(before: Mapping[str, float], now: Mapping[str, float]) -> list[str]:
    """Where the cases of now are cropped to the lesion and those of the training were not, or the other way round.

    Args:
        before: Shares of the training part, see `outlined`.
        now: Shares of the cases that the model is used on.

    Returns:
        One sentence for each modality that differs.
    """
    texts = []
    for modality in [m for m in now if m in before]:
        if before[modality] == 0 and now[modality] > 0:
            texts.append(
                f'{modality}: no training case had an outline of the lesion, {now[modality]:.0%} of these cases have '
                'one and are cropped to it'
            )
        elif before[modality] < MANY and abs(before[modality] - now[modality]) >= OTHER:
            texts.append(
                f'{modality}: {before[modality]:.0%} of the training cases were cropped to the lesion, '
                f'{now[modality]:.0%} of these cases are'
            )
        elif before[modality] >= MANY and now[modality] < FEW:
            texts.append(
                f'{modality}: {before[modality]:.0%} of the training cases were cropped to the lesion, '
                f'{now[modality]:.0%} of these cases have an outline; the others are used whole'
            )
    return texts
