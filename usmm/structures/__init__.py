"""The data model: a case, the schema of a case table, settings, and the contracts between rooms (`protocols`)."""

from usmm.structures.case import (
    TRAINED_ON,
    Case,
    auto_values,
    clinical_vector,
    has_trained,
    patient_key,
    token,
    tokens,
)
from usmm.structures.case_info import ModalityInfo
from usmm.structures.file_table import FileTable
from usmm.structures.meaning import MEANING, ModelMeaning
from usmm.structures.packed_batch import Batch
from usmm.structures.schema import Schema, Variable
from usmm.structures.settings import CLINICAL, Settings
from usmm.structures.table_format import MISSING_WORDS, TableFormat
from usmm.structures.view import View

__all__ = [
    'CLINICAL',
    'MEANING',
    'MISSING_WORDS',
    'TRAINED_ON',
    'Batch',
    'Case',
    'FileTable',
    'ModalityInfo',
    'ModelMeaning',
    'Schema',
    'Settings',
    'TableFormat',
    'Variable',
    'View',
    'auto_values',
    'clinical_vector',
    'has_trained',
    'patient_key',
    'token',
    'tokens',
]
