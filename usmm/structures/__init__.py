"""The data model: a case, and the schema of a case table."""

from usmm.structures.case import Case, auto_values, clinical_vector
from usmm.structures.schema import MISSING_WORDS, Schema, Variable

__all__ = ['MISSING_WORDS', 'Case', 'Schema', 'Variable', 'auto_values', 'clinical_vector']
