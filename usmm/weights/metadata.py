"""What a checkpoint states beside its tensors."""

from __future__ import annotations

from typing import TypedDict

from usmm.utils.json_types import JsonValue


class VariableSettings(TypedDict, total=False):
    """A clinical variable of a schema."""

    name: str
    unit: str | None
    range: list[float] | None
    values: list[str] | str | None


class SchemaSettings(TypedDict, total=False):
    """Settings of a schema."""

    images: dict[str, JsonValue]
    clips: dict[str, JsonValue]
    clinical: list[VariableSettings]
    classes: list[str]


class Metadata(TypedDict, total=False):
    """Metadata of a checkpoint; training writes all keys, publication those that `public_meta` keeps."""

    config: str
    config_text: str
    classes: list[str]
    positive: str | None
    modalities: list[str]
    schema: SchemaSettings
    settings: dict[str, object]
    cases: dict[str, int]
    patients: dict[str, int]
    selection: str | None
    seed: int | None
    deterministic: bool
    versions: dict[str, str]
    categories: dict[str, list[str]]
    calibration: dict[str, JsonValue]
    trained_on: list[str]
    format: int
