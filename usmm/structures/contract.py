"""How `isinstance` works with the protocols of usmm: by `hasattr`, whatever the version of Python."""

from __future__ import annotations

from abc import ABCMeta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    _ProtocolMeta = ABCMeta
else:
    _ProtocolMeta = type(Protocol)

SPECIAL = frozenset({'__call__', '__getitem__', '__len__'})  # special methods that a protocol may ask for


class Contract(_ProtocolMeta):
    """Metaclass of protocols whose members may be submodules and buffers of a `torch.nn.Module`.

    A module finds these in its `__getattr__`, where the `isinstance` of `typing` does not look from Python 3.12 on.

    Example:
        >>> class Sized(Protocol, metaclass=Contract):
        ...     size: int
        >>> class Lazy:
        ...     def __getattr__(self, name: str) -> int:
        ...         return 3
        >>> isinstance(Lazy(), Sized), isinstance(object(), Sized)
        (True, False)
    """

    def __instancecheck__(cls, instance: object) -> bool:
        if Protocol not in cls.__bases__:  # a class that inherits from a protocol
            return super().__instancecheck__(instance)
        return cls in type(instance).__mro__ or not missing_members(instance, cls)


def missing_members(item: object, protocol: type) -> list[str]:
    """The members of a protocol that an object does not have, sorted.

    Example:
        >>> class Shaped(Protocol):
        ...     shape: tuple[int, ...]
        >>> missing_members([], Shaped)
        ['shape']
    """
    names = {name for base in protocol.__mro__ for name in (*vars(base), *vars(base).get('__annotations__', {}))}
    names = {name for name in names if name in SPECIAL or not name.startswith('_')}
    return sorted(name for name in names if not hasattr(item, name))
