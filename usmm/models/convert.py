"""Weights of torchvision's networks under the names of the OpenMMLab backbones that usmm builds."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from torch import Tensor, nn

from usmm import compat
from usmm.models.pretrained import LoadReport, load_pretrained, read_state
from usmm.registry import MODELS

DEPTHS = {
    ((2, 2, 2, 2), False): 18, ((3, 4, 6, 3), False): 34, ((3, 4, 6, 3), True): 50, ((3, 4, 23, 3), True): 101,
    ((3, 8, 36, 3), True): 152,
}  # fmt: skip


def resnet_depth(names: Mapping[str, object]) -> int:
    """The depth of a ResNet by the names of its tensors: blocks a stage, and whether a block has a third convolution.

    Raises:
        ValueError: They are not the names of a ResNet of torchvision.

    Example:
        >>> resnet_depth({f'layer{s}.{b}.conv1.weight': 0 for s in (1, 2, 3, 4) for b in (0, 1)})
        18
    """
    blocks: dict[str, set[str]] = {stage: set() for stage in '1234'}
    for name in names:
        if found := re.match(r'layer([1-4])\.(\d+)\.conv\d\.weight', name):
            blocks[found[1]].add(found[2])
    shape = tuple(len(found) for found in blocks.values()), any(re.search(r'\d\.conv3\.', name) for name in names)
    if shape not in DEPTHS:
        raise ValueError(f'expected a ResNet of torchvision, got {shape[0]} blocks a stage in {[*names][:5]}...')
    return DEPTHS[shape]


def from_torchvision_file(path: Path) -> tuple[nn.Module, LoadReport]:
    """A backbone with the weights of a torchvision ResNet or r2plus1d_18, and what became of each tensor.

    Args:
        path: The file: a state_dict that torch or safetensors saved.

    Returns:
        mmpretrain's ResNet, or usmm's R2Plus1D.

    Raises:
        ValueError: The file cannot be loaded safely, is of another network, or leaves a part of the backbone empty.
    """
    compat.apply()
    from usmm.models.encoders.r2plus1d import from_torchvision

    names = read_state(str(path), prefix='')
    place: Callable[[str], tuple[str, ...]]
    if 'stem.0.weight' in names:
        backbone: nn.Module = MODELS.build(dict(type='R2Plus1D', depth=18))
        place = lambda name: (from_torchvision(name),)  # noqa: E731
    else:
        backbone = MODELS.build(dict(type='mmpretrain.ResNet', depth=resnet_depth(names)))
        place = lambda name: (name,)  # noqa: E731
    report = load_pretrained(backbone, dict(checkpoint=str(path), prefix=''), place)
    if report.missing or report.mismatched:
        raise ValueError(f'{path} does not fill {type(backbone).__name__}: {report}')
    return backbone, report


def loaded_tensors(backbone: nn.Module, report: LoadReport) -> dict[str, Tensor]:
    """The tensors that were loaded, by their names in the backbone."""
    own = backbone.state_dict()
    return {name: own[name] for name in report.loaded}
