"""Which samples to label next: query strategies as plain functions on probabilities and features."""

from usmm.active.diversity import badge, gradient_embeddings, k_center_greedy, k_means_plus_plus
from usmm.active.strategies import STRATEGIES, Pool, Strategy, query
from usmm.active.uncertainty import bald, entropy, least_confidence, margin, mean_entropy
from usmm.active.units import aggregate, top_units

__all__ = [
    'STRATEGIES',
    'Pool',
    'Strategy',
    'aggregate',
    'badge',
    'bald',
    'entropy',
    'gradient_embeddings',
    'k_center_greedy',
    'k_means_plus_plus',
    'least_confidence',
    'margin',
    'mean_entropy',
    'query',
    'top_units',
]
