"""Trained models at work: the Predictor, calibration, and the names that users of OpenMMLab look for."""

from usmm.apis.bundle import Bundle, open_bundle
from usmm.apis.inference import get_model, inference_model, init_model, list_models
from usmm.apis.inputs import CaseReader
from usmm.apis.prediction import Prediction, safe_csv, to_frame
from usmm.apis.predictor import Predictor
from usmm.apis.prepared import Prepared
from usmm.apis.probability_calibration import calibrate, fit_calibration

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
