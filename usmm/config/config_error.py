"""The error of a config that cannot be what its author meant."""

from __future__ import annotations

from collections.abc import Iterable

from usmm.utils.suggestions import did_you_mean


class ConfigError(ValueError):
    """A config that cannot be what its author meant."""

    @classmethod
    def unknown(cls, where: str, key: str, valid: Iterable[str], at: str) -> ConfigError:
        """An error for a name that does not exist, with its place (see `Places.of`) and the nearest valid names."""
        valid = sorted(str(v) for v in valid)
        hint = did_you_mean(key, valid, count=3, cutoff=0.5)
        return cls(f'{at}{where}: unknown name {key!r}; {hint}')
