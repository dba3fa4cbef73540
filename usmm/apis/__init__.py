"""Prediction with trained models: the Predictor, calibration, and the functions that users of OpenMMLab expect."""

from usmm.apis.bundle import Bundle, open_bundle
from usmm.apis.inference import get_model, inference_model, init_model, list_models
from usmm.apis.inputs import CaseInput, CaseReader
from usmm.apis.pipeline import Prepared
from usmm.apis.prediction import Prediction, safe_csv, to_frame
from usmm.apis.predictor import Predictor
from usmm.apis.probability_calibration import Calibration, calibrate, fit_calibration
from usmm.apis.spreadsheet_config import InitResult, init_config

__all__ = [
    'Bundle',
    'Calibration',
    'CaseInput',
    'CaseReader',
    'InitResult',
    'Prediction',
    'Predictor',
    'Prepared',
    'calibrate',
    'fit_calibration',
    'get_model',
    'inference_model',
    'init_config',
    'init_model',
    'list_models',
    'open_bundle',
    'safe_csv',
    'to_frame',
]
