"""The one loader of checkpoints: safetensors, or `torch.load(weights_only=True)`; there is no fall-back."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

from usmm.weights import torch_file, weight_limits
from usmm.weights.refusal import PICKLE, TENSORS, kind_of, open_regular, refused
from usmm.weights.tensor_file import load_tensors

DTYPES = ['float16', 'bfloat16', 'float32', 'float64', 'uint8', 'int8', 'int16', 'int32', 'int64', 'bool']


def read_checkpoint(path: Path | str, legacy: bool = False, training: bool = False) -> Any:
    """What a file of weights holds, on the CPU; nothing in it is run. The bytes decide about the format, not the name.

    Args:
        path: safetensors (comes as `{'state_dict': ..., 'meta': ...}`), or a file of `torch.save` (comes as saved).
        legacy: Take files in the format of torch before version 1.6 too, as older model zoos have them.
        training: Take the objects that a training checkpoint of mmengine holds beside tensors (its log).

    Raises:
        ValueError: The file is missing, damaged, too large, or holds more than tensors and plain values; names it.
    """
    with open_regular(path) as file:
        kind = kind_of(file, path)
        if kind == TENSORS:
            state, meta = load_tensors(file, path)
            return {'state_dict': state, 'meta': meta}
        allowed = torch_file.registered() if training else set()
        try:
            if kind == PICKLE:
                _check_old(file, legacy, allowed)
            else:
                torch_file.check_archive(file, allowed)
            content = _load(file)
            check_tensors(content)
        except ValueError as error:
            raise refused(path, error) from error
    return content


def check_tensors(content: object) -> None:
    """Check that every tensor, at any depth, is an ordinary one that holds what its shape says.

    Raises:
        ValueError: Names the first that is not.
    """
    import torch

    known = {getattr(torch, name) for name in DTYPES}
    for name, value in _leaves(content):
        if not isinstance(value, torch.Tensor):
            continue
        if value.layout is not torch.strided or value.device.type != 'cpu' or value.is_quantized:
            raise ValueError(f'tensor {name!r} is no ordinary tensor')
        if value.dtype not in known:
            raise ValueError(f'tensor {name!r} has dtype {value.dtype}; known are {", ".join(DTYPES)}')
        if value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise ValueError(f'tensor {name!r} has the shape {tuple(value.shape)}, more than it holds')


def _check_old(file: BinaryIO, legacy: bool, allowed: set[str]) -> None:
    if not legacy:
        # what it would run comes first: that matters more than its age
        torch_file.check_pickle(file, allowed)
        raise ValueError('it is in the format of torch before version 1.6; load it and save it again')
    torch_file.check_legacy(file, allowed)


def _load(file: BinaryIO) -> object:
    import torch

    file.seek(0)
    try:
        return torch.load(file, map_location='cpu', weights_only=True)
    except (MemoryError, RecursionError) as error:
        raise ValueError(f'it asks for more than there is: {type(error).__name__}') from error
    except Exception as error:  # torch raises what comes, KeyError and the like, on a damaged file
        raise ValueError(str(error) or type(error).__name__) from error


def _leaves(content: object) -> list[tuple[str, object]]:
    """Values below nested containers with their keys; each container is entered once."""
    found: list[tuple[str, object]] = []
    seen: set[int] = set()
    waiting = [('', content)]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, (dict, list, tuple)):
            if id(value) not in seen:
                seen.add(id(value))
                pairs = value.items() if isinstance(value, dict) else enumerate(value)
                waiting += [(str(key), item) for key, item in pairs]
        else:
            found.append((name, value))
        if len(found) + len(waiting) > weight_limits.MAX_PICKLE_STEPS:
            raise ValueError(f'it holds over {weight_limits.MAX_PICKLE_STEPS} values')
    return found
