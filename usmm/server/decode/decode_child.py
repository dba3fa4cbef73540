"""The process that opens the files of one request, and nothing else: limited by the system, gone when it has answered.

Its parent is a server of forks, see `usmm.server.decode.preload`. It gets a trusted job and answers with data alone,
see `usmm.server.decode.transport`.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeAlias

import numpy as np

from usmm.apis.pipeline import without_outline
from usmm.readers import DataError, limits, read_table
from usmm.readers.workbook import SheetNumber, UncachedFormula
from usmm.registry import TRANSFORMS
from usmm.server.decode.confine import Bounds, confine
from usmm.server.decode.previews import BoxError, Shown, show_file
from usmm.server.decode.transport import send
from usmm.structures import Case
from usmm.structures.table_format import TableFormat
from usmm.utils.json_types import as_sequence

LOADERS = ('LoadImage', 'LoadClip', 'LoadMask', 'KeyFrames', 'SplitPanels')
TABLE_ROWS = 200  # that are answered
READ_ROWS, TABLE_CELLS = 5000, 50_000  # that are read, to say how many are too many
QUOTED = re.compile(r"""b?'[^']*'|b?"[^"]*\"""")
FOLDER = re.compile(r'\S*[/\\]\S*')
LONGEST = 200  # characters of a reason

Facts: TypeAlias = dict[str, object]
Answer: TypeAlias = tuple[Facts, dict[str, np.ndarray]]
Step: TypeAlias = Mapping[str, object]


@dataclass(frozen=True)
class CaseJob:
    """Read a case and run its pipeline.

    Args:
        case: Of `CaseReader.read`, with files.
        steps: Settings of the pipeline, up to packing.
        as_mask: As of `Shown`.
        find: As of `Shown`.
    """

    case: Case
    steps: Sequence[Step]
    as_mask: tuple[str, ...] = ()
    find: bool = True

    @property
    def paths(self) -> list[Path]:
        """The files that it opens."""
        return [p for group in (self.case.files, self.case.mask_files) for paths in group.values() for p in paths]

    def run(self, at: Callable[[str], None]) -> Answer:
        """Facts and pixels of the modalities, and previews."""
        watch = Shown(self.find, self.as_mask)
        files, masks = _Noted(self.case.files, at), _Noted(self.case.mask_files, at, '_mask')
        case = replace(self.case, files=files, mask_files=masks)
        for transform in [TRANSFORMS.build(s) if isinstance(s, Mapping) else s for s in watched(self.steps, watch)]:
            case = transform(case)
        seen, pictures = watch.found()
        times = {m: _times(case, m) for m in case.data}
        whole = without_outline(case)
        arrays = {f'data/{m}': np.asarray(a) for m, a in case.data.items()}
        return dict(previews=seen, times=times, whole=whole), arrays | {f'preview/{m}': p for m, p in pictures.items()}


@dataclass(frozen=True)
class StepsJob:
    """Build a pipeline, to see that this can be done.

    Args:
        steps: Its settings.
    """

    steps: Sequence[Step]

    @property
    def paths(self) -> list[Path]:
        """The files that it opens."""
        return []

    def run(self, at: Callable[[str], None]) -> Answer:
        """Nothing to tell."""
        for step in self.steps:
            TRANSFORMS.build(dict(step))
        return {}, {}


@dataclass(frozen=True)
class FileJob:
    """Look at one file.

    Args:
        path: The file.
        clip: Whether it is to be read as a clip.
        find: As of `Shown`.
    """

    path: Path
    clip: bool
    find: bool = True

    @property
    def paths(self) -> list[Path]:
        """The files that it opens."""
        return [self.path]

    def run(self, at: Callable[[str], None]) -> Answer:
        """Facts and pictures."""
        pictures, facts = show_file(self.path, self.clip, self.find)
        return dict(previews={'file': facts}), {'preview/file': pictures}


@dataclass(frozen=True)
class TableJob:
    """Read a case table.

    Args:
        path: The file.
        table_format: How the model's tables are written; numbers of a workbook are returned in this form.
    """

    path: Path
    table_format: TableFormat = field(default_factory=TableFormat)

    @property
    def paths(self) -> list[Path]:
        """The files that it opens."""
        return [self.path]

    def run(self, at: Callable[[str], None]) -> Answer:
        """Names of columns, and rows of cells."""
        limits.MAX_TABLE_ROWS, limits.MAX_TABLE_CELLS = READ_ROWS, TABLE_CELLS
        found = read_table(self.path, keep_words=True, table_format=self.table_format)
        rows = [[None if cell is None else self._text(cell) for cell in row] for row in found.itertuples(index=False)]
        return dict(columns=list(found.columns), rows=rows), {}

    def _text(self, cell: object) -> str:
        """A cell as plain text, which carries no type: a number of a workbook has the decimal mark of the format."""
        if isinstance(cell, UncachedFormula):
            return f'formula without a stored value in {cell}'
        text = str(cell)
        return text.replace('.', self.table_format.decimal) if isinstance(cell, SheetNumber) else text


Job = CaseJob | FileJob | StepsJob | TableJob


class _Noted(dict[str, tuple[Path, ...]]):
    """Files by modality; tells which are opened next, so that the parent knows at which a process ended."""

    def __init__(self, files: Mapping[str, tuple[Path, ...]], at: Callable[[str], None], suffix: str = '') -> None:
        super().__init__(files)
        self._at, self._suffix = at, suffix

    def __getitem__(self, modality: str) -> tuple[Path, ...]:
        self._at(f'{modality}{self._suffix}')
        return super().__getitem__(modality)


def watched(steps: Sequence[Step], watch: Callable[[Case], Case]) -> list[Step | Callable[[Case], Case]]:
    """The steps with a transform behind every run of steps that load, also of steps inside others."""
    out: list[Step | Callable[[Case], Case]] = []
    for place, step in enumerate(steps):
        inner = inner_steps(step)
        out.append({**step, 'transforms': watched(inner, watch)} if inner else step)
        following = steps[place + 1]['type'] if place + 1 < len(steps) else ''
        if bare(step['type']) in LOADERS and bare(following) not in LOADERS:
            out.append(watch)
    return out


def inner_steps(step: Step) -> list[Step]:
    """The steps inside a step."""
    return [inner for inner in as_sequence(step.get('transforms')) if isinstance(inner, Mapping)]


def bare(name: object) -> str:
    """The name of a component without its scope.

    Example:
        >>> bare('usmm.LoadImage')
        'LoadImage'
    """
    return str(name).rpartition('.')[2]


def plain_reason(text: str) -> str:
    """An error without what it quotes of a file, without paths, and short.

    Example:
        >>> plain_reason("cannot be read as DICOM: ValueError: bad date '19700101' in /spool/x/0.dcm")
        'cannot be read as DICOM'
        >>> plain_reason('the mask is 3x4, its image 5x6 (width x height)')
        'the mask is 3x4, its image 5x6 (width x height)'
    """
    text = re.sub(r'(cannot be read as [^:]{1,40}):.*', r'\1', ' '.join(text.split()))
    text = FOLDER.sub('…', QUOTED.sub('…', text))
    return ''.join(sign for sign in text if sign.isprintable())[:LONGEST].strip() or 'cannot be read'


def main(writer: Connection, job: Job, bounds: Bounds) -> None:
    """Do a job in a process of its own, and end the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server decides when it ends
    confine(bounds, job.paths)
    limits.MAX_CLIP_BYTES = min(limits.MAX_CLIP_BYTES, bounds.memory // 4)
    out = writer.fileno()
    try:
        send(out, *_done(job, lambda name: send(out, {'at': name})))
    finally:
        os._exit(0)


def _done(job: Job, at: Callable[[str], None]) -> Answer:
    try:
        return job.run(at)
    except DataError as error:
        masks = job.case.mask_files.get(error.modality or '', ()) if isinstance(job, CaseJob) else ()
        box = isinstance(error, BoxError)
        suffix = '_box' if box else '_mask' if error.file in masks else ''
        place = f'{error.modality}{suffix}' if error.modality else None
        return dict(error=plain_reason(_without_names(error.cause, job.paths)), input=place, box=box), {}
    except MemoryError:
        return dict(error='needs more memory than a request may take', input=None, box=False), {}
    except Exception:  # whatever a decoder raised: its words may quote the file
        return dict(error='cannot be read', input=None, box=False), {}


def _without_names(text: str, paths: Sequence[Path]) -> str:
    for path in paths:
        text = text.replace(str(path), 'the file').replace(path.name, 'the file')
    return text


def _times(case: Case, modality: str) -> list[float | None] | None:
    times = case.info.get(modality, {}).get('times')
    if times is None or case.data[modality].ndim != 4:
        return None
    return [float(t) if np.isfinite(t) else None for t in times]
