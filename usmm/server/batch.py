"""A table of cases and their files: a row that cannot be answered costs itself alone."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from usmm.apis import Prediction, safe_csv
from usmm.apis.inputs import CaseInput
from usmm.server.answer_types import BatchRow
from usmm.server.decode.decode_child import TABLE_ROWS, TableJob, plain_reason
from usmm.server.decode.decoding import Decoder
from usmm.server.decode.replies import table_reply
from usmm.server.http.http_errors import RequestError
from usmm.server.places import Places
from usmm.server.served import Served

FILES = ('file', 'mask')
WALLS = 5  # a batch takes that many times as long as one request may
LONG = 300  # characters of an error
SHOWN = 5  # rows of a message


class Batch:
    """Answers the rows of a table.

    Args:
        served: The model.
        decoder: Reads the table.
        answer: Reads the files of a case, and answers it.
    """

    def __init__(self, served: Served, decoder: Decoder, answer: Callable[[CaseInput], Prediction]) -> None:
        self.served, self.decoder, self.answer = served, decoder, answer
        self.reader = served.predictor.reader

    def run(self, table: Path, files: Mapping[str, Path]) -> tuple[list[BatchRow], str]:
        """Rows and CSV, see `Engine.batch`.

        Raises:
            RequestError: The table cannot be read, or has no rows.
        """
        records = self._records(table)
        places = Places(files, [name for record in records for _, names in self._named(record) for name in names])
        shared = self._shared(records, places)
        deadline = time.monotonic() + WALLS * self.decoder.wall
        seen: set[str] = set()
        found = []
        for number, record in enumerate(records, 1):
            one = self._one(record, number, places, deadline, shared.get(number))
            if one.case_id in seen:
                one = replace(one, warnings=(*one.warnings, 'this case id stands before another case too'))
            seen.add(one.case_id)
            found.append(one)
        rows = [row_of(number, one) for number, one in enumerate(found, 1)]
        return rows, safe_csv(self.served.predictor.to_frame(found))

    def _records(self, table: Path) -> list[dict[str, str | None]]:
        try:
            facts, _ = self.decoder.run(TableJob(table, self.served.predictor.schema.table_format))
        except RequestError as error:
            raise RequestError(error.code, f'the table {error.message}', 'table') from error
        found = table_reply(facts, TABLE_ROWS)
        if not found:
            raise RequestError('unreadable', 'the table has no rows', 'table')
        return found

    def _one(
        self, record: Mapping[str, str | None], number: int, places: Places, deadline: float, shared: str | None
    ) -> Prediction:
        given = self.reader.read(dict(record), number)
        name, patient, label = given.case.case_id, given.case.patient_id, given.label

        def failed(why: str) -> Prediction:
            return Prediction(name, patient, label=label, warnings=tuple(given.warnings), error=why)

        if given.error is not None:
            return failed(_short(given.error))
        if shared is not None:
            return failed(shared)
        try:
            given = self.reader.read(self._placed(record, places), number)
            if given.error is not None:
                return failed(_short(given.error))
            if time.monotonic() > deadline:
                return failed('not read: the time for the whole table is over')
            found = self.answer(given)
        except RequestError as error:
            where = f'{error.input}: ' if error.input and error.code != 'missing_input' else ''
            return failed(f'{where}{error.message}')
        return found if found.ok else failed('the model gives no answer for this case')

    def _shared(self, records: Sequence[Mapping[str, str | None]], places: Places) -> dict[int, str]:
        """Row -> what is wrong: a file that rows of different patients name, or that a row names twice."""
        uses: dict[Path, list[tuple[int, str, str]]] = defaultdict(list)
        for number, record in enumerate(records, 1):
            patient = self.reader.read(dict(record), number).case.patient_id
            for key, names in self._named(record):
                kind, modality = self.reader.keys[key]
                for name in names:
                    with suppress(RequestError):  # named where the row is answered
                        path = places.find(name, modality)
                        uses[path].append((number, patient, modality if kind == 'file' else f'{modality}_mask'))
        found: dict[int, str] = {}
        for rows in uses.values():
            numbers = sorted({number for number, _, _ in rows})
            if len({patient for _, patient, _ in rows}) > 1:
                told = f'rows {_listed(numbers)} are of different patients and name the same file'
                found |= {number: told for number in numbers if number not in found}
            for number in numbers:
                fields = [field for row, _, field in rows if row == number]
                if len(fields) > 1:
                    found.setdefault(number, f'{" and ".join(dict.fromkeys(fields))}: one file is named twice')
        return found

    def _placed(self, record: Mapping[str, str | None], places: Places) -> dict[str, object]:
        """The record with its names of files replaced by their places."""
        placed: dict[str, object] = {key: c for key, c in record.items() if c is None or self._kind(key) not in FILES}
        for key, names in self._named(record):
            kind, modality = self.reader.keys[key]
            where = modality if kind == 'file' else f'{modality}_mask'
            placed[key] = [places.find(name, where) for name in names]
        return placed

    def _named(self, record: Mapping[str, str | None]) -> list[tuple[str, list[str]]]:
        """The columns of a record that name files of this model, and the names."""
        return [
            (key, [part.strip() for part in cell.split(';') if part.strip()])
            for key, cell in record.items()
            if cell is not None and self._kind(key) in FILES and self.reader.keys[key][1] in self.served.modalities
        ]

    def _kind(self, key: str) -> str:
        return self.reader.keys.get(key, ('', ''))[0]


def _listed(numbers: Sequence[int]) -> str:
    shown = [str(number) for number in numbers[:SHOWN]]
    return ', '.join(shown) + (f' and {len(numbers) - SHOWN} more' if len(numbers) > SHOWN else '')


def row_of(number: int, found: Prediction) -> BatchRow:
    """A row of the answer."""
    return {
        'row': number,
        'case_id': found.case_id,
        'patient_id': found.patient_id,
        'label': found.label,
        'predicted': found.predicted,
        'probabilities': dict(found.probabilities),
        'calibrated': dict(found.calibrated) if found.calibrated is not None else None,
        'warnings': list(found.warnings),
        'error': found.error,
    }


def _short(text: str) -> str:
    return text[:LONG] if '/' not in text else plain_reason(text)
