"""Trains a one-weight model with mmengine's Runner on a CPU; run as a script by the tests, alone or by torchrun."""

from __future__ import annotations

import atexit
import json
import os
import sys
from pathlib import Path
from typing import Any

import torch

from usmm import compat

needed = compat.apply()

from mmengine.evaluator import BaseMetric, Evaluator  # noqa: E402
from mmengine.logging import HistoryBuffer  # noqa: E402
from mmengine.model import BaseModel  # noqa: E402
from mmengine.runner import Runner  # noqa: E402


class Line(BaseModel):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)

    def forward(self, x: torch.Tensor, y: torch.Tensor, mode: str = 'tensor') -> Any:
        out = self.layer(x)
        if mode == 'loss':
            return dict(loss=(out.float() - y).square().mean(), wide=(out.dtype == torch.float32) * torch.ones(()))
        return list(zip(out.float(), y))


class SquaredError(BaseMetric):
    def process(self, data_batch: Any, data_samples: Any) -> None:
        self.results += [float((a - b).square()) for a, b in data_samples]

    def compute_metrics(self, results: list[float]) -> dict[str, Any]:
        import numpy as np

        return dict(error=np.mean(results), number=len(results))


def runner(folder: str, epochs: int, launcher: str, wrapper: str) -> Runner:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(9, 2, generator=generator)
    data = [dict(x=a, y=a.sum(0, keepdim=True)) for a in x]
    loader = dict(
        batch_size=2,
        dataset=data,
        sampler=dict(type='DefaultSampler', shuffle=False),
        collate_fn=dict(type='default_collate'),
    )
    return Runner(
        model=Line(),
        work_dir=folder,
        train_dataloader=loader,
        val_dataloader=loader,
        train_cfg=dict(by_epoch=True, max_epochs=epochs, val_interval=1),
        val_cfg=dict(),
        val_evaluator=Evaluator(SquaredError(prefix='toy')),
        optim_wrapper=dict(type=wrapper, optimizer=dict(type='SGD', lr=0.05)),
        default_hooks=dict(checkpoint=dict(type='CheckpointHook', interval=1, save_best='toy/error', rule='less')),
        launcher=launcher,
        resume=epochs > 1,
        randomness=dict(seed=1),
        log_level='ERROR',
        experiment_name=f'toy{epochs}',
    )


def write_threads(file: Path) -> None:
    """The names of the threads of this process, where the system tells them."""
    names = [p.read_text().strip() for p in Path('/proc/self/task').glob('*/comm')]
    file.write_text(json.dumps(names))


def main() -> None:
    folder, launcher, wrapper = sys.argv[1:]
    # registered before the mends register theirs, so run after them
    atexit.register(write_threads, Path(folder, f'threads_{os.environ.get("RANK", 0)}.json'))
    torch.set_num_threads(1)
    facts: dict[str, Any] = {'needed': needed}
    for epochs in (1, 3):
        trained = runner(folder, epochs, launcher, wrapper)
        trained.train()
    hub = trained.message_hub
    facts.update(
        epoch=trained.epoch,
        wide=float(hub.get_scalar('train/wide').current()),
        history=len(hub.get_scalar('train/loss').data[0]),
        buffer=isinstance(hub.get_scalar('train/loss'), HistoryBuffer),
        number=int(hub.get_scalar('val/toy/number').current()),
        weight=trained.model.state_dict()[next(iter(trained.model.state_dict()))].flatten().tolist(),
    )
    Path(folder, f'facts_{os.environ.get("RANK", 0)}.json').write_text(json.dumps(facts))


if __name__ == '__main__':
    main()
