"""Steps that usmm benchmark times, and how it times them."""

from __future__ import annotations

import contextlib
import copy
import io
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmengine.runner import Runner
from torch import Tensor
from torch.utils.data import DataLoader

from usmm.models import MultiModalClassifier
from usmm.models.assembly import encoders_of
from usmm.registry import MODELS
from usmm.structures import Batch, Case, Schema

LR = 1e-5
Step = Callable[[], object]


@dataclass
class Row:
    """One line of the result: `value` (a ratio unless a unit says otherwise), the two times behind it, the target."""

    what: str
    value: float
    unit: str = 'x'
    first: float | None = None
    second: float | None = None
    target: str = ''


@dataclass(frozen=True)
class Clock:
    """How steps are timed.

    Args:
        device: `cpu`, `cuda` or `cuda:N`; a GPU is waited for.
        repeats: Timed steps.
        warmup: Steps before them, not counted.
    """

    device: str
    repeats: int
    warmup: int

    def since(self, start: float) -> float:
        """Seconds since a `time.perf_counter()`, with all that the device still has to do."""
        if self.device.startswith('cuda'):
            torch.cuda.synchronize()
        return time.perf_counter() - start

    def time(self, step: Step) -> float:
        """Seconds of one call."""
        start = time.perf_counter()
        step()
        return self.since(start)

    def median(self, step: Step) -> float:
        """Median seconds of the timed calls."""
        return statistics.median([self.time(step) for _ in range(self.warmup + self.repeats)][self.warmup :])

    def in_turn(self, what: str, first: Step, second: Step, target: str) -> Row:
        """Time both step by step, the order changing from step to step."""
        times: tuple[list[float], list[float]] = ([], [])
        for i in range(self.warmup + self.repeats):
            for side in (0, 1) if i % 2 else (1, 0):
                times[side].append(self.time((first, second)[side]))
        return self.compare(what, *times, target)

    def compare(self, what: str, first: Sequence[float], second: Sequence[float], target: str) -> Row:
        """Median of first / second, step by step."""
        pairs = list(zip(first, second, strict=True))[self.warmup :]
        ratio = statistics.median(a / b for a, b in pairs)
        seconds = statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)
        return Row(what, ratio, first=seconds[0], second=seconds[1], target=target)


def build_model(config: Config, device: str, channels_last: bool = False) -> MultiModalClassifier:
    """The config's network with fresh weights, always the same ones."""
    torch.manual_seed(0)
    settings = copy.deepcopy(config.model)
    settings.setdefault('data_preprocessor', dict(type='CasePreprocessor'))['channels_last'] = channels_last
    model = MODELS.build(settings)
    model.init_weights()
    return model.to(device)


def random_batch(config: Config, size: int) -> Batch:
    """A collated batch of noise in the config's sizes."""
    schema = Schema.of(config.schema.to_dict())
    torch.manual_seed(0)
    inputs = {}
    for name in config.modalities:
        side = config.clip_size if name in schema.clips else config.image_size
        shape = (size, 3, 10, side, side) if name in schema.clips else (size, 3, side, side)
        inputs[name] = torch.randint(0, 256, shape, dtype=torch.uint8)
    cases = [Case(f'c{i}', f'p{i}', label=i % len(config.classes)) for i in range(size)]
    present = {name: torch.ones(size, dtype=torch.bool) for name in inputs}
    return Batch(inputs=inputs, present=present, clinical=None, data_samples=cases)


def train_step(model: MultiModalClassifier, batch: Batch, half: bool = False) -> Step:
    """A training step as the Runner makes it; half: under autocast to bfloat16."""
    optimizer = torch.optim.Adam(model.parameters(), lr=LR)
    wrapper: Any = OptimWrapper(optimizer)
    if half:
        wrapper = AmpOptimWrapper(optimizer=optimizer, dtype='bfloat16', loss_scale=1.0)

    def step() -> object:
        model.train()
        return model.train_step(dict(batch), optim_wrapper=wrapper)

    return step


def test_step(
    model: MultiModalClassifier, batch: Batch, device: str, half: bool = False
) -> Callable[[], list[dict[str, np.ndarray]]]:
    """Predictions of a batch; half: under autocast to bfloat16."""

    @torch.no_grad()
    def step() -> list[dict[str, np.ndarray]]:
        model.eval()
        with torch.autocast(device.split(':')[0], dtype=torch.bfloat16, enabled=half):
            return model.test_step(dict(batch))

    return step


def plain_outputs(
    model: MultiModalClassifier, batch: Batch, device: str
) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
    """Logits, auxiliary logits and stream vectors, as a plain script would compute them with the same modules."""
    mean, std = (torch.tensor(v, device=device) for v in (model.data_preprocessor.mean, model.data_preprocessor.std))
    images = {}
    for name, x in batch['inputs'].items():
        shape = (1, 3, *[1] * (x.ndim - 2))
        images[name] = (x.to(device).float() - mean.view(shape)) / std.view(shape)
    if model.encoder is None or model.fusion is None or model.head is None:
        raise ValueError('a benchmark needs a model with images')
    encoders = encoders_of(model.encoder)
    streams = {s: encoder({m: images[m] for m in encoder.modalities}) for s, encoder in encoders.items()}
    vector, vectors = model.fusion(streams, None)
    return (*model.head(vector, vectors), vectors)


def plain_training(model: MultiModalClassifier, batch: Batch, device: str) -> Step:
    """A training step without mmengine."""
    head = model.head
    if head is None:
        raise ValueError('a benchmark needs a model with images')
    optimizer = torch.optim.Adam(model.parameters(), lr=LR)
    target = torch.tensor([case.label for case in batch['data_samples'] or ()], device=device)

    def step() -> float:
        logits, aux, vectors = plain_outputs(model, batch, device)
        loss = torch.stack(list(head.loss(logits, aux, vectors, target).values())).sum()
        loss.backward()
        optimizer.step()
        # at the end: a gradient left behind would be added to that of the other loop's step
        optimizer.zero_grad()
        return loss.item()

    return step


def plain_inference(model: MultiModalClassifier, batch: Batch, device: str) -> Step:
    """Probabilities without mmengine."""

    @torch.no_grad()
    def step() -> np.ndarray:
        return plain_outputs(model, batch, device)[0].softmax(1).cpu().numpy()

    return step


class InTurn(Hook):
    """Before each step of the Runner, time a plain one; what lies between two plain steps is the Runner's own time."""

    priority = 0  # before every other hook

    def __init__(self, step: Step, clock: Clock) -> None:
        self.step, self.clock, self.start = step, clock, math.nan
        self.runner_times: list[float] = []
        self.plain_times: list[float] = []

    def _before_iter(self, runner: Runner, batch_idx: int, data_batch: object = None, mode: str = 'train') -> None:
        if self.plain_times:
            self.runner_times.append(self.clock.since(self.start))
        self.plain_times.append(self.clock.time(self.step))
        self.start = time.perf_counter()


def run_in_turn(config: Config, model: MultiModalClassifier, batch: Batch, clock: Clock) -> tuple[InTurn, InTurn]:
    """Train, then test, with the Runner as the engine sets it up; each of its steps after a plain one."""
    # one more than is timed: a step ends where the next begins
    batches: Any = [batch] * (clock.warmup + clock.repeats + 1)
    loader: Any = DataLoader(batches, batch_size=1, collate_fn=lambda rows: rows[0])
    training = InTurn(plain_training(model, batch, clock.device), clock)
    inference = InTurn(plain_inference(model, batch, clock.device), clock)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        runner = Runner(
            model=model, work_dir=folder, train_dataloader=loader, train_cfg=dict(by_epoch=True, max_epochs=1),
            optim_wrapper=dict(optimizer=dict(type='Adam', lr=LR)), default_scope='usmm', log_level='ERROR',
            default_hooks=dict(checkpoint=None), custom_hooks=[dict(type='ProgressHook'), training],
            test_dataloader=loader, test_cfg=dict(), experiment_name=f'benchmark-{time.time_ns()}',
            test_evaluator=[dict(type='CaseMetrics', classes=config.classes, positive=config.positive)],
        )  # fmt: skip
        runner.train()
        runner._hooks.remove(training)
        runner.register_hook(inference)
        runner.test()
    for hook in (training, inference):
        hook.plain_times.pop()
    return training, inference
