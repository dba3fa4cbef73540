"""Files of weights: read without running anything that is in them, checked, and written as safetensors."""

from usmm.weights.checkpoint import read_checkpoint
from usmm.weights.fit import check_finite, check_fits, check_numbers, load_state
from usmm.weights.tensor_file import read_tensors, write_tensors

__all__ = [
    'check_finite',
    'check_fits',
    'check_numbers',
    'load_state',
    'read_checkpoint',
    'read_tensors',
    'write_tensors',
]
