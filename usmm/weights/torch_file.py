"""Files that `torch.save` wrote, looked through before torch loads them with `weights_only=True`.

torch's safe loader keeps code from running. What it lets through is checked here: an archive that unpacks to more than
its size, objects other than tensors and plain values, sizes that the file does not hold, checksums that are wrong.
"""

from __future__ import annotations

import io
import pickletools
import re
import zipfile
from collections.abc import Collection
from typing import Any, BinaryIO

from usmm.utils.unpacking import open_archive, read_entry
from usmm.weights import weight_limits
from usmm.weights.refusal import size_of

KINDS = ('Double', 'Float', 'Half', 'BFloat16', 'Long', 'Int', 'Short', 'Char', 'Byte', 'Bool', 'Untyped')
STORAGES = {f'torch.{kind}Storage' for kind in KINDS}
PLAIN = {
    *STORAGES,
    'torch.storage.UntypedStorage',
    'collections.OrderedDict',
    'torch._utils._rebuild_tensor_v2',
    'torch._utils._rebuild_parameter',
    'torch.Size',
    '_codecs.encode',  # bytes
}
DTYPES = re.compile(r'torch\.(float16|bfloat16|float32|float64|u?int8|int16|int32|int64|bool)')
BANNED = {'INST', 'OBJ', 'STACK_GLOBAL', 'EXT1', 'EXT2', 'EXT4', 'NEWOBJ_EX', 'PERSID', 'NEXT_BUFFER', 'REDUCE_EX'}
ENTRY = re.compile(r'data\.pkl|byteorder|version|\.format_version|\.storage_alignment|(\.data/|data/)\w+')
SMALL = 2**20  # numbers up to it are of no concern
LEGACY_PICKLES = 5  # magic number, protocol, system, the content, the keys of the storages that follow
STRANGE_ENDS = 'its archive is damaged: it does not begin and end as torch writes it'
END_BYTES = 22  # of the record that an archive ends with
MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of that format


def check_archive(file: BinaryIO, allowed: Collection[str] = ()) -> None:
    """Check the zip archive that torch writes: its entries, their checksums and its pickle.

    Args:
        file: An open file.
        allowed: Names (`module.name`) that the pickle may use beside those of tensors and plain values.

    Raises:
        ValueError: Says what is wrong; without the file's name.
    """
    _check_ends(file)
    try:
        with open_archive(file) as archive:
            entries = archive.infolist()
            _check_entries(entries, size_of(file))
            broken = archive.testzip()
            if broken is not None:
                raise ValueError(f'the checksum of {broken} is wrong')
            (index,) = [e for e in entries if e.filename.partition('/')[2] == 'data.pkl']
            check_pickle(io.BytesIO(read_entry(archive, index, weight_limits.MAX_PICKLE_BYTES)), allowed)
    except OSError as error:
        raise ValueError(f'its archive is damaged: {error}') from error


def check_legacy(file: BinaryIO, allowed: Collection[str] = ()) -> None:
    """Check the format of torch before version 1.6: pickles one after the other, then the numbers.

    Raises:
        ValueError: Says what is wrong; without the file's name.
    """
    file.seek(0)
    for _ in range(LEGACY_PICKLES):
        # torch reserves as much as is stated before it reads: no number may be larger than the file
        check_pickle(file, allowed, max(size_of(file), SMALL))


def check_pickle(file: BinaryIO, allowed: Collection[str] = (), largest: int | None = None) -> None:
    """Walk through a pickle without running it.

    Args:
        file: Open at the pickle; left behind its end.
        allowed: As in `check_archive`.
        largest: Whole numbers over it are refused, but for the magic number of torch.

    Raises:
        ValueError: It uses a name or a step that tensors and plain values do not need.
    """
    steps = 0
    try:
        for opcode, argument, _ in pickletools.genops(file):
            steps += 1
            if steps > weight_limits.MAX_PICKLE_STEPS:
                raise ValueError(f'its index takes over {weight_limits.MAX_PICKLE_STEPS} steps')
            if opcode.name in BANNED:
                raise ValueError(f'its pickle takes the step {opcode.name}, which tensors do not need')
            if opcode.name == 'GLOBAL':
                _check_name(str(argument).replace(' ', '.'), allowed)
            if largest is not None and type(argument) is int and largest < abs(argument) != MAGIC:
                raise ValueError(f'it states the number {argument}, larger than the file')
    except ValueError as error:
        text = str(error)
        raise ValueError(text if text.startswith('it') else f'its pickle is damaged: {text}') from error
    except (EOFError, IndexError, UnicodeError, OverflowError) as error:
        raise ValueError(f'its pickle is damaged: {error}') from error


def _check_name(name: str, allowed: Collection[str]) -> None:
    if name not in PLAIN and not DTYPES.fullmatch(name) and name not in allowed:
        raise ValueError(f'its pickle uses {name}, which is neither a tensor nor a plain value')


def _check_ends(file: BinaryIO) -> None:
    """See that an archive begins and ends as torch writes it, so that torch finds the same entries in it as Python.

    Archives may have anything before their first entry, and a comment at the end in which another list of entries can
    stand; readers differ in which of two they take.
    """
    file.seek(-min(END_BYTES, size_of(file)), 2)
    end = file.read()
    file.seek(0)
    # the last field is the length of the comment
    if file.read(4) != b'PK\x03\x04' or not end.startswith(b'PK\x05\x06') or end[-2:] != bytes(2):
        raise ValueError(STRANGE_ENDS)
    file.seek(0)


def _check_entries(entries: list[zipfile.ZipInfo], size: int) -> None:
    if min((e.header_offset for e in entries), default=0) != 0:
        raise ValueError(STRANGE_ENDS)
    if len(entries) > weight_limits.MAX_TENSORS:
        raise ValueError(f'it has {len(entries)} entries, over the limit of {weight_limits.MAX_TENSORS}')
    names = [e.filename for e in entries]
    roots = {name.partition('/')[0] for name in names}
    rest = [name.partition('/')[2] for name in names]
    if any(n == 'constants.pkl' or n.startswith('code/') for n in rest):
        raise ValueError('it is TorchScript, which is code: save the weights with torch.save(model.state_dict(), path)')
    if len(set(names)) != len(names):
        raise ValueError('it has an entry twice')
    if rest.count('data.pkl') != 1 or len(roots) != 1 or roots & {'', '.', '..'}:
        raise ValueError('it is a zip archive, but none that torch.save wrote')
    strange = [name for name, inner in zip(names, rest, strict=True) if not ENTRY.fullmatch(inner)]
    if strange:
        raise ValueError(f'its archive has an entry {strange[0]!r} that torch.save does not write')
    if any(e.compress_type != zipfile.ZIP_STORED for e in entries):
        raise ValueError('its archive is compressed, which torch.save does not do')
    if sum(e.file_size for e in entries) > size:
        raise ValueError(f'its archive unpacks to more than the {size} bytes that it has')


def registered() -> set[str]:
    """The names that were made known to torch's safe loader, as a training checkpoint of mmengine needs them."""
    from torch.serialization import get_safe_globals

    found: list[Any] = list(get_safe_globals())
    # torch itself takes a Counter: the milestones of a MultiStepLR are one
    return {'collections.Counter'} | {
        f[1] if isinstance(f, tuple) else f'{f.__module__}.{f.__qualname__}' for f in found
    }
