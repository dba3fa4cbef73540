"""From settings and weights to a network that is ready to be asked, and the steps before it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from usmm.apis.bundle import Bundle
from usmm.registry import FUNCTIONS, MODELS, TRANSFORMS
from usmm.structures import Case
from usmm.weights import check_numbers

BUNDLE = 'usmm_bundle'  # the attribute of a network that says what it was built from


def build_network(bundle: Bundle) -> Any:
    """The network of a bundle, on the CPU and in eval mode; without weights it is initialised as for training.

    Raises:
        ValueError: The weights do not fit, or are not finite.
    """
    with torch.random.fork_rng(devices=[]):  # the caller's random numbers stay as they are
        model: Any = MODELS.build(copy.deepcopy(bundle.settings['model']))
        if bundle.state is None:
            model.init_weights()
        else:
            _fill(model, bundle)
            model.freeze_unfitted()  # weights of a stage before the clinical one: the images decide
    setattr(model, BUNDLE, bundle)
    return model.eval()


def build_pipeline(bundle: Bundle) -> list[Callable[[Case], Case]]:
    """The transforms of a test; what they would keep on disk or in memory is not kept."""
    return [TRANSFORMS.build(step) for step in without_caches(bundle.settings['test_pipeline'])]


def collate(cases: Sequence[Case]) -> dict[str, Any]:
    """Packed cases to a batch, as in a test."""
    found: dict[str, Any] = FUNCTIONS.get('collate_cases')(cases)
    return found


def without_outline(case: Case) -> list[str]:
    """Modalities that were to be cropped to the lesion, and were taken whole for want of an outline."""
    cropped = [m for m, facts in case.info.items() if isinstance(facts, Mapping) and 'crop' in facts]
    return [m for m in cropped if m not in case.boxes and (case.masks.get(m) is None or not case.masks[m].any())]


def clip_frames(bundle: Bundle) -> dict[str, int]:
    """Clip -> the number of frames that the pipeline makes of a file, where it fixes one."""
    steps = list(_steps(bundle.settings['test_pipeline']))
    clips = list(bundle.settings['schema'].get('clips') or {})
    found: dict[str, int] = {}
    for step in steps:
        name = step['type'].rpartition('.')[2]
        if name == 'KeyFrames':
            found[step['modality']] = TRANSFORMS.build(without_caches(step)).num_frames
        elif name == 'LoadClip' and step.get('num_frames') is not None:
            names = step.get('modalities') or clips
            found |= dict.fromkeys([names] if isinstance(names, str) else names, step['num_frames'])
    return found


def _fill(model: nn.Module, bundle: Bundle) -> None:
    state: Any = bundle.state
    check_numbers(bundle.source, state, model.state_dict())
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(f'{bundle.source} does not fit its model: {error}') from error


def without_caches(node: Any) -> Any:
    """Settings of transforms that keep nothing on disk or in memory."""
    if isinstance(node, Mapping):
        off: dict[str, Any] = {'cache_dir': None} if 'cache_dir' in node else {}
        off |= {'memory': False} if 'memory' in node and str(node.get('type')).endswith('Cached') else {}
        return {k: without_caches(v) for k, v in node.items()} | off
    return [without_caches(item) for item in node] if isinstance(node, (list, tuple)) else node


def _steps(pipeline: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for step in pipeline:
        yield step
        yield from _steps(step.get('transforms') or ())
