"""The models of a server, and everything that they answer; without HTTP."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from usmm.apis import Prediction, Predictor, Prepared
from usmm.apis.inputs import CaseInput
from usmm.apis.pipeline import no_outline
from usmm.readers import read_box
from usmm.server.answer_types import Answer, BatchRow, ModelInfo, Preview, Seconds
from usmm.server.answers import answer_of, preview_of
from usmm.server.batch import Batch
from usmm.server.decode.decode_child import CaseJob, FileJob, StepsJob
from usmm.server.decode.decoding import Decoder
from usmm.server.decode.replies import Reply, case_reply, preview_reply
from usmm.server.http.http_errors import RequestError
from usmm.server.published import published_of
from usmm.server.served import Fields, Served, label_of, unique
from usmm.server.server_limits import Limits
from usmm.structures import Case

BLANK = {'auto': True, 'stated': False}


class Engine:
    """Models that answer. Calls block; several threads may call.

    Args:
        models: As `Predictor` takes them: names of the zoo, runs, published folders.
        limits: Of the server.
        zoo: The place of the zoo; None: USMM_ZOO, or that of this installation.
        device: Where the networks run; None: a GPU if there is one.

    Raises:
        ValueError: No model, or one that cannot be opened or served.
    """

    def __init__(
        self, models: Sequence[str], limits: Limits, zoo: str | Path | None = None, device: str | None = None
    ) -> None:
        if not models:
            raise ValueError('a server needs one model or more')
        found = [_opened(str(m), zoo, device) for m in models]
        for served, name in zip(found, unique([served.id for served in found]), strict=True):
            served.id = name
        self._served = {served.id: served for served in found}
        self.decoder = Decoder(limits)
        for served in found:  # this also starts what the first request would wait for
            self._try(served)

    def models(self) -> list[ModelInfo]:
        """What each model takes, and what is known of it."""
        return [served.info() for served in self._served.values()]

    def card(self, model: str) -> str:
        """The model card, in Markdown.

        Raises:
            RequestError: There is no such model.
        """
        return self._of(model).card()

    def fields(self, model: str) -> Fields:
        """The fields of a request for a prediction.

        Raises:
            RequestError: There is no such model.
        """
        return self._of(model).fields()

    def preview(self, path: Path, kind: str, blank: str = 'auto') -> Preview:
        """What a file shows.

        Args:
            path: The file.
            kind: `'image'` or `'clip'`.
            blank: What is blanked: `'auto'`: all but the regions that the file states, else all but the picture that is
                found; `'stated'`: stated regions only.

        Raises:
            RequestError: It cannot be read.
        """
        if kind not in ('image', 'clip'):
            raise RequestError('bad_request', "kind must be 'image' or 'clip'", 'kind')
        facts, arrays = self.decoder.run(FileJob(path, kind == 'clip', _finds(blank)))
        return preview_of(preview_reply(facts, arrays))

    def predict(
        self,
        model: str,
        files: Mapping[str, Sequence[Path]],
        values: Mapping[str, str],
        explain: bool = True,
        blank: str = 'auto',
    ) -> Answer:
        """The answer for one case.

        Args:
            model: Its id.
            files: Field -> files.
            values: Field -> text.
            explain: Also make heat-maps and contributions.
            blank: As of `preview`.

        Raises:
            RequestError: There is no such model, a field is unknown, missing or cannot be used, a file cannot be read.
        """
        start, served, find = time.perf_counter(), self._of(model), _finds(blank)
        given = given_case(served, files, values)
        reply = self._read(served, given, find)
        read = time.perf_counter()
        found = self._answer(served, given, reply, explain)
        end = time.perf_counter()
        if not found.ok:
            raise RequestError('failed', 'the model gives no answer for this case')
        seconds: Seconds = {'wait': 0.0, 'read': read - start, 'predict': end - read, 'total': end - start}
        return answer_of(served.id, found, reply, given.case.clinical, seconds)

    def batch(self, model: str, table: Path, files: Mapping[str, Path]) -> tuple[list[BatchRow], str]:
        """The answers for the cases of a table.

        Args:
            model: Its id.
            table: CSV or XLSX.
            files: Name of the upload, perhaps with folders -> file.

        Returns:
            A row a case, and all of them as CSV of which no cell is a formula.

        Raises:
            RequestError: There is no such model, or the table cannot be read.
        """
        served = self._of(model)

        def answer(given: CaseInput) -> Prediction:
            return self._answer(served, given, self._read(served, given, True), False)

        return Batch(served, self.decoder, answer).run(table, files)

    def problem(self) -> str | None:
        """Why files cannot be read now; None: they can."""
        return self.decoder.problem()

    def close(self) -> None:
        """End what runs, and answer no more."""
        self.decoder.close()

    def _try(self, served: Served) -> None:
        try:
            self.decoder.run(StepsJob(served.steps))
        except RequestError as error:
            source = served.predictor.bundle.source
            raise ValueError(
                f'{source}: its pipeline cannot be built in the process that reads files, which knows the components '
                'of usmm alone'
            ) from error

    def _of(self, model: str) -> Served:
        if model not in self._served:
            raise RequestError('not_found', 'there is no model of this name on this server')
        return self._served[model]

    def _read(self, served: Served, given: CaseInput, find: bool) -> Reply:
        case = given.case
        if not case.files:  # a model of a table alone
            return Reply({})
        for field, paths in [*case.files.items(), *((f'{m}_mask', masks) for m, masks in case.mask_files.items())]:
            if not all(path.is_file() for path in paths):
                raise RequestError('unavailable', 'the upload is no longer on the server: send it again', field)
        job = CaseJob(case, served.steps, tuple(served.by_mask - served.by_box), find)
        return case_reply(*self.decoder.run(job), served.predictor.schema.modalities)

    def _answer(self, served: Served, given: CaseInput, reply: Reply, explain: bool) -> Prediction:
        case = Case(**{**vars(given.case), 'data': dict(reply.data), 'info': dict(given.case.info)})
        if reply.whole:
            given.warnings.append(no_outline(reply.whole))
        try:
            for transform in served.packing:
                case = transform(case)
        except Exception as error:
            raise RequestError('failed', 'the model does not take what was read') from error
        return served.predictor.answer(Prepared(given, case), explain)


def _opened(model: str, zoo: str | Path | None, device: str | None) -> Served:
    known, path = published_of(model, zoo), Path(model)
    name = model if known is None else path.absolute().parent.name if path.is_file() else path.name
    return Served(name, Predictor(model, device, zoo, strict=True), known)


def given_case(served: Served, files: Mapping[str, Sequence[Path]], values: Mapping[str, str]) -> CaseInput:
    """The case of a request, before its files are read.

    Raises:
        RequestError: A field that is unknown, missing, or has a value that cannot be used.
    """
    fields = served.fields()
    for sent, known in ((set(files), sorted(fields.files)), (set(values), sorted(fields.values))):
        if sent - set(known):
            raise RequestError('bad_request', f'an unknown field; this model has {", ".join(known) or "none"}')
    _check_files(served, files)
    for name, text in values.items():
        if name.endswith('_box') and name.removesuffix('_box') in served.modalities and text.strip():
            _check_box(name, text)
    given = served.predictor.reader.read({**{k: list(v) for k, v in files.items() if v}, **values}, 1)
    if given.error is not None:
        names = [name for name in values if given.error.startswith(f'{name} ')]
        raise RequestError('bad_value', given.error[:300], max(names, key=len, default=None))
    for name, paths in files.items():
        if len(paths) > 1 and not name.endswith('_mask'):
            given.warnings.append(f'{name}: of {len(paths)} files one is read')
    return given


def _check_files(served: Served, files: Mapping[str, Sequence[Path]]) -> None:
    absent = [m for m in served.modalities if not files.get(m)]
    for name, paths in files.items():
        if name in served.clips and len(paths) > 1:
            raise RequestError('bad_request', f'{label_of(name)}: one file of a clip, not {len(paths)}', name)
        owner = name.removesuffix('_mask')
        if name not in served.modalities and paths and owner in absent:
            raise RequestError('missing_input', f'{label_of(owner)}: an outline came without its image', owner)
    needed = served.predictor.missing_modalities(absent)
    if needed:
        words = ', '.join(label_of(m) for m in needed)
        raise RequestError('missing_input', f'this model needs {words}', needed[0])


def _check_box(name: str, text: str) -> None:
    try:
        read_box(text)
    except ValueError as error:
        message = 'a box is four numbers, x0,y0,x1,y1, in pixels of the image, with x0 < x1 and y0 < y1'
        raise RequestError('bad_value', message, name) from error


def _finds(blank: str) -> bool:
    if blank not in BLANK:
        raise RequestError('bad_request', f'blank must be one of {", ".join(BLANK)}', 'blank')
    return BLANK[blank]
