"""The predictor: a trained model that predicts case by case; a bad case becomes an error beside good ones."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from threading import RLock
from typing import NamedTuple, TypeAlias, TypedDict

import numpy as np
import pandas as pd
import torch
from mmengine.device import get_device
from mmengine.logging import print_log
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from torch import nn

from usmm.apis.bundle import Bundle, ModelSource, check_path, open_bundle
from usmm.apis.explaining import explain_case
from usmm.apis.exported import SUFFIX, open_exported
from usmm.apis.inputs import CaseInput, CaseReader, Record
from usmm.apis.model_interface import BuiltNetwork, HasBundle, Network, Scorer, ScoreRow
from usmm.apis.network import build_network, check_device
from usmm.apis.pipeline import Prepared, build_pipeline, clip_frames, collate, error_text, prepare_case
from usmm.apis.prediction import Prediction, to_frame
from usmm.apis.probability_calibration import Calibration, calibrate
from usmm.apis.table_records import TableRecord, records_of, table_records
from usmm.datasets.lesion_outlines import outlined
from usmm.structures import TRAINED_ON, Case, Schema, Variable, has_trained
from usmm.zoo import Zoo

Model: TypeAlias = ModelSource | BuiltNetwork  # what `Predictor` takes
# The path of a case table, a table, one record, or several records
AnyRecord: TypeAlias = Record | TableRecord
Records: TypeAlias = str | Path | pd.DataFrame | Record | Iterable[Record]


class ModelFacts(TypedDict):
    """What a model takes and returns, see `Predictor.describe`."""

    source: str  # where its weights come from
    classes: tuple[str, ...]
    positive: str | None  # the positive class of two
    images: list[str]
    clips: list[str]
    streams: list[tuple[str, ...]]  # sets of modalities of which a case needs one whole; empty: it needs all
    clinical: list[Variable]
    calibrated: bool


class Predictor:
    """A trained model. It writes nothing to disk; several threads may use it, one at a time is served.

    Args:
        model: A run's folder (of a cross-validation: the folder of a fold), `(config, checkpoint)`, a published folder,
            its .zip or its model.safetensors, a name of the zoo, a network of `get_model` or `init_model`, or an
            exported .onnx file (needs onnxruntime; no heat-maps).
        device: Where it runs; None: a GPU if there is one (a network stays on its device, an exported file runs on the
            CPU).
        zoo: The zoo, or its folder or address; None: USMM_ZOO, or that of this installation.
        batch_size: Cases at a time; None: as in training.
        strict: Clinical values outside their range and unknown categories are errors, not warnings.

    Raises:
        ValueError: There is no such model, its weights cannot be loaded safely, or it is not trained.
        TypeError: The model is none of these.
    """

    def __init__(
        self,
        model: Model,
        device: str | torch.device | None = None,
        zoo: str | Path | Zoo | None = None,
        batch_size: int | None = None,
        strict: bool = False,
    ) -> None:
        self.bundle, self.model, self._network = _opened(model, zoo, device)
        settings, meta = self.bundle.settings, self.bundle.meta
        self.classes, self.schema = tuple(self.model.classes), Schema.of(settings['schema'])
        self.batch_size = _size(batch_size or settings['batch_size'])
        stated = meta.get('calibration')
        try:
            self.calibration = Calibration.from_dict(stated, len(self.classes)) if stated else None
        except ValueError as error:
            raise ValueError(f'{self.bundle.source}: {error}') from error
        self.trained_on = frozenset(meta.get(TRAINED_ON, ()))
        self.outlined = dict(meta.get('outlined', {}))
        self.seed = settings.get('seed', 0)
        self.pipeline = build_pipeline(self.bundle)
        self.reader = CaseReader(
            self.schema,
            self.model.modalities,
            self.classes,
            self.model.missing_modalities,
            clip_frames(self.bundle),
            (settings.get('dataset') or {}).get('clinical'),
            self.seed,
            strict,
            [*self.model.readers.values()],
        )
        self._lock = RLock()
        for note in self.bundle.notes:
            print_log(note, 'current', logging.WARNING)

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities of the model; `'clinical'` stands for the clinical table."""
        return tuple(self.model.modalities)

    def missing_modalities(self, absent: Collection[str]) -> list[str]:
        """The modalities among those that a case lacks without which the model cannot predict.

        Args:
            absent: Modalities that the case does not have.
        """
        return self.model.missing_modalities(absent)

    def predict(
        self,
        cases: Records,
        batch_size: int | None = None,
        explain: bool = False,
        file_table: str | Path | None = None,
    ) -> list[Prediction]:
        """Predictions of cases, in their order, one for each.

        Args:
            cases: A list of records (see `CaseReader.read`), one record, a DataFrame, or the path of a case table,
                whose relative paths start from its folder.
            batch_size: Cases at a time.
            explain: Also make heat maps and contributions, case by case.
            file_table: A table with one row per file, for the case table that `cases` names; None: the one that the
                schema of the model names, for a case table without file columns of its own.

        Raises:
            DataError: A table cannot be read.
            ValueError: A batch size below 1, or a file table for cases that are not a table.
        """
        return list(self.iterate(cases, batch_size, explain, progress=False, file_table=file_table))

    def iterate(
        self,
        cases: Records,
        batch_size: int | None = None,
        explain: bool = False,
        progress: bool = True,
        file_table: str | Path | None = None,
    ) -> Iterator[Prediction]:
        """As `predict`, one at a time, for more cases than fit into memory.

        Args:
            cases, batch_size, explain, file_table: As of `predict`.
            progress: Show a progress bar where the number of cases is known.
        """
        size = _size(batch_size or self.batch_size)
        records, root = self._records(cases, file_table)
        total = len(records) if isinstance(records, Sequence) else None
        predictions = self._iterate(records, root, size, explain)
        if not progress or not total:
            return predictions
        return iter(track(predictions, 'predicting', total, transient=True, console=Console(stderr=True)))

    def _records(self, cases: Records, file_table: str | Path | None) -> tuple[Iterable[AnyRecord], Path | None]:
        """Records, and the folder that their paths start from."""
        if isinstance(cases, (str, Path)):
            columns = [name for name, (kind, _) in self.reader.keys.items() if kind == 'file']
            path = Path(cases)
            files = None if file_table is None else Path(file_table)
            return table_records(path, self.schema, columns, files), path.parent
        if file_table is not None:
            raise ValueError('file_table belongs to a case table: give the path of the case table')
        if isinstance(cases, pd.DataFrame):
            return records_of(cases), None
        return ([cases] if isinstance(cases, Mapping) else cases), None

    def prepare(self, record: Record, number: int = 1, root: Path | None = None) -> Prepared:
        """Read one case and run the pipeline, without the network.

        Args:
            record, number, root: As of `CaseReader.read`.
        """
        case_input = self.reader.read(record, number, root)
        with self._lock:
            return prepare_case(case_input, self.pipeline)

    def answer(self, prepared: Prepared, explain: bool = False) -> Prediction:
        """The prediction of a case that `prepare` has read, in this process or another one.

        Args:
            prepared: The case.
            explain: Also make heat maps and contributions.
        """
        return self._answers([prepared], explain)[0]

    def to_frame(self, predictions: Iterable[Prediction]) -> pd.DataFrame:
        """Predictions as a table with the columns of predictions.csv, see `usmm.apis.to_frame`."""
        return to_frame(predictions, self.classes, self.seed)

    def describe(self) -> ModelFacts:
        """What the model takes and returns."""
        known = self.reader.modalities
        return {
            'source': self.bundle.source,
            'classes': self.classes,
            'positive': self.classes[self.model.positive] if len(self.classes) == 2 else None,
            'images': [m for m in known if m in self.schema.images],
            'clips': [m for m in known if m in self.schema.clips],
            'streams': [*self.model.readers.values()] if self.model.optional_modalities else [],
            'clinical': list(self.reader.variables),
            'calibrated': self.calibration is not None,
        }

    def _iterate(
        self, records: Iterable[AnyRecord], root: Path | None, size: int, explain: bool
    ) -> Iterator[Prediction]:
        waiting, first = iter(records), 1
        seen: set[str] = set()
        while batch := list(islice(waiting, size)):
            read = [self.reader.read(record, first + i, root) for i, record in enumerate(batch)]
            for one in read:
                if one.case.case_id in seen:
                    one.warnings.append('this case id stands before another case too')
                seen.add(one.case.case_id)
            with self._lock:
                predictions = self._answers([prepare_case(one, self.pipeline) for one in read], explain)
            yield from predictions
            first += len(batch)

    def _answers(self, prepared: Sequence[Prepared], explain: bool) -> list[Prediction]:
        with self._lock:
            self.model.eval()
            cases = [one.case for one in prepared]
            self._compare_outlines(prepared)
            places = [i for i, case in enumerate(cases) if case is not None]
            rows = self._run([case for case in cases if case is not None])
            predictions = [self._failed(one.case_input, one.case_input.error or '') for one in prepared]
            for i, row in zip(places, rows, strict=True):
                predictions[i] = self._answer(prepared[i].case_input, cases[i], row, explain)
        return predictions

    def _compare_outlines(self, prepared: Sequence[Prepared]) -> None:
        """Warn of cases that are cropped to an outline, where no training case was."""
        for case_input, case in [(one.case_input, one.case) for one in prepared if one.case is not None]:
            cropped = [m for m, facts in case.info.items() if isinstance(facts, Mapping) and 'crop' in facts]
            now = outlined([case_input.case], [m for m in cropped if self.outlined.get(m) == 0])
            case_input.warnings += [
                f'cropped to the outline of the lesion in {m}, which no training case had' for m in now if now[m]
            ]

    def _run(self, cases: Sequence[Case]) -> list[ScoreRow | Exception]:
        """Scores of cases; if a batch fails, its cases run one by one, so that a good case keeps its prediction."""
        if not cases:
            return []
        try:
            with torch.inference_mode():
                batch = self.model.data_preprocessor(collate(cases))
                return list(self.model(**batch, mode='predict'))
        except Exception as error:
            if len(cases) == 1:
                return [error]
        return [row for case in cases for row in self._run([case])]

    def _answer(self, case_input: CaseInput, case: Case | None, row: ScoreRow | Exception, explain: bool) -> Prediction:
        if isinstance(row, Exception):
            return self._failed(case_input, error_text(row))
        scores, image_scores = row['scores'], row['image_scores']
        if not np.isfinite(scores).all():
            return self._failed(case_input, 'the model gives no finite score for this case')
        if has_trained(case_input.case, self.trained_on):
            case_input.warnings.append('the patient was in the training data: this says nothing of new patients')
        final = self._named(scores)
        image = {} if image_scores is None else {'image': self._named(image_scores)}
        shown = int(np.argmax(scores))
        prediction = Prediction(
            case_input.case.case_id, case_input.case.patient_id, final, self.classes[shown],
            stages={**image, 'final': final}, calibrated=self._calibrated(scores), label=case_input.label,
            warnings=(*case_input.warnings, *self.bundle.notes),
        )  # fmt: skip
        return self._explained(prediction, case, shown) if explain and case is not None else prediction

    def _explained(self, prediction: Prediction, case: Case, shown: int) -> Prediction:
        network = self._network
        if network is None:
            why = 'not explained: an exported model has no heat-maps'
            return replace(prediction, warnings=(*prediction.warnings, why))
        try:
            batch = network.data_preprocessor(collate([case]))
            names = [v.name for v in self.schema.clinical]
            return replace(prediction, **explain_case(network, batch, case, shown, names))
        except Exception as error:  # the prediction is valid without its explanation
            return replace(prediction, warnings=(*prediction.warnings, f'not explained: {error_text(error)}'))

    def _failed(self, case_input: CaseInput, why: str) -> Prediction:
        case, warnings = case_input.case, tuple(case_input.warnings)
        return Prediction(
            case.case_id, case.patient_id, label=case_input.label, warnings=warnings, error=why or 'no answer'
        )

    def _calibrated(self, scores: NDArray[np.float32]) -> dict[str, float] | None:
        if self.calibration is None:
            return None
        return self._named(calibrate(self.calibration, scores, self.model.positive))

    def _named(self, scores: NDArray[np.floating]) -> dict[str, float]:
        return {name: float(score) for name, score in zip(self.classes, scores, strict=True)}


class _Opened(NamedTuple):
    bundle: Bundle
    model: Scorer
    network: Network | None  # the same model where it can be explained


def _opened(model: Model, zoo: str | Path | Zoo | None, device: str | torch.device | None) -> _Opened:
    """The settings of a model, and the model on its device."""
    if isinstance(model, (str, Path)) and Path(model).suffix.lower() == SUFFIX:
        check_path(model)
        if device is not None and str(device).partition(':')[0] != 'cpu':
            raise ValueError(f'an exported model runs on the CPU, not on {device}')
        bundle, exported = open_exported(Path(model))
        return _Opened(bundle, exported, None)
    if isinstance(model, (Bundle, str, Path, tuple, list)):
        bundle, network = open_bundle(model, zoo), None
    elif isinstance(model, HasBundle):
        bundle, network = model.usmm_bundle, model
    elif isinstance(model, nn.Module):
        raise ValueError('a network must come from get_model or init_model, which know its config')
    else:
        bundle, network = open_bundle(model, zoo), None  # a TypeError
    if bundle.state is None:
        raise ValueError(f'{bundle.source} has no weights: a model that is not trained predicts nothing')
    built = build_network(bundle) if network is None else network
    if device is not None or network is None:
        built.to(get_device() if device is None else check_device(device))
    return _Opened(bundle, built, built)


def _size(value: int) -> int:
    if value < 1:
        raise ValueError(f'batch_size must be 1 or more, got {value}')
    return value
