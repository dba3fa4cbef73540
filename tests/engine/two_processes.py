"""What each of two processes does for `test_two_processes.py`; the same functions give the values of one process."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import torch
from mmengine.dist import all_reduce, get_rank, get_world_size
from mmengine.model import MMDistributedDataParallel
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.data import DataLoader

from usmm.config import load_config
from usmm.datasets import CaseSampler
from usmm.datasets.checks.verify import find_bad
from usmm.datasets.transforms import collate_cases
from usmm.engine import Experiment, RunOptions
from usmm.engine.hooks.run_state import RunStateHook, plain_model

CASES = 8  # of the total batch
OPTIONS = {'modalities': ['bus', 'ue'], 'model.head.dropout': 0.0, 'model.fusion.dropout': 0.0, 'split.folds': 4}


def experiment(config: str, work: str, launcher: str = 'none') -> Experiment:
    options = {**OPTIONS, 'work_dir': work}
    return Experiment(load_config(config, options), options=RunOptions(launcher, progress=False))


def step(run: Experiment, frozen: bool) -> dict:
    """Loss, gradients and running statistics of one step on the first cases, each process with its share of them."""
    model = run.model
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.train()
    for layer in model.modules():
        if isinstance(layer, _BatchNorm):
            layer.momentum = 1.0  # the statistics of this batch
            if frozen:
                layer.eval()
    whole = MMDistributedDataParallel(model) if get_world_size() > 1 else model
    data = run._dataset('train', 'test_pipeline')
    batch = collate_cases([data[i] for i in range(get_rank(), CASES, get_world_size())])
    losses = whole(**model.data_preprocessor(batch, True), mode='loss')
    loss, _ = model.parse_losses(losses)
    loss.backward()
    if get_world_size() > 1:
        runner = type('Runner', (), {'model': whole, 'hooks': []})()
        RunStateHook().after_train_epoch(runner)
    mean = loss.detach().clone()
    all_reduce(mean, op='mean')
    first = next(name for name, layer in model.named_modules() if isinstance(layer, _BatchNorm))
    statistics = {
        name: dict(model.named_buffers())[f'{first}.{name}'].clone() for name in ('running_mean', 'running_var')
    }
    gradients = {name: p.grad.clone() for name, p in plain_model(whole).named_parameters() if p.grad is not None}
    model.zero_grad()
    model.load_state_dict(state)
    return {'loss': mean, 'gradients': gradients, **statistics}


def draws(run: Experiment) -> dict[str, str]:
    """`epoch case` -> digest of the pixels that this process loads, of three epochs with augmentation."""
    data = run._dataset('train', 'train_pipeline')
    sampler = CaseSampler(data, shuffle=True, seed=3)
    found = {}
    for epoch in range(3):
        sampler.set_epoch(epoch)
        for case in DataLoader(data, sampler=sampler, batch_size=None, collate_fn=lambda case: case):
            pixels = b''.join(case.data[m].numpy().tobytes() for m in sorted(case.data))
            found[f'{epoch} {case.case_id}'] = hashlib.sha256(pixels).hexdigest()
    return found


class Refusing:
    """A transform that counts the cases, and finds every third of them damaged."""

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, case):
        from usmm.readers import DataError

        self.seen += 1
        if int(case.case_id[1:]) % 3 == 0:
            raise DataError('damaged', case=case.case_id)
        return case


def verified(run: Experiment) -> tuple[list[tuple[int, str]], int]:
    """The bad cases of the training part, and how many this process has read."""
    transform = Refusing()
    found = find_bad(run.parts['train'].cases, [transform])
    return [(index, str(error)) for index, error in found], transform.seen


def synchronised() -> str:
    """What torch says of a synchronised batch norm on a CPU."""
    layer = nn.SyncBatchNorm(2)
    try:
        layer(torch.ones(2, 2))
    except ValueError as error:
        return str(error)
    return ''


def main() -> None:
    torch.set_num_threads(1)
    config, folder = sys.argv[1:]
    run = experiment(config, str(Path(folder, 'work')), 'pytorch')
    found = {
        'frozen': step(run, True), 'learning': step(run, False), 'draws': draws(run), 'verified': verified(run),
        'synchronised': synchronised(),
    }  # fmt: skip
    torch.save(found, Path(folder, f'rank{os.environ["RANK"]}.pt'))
    run.close()


if __name__ == '__main__':
    main()
