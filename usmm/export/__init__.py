"""Export of trained models to ONNX, and running them without torch."""

from usmm.export.cases import random_batches
from usmm.export.parity import Parity, check_parity
from usmm.export.runtime import OnnxModel
from usmm.export.shapes import input_shapes
from usmm.export.write_onnx import export_onnx

__all__ = ['OnnxModel', 'Parity', 'check_parity', 'export_onnx', 'input_shapes', 'random_batches']
