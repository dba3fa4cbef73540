"""Synthetic patients with a planted truth, written as real files.

Needs no torch. `make_phantom` writes a folder with a case table, images, clips, masks and `truth.json`; `best_auc` is
the AUC that no classifier of a set of modalities can beat.
"""

from usmm.phantoms.generate import PRESETS, make_phantom
from usmm.phantoms.preset import ClipModality, ImageModality, Preset
from usmm.phantoms.truth import best_auc, best_aucs, separation

__all__ = ['PRESETS', 'ClipModality', 'ImageModality', 'Preset', 'best_auc', 'best_aucs', 'make_phantom', 'separation']
