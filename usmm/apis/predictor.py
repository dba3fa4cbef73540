"""Predictor: a trained model that answers for cases as they come; bad ones come back as errors beside good ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np
import pandas as pd
import torch
from mmengine.device import get_device
from rich.console import Console
from rich.progress import track
from torch import nn

from usmm.apis.bundle import Bundle, open_bundle
from usmm.apis.explaining import explain_case
from usmm.apis.exported import SUFFIX, ExportedNetwork, open_exported
from usmm.apis.inputs import CaseReader, Given
from usmm.apis.network import BUNDLE, build_network, build_pipeline, clip_frames, collate
from usmm.apis.prediction import Prediction, to_frame
from usmm.apis.prepared import Prepared, prepare_case, told
from usmm.apis.probability_calibration import calibrate, check_calibration
from usmm.engine.preconditions import token
from usmm.readers import DataError, read_table
from usmm.structures import Case, Schema
from usmm.zoo import Zoo

Records = Any  # path of a table, a DataFrame, one record, or an iterable of records


class Predictor:
    """A trained model, ready to be asked. It writes nothing to disk; several threads may ask, one is served at a time.

    Args:
        model: A run's folder (of a cross-validation: the folder of a fold), `(config, checkpoint)`, a published folder,
            its .zip or its model.safetensors, a name of the zoo, a network of `get_model` or `init_model`, or an
            exported .onnx file (needs onnxruntime; no heat-maps).
        device: Where it runs; None: a GPU if there is one (a network that is given stays where it is, an exported file
            runs on the CPU).
        zoo: The zoo, or its place; None: USMM_ZOO, or that of this installation.
        batch_size: Cases at a time; None: as in training.
        strict: Clinical values outside their range and unknown categories make a case an error; else a warning.

    Raises:
        ValueError: There is no such model, its weights cannot be loaded safely, or it is not trained.
        TypeError: The model is given in another form.
    """

    def __init__(
        self,
        model: Any,
        device: str | torch.device | None = None,
        zoo: str | Path | Zoo | None = None,
        batch_size: int | None = None,
        strict: bool = False,
    ) -> None:
        self.bundle, self.model = _opened(model, zoo, device)
        settings, meta = self.bundle.settings, self.bundle.meta
        self.classes, self.schema = tuple(self.model.classes), Schema.of(settings['schema'])
        self.batch_size = _size(batch_size or settings['batch_size'])
        self.calibration = meta.get('calibration') and check_calibration(meta['calibration'], len(self.classes))
        self.trained_on = frozenset(meta.get('trained_on', ()))
        self.seed = settings.get('seed', 0)
        self.pipeline = build_pipeline(self.bundle)
        self.reader = CaseReader(
            self.schema, self.model.modalities, self.classes, self.model.lacking, clip_frames(self.bundle),
            (settings.get('dataset') or {}).get('clinical'), self.seed, strict,
            [*self.model.readers.values()],
        )  # fmt: skip
        self._lock = RLock()

    @property
    def modalities(self) -> tuple[str, ...]:
        """What the model takes; `'clinical'` stands for the clinical values."""
        return tuple(self.model.modalities)

    def predict(self, cases: Records, batch_size: int | None = None, explain: bool = False) -> list[Prediction]:
        """Predictions of cases, in their order, one for each.

        Args:
            cases: A list of records (see `CaseReader.read`), one record, a DataFrame, or the path of a case table,
                whose relative paths start from its folder.
            batch_size: Cases at a time.
            explain: Also make heat-maps and contributions, case by case.

        Raises:
            DataError: The table cannot be read.
            ValueError: A batch size below 1.
        """
        return list(self.iterate(cases, batch_size, explain, progress=False))

    def iterate(
        self, cases: Records, batch_size: int | None = None, explain: bool = False, progress: bool = True
    ) -> Iterator[Prediction]:
        """As `predict`, one at a time, for more cases than fit into memory.

        Args:
            cases, batch_size, explain: As of `predict`.
            progress: Show a progress bar where the number of cases is known.
        """
        size = _size(batch_size or self.batch_size)
        records, root = _records(cases)
        total = len(records) if isinstance(records, Sequence) else None
        found = self._iterate(records, root, size, explain)
        if not progress or not total:
            return found
        return iter(track(found, 'predicting', total, transient=True, console=Console(stderr=True)))

    def prepare(self, record: Any, number: int = 1, root: Path | None = None) -> Prepared:
        """Read one case and run the pipeline, without the network.

        Args:
            record, number, root: As of `CaseReader.read`.
        """
        given = self.reader.read(record, number, root)
        with self._lock:
            return prepare_case(given, self.pipeline)

    def answer(self, prepared: Prepared, explain: bool = False) -> Prediction:
        """The prediction of a case that was read by `prepare`, here or in another process.

        Args:
            prepared: The case.
            explain: Also make heat-maps and contributions.
        """
        return self._answers([prepared], explain)[0]

    def to_frame(self, predictions: Iterable[Prediction]) -> pd.DataFrame:
        """Predictions as a table with the columns of predictions.csv, see `usmm.apis.to_frame`."""
        return to_frame(predictions, self.classes, self.seed)

    def describe(self) -> dict[str, Any]:
        """What the model takes and says: source, classes, positive, images, clips, clinical variables, calibrated; and
        `streams`: the sets of modalities of which a case needs one whole, empty where it needs all.
        """
        known = self.reader.modalities
        return {
            'source': self.bundle.source,
            'classes': self.classes,
            'positive': self.classes[self.model.positive] if len(self.classes) == 2 else None,
            'images': [m for m in known if m in self.schema.images],
            'clips': [m for m in known if m in self.schema.clips],
            'streams': [*self.model.readers.values()] if self.model.optional_modalities else [],
            'clinical': list(self.reader.variables),
            'calibrated': bool(self.calibration),
        }

    def _iterate(self, records: Iterable[Any], root: Path | None, size: int, explain: bool) -> Iterator[Prediction]:
        waiting, first = iter(records), 1
        seen: set[str] = set()
        while batch := list(islice(waiting, size)):
            given = [self.reader.read(record, first + i, root) for i, record in enumerate(batch)]
            for one in given:
                if one.case.case_id in seen:
                    one.warnings.append('this case id stands before another case too')
                seen.add(one.case.case_id)
            with self._lock:
                found = self._answers([prepare_case(one, self.pipeline) for one in given], explain)
            yield from found
            first += len(batch)

    def _answers(self, prepared: Sequence[Prepared], explain: bool) -> list[Prediction]:
        with self._lock:
            self.model.eval()
            cases = [one.case for one in prepared]
            places = [i for i, case in enumerate(cases) if case is not None]
            scores = self._run([case for case in cases if case is not None])
            found: list[Prediction] = [self._failed(one.given, one.given.error or '') for one in prepared]
            for i, score in zip(places, scores, strict=True):
                found[i] = self._answer(prepared[i].given, cases[i], score, explain)
        return found

    def _run(self, cases: Sequence[Case]) -> list[dict[str, Any] | Exception]:
        """Scores of cases; where a batch fails its cases are run one by one, so that a good one gets its answer."""
        if not cases:
            return []
        try:
            with torch.inference_mode():
                batch = self.model.data_preprocessor(collate(cases))
                return list(self.model(**batch, mode='predict'))
        except Exception as error:
            if len(cases) == 1:
                return [error]
        return [score for case in cases for score in self._run([case])]

    def _answer(self, given: Given, case: Case | None, score: dict[str, Any] | Exception, explain: bool) -> Prediction:
        if isinstance(score, Exception):
            return self._failed(given, told(score))
        if not np.isfinite(score['scores']).all():
            return self._failed(given, 'the model gives no finite score for this case')
        if token(given.case) in self.trained_on:
            given.warnings.append('the patient was in the training data: this says nothing of new patients')
        final = self._named(score['scores'])
        image = {} if score['image_scores'] is None else {'image': self._named(score['image_scores'])}
        shown = int(np.argmax(score['scores']))
        found = Prediction(
            given.case.case_id, given.case.patient_id, final, self.classes[shown], stages={**image, 'final': final},
            calibrated=self._calibrated(score['scores']), label=given.label, warnings=tuple(given.warnings),
        )  # fmt: skip
        return self._explained(found, case, shown) if explain and case is not None else found

    def _explained(self, found: Prediction, case: Case, shown: int) -> Prediction:
        if isinstance(self.model, ExportedNetwork):
            return replace(found, warnings=(*found.warnings, 'not explained: an exported model has no heat-maps'))
        try:
            batch = self.model.data_preprocessor(collate([case]))
            names = [v.name for v in self.schema.clinical]
            return replace(found, **explain_case(self.model, batch, case, shown, names))
        except Exception as error:  # the answer stands without its explanation
            return replace(found, warnings=(*found.warnings, f'not explained: {told(error)}'))

    def _failed(self, given: Given, why: str) -> Prediction:
        case = given.case
        return Prediction(
            case.case_id, case.patient_id, label=given.label, warnings=tuple(given.warnings), error=why or 'no answer'
        )

    def _calibrated(self, scores: Any) -> dict[str, float] | None:
        return self._named(calibrate(self.calibration, scores, self.model.positive)) if self.calibration else None

    def _named(self, scores: Any) -> dict[str, float]:
        return {name: float(score) for name, score in zip(self.classes, scores, strict=True)}


def _opened(model: Any, zoo: Any, device: Any) -> tuple[Bundle, Any]:
    """A model's settings, and its network where it is to run."""
    if isinstance(model, (str, Path)) and Path(model).suffix.lower() == SUFFIX:
        if device is not None and torch.device(device).type != 'cpu':
            raise ValueError(f'an exported model runs on the CPU, not on {device}')
        return open_exported(Path(model))
    given = isinstance(model, nn.Module)
    bundle = _bundle_of(model) if given else open_bundle(model, zoo)
    if bundle.state is None:
        raise ValueError(f'{bundle.source} has no weights: a model that is not trained predicts nothing')
    network: Any = model if given else build_network(bundle)
    if device is not None or not given:
        network.to(get_device() if device is None else device)
    return bundle, network


def _bundle_of(model: nn.Module) -> Bundle:
    bundle = getattr(model, BUNDLE, None)
    if not isinstance(bundle, Bundle):
        raise ValueError('a network must come from get_model or init_model, which know its config')
    return bundle


def _records(cases: Records) -> tuple[Any, Path | None]:
    """Records, and the folder that their paths start from."""
    if isinstance(cases, (str, Path)):
        found = read_table(cases).to_dict('records')
        if not found:
            raise DataError('the table has no rows', file=cases)
        return found, Path(cases).parent
    if isinstance(cases, pd.DataFrame):
        return cases.to_dict('records'), None
    return ([cases] if isinstance(cases, Mapping) else cases), None


def _size(value: int) -> int:
    if value < 1:
        raise ValueError(f'batch_size must be 1 or more, got {value}')
    return value
