"""Why a model said what it said: heat-maps of modalities, and what each contributed. Imports nothing of usmm."""

from usmm.explain.capture import Capture
from usmm.explain.contribution import Contribution, contributions, shapley_values, subset_table
from usmm.explain.maps import METHODS, HeatMap, heat_maps
from usmm.explain.presence import SubsetScore
from usmm.explain.targets import Target

__all__ = [
    'METHODS',
    'Capture',
    'Contribution',
    'HeatMap',
    'SubsetScore',
    'Target',
    'contributions',
    'heat_maps',
    'shapley_values',
    'subset_table',
]
