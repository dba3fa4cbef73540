"""Look-up tables of a DICOM header: descriptor and entries -> array (PS3.3, C.11.1.1 and C.7.6.3.1.5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydicom import Dataset

from usmm.readers.dicom.header_values import name_of
from usmm.readers.errors import DataError


@dataclass(frozen=True)
class Descriptor:
    """The three numbers that describe a table.

    Args:
        count: Number of entries.
        first: The value that the first entry belongs to; values outside the table take its ends.
        bits: Bits of an entry.
    """

    count: int
    first: int
    bits: int

    @classmethod
    def read(cls, item: Dataset, keyword: str, inputs: np.ndarray, place: str) -> Descriptor:
        """Read a descriptor.

        Its second number is signed or not, which files without types do not state and others state wrongly, since the
        programs that converted them had to guess. So the reading counts whose table covers more of the possible inputs.

        Args:
            item: The dataset or the item of a sequence.
            keyword: The descriptor.
            inputs: All values that the table could be asked for.
            place: Where it stands, for messages.

        Raises:
            DataError: if it is absent or not three numbers.
        """
        value = item.get(keyword)
        if value is None or np.size(value) != 3:
            raise DataError(f'{place} needs {name_of(keyword)} with three numbers: correct the element')
        count, first, bits = (int(v) for v in np.ravel(value))
        count = count % 2**16 or 2**16  # 0 stands for 65536
        low, high = float(inputs.min()), float(inputs.max())

        def covered(start: int) -> float:
            return min(high, start + count - 1) - max(low, start)

        unsigned = first % 2**16
        other = unsigned if first < 0 else unsigned - 2**16 if unsigned >= 2**15 else first
        return cls(count, other if covered(other) > max(covered(first), -1) else first, bits)


@dataclass(frozen=True)
class Table:
    """A look-up table.

    Args:
        first: As in `Descriptor`.
        entries: Its entries.
        top: The largest value that an entry of its depth can have.
    """

    first: int
    entries: np.ndarray
    top: int

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """The entry of each value, as float."""
        index = np.clip(np.rint(values).astype(np.int64) - self.first, 0, len(self.entries) - 1)
        return self.entries[index].astype(np.float64)


def first_table(header: Dataset, keyword: str, inputs: np.ndarray) -> Table | None:
    """The first table of a sequence, or None.

    Args:
        header: The dataset.
        keyword: The sequence.
        inputs: All values that the table could be asked for.

    Raises:
        DataError: if the table is not whole, or its entries do not fit its depth.
    """
    sequence = header.get(keyword)
    if not sequence:
        return None
    item, name = sequence[0], name_of(keyword)
    if item.get('LUTDescriptor') is None or np.size(item.LUTDescriptor) != 3 or item.get('LUTData') is None:
        raise DataError(f'has {name} without a whole LUTDescriptor (0028,3002) and LUTData (0028,3006)')
    stated = Descriptor.read(item, 'LUTDescriptor', inputs, f'has {name}, which')
    if not 1 <= stated.bits <= 16:
        raise DataError(
            f'has {name} with entries of {stated.bits} bits in its LUTDescriptor (0028,3002), expected 8 to 16'
        )
    entries = entries_of(item.LUTData, stated.count, packed=stated.bits <= 8, header=header)
    if len(entries) < stated.count:
        raise DataError(
            f'has {name} whose LUTDescriptor states {stated.count} entries, its LUTData holds {len(entries)}'
        )
    entries = entries[: stated.count]
    if int(entries.max()) >= 2**stated.bits:
        raise DataError(f'has {name} with an entry of {int(entries.max())}, more than its {stated.bits} bits can hold')
    return Table(stated.first, entries, 2**stated.bits - 1)


def entries_of(data: object, count: int, packed: bool, header: Dataset) -> np.ndarray:
    """The entries of a table as unsigned numbers; there may be more or fewer than stated.

    Args:
        data: Value of the element: bytes, or numbers.
        count: Number of entries by the descriptor.
        packed: Whether entries may take one byte each; they do where the length shows it.
        header: The dataset, for its byte order.
    """
    if not isinstance(data, bytes):
        return np.asarray(data, np.int64).ravel() & 0xFFFF
    packed = packed and len(data) in (count, count + 1) and count > 1
    kind = 'u1' if packed else '<u2' if header.original_encoding[1] else '>u2'
    return np.frombuffer(data[: len(data) // 2 * 2] if not packed else data, kind).astype(np.int64)
