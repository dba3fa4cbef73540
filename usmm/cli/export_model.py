"""What usmm export exports: a trained model by its folder or config, and the inputs to compare it on."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import print_log

from usmm.apis.bundle import Bundle, check_path, open_bundle
from usmm.apis.network import build_network
from usmm.config.categories import settle_categories
from usmm.datasets import CaseDataset
from usmm.datasets.transforms import collate_cases
from usmm.engine import Experiment
from usmm.engine.loaded_weights import weights_notes
from usmm.engine.specs import CheckpointMeta
from usmm.engine.workdir.outputs import load_weights
from usmm.export import input_shapes
from usmm.export.cases import ArrayBatch, random_row
from usmm.export.graph import AnyClassifier
from usmm.registry import MODELS
from usmm.structures import ModelMeaning, Schema, Settings
from usmm.structures.settings import CLINICAL
from usmm.utils import work_files
from usmm.weights import load_state
from usmm.zoo.index import is_name, is_weights

KEPT = ('calibration', 'selection', 'config', 'outlined')
SETTINGS = ('test_pipeline', 'schema', 'classes', 'positive', 'modalities', 'batch_size')
PLACEHOLDERS = ('a', 'b')  # categories of a model that no data were seen for
BATCH = 8


def find(
    source: str, checkpoint: str | None, untrained: bool, zoo: str | None = None
) -> tuple[str, str | None] | Bundle:
    """What a user names: config and weights of a run or as they were given, or a published model.

    A config is code and runs. The settings of a published model are data: its config.py is not read. A text without a
    slash is the name of a config where weights or `--untrained` are given too, else a name of the zoo; never a folder.

    Raises:
        ValueError: There is no such model, weights are named beside a folder, or no weights are named.
    """
    check_path(source)
    path = Path(source)
    if is_name(source):
        if checkpoint is not None or untrained:
            return source, checkpoint
        try:
            return open_bundle(source, zoo)
        except (ValueError, OSError) as error:
            raise ValueError(f'{error}. A config needs weights beside it, or --untrained') from error
    if path.is_dir():
        if checkpoint is not None:
            raise ValueError(f'{source} is a folder: it brings its own weights, so {checkpoint} is one too many')
        if (path / work_files.WEIGHTS).is_file() and (path / work_files.CONFIG).is_file():
            return str(path / work_files.CONFIG), str(path / work_files.WEIGHTS)
        return open_bundle(path)
    if is_weights(source) or path.suffix.lower() == '.zip':
        if checkpoint is not None:
            raise ValueError(f'{source} brings its own weights, so {checkpoint} is one too many')
        return open_bundle(path)
    return source, checkpoint


def published(bundle: Bundle) -> tuple[Config, Any, Settings]:
    """Settings, network and metadata of a published model; only allowed components are built.

    Raises:
        ValueError: Its settings are refused, or its weights do not fit.
    """
    model = build_network(bundle)
    return Config({**bundle.settings, 'name': bundle.source}), model, dict(bundle.meta)


def trained(config: Config, checkpoint: str) -> tuple[Any, CheckpointMeta]:
    """The model of a config with its weights, and what the weights say of themselves; categories are settled.

    Raises:
        ValueError: The file cannot be loaded safely, or does not fit the model.
    """
    content = load_weights(Path(checkpoint))
    meta = content.get('meta') or {}
    settle_categories(config, meta.get('categories'))
    ModelMeaning.of_settings(config).check(meta, checkpoint, config.name)
    for note in weights_notes(checkpoint, meta, config):
        print_log(note, 'current', logging.WARNING)
    model = MODELS.build(config.model.to_dict())
    load_state(model, content['state_dict'], checkpoint, config.name)
    model.freeze_unfitted()  # weights of a stage before the clinical one: the images decide
    return model, meta


def untrained(config: Config, seed: int) -> tuple[Any, CheckpointMeta]:
    """The model of a config with random weights, its clinical part fitted on made-up rows."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    names = [v.name for v in Schema.of(config.schema.to_dict()).clinical]
    settle_categories(config, dict.fromkeys(names, PLACEHOLDERS))
    variables = Schema.of(config.schema.to_dict()).clinical
    model = MODELS.build(config.model.to_dict())
    model.init_weights()
    rows = torch.from_numpy(np.stack([random_row(variables, rng) for _ in range(100)])) if variables else None
    labels = torch.arange(100) % len(config.classes)
    for encoder in () if model.encoder is None else model.encoder.values():
        if hasattr(encoder, 'fitted'):
            encoder.fit(rows)
    if hasattr(model, 'fit_table'):
        model.fit_table(rows, labels)
    elif hasattr(model.clinical, 'fit_table'):
        scores = torch.rand(100, len(config.classes)).softmax(1) if model.clinical.use_image else None
        model.clinical.fit_table(rows, labels, 0, None if scores is None else model.clinical.image_scores(scores))
    elif model.clinical is not None:
        chosen = {} if model.clinical.select is None else {'selected': [True] * len(model.clinical.variables)}
        model.clinical.fit(rows, **chosen)
    return model, {}


def shapes_of(config: Config, model: AnyClassifier, words: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """The shapes of the model's inputs, by its pipeline and words as `dceus=10x128x128`.

    Raises:
        ValueError: A word of another form, or a shape that nothing says.
    """
    wrong = [w for w in words if not re.fullmatch(r'\w+=\d+x\d+(x\d+)?', w)]
    if wrong:
        raise ValueError(f'--shape takes MODALITY=HEIGHTxWIDTH or MODALITY=FRAMESxHEIGHTxWIDTH, got {wrong}')
    known = {w.partition('=')[0]: [int(n) for n in w.partition('=')[2].split('x')] for w in words}
    schema = Schema.of(config.schema.to_dict())
    read = [m for names in model.readers.values() for m in names if m != CLINICAL]
    images, clips = [m for m in read if m in schema.images], [m for m in read if m in schema.clips]
    return input_shapes([plain(step) for step in config.test_pipeline], images, clips, known)


def facts(config: Config, meta: Settings) -> dict[str, object]:
    """What is written into the file beside the model's own: how its inputs are made, calibration, selection."""
    kept = {name: meta[name] for name in KEPT if meta.get(name) is not None}
    return {**kept, 'settings': {name: plain(config.get(name)) for name in SETTINGS}}


def data_batches(config: Config, checkpoint: str | None, part: str, count: int) -> Iterator[ArrayBatch]:
    """The first cases of a part of the data set, as `OnnxModel.predict` takes them; the first batch has one.

    Raises:
        ValueError: The part has no cases.
    """
    data = Experiment(config, parts=[part], checkpoint=checkpoint).parts.get(part)
    if data is None:
        raise ValueError(f'part {part!r} has no cases')
    return _batches(data, min(count, len(data)))


def _batches(data: CaseDataset, count: int) -> Iterator[ArrayBatch]:
    indices = iter(range(count))
    size = 1
    while chosen := list(islice(indices, size)):
        batch = collate_cases([data[i] for i in chosen])
        present, clinical = batch.get('present') or {}, batch.get('clinical')
        yield ArrayBatch(
            inputs={m: x.numpy() for m, x in batch['inputs'].items()},
            present={m: rows.numpy() for m, rows in present.items()} or None,
            clinical=None if clinical is None else clinical.numpy(),
        )
        size = BATCH


def plain(node: object) -> object:
    """Settings as lists and dicts, without folders of this machine."""
    if isinstance(node, Mapping):
        return {str(k): plain(v) for k, v in node.items() if k != 'cache_dir'}
    return [plain(v) for v in node] if isinstance(node, (list, tuple)) else node
