"""Types of values that come from JSON or go into it."""

from __future__ import annotations

from typing import Union

JsonValue = Union[None, bool, int, float, str, list['JsonValue'], dict[str, 'JsonValue']]  # noqa: UP007 - Python 3.10 has no `|` of strings
"""Anything that a JSON text can hold."""
