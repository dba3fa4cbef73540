"""A case: everything known of one examination, along the whole pipeline."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from usmm.structures.case_info import ModalityInfo
from usmm.structures.schema import Variable
from usmm.structures.view import View

TRAINED_ON: Final = 'trained_on'  # the key of a checkpoint's metadata: tokens of the patients that trained it


@dataclass
class Case:
    """One sample: everything known of one examination.

    `data` changes along the pipeline: empty -> (H, W, 3) or (T, H, W, 3) uint8 arrays -> (3, H, W) or (3, T, H, W)
    uint8 tensors. A modality that is missing has no entry.

    Args:
        case_id, patient_id: Identifiers of the table.
        label: Class index, or None where unknown.
        data: Modality -> pixels.
        masks: Modality -> (H, W) bool lesion mask.
        clinical: Variable name -> float, category name, or None where missing.
        files, mask_files: Modality -> absolute paths.
        views: Modality -> its files with their own masks, in the order of `files`; only of a file table.
        boxes: Modality -> (x0, y0, x1, y1) around the lesion in pixels of the file's image, ends excluded.
        seed, epoch: What random draws depend on, beside the case id.
        info: Facts gathered on the way: of a modality by its name, and of the case as a whole by the names in
            `usmm.structures.case_info`.
    """

    case_id: str
    patient_id: str
    label: int | None = None
    data: dict[str, Any] = field(default_factory=dict)
    masks: dict[str, Any] = field(default_factory=dict)
    clinical: dict[str, float | str | None] = field(default_factory=dict)
    files: dict[str, tuple[Path, ...]] = field(default_factory=dict)
    mask_files: dict[str, tuple[Path, ...]] = field(default_factory=dict)
    views: dict[str, tuple[View, ...]] = field(default_factory=dict)
    boxes: dict[str, tuple[int, int, int, int]] = field(default_factory=dict)
    seed: int = 0
    epoch: int = 0
    info: dict[str, ModalityInfo] = field(default_factory=dict)

    def masks_of(self, modality: str, index: int = 0) -> tuple[Path, ...]:
        """The mask files of one file of a modality.

        Args:
            modality: The modality.
            index: Place of the file among those of the modality. As many masks as files belong to them in their order;
                else all masks are of every file. A file table states the masks of each.
        """
        if modality in self.views:
            return self.views[modality][index].masks
        if modality not in self.mask_files:
            return ()
        masks = self.mask_files[modality]
        return (masks[index],) if 1 < len(masks) == len(self.files.get(modality, ())) else masks

    def rng(self, *names: str) -> np.random.Generator:
        """A generator that depends on (seed, epoch, case id, names) alone, whatever worker or process asks.

        Example:
            >>> a, b = Case('c1', 'p1').rng('flip'), Case('c1', 'p1').rng('flip')
            >>> bool(a.random() == b.random())
            True
        """
        key = '\x1f'.join([str(self.seed), str(self.epoch), self.case_id, *names])
        return np.random.default_rng(int.from_bytes(hashlib.sha256(key.encode()).digest()[:16], 'big'))


INVISIBLE = ('Cc', 'Cf', 'Zs', 'Zl', 'Zp')  # blanks of every width, and characters that are not drawn at all


def patient_key(patient_id: str) -> str:
    """An id without what a typist varies: case, blanks, full-width forms.

    Example:
        >>> patient_key('P 12a') == patient_key('p12A')
        True
        >>> patient_key('p1') == patient_key('p01')
        False
    """
    text = unicodedata.normalize('NFKC', patient_id).casefold()
    return ''.join(c for c in text if unicodedata.category(c) not in INVISIBLE)


def token(case: Case) -> str:
    """What stands for a patient in a file of weights, which may be passed on; the id itself stays out.

    Ids that differ in case and blanks alone have one token.

    Example:
        >>> token(Case('exam 1', 'P 1')) == token(Case('exam 2', 'p1')), len(token(Case('exam 1', 'P1')))
        (True, 12)
    """
    return _hashed(patient_key(case.patient_id))


def has_trained(case: Case, trained_on: Collection[str]) -> bool:
    """Whether the patient of a case is among those of a file of weights.

    Args:
        case: The case.
        trained_on: Tokens of patients; those of files of earlier versions are of the ids as they were written.
    """
    return token(case) in trained_on or _hashed(case.patient_id) in trained_on


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def tokens(cases: Iterable[Case]) -> list[str]:
    """The tokens of the patients of cases, sorted, each once.

    Example:
        >>> len(tokens([Case('exam 1', 'P1'), Case('exam 2', 'P1'), Case('exam 3', 'P2')]))
        2
    """
    return sorted({token(case) for case in cases})


def auto_values(cases: Iterable[Case], variable: Variable) -> tuple[str, ...]:
    """The categories of a variable that occur in these cases, sorted; give it the training part only.

    Example:
        >>> cases = [Case('a', 'a', clinical={'side': 'right'}), Case('b', 'b', clinical={'side': 'left'})]
        >>> auto_values(cases, Variable('side', values='auto'))
        ('left', 'right')
    """
    found = (case.clinical.get(variable.name) for case in cases)
    return tuple(sorted({str(value) for value in found if value is not None}))


def clinical_vector(clinical: Mapping[str, float | str | None], variables: Sequence[Variable]) -> np.ndarray:
    """The clinical row as numbers: numbers raw, categories as the index in `values`, NaN where missing or unknown.

    Args:
        clinical: Variable name -> float, category name or None.
        variables: The schema's variables; the result has one entry each, in their order.

    Returns:
        (K,) float32.

    Raises:
        ValueError: The categories of a variable are still `'auto'`.

    Example:
        >>> clinical_vector({'age': 40.0, 'sex': 'M'}, [Variable('age'), Variable('sex', values=('F', 'M'))]).tolist()
        [40.0, 1.0]
    """
    return np.array([_as_number(clinical.get(v.name), v) for v in variables], dtype=np.float32)


def _as_number(value: float | str | None, variable: Variable) -> float:
    if value is None:
        return float('nan')
    if not variable.is_category:
        return float(value)
    if isinstance(variable.values, str):
        raise ValueError(f"values of {variable.name!r} are still 'auto': take them from the training part first")
    values = variable.values or ()
    return float(values.index(str(value))) if str(value) in values else float('nan')
