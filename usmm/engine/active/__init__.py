"""Which samples to label next: query strategies as plain functions on probabilities and features."""

from usmm.engine.active.diversity import badge, gradient_embeddings, k_center_greedy, k_means_plus_plus
from usmm.engine.active.query_units import aggregate, top_units
from usmm.engine.active.strategies import STRATEGIES, Pool, Strategy, query
from usmm.engine.active.uncertainty import bald, entropy, least_confidence, margin, mean_entropy

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
