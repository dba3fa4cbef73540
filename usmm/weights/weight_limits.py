"""How much a file of weights may ask for before anything of it is loaded. Set a module attribute to change a limit."""

from __future__ import annotations

MAX_BYTES = 8 * 2**30
"""Bytes of a file of weights: 8 GiB, two billion numbers in float32."""

MAX_HEADER_BYTES = 32 * 2**20
"""Bytes of the header of a safetensors file; one of a ResNet-50 has 40 KiB."""

MAX_TENSORS = 100_000
"""Tensors of one file, and entries of one archive."""

MAX_DIMENSIONS = 16
"""Axes of one tensor."""

MAX_PICKLE_BYTES = 256 * 2**20
"""Bytes of the index of a torch file: names, shapes, and the log that a training checkpoint carries."""

MAX_PICKLE_STEPS = 5_000_000
"""Steps that this index may take."""

MAX_RATIO = 20
"""How often as large as in an archive weights may be; trained ones shrink by a tenth."""

SMALL_BYTES = 16 * 2**20
"""Bytes up to which this ratio does not count."""
