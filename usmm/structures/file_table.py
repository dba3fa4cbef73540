"""The long form of a case table: which columns of a table with one row per file are read, and as what."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from usmm.structures.settings import Settings, known_arguments
from usmm.structures.table_format import TableFormat


@dataclass(frozen=True)
class FileTable:
    """A table with one row per file, as hospitals export it.

    Args:
        path: The table, relative to the folder of the case table; None: the case table itself has one row per file, and
            its other columns repeat what is known of the case.
        case_id: Column with the id of the case, as in the case table.
        modality: Column with the modality: what the schema's `images` and `clips` name as the column of a modality.
        file: Column with the file, relative to the folder of the table.
        mask: Optional column with the lesion masks of the file, several joined by `;`.
        view, time, site: Optional columns with the name of the view, the time and the site.
        table_format: How the table is written; see `TableFormat`.

    Raises:
        ValueError: Two columns of one name.

    Example:
        >>> FileTable.of('files.csv').modality
        'modality'
    """

    path: str | None = None
    case_id: str = 'case_id'
    modality: str = 'modality'
    file: str = 'file'
    mask: str = 'mask'
    view: str = 'view'
    time: str = 'time'
    site: str = 'site'
    table_format: TableFormat = field(default_factory=TableFormat)

    def __post_init__(self) -> None:
        object.__setattr__(self, 'table_format', TableFormat.of(self.table_format))
        names = [self.case_id, self.modality, self.file, self.mask, self.view, self.time, self.site]
        if len(set(names)) < len(names):
            raise ValueError(f'the columns of a file table must have different names, got {names}')

    @classmethod
    def of(cls, value: FileTable | Settings | str) -> FileTable:
        """A file table from itself, from its path, or from a config's dict.

        Raises:
            ValueError: An unknown key, or what `FileTable` refuses.
        """
        if isinstance(value, FileTable):
            return value
        if isinstance(value, str):
            return cls(value)
        return cls(**known_arguments(value, [f.name for f in fields(cls)], 'file_table'))

    @property
    def required(self) -> tuple[str, str, str]:
        """The columns that the table must have."""
        return self.case_id, self.modality, self.file

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are read."""
        return (*self.required, self.mask, self.view, self.time, self.site)
