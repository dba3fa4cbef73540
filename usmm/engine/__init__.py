"""Running an experiment: stages, cached scores, progress, what a work directory holds."""

from usmm.engine.checkpoints import EpochSeedHook, StageCheckpointHook
from usmm.engine.experiment import Experiment
from usmm.engine.hooks import ProgressHook
from usmm.engine.outputs import load_weights, read_predictions, write_json, write_predictions
from usmm.engine.run_state import RunStateHook
from usmm.engine.scores import ScoreDataset, collect_scores
from usmm.engine.stages import RunOptions

__all__ = [
    'EpochSeedHook',
    'Experiment',
    'ProgressHook',
    'RunOptions',
    'RunStateHook',
    'ScoreDataset',
    'StageCheckpointHook',
    'collect_scores',
    'load_weights',
    'read_predictions',
    'write_json',
    'write_predictions',
]
