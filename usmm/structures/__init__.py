"""The data model: a case, and the schema of a case table."""

from usmm.structures.case import Case, auto_values, clinical_vector
from usmm.structures.case_info import ModalityInfo
from usmm.structures.packed_batch import Batch
from usmm.structures.schema import MISSING_WORDS, Schema, Variable
from usmm.structures.settings import CLINICAL, Settings

__all__ = [
    'CLINICAL',
    'MISSING_WORDS',
    'Batch',
    'Case',
    'ModalityInfo',
    'Schema',
    'Settings',
    'Variable',
    'auto_values',
    'clinical_vector',
]
