"""Synthetic patients with a planted truth, written as real files.

Needs no torch. `make_phantom` writes a folder with a case table, images, clips, masks and `truth.json`; `best_auc` is
the AUC that no classifier of a set of modalities can beat.
"""

from usmm.datasets.phantom.generate import PRESETS, make_phantom
from usmm.datasets.phantom.preset import ClipModality, ImageModality, Preset
from usmm.datasets.phantom.truth import best_auc, best_aucs, separation

__all__ = ['PRESETS', 'ClipModality', 'ImageModality', 'Preset', 'best_auc', 'best_aucs', 'make_phantom', 'separation']
