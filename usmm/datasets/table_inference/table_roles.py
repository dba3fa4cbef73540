"""The roles of the columns of a table, as they are inferred or stated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from usmm.structures import Variable

IMAGES, CLIPS = 'images', 'clips'
UNUSED = 'not used'


@dataclass(frozen=True)
class ColumnRole:
    """What a column is.

    Args:
        column: Its name.
        role: Such as `label`, `images: bus`, `clinical: number`, or `not used`.
        reason: Why.
    """

    column: str
    role: str
    reason: str


@dataclass(frozen=True)
class LabelRole:
    """The label and its classes.

    Args:
        column: The column.
        classes: The classes, in order.
        positive: The positive one of two, or None.
        spelling: Text of a cell -> class, or another label that is left out.
        ignored: Labels that are left out -> rows.
    """

    column: str
    classes: tuple[str, ...]
    positive: str | None
    spelling: Mapping[str, str]
    ignored: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ModalityRole:
    """A modality and where its files stand.

    Args:
        name: Name of the modality.
        kind: `images` or `clips`.
        sources: File columns, or patterns of file names.
        masks: Mask columns.
        boxes: Column of boxes around the lesion, or None.
        bare: Whether the names lack their suffix.
    """

    name: str
    kind: str
    sources: tuple[str, ...]
    masks: tuple[str, ...] = ()
    boxes: str | None = None
    bare: bool = False


@dataclass(frozen=True)
class VariableRole:
    """A clinical variable and how its cells are read.

    Args:
        variable: The variable, as it stands in the schema.
        column: Its column.
        decimal: `comma` where its numbers have one.
        spelling: Category as it is written -> category.
    """

    variable: Variable
    column: str
    decimal: str = 'point'
    spelling: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TableRoles:
    """What the columns of a table are.

    Args:
        table: The table.
        columns: The role of every column, in the order of the table.
        case_id: Column of the case id; None: ids are made.
        patient_id: Column of the patient id, or None.
        patient_pattern: Regular expression that takes the patient's id from the name of the first file, or None.
        label: The label.
        modalities: The modalities.
        variables: The clinical variables.
        split: Column with the part of each case, or None.
        case_per_file: Whether each file is a case of its own.
        assumptions: What was assumed, a sentence each.
        warnings: What a person should look at, a sentence each.
    """

    table: Path
    columns: tuple[ColumnRole, ...]
    case_id: str | None
    patient_id: str | None
    patient_pattern: str | None
    label: LabelRole
    modalities: tuple[ModalityRole, ...]
    variables: tuple[VariableRole, ...]
    split: str | None
    case_per_file: bool
    assumptions: tuple[str, ...]
    warnings: tuple[str, ...]


class Findings:
    """Roles, assumptions, warnings and open questions, collected while a table is looked through.

    Args:
        names: Columns of the table, in their order.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.roles: dict[str, ColumnRole] = {}
        self.assumptions: list[str] = []
        self.warnings: list[str] = []

    def take(self, column: str, role: str, reason: str) -> None:
        """Give a column its role."""
        self.roles[column] = ColumnRole(column, role, reason)

    def leave(self, column: str, reason: str) -> None:
        """A column that is not used."""
        self.take(column, UNUSED, reason)

    def free(self) -> list[str]:
        """The columns that have no role so far."""
        return [name for name in self.names if name not in self.roles]
