"""Pre-trained weights for backbones: read safely, matched by name and shape, and accounted for tensor by tensor."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import torch
from mmengine.logging import print_log
from mmengine.runner.checkpoint import get_torchvision_models
from torch import Tensor, nn

from usmm.structures import Settings
from usmm.weights import read_checkpoint

PREFIXES = ('module.', 'backbone.', 'model.')
HASH = re.compile(r'-([0-9a-f]{8,})\.pth$')  # the start of the SHA-256, as torchvision and OpenMMLab name files
CONTAINERS = ('state_dict', 'model', 'model_state')


@dataclass(frozen=True)
class LoadReport:
    """What became of a checkpoint's tensors.

    Args:
        loaded: Names in the module that took a value.
        missing: Names in the module that kept theirs.
        unused: Names in the checkpoint that found no place.
        mismatched: Name in the module -> (its shape, shape in the checkpoint).
        resized: Position embeddings that were interpolated to the module's size of images; they are `loaded` too.
    """

    loaded: tuple[str, ...]
    missing: tuple[str, ...]
    unused: tuple[str, ...]
    mismatched: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]
    resized: tuple[str, ...] = ()

    def __str__(self) -> str:
        text = f'{len(self.loaded)} tensors loaded, {len(self.missing)} of the module kept their own values'
        for name in ('missing', 'unused', 'mismatched', 'resized'):
            if getattr(self, name):
                text += f'; {name}: {", ".join(getattr(self, name))}'
        return text


def split_pretrained(cfg: Settings) -> tuple[dict[str, object], dict[str, object] | None]:
    """A backbone's config without its `init_cfg=dict(type='Pretrained', ...)`, and that init_cfg apart (or None)."""
    inits: Any = cfg.get('init_cfg') or []  # mmengine checks what is in it
    inits = [inits] if isinstance(inits, Mapping) else list(inits)
    found = [i for i in inits if i.get('type') == 'Pretrained']
    if not found:
        return dict(cfg), None
    rest = {k: v for k, v in cfg.items() if k != 'init_cfg'}
    others = [i for i in inits if i.get('type') != 'Pretrained']
    return (dict(rest, init_cfg=others) if others else rest), dict(found[-1])


def read_state(checkpoint: str, prefix: str | None = None) -> dict[str, Tensor]:
    """The tensors of a checkpoint, names without wrappers' prefixes. Nothing but tensors is ever unpickled.

    Args:
        checkpoint: A file (safetensors, or of torch), an http(s) address, or `torchvision://NAME`.
        prefix: Keep only the names that start so, and cut it off. None: cut `module.`, `backbone.` and the like.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be loaded safely, nothing in it is a tensor, or nothing has the prefix.
    """
    found = _load(checkpoint)
    for key in CONTAINERS:
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
    state = {k: v for k, v in found.items() if isinstance(v, Tensor)} if isinstance(found, Mapping) else {}
    state = _cut_prefixes(state) if prefix is None else _cut(state, prefix)
    if not state:
        under = '' if prefix is None else f' under the prefix {prefix!r}'
        raise ValueError(f'no tensors found in checkpoint {checkpoint}{under}')
    return state


def load_pretrained(
    module: nn.Module,
    init_cfg: Settings,
    place: Callable[[str], tuple[str, ...]] = lambda name: (name,),
) -> LoadReport:
    """Copy a checkpoint's tensors into a module, log and return what was loaded and what was not.

    Args:
        module: The module to fill.
        init_cfg: `dict(type='Pretrained', checkpoint=..., prefix=None)`.
        place: Name in the checkpoint -> names in the module (several where parts of it are copies of one network); a
            name that it cannot place, but the module has, is taken as it is.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If no tensor of the checkpoint fits the module.
    """
    checkpoint, prefix = str(init_cfg['checkpoint']), init_cfg.get('prefix')
    state = read_state(checkpoint, None if prefix is None else str(prefix))
    own = module.state_dict()
    taken, unused, mismatched, resized = {}, [], {}, []
    for name, value in state.items():
        targets = [t for t in place(name) if t in own] or [t for t in (name,) if t in own]
        if not targets:
            unused.append(name)
        for target in targets:
            resize = None if own[target].shape == value.shape else _resizer(module, target)
            placed = value if resize is None else resize(value)
            if own[target].shape == placed.shape:
                taken[target] = placed
                resized += [] if resize is None else [target]
            else:
                mismatched[target] = (tuple(own[target].shape), tuple(value.shape))
    if not taken:
        raise ValueError(f'no tensor of {checkpoint} fits {type(module).__name__}; it has {[*state][:5]}...')
    module.load_state_dict(taken, strict=False)
    missing = tuple(k for k in own if k not in taken and k not in mismatched and not k.endswith('num_batches_tracked'))
    report = LoadReport(tuple(taken), missing, tuple(unused), mismatched, tuple(resized))
    print_log(f'{type(module).__name__} from {checkpoint}: {report}', logger='current')
    return report


def _resizer(module: nn.Module, name: str) -> Callable[[Tensor], Tensor] | None:
    """How the position embedding of this name is brought to the size that its owner wants; None: it is none.

    A transformer of mmpretrain interpolates its embedding when a state is loaded, but a state of other shapes does not
    come so far.
    """
    owner, _, last = name.rpartition('.')
    prepare = getattr(module.get_submodule(owner), '_prepare_pos_embed', None)
    if last != 'pos_embed' or prepare is None:
        return None

    def resize(value: Tensor) -> Tensor:
        state = {last: value}
        prepare(state, '')
        return state[last]

    return resize


def _load(checkpoint: str) -> object:
    address = checkpoint
    if checkpoint.startswith('torchvision://'):
        address = get_torchvision_models()[checkpoint.removeprefix('torchvision://')]
    path = _download(address) if address.startswith(('http://', 'https://')) else Path(address)
    if not path.exists():
        raise FileNotFoundError(f'no checkpoint at {path}')
    # mmpretrain publishes its files in the older format
    return read_checkpoint(path, legacy=True, training=True)


def _download(address: str) -> Path:
    """The file of an address in torch's cache; a hash in its name (`resnet18-f37072fd.pth`) is checked."""
    name = Path(urlparse(address).path).name
    path = Path(torch.hub.get_dir(), 'checkpoints', name)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        stated = HASH.search(name)
        torch.hub.download_url_to_file(address, str(path), stated[1] if stated else None)
    return path


def _cut(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}


def _cut_prefixes(state: dict[str, Tensor]) -> dict[str, Tensor]:
    # A classifier's file holds its head too (`backbone.conv1.weight`, `head.fc.weight`): the head has no use here.
    while found := [p for p in PREFIXES if any(k.startswith(p) for k in state)]:
        state = _cut(state, found[0])
    return state
