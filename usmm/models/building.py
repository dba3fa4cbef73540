"""Build components by name, whatever OpenMMLab scope happens to be the default one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from usmm.registry import MODELS, SCOPE


def build(cfg: Mapping[str, Any]) -> Any:
    """The component of a config, built in its own scope.

    A name with a scope (`mmpretrain.ResNet`) is found from anywhere, but the parts that it builds by name are looked
    for in the default scope, where they are not. So the component's scope is the default one while it is built: of a
    bare name, that of usmm.

    Example:
        >>> type(build(dict(type='mmpretrain.ResNet', depth=18))).__name__
        'ResNet'
    """
    kind = cfg.get('type')
    if isinstance(kind, str) and '.' in kind:
        scope, name = kind.split('.', 1)
        return MODELS.build({'_scope_': scope, **cfg, 'type': name})
    return MODELS.build({'_scope_': SCOPE, **cfg})
