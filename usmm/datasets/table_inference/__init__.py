"""From a table of any hospital to roles of its columns and to cases; what is not certain is asked."""

from usmm.datasets.table_inference.infer_roles import CaseRows, infer_roles
from usmm.datasets.table_inference.prepared_table import PreparedTable, prepare_table
from usmm.datasets.table_inference.table_hints import Question, TableHints, UndecidedError
from usmm.datasets.table_inference.table_roles import ColumnRole, ModalityRole, TableRoles, VariableRole

__all__ = [
    'CaseRows', 'ColumnRole', 'ModalityRole', 'PreparedTable', 'Question', 'TableHints', 'TableRoles',
    'UndecidedError', 'VariableRole', 'infer_roles', 'prepare_table',
]  # fmt: skip
