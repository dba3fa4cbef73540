"""Why a model said what it said: heat-maps of modalities, and what each input contributed. Imports nothing of usmm."""

from usmm.explain.capture import Capture
from usmm.explain.contribution import Contribution, contributions, shapley_values, subset_table
from usmm.explain.input_importance import ShapleyValues, case_shapley, missing_effect, shuffled_scores
from usmm.explain.maps import METHODS, HeatMap, heat_maps
from usmm.explain.modality_game import SubsetScore
from usmm.explain.targets import Target

__all__ = [
    'METHODS',
    'Capture',
    'Contribution',
    'HeatMap',
    'ShapleyValues',
    'SubsetScore',
    'Target',
    'case_shapley',
    'contributions',
    'heat_maps',
    'missing_effect',
    'shapley_values',
    'shuffled_scores',
    'subset_table',
]
