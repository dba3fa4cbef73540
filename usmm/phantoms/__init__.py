"""Synthetic patients with a planted truth, written as real files.

Needs no torch. `make_phantom` writes a folder with a case table, images, clips, masks and `truth.json`; `best_auc` is
the AUC that no classifier of a set of modalities can beat. A preset is an object of a subclass of `BasePreset`;
`register_preset` makes it available by name.
"""

import usmm.phantoms.presets  # noqa: F401 (the presets of the package register themselves)
from usmm.phantoms.aligned_preset import AlignedPreset
from usmm.phantoms.base_preset import BasePreset
from usmm.phantoms.clinical_plan import Category, ClinicalPlan, Number
from usmm.phantoms.clip_modality import ClipModality
from usmm.phantoms.generate import make_phantom
from usmm.phantoms.image_modality import ImageModality
from usmm.phantoms.line_preset import LinePreset
from usmm.phantoms.marker_plan import Marker, MarkerPlan
from usmm.phantoms.ordered_preset import OrderedPreset
from usmm.phantoms.patient import CaseResult, Patient
from usmm.phantoms.phantom_options import PhantomOptions
from usmm.phantoms.preset_registry import PRESETS, register_preset, unregister_preset
from usmm.phantoms.staged_modality import StagedModality
from usmm.phantoms.staged_preset import StagedPreset
from usmm.phantoms.table_plan import TablePlan
from usmm.phantoms.truth import best_auc, best_aucs, separation
from usmm.phantoms.two_class_preset import TwoClassPreset

__all__ = [
    'PRESETS', 'AlignedPreset', 'BasePreset', 'CaseResult', 'Category', 'ClinicalPlan', 'ClipModality',
    'ImageModality', 'LinePreset', 'Marker', 'MarkerPlan', 'Number', 'OrderedPreset', 'Patient', 'PhantomOptions',
    'StagedModality', 'StagedPreset', 'TablePlan', 'TwoClassPreset', 'best_auc', 'best_aucs', 'make_phantom',
    'register_preset', 'separation', 'unregister_preset',
]  # fmt: skip
