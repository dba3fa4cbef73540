"""Outputs of a frozen network, computed once per case, as the training set of a later stage."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import torch
from mmengine.device import get_device
from mmengine.dist import get_dist_info
from mmengine.runner import set_random_seed
from torch.utils.data import DataLoader, Dataset, Subset

from usmm.datasets import CaseDataset
from usmm.datasets.transforms import collate_cases
from usmm.engine.workdir.outputs import load_weights
from usmm.models.staging import build_stage_model
from usmm.registry import DATASETS
from usmm.structures import Case, Settings
from usmm.structures.case_info import SCORES
from usmm.structures.protocols import Classifier
from usmm.structures.settings import IMAGE_LOGITS
from usmm.utils.random_state import kept_random_state
from usmm.weights import load_state


class ScoreDataset(Dataset):
    """Cases that carry the image logits of a frozen first stage instead of pixels.

    Args:
        dataset: The dataset whose cases these are; its `cases`, `metainfo` and order are kept.
        cases: One case each, with `info['scores']['image_logits']` (K,) and `info['clinical']['vector']`.
    """

    def __init__(self, dataset: CaseDataset, cases: Sequence[Case]) -> None:
        if len(cases) != len(dataset):
            raise ValueError(f'{len(dataset)} cases need as many scores, got {len(cases)}')
        self.scored = list(cases)
        self.cases, self.metainfo = dataset.cases, dataset.metainfo

    def __len__(self) -> int:
        return len(self.scored)

    def __getitem__(self, key: int | tuple[int, int]) -> Case:
        return self.scored[key[1] if isinstance(key, tuple) else key]


@DATASETS.register_module(name='CachedScores')
def build_cached_scores(
    dataset: Settings,
    model: Settings,
    checkpoint: str | None = None,
    batch_size: int = 16,
    num_workers: int = 0,
    seed: int = 0,
) -> ScoreDataset:
    """The `ScoreDataset` of a config: the image part of a model is run once over a data set.

    Args:
        dataset: Config of a `CaseDataset` whose pipeline draws nothing at random.
        model: Config of the classifier.
        checkpoint: Its weights; None: they are drawn from `seed`.
        batch_size, num_workers: Of the loader that reads the cases.
        seed: Of weights that are not loaded. The random state of the process stays as it was.

    Raises:
        ValueError: The weights do not fit, or the model reads no images.
        TypeError: The model is not a classifier.
    """
    with kept_random_state():
        set_random_seed(seed)
        built = build_stage_model(model)
        if not isinstance(built, Classifier):
            raise TypeError(f'CachedScores needs a classifier, got a {type(built).__name__}')
        if checkpoint is not None:
            load_state(built, load_weights(Path(checkpoint))['state_dict'], checkpoint)
        built.freeze_unfitted()  # a clinical head that the stage is yet to fit
        built.to(get_device())
        return collect_scores(built, DATASETS.build(copy.deepcopy(dict(dataset))), batch_size, num_workers)


@torch.no_grad()
def collect_scores(model: Classifier, dataset: CaseDataset, batch_size: int, num_workers: int) -> ScoreDataset:
    """Run the image part of a model once over a dataset, in eval mode; the processes share the cases.

    Args:
        model: A `MultiModalClassifier`, not wrapped.
        dataset: A `CaseDataset` with a pipeline that draws nothing at random.
        batch_size, num_workers: Of the loader.

    Raises:
        ValueError: The model reads no images.
    """
    rank, world = get_dist_info()
    mine = Subset(dataset, range(rank, len(dataset), world))
    loader: DataLoader = DataLoader(mine, batch_size, num_workers=num_workers, collate_fn=collate_cases)
    was_training = model.training
    model.eval()
    scored: list[Case] = []
    for batch in loader:
        data = model.data_preprocessor(batch)
        outputs = model(**data, mode='tensor')
        if outputs.image_logits is None:
            raise ValueError(f'scores of the images are cached, but a {type(model).__name__} reads none')
        for case, logits in zip(batch['data_samples'], outputs.image_logits, strict=True):
            case.info[SCORES] = {IMAGE_LOGITS: logits.float().cpu()}
            scored.append(case)
    model.train(was_training)
    if world > 1:
        # rank r holds the cases r, r + world, ...: gather, then interleave
        parts: list[list[Case]] = [[] for _ in range(world)]
        torch.distributed.all_gather_object(parts, scored)
        scored = [part[i] for i in range(max(map(len, parts))) for part in parts if i < len(part)]
    return ScoreDataset(dataset, scored)
