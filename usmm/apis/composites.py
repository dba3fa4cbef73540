"""Predictions for composite cases, whose inputs come from several cases: the image of one, the age of another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from usmm.apis.model_interface import (
    Network,
    ReadsModalities,
    image_logits,
    image_streams,
    table_in_stream,
    variables_of,
)
from usmm.explain.input_importance import ABSENT
from usmm.explain.reuse import reused
from usmm.structures import CLINICAL, Batch, Case
from usmm.structures.settings import IMAGE_LOGITS

Plan = NDArray[np.int64]


class CompositeScore:
    """Class probabilities of composite cases; each picture passes its encoder once, however often it occurs.

    An absent variable is missing, like an empty cell of the table. An absent image is replaced by the baseline picture;
    where the model can do without a whole stream and another stream remains, a stream without any of its modalities is
    absent, as for a patient who does not have it. A modality that a donor does not have makes its stream absent.

    Args:
        model: The network; it is put into eval mode.
        cases: The pool: packed cases, the output of the pipeline.
        variables: Names of the table's columns, in order.
        baseline: Modality -> (3, H, W) or (3, T, H, W), normalised; one that is not named is zero, the mean colour of
            the normalisation.
        batch_size: Composite cases at a time.

    Raises:
        ValueError: No cases, a modality that no case of the pool has, or a table of another width.
    """

    def __init__(
        self,
        model: Network,
        cases: Sequence[Case],
        variables: Sequence[str],
        baseline: Mapping[str, Tensor] | None = None,
        batch_size: int = 32,
    ) -> None:
        if not cases:
            raise ValueError('composite cases need a pool of cases, got none')
        model.eval()
        self.model, self.cases, self.batch_size = model, list(cases), batch_size
        self.streams = image_streams(model)
        self.images = tuple(m for names in self.streams for m in names)
        self.variables = tuple(variables_of(model, variables))
        self.columns = [list(variables).index(name) for name in self.variables]
        self.blank = {m: _blank(m, self.cases) for m in self.images}
        self.baseline = dict(baseline or {})
        self.table = self._table(len(variables)) if self.variables else np.empty((len(self.cases), 0))
        self.stream_reads_table = bool(self.variables) and table_in_stream(model)
        self.logits: dict[bytes, Tensor] = {}  # of sets of pictures that the network has seen before

    @property
    def players(self) -> tuple[str, ...]:
        """Modalities, then the clinical variables that the model reads."""
        return (*self.images, *self.variables)

    @property
    def note(self) -> str:
        """What stands in the place of an absent input, in words."""
        optional = 'a stream without any of its images is absent, other missing images are the baseline picture'
        parts = [optional if self._optional else 'a missing image is the baseline picture'] if self.images else []
        return '; '.join([*parts, *(['a missing variable is an empty cell'] if self.variables else [])])

    @torch.no_grad()
    def __call__(self, plan: Plan) -> NDArray[np.float64]:
        """(M, K) probabilities for donors (M, players), rows of the pool or -1."""
        pictures, table = plan[:, : len(self.images)], self._rows(plan[:, len(self.images) :])
        if not self.images:
            return self._in_parts(len(plan), lambda part: self.model({}, None, self._on_device(table[part])).logits)
        unique, where = np.unique(pictures, axis=0, return_inverse=True)
        where = where.reshape(-1)
        if self.stream_reads_table:
            out = np.empty((len(plan), len(self.model.classes)))
            for i, donors in enumerate(unique):
                rows = np.flatnonzero(where == i)
                out[rows] = self._one_picture(donors[None], table[rows])
            return out
        image = torch.stack(self._image_logits(unique))
        if not self.variables:
            return _probabilities(image[where])

        def decide(part: slice) -> Tensor:
            cached = {IMAGE_LOGITS: image[where[part]].to(self._device)}
            return self.model(cached, None, self._on_device(table[part])).logits

        return self._in_parts(len(plan), decide, 1024)

    def _image_logits(self, donors: Plan) -> list[Tensor]:
        """Logits of the image part alone, for each set of pictures (U, images)."""
        new = [row for row in donors if row.tobytes() not in self.logits]
        for start in range(0, len(new), self.batch_size):
            part = np.stack(new[start : start + self.batch_size])
            inputs, present = self._pictures(part)
            for row, logits in zip(part, image_logits(self.model, inputs, present).cpu()):
                self.logits[row.tobytes()] = logits
        return [self.logits[row.tobytes()] for row in donors]

    def _one_picture(self, donors: Plan, table: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities of one set of pictures with many rows of the table: the pictures pass their encoders once."""
        inputs, present = self._pictures(donors)
        parts = [] if self.model.encoder is None else self.model.encoder.values()
        encoders = [e for e in parts if isinstance(e, ReadsModalities) and CLINICAL not in e.modalities]

        def answer(part: slice) -> Tensor:
            rows = self._on_device(table[part])
            many = {m: x.expand(len(rows), *x.shape[1:]) for m, x in inputs.items()}
            return self.model(many, {m: p.expand(len(rows)) for m, p in present.items()}, rows).logits

        with reused(encoders):
            return self._in_parts(len(table), answer, 2 * self.batch_size)

    def _pictures(self, donors: Plan) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Normalised inputs and presence of composites (U, images)."""
        raw = {m: torch.stack([self._picture(m, d) for d in donors[:, i]]) for i, m in enumerate(self.images)}
        present = self._presence(donors)
        batch = self.model.data_preprocessor(Batch(inputs=raw, present=present, clinical=None, data_samples=None))
        for i, m in enumerate(self.images):
            taken = torch.from_numpy(donors[:, i] == ABSENT).to(self._device)
            x = batch['inputs'][m]
            shape = (-1, *[1] * (x.ndim - 1))
            plain = self.baseline[m].to(x) if m in self.baseline else torch.zeros_like(x[0])
            batch['inputs'][m] = torch.where(taken.view(shape), plain, x)
        return batch['inputs'], present

    def _picture(self, modality: str, donor: int) -> Tensor:
        if donor == ABSENT:
            return self.blank[modality]
        pixels: Tensor = self.cases[donor].data.get(modality, self.blank[modality])
        return pixels

    def _presence(self, donors: Plan) -> dict[str, Tensor]:
        here = np.ones(donors.shape, dtype=bool)
        for row, available in zip(donors, here):
            place, played = 0, []
            for names in self.streams:
                mine = slice(place, place + len(names))
                place += len(names)
                lacks = any(d != ABSENT and m not in self.cases[d].data for m, d in zip(names, row[mine]))
                available[mine] = not lacks
                played.append((mine, lacks, bool((row[mine] == ABSENT).all())))
            left = any(not lacks and not taken for _, lacks, taken in played)
            for mine, _, taken in played:
                if taken and left and self._optional:
                    available[mine] = False
        return {m: torch.from_numpy(here[:, i].copy()) for i, m in enumerate(self.images)}

    @property
    def _optional(self) -> bool:
        return bool(self.model.optional_modalities) and len(self.streams) > 1

    @property
    def _device(self) -> torch.device:
        return torch.device(self.model.data_preprocessor.device)

    def _table(self, width: int) -> NDArray[np.float64]:
        rows = [np.asarray(case.info['clinical']['vector'], dtype=float) for case in self.cases]
        if any(len(row) != width for row in rows):
            raise ValueError(f'the clinical rows of the cases must have {width} columns, got {len(rows[0])}')
        return np.stack(rows)

    def _rows(self, donors: Plan) -> NDArray[np.float64]:
        """(M, columns of the table); values that are absent or not read are NaN."""
        out = np.full((len(donors), self.table.shape[1]), np.nan)
        for i, column in enumerate(self.columns):
            present = donors[:, i] != ABSENT
            out[present, column] = self.table[donors[present, i], column]
        return out

    def _on_device(self, table: NDArray[np.float64]) -> Tensor:
        return torch.from_numpy(table).to(self._device, torch.float32)

    def _in_parts(self, rows: int, answer: Callable[[slice], Tensor], size: int = 4096) -> NDArray[np.float64]:
        parts = [slice(start, start + size) for start in range(0, rows, size)]
        return np.concatenate([_probabilities(answer(part)) for part in parts])


def _probabilities(logits: Tensor) -> NDArray[np.float64]:
    return logits.detach().double().softmax(1).cpu().numpy()


def _blank(modality: str, cases: Sequence[Case]) -> Tensor:
    """Zeros of the shape of a modality, replaced by the baseline picture after normalisation."""
    pixels = next((case.data[modality] for case in cases if modality in case.data), None)
    if pixels is None:
        raise ValueError(f'no case has an image of {modality!r}, so its importance cannot be told')
    return torch.zeros_like(torch.as_tensor(pixels))
