"""Running an experiment: stages, cached scores, progress, what a work directory holds."""

from usmm.engine.checkpoints import EpochSeedHook, StageCheckpointHook
from usmm.engine.cross_validation import CrossValidation
from usmm.engine.experiment import Experiment
from usmm.engine.fold_task import FoldTask, run_fold, run_folds
from usmm.engine.hooks import ProgressHook
from usmm.engine.outputs import load_weights, read_predictions, write_json, write_predictions
from usmm.engine.run_state import RunStateHook
from usmm.engine.scores import ScoreDataset, collect_scores
from usmm.engine.stages import RunOptions
from usmm.engine.study import Study, StudySpec, Variant

__all__ = [
    'CrossValidation',
    'EpochSeedHook',
    'Experiment',
    'FoldTask',
    'ProgressHook',
    'RunOptions',
    'RunStateHook',
    'ScoreDataset',
    'StageCheckpointHook',
    'Study',
    'StudySpec',
    'Variant',
    'collect_scores',
    'load_weights',
    'read_predictions',
    'run_fold',
    'run_folds',
    'write_json',
    'write_predictions',
]
