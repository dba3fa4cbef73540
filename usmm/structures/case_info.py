"""Facts that a pipeline gathers about a case beside its pixels: the entries of `Case.info`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from usmm.readers import Region

# Names of the entries that are about the case as a whole; every other name is a modality.
TABLE = 'table'  # what the data set uses: modalities, clips
PACK = 'pack'  # what the network takes: modalities, shapes
ROW = 'clinical'  # the row of the clinical table: vector
SCORES = 'scores'  # cached scores: image_logits
DRAWN = 'views'  # views that were drawn from the images: modalities
TASK = 'task'  # the task of a multi-task data set: name
PAIR = 'pair'  # the images that a sample is made of: case_id, images
POOL = 'pool'  # the images that a case has: stills
DRAWS = 'draws'  # transform/group -> the parameters that were drawn


class ModalityInfo(TypedDict, total=False):
    """An entry of `Case.info`. Each step adds what it finds, so an entry holds only some of the keys.

    Of a modality:
        file: Path of the file that was read.
        file_index: Its place among the files of the modality.
        frame: (index, count): one of `count` frames that are spread evenly over a clip is the image.
        regions: Ultrasound regions that the file states, in pixels of the loaded image.
        spacing: (row, column) distance of two pixels in mm; None where the file does not state it.
        times: (T,) times of the frames in s.
        key_indices: (T,) indices of the key frames among the sampled frames.
        sampled: Number of frames from which the key frames were chosen.
        crop: (x0, y0, x1, y1) in pixels of the image before cropping, ends excluded.
        panel: The same of a panel of a dual screen.
        kept: Share of pixels that was not blanked, 0 to 1.
        blanked: Where the region that was kept comes from: `'stated'`, `'found'` or `'none'`.

    Of the case as a whole:
        modalities: Modalities that the data set uses, that the network takes, or of which views were drawn.
        clips: Those of the modalities that are clips.
        shapes: Modality -> shape of its tensor, for a batch in which no case has it.
        vector: (variables,) float32, the clinical row, NaN where missing.
        image_logits: (classes,) cached scores of the images.
        name: Name of the task.
        case_id: Id of the case that a sample was made from.
        images: Modality -> index of the image that the sample takes.
        stills: Modality -> number of still images; the files after them are clips.
    """

    file: str
    file_index: int
    frame: tuple[int, int]
    regions: tuple[Region, ...]
    spacing: tuple[float, float] | None
    times: NDArray[np.float64]
    key_indices: NDArray[np.int64]
    sampled: int
    crop: tuple[int, int, int, int]
    panel: tuple[int, int, int, int]
    kept: float
    blanked: str
    modalities: tuple[str, ...]
    clips: tuple[str, ...]
    shapes: dict[str, tuple[int, ...]]
    vector: Tensor
    image_logits: Tensor
    name: str
    case_id: str
    images: dict[str, int]
    stills: dict[str, int]
