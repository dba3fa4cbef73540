"""What the server of forks imports before it forks, so that a decoding process starts at the price of a fork.

It is imported in that process alone: it fixes the number of threads, for a process with threads cannot be forked
safely, and a decoder needs none.
"""

from __future__ import annotations

import os

for name in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS', 'NUMEXPR_NUM_THREADS'):
    os.environ[name] = '1'

import gc  # noqa: E402

import cv2  # noqa: E402
import openpyxl  # noqa: E402, F401  (read_table asks for it when it is needed)
import torch  # noqa: E402
from PIL import Image  # noqa: E402

import usmm.server.decode.decode_child  # noqa: E402, F401
from usmm.registry import FUNCTIONS, TRANSFORMS  # noqa: E402

cv2.setNumThreads(1)
torch.set_num_threads(1)
Image.init()
for registry in (TRANSFORMS, FUNCTIONS):
    registry.import_from_location()
gc.collect()
gc.freeze()  # what is not looked at again stays shared with the forks
