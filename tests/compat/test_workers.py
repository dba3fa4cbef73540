"""Persistent workers end when they are told to."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.model import BaseModel
from torch.utils.data import DataLoader, TensorDataset

from usmm.compat.workers import stop_workers
from usmm.engine.stages import QuietRunner


def loader(workers: int) -> DataLoader:
    return DataLoader(TensorDataset(torch.arange(6.0)), 2, num_workers=workers, persistent_workers=workers > 0)


def test_workers_leave_by_themselves_and_the_loader_can_be_used_again() -> None:
    data = loader(2)
    first = [batch[0].tolist() for batch in data]
    workers = data._iterator._workers
    assert [w.is_alive() for w in workers] == [True, True]
    stop_workers(data)
    assert [w.exitcode for w in workers] == [0, 0]
    assert [batch[0].tolist() for batch in data] == first
    stop_workers(data)


@pytest.mark.parametrize('given', [None, {'batch_size': 2}])
def test_what_has_no_workers_is_left_alone(given: object) -> None:
    stop_workers(given)
    plain = loader(0)
    list(plain)
    stop_workers(plain)
    assert len(list(plain)) == 3


def test_a_runner_ends_the_workers_of_its_loaders(tmp_path: Path) -> None:
    net = torch.nn.Linear(1, 1)
    runner = QuietRunner(
        model=ToyModel(net), work_dir=str(tmp_path), experiment_name='workers', default_scope='usmm',
        train_dataloader=loader(1), train_cfg=dict(by_epoch=True, max_epochs=1),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
    )  # fmt: skip
    runner.train()
    workers = runner.train_loop.dataloader._iterator._workers
    assert [w.is_alive() for w in workers] == [True]
    runner.close()
    assert [w.is_alive() for w in workers] == [False]


class ToyModel(BaseModel):
    def __init__(self, net: torch.nn.Module) -> None:
        super().__init__(dict(type='BaseDataPreprocessor', _scope_='mmengine'))
        self.net = net

    def forward(self, x: torch.Tensor, mode: str = 'tensor') -> dict[str, torch.Tensor]:
        return dict(loss=self.net(x[:, None]).square().mean())
