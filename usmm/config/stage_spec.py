"""Settings of a stage, and how it is run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypedDict

from usmm.structures import Settings


@dataclass(frozen=True)
class RunOptions:
    """How to run a config, apart from what it describes: the flags of `usmm train`.

    Args:
        launcher: `none`, `pytorch` (torchrun), `slurm` or `mpi`.
        amp: Mixed precision (bfloat16 on a CPU) and channels-last memory.
        validate: Whether to validate after each epoch.
        auto_scale_lr: Scale the learning rate by the real batch size over that of the config's `auto_scale_lr` (16).
        progress: Show progress on the console.
    """

    launcher: str = 'none'
    amp: bool = False
    validate: bool = True
    auto_scale_lr: bool = False
    progress: bool = True


class _Named(TypedDict):
    name: str


class StageSpec(_Named, total=False):
    """Settings of one entry of `stages` in a config; docs/configs.md describes them."""

    train: str | Sequence[str]  # what learns: 'all', 'clinical', 'all but clinical', or names of parts
    max_epochs: int
    batch_size: int
    optimizer: Settings
    optim_wrapper: Settings
    param_scheduler: Settings | Sequence[Settings]
    monitor: str  # the validation metric that selects the epoch
    evaluator: Sequence[Settings]
    custom_hooks: Sequence[Settings]
    early_stop: Settings
    val_interval: int
    checkpoint_interval: int
    oversample: bool
    cache: bool  # compute the scores of a frozen image part once
    fit: bool  # the model, or its clinical head, is fitted once instead of trained
    out_of_fold: int  # folds of the image scores that a fitted head reads
    # of a pre-training alone
    model: Settings
    dataset: Settings
    part: str  # the cases that it learns from: 'train' or 'all'
    store: str  # folder of weights that are used again
    selection: str  # 'last': the last epoch counts


Stages: TypeAlias = Sequence[StageSpec]


class EnvConfig(TypedDict, total=False):
    """Environment of a runner, as mmengine takes it."""

    dist_cfg: dict[str, object]
    mp_cfg: dict[str, object]
    cudnn_benchmark: bool
