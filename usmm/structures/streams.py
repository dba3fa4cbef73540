"""Streams of a model: which modalities each reads, and what a case must have."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence


def missing_modalities(
    readers: Mapping[str, Sequence[str]], optional: Collection[str], absent: Collection[str]
) -> list[str]:
    """The modalities among those that a case lacks without which a model cannot predict.

    Args:
        readers: Stream -> the modalities that it reads.
        optional: Modalities that a case need not have, as long as it has all those of another stream.
        absent: Modalities that the case does not have.

    Example:
        >>> readers = dict(static=('bus', 'ue'), dynamic=('dceus',))
        >>> missing_modalities(readers, (), ['ue'])
        ['ue']
        >>> missing_modalities(readers, ('bus', 'ue', 'dceus'), ['ue'])
        []
        >>> missing_modalities(readers, ('bus', 'ue', 'dceus'), ['ue', 'dceus'])
        ['ue', 'dceus']
    """
    missing = [[m for m in names if m in absent] for names in readers.values()]
    return [] if optional and not all(missing) else [m for names in missing for m in names]
