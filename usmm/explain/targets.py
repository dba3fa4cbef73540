"""Which map of a network is meant: a module, which of its calls, and which part of the batch of that call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from usmm.utils.suggestions import did_you_mean

PATTERN = re.compile(r'(?P<name>[^@\[\]]+)(@(?P<call>\d+))?(\[(?P<part>\d+)/(?P<parts>\d+)\])?')


@dataclass(frozen=True)
class Target:
    """The output of a module that heat-maps are made from.

    Args:
        layer: Name of the module in the model.
        call: Which call of the module in one forward pass, from 0; for one module that several modalities pass in turn.
        part, parts: Which of equal parts of the batch, from 0; for one call on several modalities stacked as one batch.

    Raises:
        ValueError: A part that is not there.

    Example:
        >>> Target.of('trunks.shared.layer2@1')
        Target(layer='trunks.shared.layer2', call=1, part=0, parts=1)
        >>> str(Target('backbone', part=1, parts=3))
        'backbone[1/3]'
    """

    layer: str
    call: int = 0
    part: int = 0
    parts: int = 1

    def __post_init__(self) -> None:
        if self.call < 0 or not 0 <= self.part < self.parts:
            raise ValueError(f'expected call >= 0 and 0 <= part < parts, got {self.call}, {self.part} of {self.parts}')

    @classmethod
    def of(cls, text: str | Target) -> Target:
        """A target from its text: `name`, `name@call`, `name[part/parts]`.

        Raises:
            ValueError: Another form.
        """
        if isinstance(text, Target):
            return text
        found = PATTERN.fullmatch(text)
        if found is None:
            raise ValueError(f"a layer is given as 'name', 'name@call' or 'name[part/parts]', got {text!r}")
        return cls(found['name'], int(found['call'] or 0), int(found['part'] or 0), int(found['parts'] or 1))

    def __str__(self) -> str:
        call = f'@{self.call}' if self.call else ''
        return f'{self.layer}{call}' + (f'[{self.part}/{self.parts}]' if self.parts > 1 else '')


def resolve(model: nn.Module, layers: Mapping[str, str | Target | nn.Module]) -> dict[str, tuple[Target, nn.Module]]:
    """Modality -> target and module.

    Args:
        model: The network.
        layers: Modality -> module of the model, or its name, as `Target.of` takes it.

    Raises:
        ValueError: There is no layer, or the model has no such module.
    """
    if not layers:
        raise ValueError('there is no layer to make a heat-map from: this model reads no image')
    modules = dict(model.named_modules())
    names = {id(module): name for name, module in modules.items()}
    found = {}
    for modality, layer in layers.items():
        if isinstance(layer, nn.Module):
            if id(layer) not in names:
                raise ValueError(f'{modality}: the {type(layer).__name__} that was given is no part of the model')
            layer = Target(names[id(layer)])
        target = Target.of(layer)
        if target.layer not in modules:
            hint = did_you_mean(target.layer, filter(None, modules), count=3)
            raise ValueError(f'{modality}: the model has no module {target.layer!r}; {hint}')
        found[modality] = (target, modules[target.layer])
    return found
