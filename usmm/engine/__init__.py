"""Running an experiment: stages, cached scores, progress, what a work directory holds."""

from usmm.config.stage_spec import RunOptions
from usmm.engine.active.active_curves import gather_curves
from usmm.engine.active.active_learning import ActiveLearning, AnswersMissing
from usmm.engine.experiment import Experiment
from usmm.engine.hooks.collapse import CollapseHook
from usmm.engine.hooks.hooks import ProgressHook
from usmm.engine.hooks.run_state import RunStateHook
from usmm.engine.hooks.selected_weights import SelectedWeightsHook
from usmm.engine.hooks.stage_checkpoints import EpochSeedHook, StageCheckpointHook
from usmm.engine.hooks.table_fit_hook import TableFitHook
from usmm.engine.scores import ScoreDataset, collect_scores
from usmm.engine.studies.cross_validation import CrossValidation
from usmm.engine.studies.fold_task import FoldTask, run_fold, run_folds
from usmm.engine.studies.study import Study, StudySpec, Variant
from usmm.engine.workdir.outputs import load_weights, write_json
from usmm.engine.workdir.predictions import read_predictions, write_predictions

__all__ = [
    'ActiveLearning',
    'AnswersMissing',
    'CollapseHook',
    'CrossValidation',
    'EpochSeedHook',
    'Experiment',
    'FoldTask',
    'ProgressHook',
    'RunOptions',
    'RunStateHook',
    'ScoreDataset',
    'SelectedWeightsHook',
    'StageCheckpointHook',
    'Study',
    'StudySpec',
    'TableFitHook',
    'Variant',
    'collect_scores',
    'gather_curves',
    'load_weights',
    'read_predictions',
    'run_fold',
    'run_folds',
    'write_json',
    'write_predictions',
]
