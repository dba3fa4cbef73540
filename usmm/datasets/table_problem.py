"""A problem of a data set: what reading and checking it collect."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Problem:
    """A fault of a data set.

    Args:
        kind: One word: `column`, `case_id`, `duplicate`, `label`, `no_label`, `split`, `number`, `range`, `unit`,
            `category`, `box`, `formula`, `no_file`, `suffix`, `patient_id`, `id_zeros`, `ignored`; tools add their own.
        case_id: The case, or None where the table as a whole is meant.
        file: The file, where one is meant.
        modality: The modality, `'clinical'` for a clinical column, or None.
        message: What was expected, and what came.
    """

    kind: str
    case_id: str | None
    file: Path | None
    modality: str | None
    message: str

    def __str__(self) -> str:
        where = [f'case {self.case_id}' if self.case_id else '', self.modality or '', str(self.file or '')]
        return f'{", ".join(w for w in where if w) or "table"}: {self.message}'
