"""A stage with a model and a data set of its own: a pre-training, whose encoder the classifier takes over."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.dist import barrier, broadcast_object_list, get_world_size, is_main_process
from mmengine.logging import print_log
from mmengine.runner import set_random_seed

from usmm.config.runner import learner_data, learner_settings
from usmm.config.runner_settings import epochs_of, randomness
from usmm.config.stage_spec import RunOptions, StageSpec
from usmm.datasets.data_digest import data_digest
from usmm.engine.hooks.collapse import collapsed
from usmm.engine.specs import Results
from usmm.engine.stages import run_stage
from usmm.engine.workdir.outputs import check_whole, load_weights, save_checkpoint
from usmm.engine.workdir.run_facts import versions
from usmm.registry import DATASETS, MODELS
from usmm.structures.protocols import (
    Classifier,
    HasSpread,
    LabelledPretrainingSet,
    Learner,
    PretrainingSet,
    ValidatedLearner,
    missing_members,
)
from usmm.utils.digests import code_digest, value_digest
from usmm.utils.locations import PACKAGE

FREE = ('name', 'store', 'part', 'checkpoint_interval')  # keys of a stage that do not change its weights
ROOMS = ('datasets', 'engine', 'models', 'readers', 'structures')  # whose code makes the weights


def check_pretraining(spec: StageSpec, model: Classifier) -> None:
    """See that the classifier can take what a stage will learn.

    Args:
        spec: Settings of the stage.
        model: The classifier.

    Raises:
        ValueError: It has no encoder of this backbone, or the stage's model is none for pre-training.
    """
    try:
        build_learner(spec).fits(model)
    except ValueError as error:
        raise ValueError(f'stage {spec["name"]!r}: {error}') from error


def build_learner(spec: StageSpec) -> Learner:
    """The model of a pre-training; one that classifies several tasks takes them from the stage's data set.

    Args:
        spec: Settings of the stage.

    Raises:
        ValueError: The model is not one for pre-training, or names tasks or classes that are not those of the data set.
    """
    learner = MODELS.build(learner_settings(spec))
    if not isinstance(learner, Learner):
        raise ValueError(f'its model must be one for pre-training such as SimSiam, got {type(learner).__name__}')
    return learner


def pair_dataset(config: Config, spec: StageSpec) -> PretrainingSet:
    """The data set of a pre-training: the run's own settings, those of the stage over them, its part of the cases."""
    dataset: PretrainingSet = DATASETS.build(learner_data(config, spec))
    return dataset


def pretrain(
    config: Config, spec: StageSpec, model: Classifier, folder: Path, options: RunOptions, resume: str | bool
) -> Results:
    """Run the stage, or take its weights from the store, and hand them over to the classifier.

    Args:
        config: The resolved config.
        spec: Settings of the stage: `model`, `dataset`, `part` (`'train'`, the default, or `'all'`), `store`.
        model: The classifier.
        folder: Where checkpoints and logs of the stage go.
        options: The flags.
        resume: As in `run_stage`.

    Returns:
        What `run_stage` returns, the cases, patients and images that were learnt from, and, of a contrastive learner,
        the spread of the outputs in the last epoch and whether they collapsed.
    """
    dataset = pair_dataset(config, spec)
    dataset.verify(config.num_workers)
    set_random_seed(**randomness(config))
    learner = build_learner(spec)
    learner.init_weights()
    stored = None
    if spec.get('store') is not None:
        name = f'{type(learner).__name__.lower()}-{store_key(config, spec, dataset, options)}.pth'
        stored = Path(spec['store'], name)
    result = _take(stored, learner)
    if result is None:
        result = _learn(config, spec, learner, dataset, folder, options, resume)
        if stored is not None and is_main_process():
            save_checkpoint(stored, learner.state_dict(), {'result': result})
        barrier()
    cases = dataset.cases
    return {
        **result,
        'part': spec.get('part', 'train'),
        'cases': len(cases),
        'patients': len({case.patient_id for case in cases}),
        'images': len(dataset),
        'given_to': learner.hand_over(model),
    }


def _learn(
    config: Config,
    spec: StageSpec,
    learner: Learner,
    dataset: PretrainingSet,
    folder: Path,
    options: RunOptions,
    resume: str | bool,
) -> Results:
    """Run the stage; a learner with an evaluator is validated on what the data set holds out, its best epoch kept."""
    given = copy.copy(spec)
    if isinstance(learner, ValidatedLearner):
        given['evaluator'] = [dict(metric) for metric in learner.evaluator]
        given.setdefault('monitor', learner.monitor)
        held_out = None
        if options.validate and spec.get('selection') != 'last':
            if not isinstance(dataset, LabelledPretrainingSet):
                lacks = missing_members(dataset, LabelledPretrainingSet)
                raise ValueError(
                    f'stage {spec["name"]!r}: a {type(dataset).__name__} has no validation part, it lacks {lacks}; '
                    "selection='last' needs none"
                )
            held_out = dataset.held_out()
        return run_stage(config, given, learner, dataset, held_out, folder, options, resume)
    given['custom_hooks'] = [*spec.get('custom_hooks', ()), dict(type='CollapseHook')]
    result = run_stage(config, given, learner, dataset, None, folder, options, resume)
    if not isinstance(learner, HasSpread):
        return result  # its outputs are not watched
    spread = float(learner.spread)
    return {**result, 'spread': round(spread, 4), 'collapsed': collapsed(spread)}


def store_key(config: Config, spec: StageSpec, dataset: PretrainingSet, options: RunOptions) -> str:
    """A name for the weights of a pre-training, made of everything that decides them.

    Args:
        config, spec, options: As in `pretrain`.
        dataset: Its data set; the content of the files counts, not where they lie.
    """
    facts = {
        'stage': {k: v for k, v in spec.items() if k not in FREE},
        'run': [config.seed, bool(config.get('deterministic')), epochs_of(config, spec), options.amp],
        'batch': [spec.get('batch_size') or config.batch_size, get_world_size(), options.auto_scale_lr],
        'hooks': list(config.get('custom_hooks', ())),
        'cases': [[c.case_id, _digests(c.files)] for c in dataset.cases],
        'masks': [_digests(c.mask_files) for c in dataset.cases],
        'boxes': [c.boxes for c in dataset.cases],
        'labels': dataset.decides if isinstance(dataset, LabelledPretrainingSet) else None,
        'validated': options.validate,
        'made by': [versions(), code_digest(*(PACKAGE / room for room in ROOMS)), torch.cuda.is_available()],
    }
    return value_digest(facts, default=str)[:24]


def _digests(files: Mapping[str, Sequence[Path]]) -> dict[str, list[str]]:
    return {modality: [data_digest(file) for file in of] for modality, of in files.items()}


def _take(stored: Path | None, learner: Learner) -> Results | None:
    """Fill the learner from the store, and return what its stage returned; None where it is not there, or damaged."""
    there = [False]
    if stored is not None and is_main_process() and stored.exists():
        try:
            check_whole(stored)
            there = [True]
        except ValueError as error:
            print_log(f'{error}; the pre-training is run again', 'current')
    broadcast_object_list(there)
    if stored is None or not there[0]:
        return None
    content = load_weights(stored)
    learner.load_state_dict(content['state_dict'])
    return {**content['meta']['result'], 'from': stored.name}
