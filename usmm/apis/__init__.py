"""Trained models at work: the Predictor, calibration, and the names that users of OpenMMLab look for."""

from usmm.inference.api import get_model, inference_model, init_model, list_models
from usmm.inference.bundle import Bundle, open_bundle
from usmm.inference.calibration import calibrate, fit_calibration
from usmm.inference.inputs import CaseReader
from usmm.inference.prediction import Prediction, safe_csv, to_frame
from usmm.inference.predictor import Predictor
from usmm.inference.prepared import Prepared

__all__ = [
    'Bundle',
    'CaseReader',
    'Prediction',
    'Predictor',
    'Prepared',
    'calibrate',
    'fit_calibration',
    'get_model',
    'inference_model',
    'init_model',
    'list_models',
    'open_bundle',
    'safe_csv',
    'to_frame',
]
