"""What a person states about a table, and questions where neither the person nor the table decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from usmm.utils.suggestions import did_you_mean

NONE, ALL = 'none', 'all'
Columns = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class TableHints:
    """Roles that are stated, not inferred. What is not stated is read off the table.

    Args:
        case_id: Column of the case id; `'none'`: rows are numbered.
        patient_id: Column of the patient id; `'none'`: each case is its own patient.
        patient_pattern: Regular expression whose first group is the patient's id in the name of the case's first file.
        label: Column of the label.
        classes: The classes, in order; cases with another label are left out.
        positive: The positive one of two classes.
        files: Modality -> its file columns, or patterns of file names such as `'clips/{patient_id}_*.mp4'`.
        masks: Modality -> its mask columns; `('none',)`: no mask.
        clinical: Clinical columns; `('all',)`: all that can be used, `('none',)`: none; None: see `infer_roles`.
        ignore: Columns that are not used.
        split: Column with the part of each case; `'none'`: folds are made.
        image_roots: Further folders in which files are looked for.
        decimal: `'point'` or `'comma'`.
        case_per_file: Each file of the one modality becomes a case of its own.
        modality_column: Column of the modality, of a table with one row per file; `'none'`: each row is a case.

    Raises:
        ValueError: Another word for `decimal`, or `patient_id` together with `patient_pattern`.

    Example:
        >>> TableHints(label='dx', classes=['a', 'b']).classes
        ('a', 'b')
    """

    case_id: str | None = None
    patient_id: str | None = None
    patient_pattern: str | None = None
    label: str | None = None
    classes: tuple[str, ...] = ()
    positive: str | None = None
    files: Columns = field(default_factory=dict)
    masks: Columns = field(default_factory=dict)
    clinical: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    split: str | None = None
    image_roots: tuple[Path, ...] = ()
    decimal: str | None = None
    case_per_file: bool = False
    modality_column: str | None = None

    def __post_init__(self) -> None:
        if self.decimal not in (None, 'point', 'comma'):
            raise ValueError(f"decimal must be 'point' or 'comma', got {self.decimal!r}")
        if self.patient_id is not None and self.patient_pattern is not None:
            raise ValueError('give a column of patients (--patient) or a pattern (--patient-pattern), not both')
        for name in ('classes', 'ignore'):
            object.__setattr__(self, name, tuple(str(item) for item in getattr(self, name)))
        if self.clinical is not None:
            object.__setattr__(self, 'clinical', tuple(self.clinical))
        object.__setattr__(self, 'image_roots', tuple(Path(root) for root in self.image_roots))
        for name in ('files', 'masks'):
            columns = {m: (c,) if isinstance(c, str) else tuple(c) for m, c in getattr(self, name).items()}
            object.__setattr__(self, name, columns)

    @property
    def named(self) -> tuple[str, ...]:
        """All columns that are named; a pattern of file names is none."""
        single = (self.case_id, self.patient_id, self.label, self.split)
        groups = (*self.files.values(), *self.masks.values(), self.clinical or (), self.ignore)
        names = [*single, *(name for group in groups for name in group)]
        return tuple(n for n in names if n is not None and n not in (NONE, ALL) and not is_pattern(n))


def is_pattern(name: str) -> bool:
    """Whether the name of a file column is a pattern of file names instead.

    Example:
        >>> is_pattern('clips/{case_id}.mp4'), is_pattern('bus')
        (True, False)
    """
    return '*' in name or ('{' in name and '}' in name)


@dataclass(frozen=True)
class Question:
    """Something that the table leaves open.

    Args:
        topic: Field of `TableHints` that answers it.
        text: The question.
        flag: The flag that answers it, with an example.
        choices: Answers to choose from.
        open: Whether other answers than the choices are taken.
        modality: The modality, where it is about the masks of one.
        files: Answer -> all modalities with their columns, where it is about files.
    """

    topic: str
    text: str
    flag: str
    choices: tuple[str, ...] = ()
    open: bool = False
    modality: str | None = None
    files: Mapping[str, Columns] = field(default_factory=dict)

    def apply(self, hints: TableHints, answer: str) -> TableHints:
        """The hints with an answer in them.

        Args:
            hints: The hints so far.
            answer: One of the choices; names between commas where several are asked for.

        Raises:
            ValueError: The answer is not one of the choices.
        """
        several = self.topic in ('clinical', 'classes', 'ignore')
        names = [name.strip() for name in answer.split(',') if name.strip()] if several else [answer.strip()]
        wrong = [name for name in names if name not in self.choices and name not in (NONE, ALL)]
        if not names or not names[0] or (wrong and not self.open):
            name = (wrong or [answer])[0]
            raise ValueError(f'{name!r} is not one of the answers; {did_you_mean(name, self.choices)}')
        value: object = tuple(names) if several else names[0]
        if self.topic == 'image_roots':
            value = (*hints.image_roots, Path(names[0]))
        elif self.topic == 'files':
            value = self.files[names[0]]
        elif self.topic == 'masks':
            value = {**hints.masks, str(self.modality): (names[0],)}
        return replace(hints, **{self.topic: value})  # type: ignore[arg-type]


class UndecidedError(ValueError):
    """A table leaves open what a column is.

    Args:
        questions: What has to be answered.

    Example:
        >>> error = UndecidedError([Question('label', 'Which column is the label?', '--label COLUMN', ('a', 'b'))])
        >>> print(error)
        1 question is open:
          Which column is the label?
            --label COLUMN
    """

    def __init__(self, questions: Sequence[Question]) -> None:
        self.questions = tuple(questions)
        head = '1 question is open' if len(self.questions) == 1 else f'{len(self.questions)} questions are open'
        super().__init__('\n'.join([f'{head}:', *(f'  {q.text}\n    {q.flag}' for q in self.questions)]))
