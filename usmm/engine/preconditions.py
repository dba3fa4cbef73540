"""What is asked before a run starts, so that no stage ends after hours with a mistake of the config or the data."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Protocol, runtime_checkable

import torch
from mmengine.config import Config
from mmengine.dist import get_world_size, is_main_process
from mmengine.logging import print_log
from mmengine.registry import OPTIMIZERS
from rich.progress import track
from torch import nn

from usmm.config.runner_settings import stages_before
from usmm.config.stage_spec import StageSpec
from usmm.datasets import CaseDataset
from usmm.datasets.checks.label_leaks import check_inputs, label_leaks, presence_leaks
from usmm.datasets.checks.picture_copies import copies_across, listed
from usmm.datasets.checks.verify import Progress, verify_parts
from usmm.datasets.lesion_outlines import outline_changes, outlined
from usmm.datasets.table_inference.leaks import LEAST
from usmm.datasets.transforms import CropBox, CropLesion
from usmm.datasets.transforms.base_transform import all_steps
from usmm.datasets.transforms.depth_options import pipeline_depths
from usmm.datasets.unread_files import unread_files, unread_text
from usmm.engine.pretraining import check_pretraining
from usmm.engine.table_fit import check_fit
from usmm.readers import DataError
from usmm.registry import METRICS
from usmm.structures import CLINICAL, Case, Schema, has_trained
from usmm.structures.protocols import Classifier

SHOWN = 10  # cases named in one message


@runtime_checkable
class NamedMetric(Protocol):
    """A metric that states the names of what it measures, as `CaseMetrics` does."""

    names: Sequence[str]


def check_stages(config: Config, model: Classifier, validated: bool) -> None:
    """See that every stage names parts of the model, a metric, an optimizer, and a cache only of scores.

    Args:
        config: The resolved config.
        model: The model.
        validated: Whether there is a validation part, and it is used.

    Raises:
        ValueError: Says which stage, and what there is.
    """
    metrics = [METRICS.build(cfg) for cfg in config.evaluator]
    names = sorted({name for metric in metrics if isinstance(metric, NamedMetric) for name in metric.names})
    for spec in config.stages:
        where = f'stage {spec["name"]!r}'
        if spec.get('model'):
            check_pretraining(spec, model)
            _check_optimizer(spec, where)
            continue
        learning = model.resolve(spec['train'])
        if learning == (CLINICAL,) and model.encoder is not None and not config.get('load_from'):
            _check_images_learnt(config, model, spec, where)
        if spec.get('cache') and learning not in ((), (CLINICAL,)):
            raise ValueError(f'{where} trains {list(learning)}: scores are cached where only the clinical part learns')
        monitor = spec.get('monitor', config.get('monitor', 'auc'))
        if not validated and names and monitor not in names:
            text = f'{where}: monitor {monitor!r} is not measured; nothing uses it, as there is no validation part'
            print_log(text, 'current', logging.WARNING)
        if validated and names and monitor not in names:
            raise ValueError(f'{where}: monitor {monitor!r} is not measured; there are {names}')
        if spec.get('early_stop') and not validated:
            raise ValueError(f"{where}: early_stop needs a validation part, which selection='inner' cuts")
        check_fit(spec, model, stages_before(config.stages, spec))
        if not spec.get('fit'):
            _check_optimizer(spec, where)
    own = [spec for spec in config.stages if not spec.get('model')]
    if model.clinical is not None and not any(CLINICAL in model.resolve(spec['train']) for spec in own):
        raise ValueError("'clinical' is among the modalities, but no stage trains the clinical part")


def _check_images_learnt(config: Config, model: Classifier, spec: StageSpec, where: str) -> None:
    """See that the images, whose score the clinical part reads, have learnt before."""
    before = stages_before(config.stages, spec)
    if not any(stage.get('model') or set(model.resolve(stage['train'])) - {CLINICAL} for stage in before):
        raise ValueError(
            f'{where} trains the clinical part on the score of the images, which no stage before it trains; put it '
            'after them, or give load_from'
        )


def check_pipelines(data_sets: Mapping[str, CaseDataset]) -> None:
    """See on the first case of each data set that its pipeline ends with tensors; a case that is damaged shows nothing.

    Args:
        data_sets: Part -> its data set.

    Raises:
        ValueError: Names the part, and the transforms that there are.
    """
    for part, data in data_sets.items():
        try:
            case = data[0]
        except Exception:
            continue  # `check_files` reads all cases, and says what is wrong
        if not isinstance(case, Case):
            continue
        loose = [m for m, value in case.data.items() if not isinstance(value, torch.Tensor)]
        if loose or (case.files and not case.data):
            names = [type(transform).__name__ for transform in data.pipeline]
            raise ValueError(
                f'the pipeline of the {part} part must load the files and end with PackCase, got {names}, '
                f'which leaves {f"no tensor of {loose}" if loose else "nothing of the files"}'
            )


def check_classes(classes: Sequence[str], train: CaseDataset) -> None:
    """See that the training part has cases of every class.

    Args:
        classes: Class names.
        train: The training data set.

    Raises:
        ValueError: Names the classes without a case, or says that there is no training part.
    """
    absent = [name for i, name in enumerate(classes) if i not in train.labels]
    if absent:
        raise ValueError(f'the training part has no case of the classes {absent}; it has {len(train)} cases')


def check_files(
    parts: Mapping[str, CaseDataset], train_set: CaseDataset | None, num_workers: int, show: bool
) -> dict[str, dict[str, str]]:
    """Read every case once, before anything is trained or measured; what a pipeline caches is cached on the way.

    Args:
        parts: Part -> its data set, with the pipeline of tests; bad cases are left out of it where the config says so.
        train_set: The training part with its own pipeline; None where nothing is trained.
        num_workers: Processes that read.
        show: Whether to show how far it is.

    Returns:
        Part -> case id -> why it was left out.

    Raises:
        DataError: Cases cannot be read, and `bad_cases` is `'error'`: lists them.
        ValueError: A pipeline does not end with tensors.
    """
    read = dict(parts) if train_set is None else {**parts, 'train': train_set}
    check_pipelines(read)
    if not all(isinstance(data, CaseDataset) for data in read.values()):
        print_log('the files of data sets of other packages are not read before the run', 'current')
        return {}
    found = verify_parts(read, num_workers, bar(show))
    if train_set is not None and found['train']:
        parts['train'].leave_out(found['train'])
    return {part: bad for part, bad in found.items() if bad}


def report_leaks(schema: Schema, train: CaseDataset) -> dict[str, str]:
    """Log which clinical variables, files and masks seem to contain the label in the training part, and return them.

    Args:
        schema: The schema.
        train: The training data set.

    Returns:
        Variable, or `masks of bus` and `files of bus` -> why.

    Raises:
        ValueError: A variable is read from the column of the label, the split or an id.
    """
    used = Schema(clinical=[v for v in schema.clinical if any(v.name in case.clinical for case in train.cases)])
    check_inputs(replace(schema, clinical=used.clinical))
    leaks = label_leaks(used, train.cases, train.table.classes)
    labelled = sum(case.label is not None for case in train.cases)
    if labelled < LEAST:
        text = f'{labelled} training cases are too few to notice variables and masks that contain the label'
        print_log(f'{text} (from {LEAST} on they are looked for)', 'current', logging.INFO)
    for name, reason in leaks.items():
        text = f'clinical variable {name!r} seems to contain the label of the training part: {reason}; if it is known '
        print_log(f'{text}only after the diagnosis, remove it from schema.clinical', 'current', logging.WARNING)
    presence = presence_leaks(train.modalities, train.cases, train.table.classes)
    for name, reason in presence.items():
        text = f'whether a case has {name} seems to contain the label of the training part: {reason}'
        print_log(f'{text}; the model may learn that instead of the picture', 'current', logging.WARNING)
    return leaks | presence


def outlined_share(data: CaseDataset) -> dict[str, float]:
    """Modality -> share of the cases with an outline of the lesion, of the modalities that are cropped to it."""
    if not isinstance(data, CaseDataset):
        return {}
    crops = [step for step in all_steps(data.pipeline) if isinstance(step, (CropLesion, CropBox))]
    names = [m for m in data.modalities if any(step.modalities is None or m in step.modalities for step in crops)]
    return outlined(data.cases, names)


def report_outlines(before: Mapping[str, float], data: CaseDataset) -> list[str]:
    """Log where the cases of a part are cropped to the lesion and those of the training were not, or the reverse.

    Args:
        before: Shares of the training, from the weights.
        data: The part.

    Returns:
        What was logged.
    """
    changes = outline_changes(before, outlined_share(data))
    for text in changes:
        print_log(f'part {data.part or "all"!r}: {text}', 'current', logging.WARNING)
    return changes


def report_copies(parts: Mapping[str, CaseDataset], near: str, pipeline: Sequence[object] = ()) -> int:
    """See that no picture is in two parts, whatever its bytes are; log those that look nearly the same.

    Args:
        parts: Part -> its data set.
        near: What becomes of pictures that look nearly the same: `'warn'`, `'error'` or `'ignore'`.
        pipeline: The config's, whose loaders state the grey values that become 0 and 255.

    Returns:
        Number of pairs that look nearly the same.

    Raises:
        DataError: Pictures in two parts have equal pixels; with `'error'` also those that look nearly the same.
    """
    sets = {part: data for part, data in parts.items() if isinstance(data, CaseDataset)}
    if near == 'ignore' or len(sets) < 2:
        return 0
    schema = next(iter(sets.values())).schema
    depth = pipeline_depths(pipeline, tuple(schema.clips), tuple(schema.images))
    pairs = copies_across({part: data.cases for part, data in sets.items()}, list(schema.clips), depth)
    equal = [pair for pair in pairs if pair.equal]
    if equal:
        raise DataError(f'{len(equal)} pairs of pictures with the same pixels are in two parts: {listed(equal)}')
    if pairs:
        text = f'{len(pairs)} pairs of pictures of two patients in two parts look nearly the same: {listed(pairs)}'
        if near == 'error':
            raise DataError(f"{text}; remove them, or set split.near_duplicates='warn'")
        print_log(f'{text}; usmm check_data --out FOLDER shows them', 'current', logging.WARNING)
    return len(pairs)


def report_last_batch(cases: int, batch_size: int) -> None:
    """Log that a last batch of one case is not trained on, which batch norm cannot.

    Args:
        cases: Training cases.
        batch_size: Cases in a batch.
    """
    if cases > batch_size > 1 and cases % batch_size == 1 and get_world_size() == 1:
        text = f'{cases} training cases in batches of {batch_size}: each epoch leaves out another case, as a last batch'
        print_log(f'{text} of one case cannot be trained on', 'current', logging.WARNING)


def report_unseen(schema: Schema, train: CaseDataset) -> dict[str, list[str]]:
    """Log which declared categories no training case has, and return them: variable -> categories.

    Args:
        schema: The schema, categories settled.
        train: The training data set.
    """
    found: dict[str, list[str]] = {}
    for variable in schema.clinical:
        if isinstance(variable.values, str) or not variable.values:
            continue
        seen = {case.clinical[variable.name] for case in train.cases if variable.name in case.clinical}
        absent = [name for name in variable.values if name not in seen]
        if seen and absent:
            found[variable.name] = absent
            text = f'no training case has the categories {absent} of {variable.name!r}, so nothing is learnt of them'
            print_log(text, 'current', logging.WARNING)
    return found


def report_unread(parts: Mapping[str, CaseDataset], train_set: CaseDataset | None = None) -> dict[str, dict[str, int]]:
    """Log which files of the cases are not read, and return their numbers.

    Args:
        parts: Part -> its data set, with the pipeline of tests.
        train_set: The training part with its own pipeline.

    Returns:
        Modality -> `files` that are not read, `total` files and `cases` with such files.
    """
    used = [train_set if part == 'train' and train_set is not None else data for part, data in parts.items()]
    found = unread_files(*((data.readings, data.pipeline) for data in used if isinstance(data, CaseDataset)))
    if found:
        print_log(unread_text(found), 'current', logging.WARNING)
    return {modality: asdict(counts) for modality, counts in found.items()}


def _check_optimizer(spec: StageSpec, where: str) -> None:
    """Build a stage's optimizer on a single number, which finds most settings that cannot work."""
    settings: Any = (spec.get('optim_wrapper') or {}).get('optimizer') or spec.get('optimizer')
    try:
        OPTIMIZERS.build({**settings, 'params': [nn.Parameter(torch.zeros(1))]})
    except (TypeError, ValueError, AssertionError, KeyError) as error:
        raise ValueError(f'{where}: the optimizer {dict(settings)} cannot be built: {error}') from error


def bar(show: bool) -> Progress | None:
    """A progress line of the main process, or None."""
    if not show or not is_main_process():
        return None
    return lambda items, total: track(items, 'reading every case once', total, transient=True)


def check_launcher(launcher: str) -> None:
    """See that the processes were started by a launcher.

    Args:
        launcher: `pytorch`, `slurm` or `mpi`.

    Raises:
        ValueError: Says how to start them.
    """
    needed = {'pytorch': 'RANK', 'slurm': 'SLURM_PROCID', 'mpi': 'OMPI_COMM_WORLD_LOCAL_RANK'}[launcher]
    if needed not in os.environ:
        hint = (
            'start it with tools/dist_train.sh or torchrun' if launcher == 'pytorch' else f'start it under {launcher}'
        )
        raise ValueError(f'--launcher {launcher} wants {needed} in the environment: {hint}')


def check_missing(model: Classifier, parts: Mapping[str, CaseDataset]) -> None:
    """See that the model can do without what the cases lack.

    Args:
        model: The model.
        parts: Part -> its data set; of a data set with `missing='keep'` some cases lack a modality.

    Raises:
        ValueError: Names the cases, and what they would need.
    """
    missing: dict[str, list[str]] = {}
    for case, modalities in ((case, data.modalities) for data in parts.values() for case in data.cases):
        absent = [m for m in modalities if m not in case.files]
        if absent and (needed := model.missing_modalities(absent)):
            missing[case.case_id] = needed
    if missing:
        few = '; '.join(f'{case} lacks {names}' for case, names in [*missing.items()][:SHOWN])
        raise ValueError(f"{len(missing)} cases lack what this model needs, so that missing='keep' cannot work: {few}")


def check_unseen(
    part: str, data: CaseDataset, trained_on: Collection[str], start: bool = False, seen: str = 'error'
) -> None:
    """See that no patient of a part, other than `train`, trained the weights that are to be measured.

    Args:
        part: Name of the part.
        data: Its data set.
        trained_on: Tokens of the patients of the training.
        start: Whether they are weights that a training starts from.
        seen: What becomes of such patients then: `'error'` or `'warn'`.

    Raises:
        ValueError: Says how many, and what to do.
    """
    known = sorted({case.patient_id for case in data.cases if has_trained(case, trained_on)}) if part != 'train' else []
    if known and start:
        text = f'{len(known)} patients of the {part} part trained the weights that this training starts from'
        text = f'{text} ({", ".join(known[:SHOWN])}), so that a test on them says nothing of new patients'
        if seen == 'error':
            raise ValueError(f"{text}; if these ids are of other patients, set split.seen_patients='warn'")
        print_log(text, 'current', logging.WARNING)
    elif known:
        raise ValueError(
            f'{len(known)} patients of the {part} part trained these weights ({", ".join(known[:SHOWN])}): '
            'give the seed, the split and the work_dir (its folds.csv) of the training'
        )
