"""Building what settings of a file of weights describe: allowed components, no access to files, bounded memory."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from usmm.utils.no_access import no_access
from usmm.zoo.allowed_components import allowed_only

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from usmm.apis.bundle import Bundle

SPARE_BYTES = 2**29
TIMES_STORED = 4  # a network needs its weights, what they are drawn from, and buffers that are not stored
MAX_OPERATIONS = 500_000
BYTES_OF_A_NUMBER = 4


def building(bundle: Bundle) -> AbstractContextManager[None]:
    """The context in which components of a bundle are built; one of a user's config is not restricted.

    Raises:
        ValueError: The settings of a file of weights cannot be built, or only with what they may not have.
    """
    return nullcontext() if bundle.stored_bytes is None else _guarded(bundle.source, bundle.stored_bytes)


@contextmanager
def _guarded(source: str, stored: int) -> Iterator[None]:
    try:
        with allowed_only(), no_access(), _MemoryLimit(TIMES_STORED * stored + SPARE_BYTES):
            yield
    except Exception as error:  # wrong arguments make constructors raise errors of every type
        reason = (str(error).splitlines() or [''])[0][:300]
        raise ValueError(
            f'{source}: what its settings describe cannot be built: {type(error).__name__}: {reason}'
        ) from error


class _MemoryLimit(TorchDispatchMode):
    """Refuses tensors that together need more than so many bytes, before they are filled.

    Args:
        limit: Bytes.
    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit, self.bytes, self.operations = limit, 0, 0

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run an operation of torch, once its result is known to be small enough."""
        self.operations += 1
        if self.operations > MAX_OPERATIONS:
            raise MemoryError(f'it takes more than {MAX_OPERATIONS} operations')
        if not any(isinstance(arg, Tensor) for arg in args):  # it makes a tensor by numbers alone
            self._check(max(map(_numbers, args), default=0) * BYTES_OF_A_NUMBER)
        made = func(*args, **(kwargs or {}))
        if isinstance(made, Tensor) and not any(isinstance(a, Tensor) and _same(a, made) for a in args):
            self.bytes += made.numel() * made.element_size()
            self._check(0)
        return made

    def _check(self, more: int) -> None:
        if self.bytes + more > self.limit:
            raise MemoryError(f'it takes more than {self.limit} bytes, which is too much for the weights in the file')


def _numbers(arg: object) -> int:
    """How many numbers an argument such as a shape or the end of a range asks for, at most."""
    if isinstance(arg, bool):
        return 0
    if isinstance(arg, int):
        return abs(arg)
    if isinstance(arg, (list, tuple)) and all(isinstance(n, int) for n in arg):
        return abs(math.prod(arg))
    return 0


def _same(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors share their memory, as a view or a result in place does."""
    return one.untyped_storage().data_ptr() == other.untyped_storage().data_ptr()
