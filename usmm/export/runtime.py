"""An exported model: class probabilities from arrays, by onnxruntime, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from usmm.export.onnx_file import MAX_BYTES, OUTPUTS, PRESENT, read_onnx, refused
from usmm.export.trial import CLOSE, try_out
from usmm.structures import Schema
from usmm.structures.settings import CLINICAL

if TYPE_CHECKING:
    import onnx
    import onnxruntime

MAX_NUMBERS = 2**28
"""Pixels times frames times channels of one input of one case."""

UINT8, FLOAT, BOOL = 2, 1, 9  # of onnx.TensorProto
Arrays = Mapping[str, np.ndarray]


class Scores(TypedDict):
    """Class probabilities of a batch, float32.

    Args:
        probabilities: (B, K).
        image_probabilities: (B, K) of the images alone; None for a model without images.
    """

    probabilities: np.ndarray
    image_probabilities: np.ndarray | None


class OnnxModel:
    """A model that `export_onnx` wrote.

    Args:
        path: The file.
        threads: Threads of one operation; None: as many as there are cores.
        max_bytes: Larger files are refused.
        trusted: This process wrote the file itself: it is not tried out in another one before.

    Attributes:
        classes, positive, modalities: As the model had them; `positive` is a class name.
        schema: The schema of its case table.
        shapes: Modality -> shape of one input, (3, H, W) or (3, T, H, W).
        optional: Modalities that a case may lack, as long as it has all those of another stream.
        readers: Stream -> the modalities that it reads.
        reads_clinical: Whether it reads the clinical table.
        meta: Everything that the file says of itself.

    Raises:
        ValueError: The file is refused, see `read_onnx`; or onnxruntime cannot run it within the limits of
            `usmm.export.trial`.
    """

    def __init__(
        self, path: Path | str, threads: int | None = None, max_bytes: int = MAX_BYTES, trusted: bool = False
    ) -> None:
        content, model, self.meta = read_onnx(path, max_bytes)
        try:
            self._take(model.graph)
        except (ValueError, TypeError) as error:
            raise refused(path, error) from error
        if not trusted and (problem := try_out(content, self._kinds(), len(self.classes))):
            raise refused(path, problem)
        self.path = Path(path)
        self._session = _session(path, content, threads)

    def predict(self, inputs: Arrays, clinical: np.ndarray | None = None, present: Arrays | None = None) -> Scores:
        """Class probabilities of a batch.

        Args:
            inputs: Modality -> uint8 (B, 3, H, W) or (B, 3, T, H, W), grey levels 0 to 255. One that no case has may
                be left out.
            clinical: Raw clinical table (B, number of variables), NaN where missing; not looked at by a model without.
            present: Modality -> rows that have it (B,); None: all.

        Returns:
            `probabilities` (B, K), and `image_probabilities` (B, K) of the images alone; None for a model without
            images. float32. Rows of NaN have no answer.

        Raises:
            ValueError: An input is missing, or is not of the type or shape that the model takes; or the model answers
                with numbers that are no probabilities.
        """
        size = self._batch_size(inputs, clinical)
        feed = {}
        rows = {m: self._rows(m, size, present) for m in self.shapes}
        self._check_rows(rows)
        for modality in self.shapes:
            feed[modality] = self._pixels(modality, inputs, size, rows[modality])
            if modality in self.optional:
                feed[PRESENT + modality] = rows[modality]
        if self.reads_clinical:
            feed[CLINICAL] = self._table(clinical, size)
        found = dict(zip(self._outputs, self._session.run(list(self._outputs), feed)))
        for output in found.values():
            _check_probabilities(output, self.path)
        return Scores(probabilities=found[OUTPUTS[0]], image_probabilities=found.get(OUTPUTS[1]))

    def _take(self, graph: onnx.GraphProto) -> None:
        meta = self.meta
        self.classes, self.modalities = tuple(meta['classes']), tuple(meta['modalities'])
        self.positive: str = meta['positive']
        self.schema = Schema.of(meta.get('schema') or {})
        self.readers: dict[str, tuple[str, ...]] = {s: tuple(names) for s, names in meta['readers'].items()}
        streams = {s: names for s, names in self.readers.items() if names != (CLINICAL,)}
        read = [m for names in streams.values() for m in names]
        kinds = {i.name: i.type.tensor_type for i in graph.input}
        sizes = {n: tuple(d.dim_value for d in kind.shape.dim) for n, kind in kinds.items()}
        self.shapes = {m: sizes[m][1:] for m in read if m in sizes}
        self.optional = tuple(m for m in read if PRESENT + m in sizes)
        self.reads_clinical = CLINICAL in sizes
        self.num_variables = sizes[CLINICAL][-1] if self.reads_clinical else 0
        expected = {m: (UINT8, self.shapes.get(m, ())) for m in read}
        expected |= {PRESENT + m: (BOOL, ()) for m in self.optional}
        if self.reads_clinical:
            expected[CLINICAL] = (FLOAT, (len(self.schema.clinical),))
        found = {n: (kind.elem_type, sizes[n][1:]) for n, kind in kinds.items()}
        if not found or found != expected or any(sizes[n][:1] != (0,) for n in sizes):
            raise ValueError(f'its inputs are {found}, expected {expected} with a batch of any size')
        for modality, shape in self.shapes.items():
            if len(shape) not in (3, 4) or shape[0] != 3 or not 0 < np.prod(shape, dtype=float) <= MAX_NUMBERS:
                raise ValueError(f'its input {modality!r} has the shape {shape}')
        self._outputs = tuple(o.name for o in graph.output)
        # a table that is one of the streams leaves no score of the images alone
        if self._outputs != OUTPUTS[: 2 if streams and streams == self.readers else 1]:
            raise ValueError(f'its outputs are {self._outputs}')

    def _kinds(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Input -> type and shape of one case."""
        kinds: dict[str, tuple[str, tuple[int, ...]]] = {m: ('uint8', shape) for m, shape in self.shapes.items()}
        kinds |= {PRESENT + m: ('bool', ()) for m in self.optional}
        return kinds | ({CLINICAL: ('float32', (self.num_variables,))} if self.reads_clinical else {})

    def _batch_size(self, inputs: Arrays, clinical: np.ndarray | None) -> int:
        given = {m: np.shape(inputs[m])[:1] for m in self.shapes if inputs.get(m) is not None}
        if self.reads_clinical and clinical is not None:
            given[CLINICAL] = np.shape(clinical)[:1]
        sizes = set(given.values())
        if len(sizes) != 1 or sizes & {(), (0,)}:
            raise ValueError(f'the inputs of a batch need one number of cases, 1 or more; got {given}')
        return int(sizes.pop()[0])

    def _rows(self, modality: str, size: int, present: Arrays | None) -> np.ndarray:
        given = (present or {}).get(modality)
        rows = np.ones(size, bool) if given is None else np.asarray(given).astype(bool)
        if rows.shape != (size,):
            raise ValueError(f'present of {modality!r} must be ({size},), got {rows.shape}')
        if modality not in self.optional and not rows.all():
            raise ValueError(f'{modality!r} is missing from rows {np.flatnonzero(~rows).tolist()}: '
                             f'this model needs all of {list(self.shapes)}')  # fmt: skip
        return rows

    def _check_rows(self, rows: Mapping[str, np.ndarray]) -> None:
        if not self.optional or (CLINICAL,) in self.readers.values():  # a table is always there
            return
        whole = [np.all([rows[m] for m in names], axis=0) for names in self.readers.values()]
        lost = np.flatnonzero(~np.any(whole, axis=0)).tolist()
        if lost:
            raise ValueError(f'rows {lost} have all modalities of none of the streams {self.readers}')

    def _pixels(self, modality: str, inputs: Arrays, size: int, rows: np.ndarray) -> np.ndarray:
        shape = (size, *self.shapes[modality])
        if inputs.get(modality) is None:
            if rows.any():
                raise ValueError(f'this model reads {modality!r}, which the batch of {sorted(inputs)} does not have')
            return np.zeros(shape, np.uint8)
        pixels = np.asarray(inputs[modality])
        if pixels.dtype != np.uint8 or pixels.shape != shape:
            raise ValueError(f'{modality!r} must be uint8 of shape {shape}, got {pixels.dtype} of {pixels.shape}')
        return np.ascontiguousarray(pixels)

    def _table(self, clinical: np.ndarray | None, size: int) -> np.ndarray:
        if clinical is None:
            raise ValueError('this model reads the clinical table, which the batch does not have')
        table = np.ascontiguousarray(clinical, np.float32)
        if table.shape != (size, self.num_variables):
            names = [v.name for v in self.schema.clinical]
            raise ValueError(f'clinical table must be ({size}, {len(names)}) for {names}, got {table.shape}')
        return table


def _check_probabilities(output: np.ndarray, path: Path) -> None:
    known = np.isfinite(output).all(1)
    wrong = known & ((output < -CLOSE).any(1) | (output > 1 + CLOSE).any(1) | (abs(output.sum(1) - 1) > CLOSE))
    if wrong.any():
        row = [round(float(value), 4) for value in output[wrong][0]]
        raise ValueError(f'{path} answers with numbers that are no probabilities, such as {row}: it is not used')


def _session(path: Path | str, content: bytes, threads: int | None) -> onnxruntime.InferenceSession:
    """The session of bytes that were checked; the file is not opened again."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if threads is not None:
        options.intra_op_num_threads = threads
    try:
        return onnxruntime.InferenceSession(content, options, providers=['CPUExecutionProvider'])
    except Exception as error:  # onnxruntime has a dozen of its own, none with a common base
        raise refused(path, f'onnxruntime cannot run it: {error}') from error
