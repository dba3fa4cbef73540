"""The schema: which columns of a case table are read, and as what."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from usmm.structures.file_table import FileTable
from usmm.structures.settings import Settings
from usmm.structures.table_format import TableFormat


@dataclass(frozen=True)
class Variable:
    """One clinical column: a number (unit, range) or a category (values).

    Args:
        name: Name of the variable, and of its column unless `column` is given.
        column: Name of the column in the case table.
        unit: Unit of a number, for messages and tables.
        range: Lowest and highest plausible value of a number; others are reported, never clipped.
        values: The categories, in order. `'auto'`: taken from the training part when a run starts. None: a number.
        log: Whether a model takes log(1 + x) of a number before it scales it; such a number cannot be below 0.
        other_units: Unit that is often used by mistake -> factor to `unit`. It explains a value that is out of range;
            nothing is ever converted.

    Raises:
        ValueError: No name, or options that contradict each other.

    Example:
        >>> Variable('gender', values=('F', 'M')).is_category
        True
        >>> Variable('platelets', unit='10^9/L', range=(30, 1000), other_units={'10^4/uL': 10}).units_that_fit(21)
        ('10^4/uL',)
    """

    name: str
    column: str | None = None
    unit: str | None = None
    range: tuple[float, float] | None = None
    values: tuple[str, ...] | str | None = None
    log: bool = False
    other_units: Mapping[str, float] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError('a clinical variable needs a name')
        if isinstance(self.values, str) and self.values != 'auto':
            raise ValueError(f"values of {self.name!r} must be a sequence of names or 'auto', got {self.values!r}")
        if self.values is not None and self.range is not None:
            raise ValueError(f'{self.name!r} has both a range (a number) and values (a category): give one')
        if isinstance(self.values, Sequence) and not isinstance(self.values, str):
            object.__setattr__(self, 'values', tuple(str(v) for v in self.values))
        if self.range is not None:
            low, high = self.range
            if not low < high:
                raise ValueError(f'range of {self.name!r} must rise, got {tuple(self.range)}')
            object.__setattr__(self, 'range', (float(low), float(high)))
        if self.values is not None and self.log:
            raise ValueError(f'{self.name!r} is a category, of which there is no logarithm: log=True is for numbers')
        if self.other_units and self.range is None:
            raise ValueError(f'other_units of {self.name!r} need a range: they explain a number outside of it')
        units = {str(unit): float(factor) for unit, factor in self.other_units.items()}
        wrong = {unit: factor for unit, factor in units.items() if not 0 < factor < math.inf or factor == 1}
        if wrong or self.unit in units:
            raise ValueError(
                f'other_units of {self.name!r} must map units other than {self.unit!r} to positive factors other than '
                f'1, got {units}'
            )
        object.__setattr__(self, 'other_units', units)

    @classmethod
    def of(cls, value: Variable | Settings) -> Variable:
        """A variable from itself or from a config's dict."""
        if isinstance(value, Variable):
            return value
        arguments: dict[str, Any] = dict(value)  # their types are what __post_init__ checks
        return cls(**arguments)

    def in_range(self, value: float) -> bool:
        """Whether a number is plausible; without a range every number is."""
        return self.range is None or self.range[0] <= value <= self.range[1]

    def units_that_fit(self, value: float) -> tuple[str, ...]:
        """The units of `other_units` in which a number that is out of range would be within."""
        if self.in_range(value):
            return ()
        return tuple(unit for unit, factor in self.other_units.items() if self.in_range(value * factor))

    def range_problem(self, value: float) -> str | None:
        """What to say of a number that is not plausible, or None where it is.

        Example:
            >>> albumin = Variable('albumin', unit='g/L', range=(10, 70), other_units={'g/dL': 10})
            >>> albumin.range_problem(4.1)
            'albumin 4.1 g/L is outside the plausible range 10 to 70 g/L; in range if it was given in g/dL'
        """
        if self.range is None or self.in_range(value):
            return None
        unit = f' {self.unit}' if self.unit else ''
        low, high = self.range
        text = f'{self.name} {value:g}{unit} is outside the plausible range {low:g} to {high:g}{unit}'
        units = self.units_that_fit(value)
        return f'{text}; in range if it was given in {" or ".join(units)}' if units else text

    def log_problem(self, value: float) -> str | None:
        """What to say of a number whose logarithm cannot be taken, or None."""
        if not self.log or value >= 0:
            return None
        unit = f' {self.unit}' if self.unit else ''
        return f'{self.name} {value:g}{unit} is below 0, and the model takes its logarithm'

    @property
    def is_category(self) -> bool:
        """Whether the column holds categories (else numbers)."""
        return self.values is not None

    @property
    def source(self) -> str:
        """The column of the table that holds the variable."""
        return self.column or self.name


@dataclass(frozen=True)
class Schema:
    """Which columns of a case table make a `Case`. File columns are relative to the table; `;` joins several files.

    Args:
        images: Modality -> column with still images.
        clips: Modality -> column with clips.
        masks: Pattern (`'{modality}_mask'`) or mapping modality -> column of mask files; absent columns mean no mask.
        boxes: Likewise, columns of boxes around the lesion: `x0,y0,x1,y1` in pixels of the image, ends excluded.
        clinical: Clinical variables, as `Variable` or as its arguments in a dict.
        case_id, patient_id, label: Columns; a missing patient column means that each case is its own patient.
        split: Optional column that fixes the part of each case: `train`, `val` or `test`.
        table_format: How the table is written (sheet, decimal comma, words for missing, ...), as `TableFormat` or as
            its arguments in a dict.
        file_table: The long form: files and masks come from a table with one row per file, as `FileTable`, as its
            arguments in a dict, or as the path of the table; None: from the columns of the case table.

    Example:
        >>> Schema(images=dict(bus='bus'), clinical=[dict(name='age', unit='year', range=(0, 120))]).modalities
        ('bus',)
    """

    images: Mapping[str, str] = field(default_factory=dict)
    clips: Mapping[str, str] = field(default_factory=dict)
    masks: str | Mapping[str, str] = '{modality}_mask'
    boxes: str | Mapping[str, str] = '{modality}_box'
    clinical: Sequence[Variable] = ()
    case_id: str = 'case_id'
    patient_id: str = 'patient_id'
    label: str = 'label'
    split: str | None = None
    table_format: TableFormat = field(default_factory=TableFormat)
    file_table: FileTable | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, 'table_format', TableFormat.of(self.table_format))
        for name, columns_of in (('images', self.images), ('clips', self.clips)):
            if not isinstance(columns_of, Mapping) or not all(isinstance(c, str) for c in columns_of.values()):
                raise ValueError(f'{name} of the schema must map each modality to a column, got {columns_of!r}')
        if self.file_table is not None:
            object.__setattr__(self, 'file_table', FileTable.of(self.file_table))
            columns = [*self.images.values(), *self.clips.values()]
            if len(set(columns)) < len(columns):
                raise ValueError(f'in a file table each modality needs a name of its own, got {columns}')
        for name, value in (('masks', self.masks), ('boxes', self.boxes)):
            if not isinstance(value, (str, Mapping)):
                pattern = f'{{modality}}_{name.removesuffix("es" if name == "boxes" else "s")}'
                raise ValueError(
                    f'{name} of the schema must be a pattern such as {pattern!r}, or a dict of modality -> column (an '
                    f'empty one: none), got {value!r}'
                )
            if isinstance(value, str) and ('{' in (rest := value.replace('{modality}', '')) or '}' in rest):
                raise ValueError(
                    f'{name} of the schema may have {{modality}} in braces and nothing else, got {value!r}'
                )
        both = set(self.images) & set(self.clips)
        if both:
            raise ValueError(f'modalities {sorted(both)} are both images and clips')
        variables = tuple(Variable.of(v) for v in self.clinical)
        names = [v.name for v in variables]
        if len(set(names)) != len(names):
            raise ValueError(f'clinical variables must have different names, got {names}')
        object.__setattr__(self, 'clinical', variables)

    @classmethod
    def of(cls, value: Schema | Settings) -> Schema:
        """A schema from itself or from a config's dict; an unknown key is an error that names the valid ones."""
        if isinstance(value, Schema):
            return value
        known = [f.name for f in fields(cls)]
        arguments: dict[str, Any] = dict(value)  # their types are what __post_init__ checks
        unknown = sorted(set(arguments) - set(known))
        if unknown:
            raise ValueError(f'unknown schema keys {unknown}; valid keys are {known}')
        return cls(**arguments)

    @property
    def modalities(self) -> tuple[str, ...]:
        """All file modalities, images first."""
        return (*self.images, *self.clips)

    def column(self, modality: str) -> str:
        """The file column of a modality. Raises KeyError with the known modalities."""
        found = self.images.get(modality) or self.clips.get(modality)
        if found is None:
            raise KeyError(f'schema has no modality {modality!r}; it has {list(self.modalities)}')
        return found

    def mask_column(self, modality: str) -> str | None:
        """The mask column of a modality, or None where the schema names none."""
        if isinstance(self.masks, str):
            return self.masks.format(modality=modality)
        return self.masks.get(modality)

    def box_column(self, modality: str) -> str | None:
        """The column of boxes of a modality, or None where the schema names none."""
        if isinstance(self.boxes, str):
            return self.boxes.format(modality=modality)
        return self.boxes.get(modality)
