"""One run over a data set: table, files, folds and manifest; the result as plain data and as files."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import numpy as np

from usmm.datasets.case_table import NO_PATIENTS, CaseTable
from usmm.datasets.checks.case_checks import DataCounts, count, files_to_examine, find_problems, is_blocking, read_parts
from usmm.datasets.checks.duplicate_sheet import SHEET, duplicate_sheet
from usmm.datasets.checks.file_facts import FileFacts, Look, examine_all
from usmm.datasets.checks.manifest import Manifest, compare_manifest, read_manifest
from usmm.datasets.checks.orphan_files import orphan_note
from usmm.datasets.checks.picture_copies import PicturePair, copy_problems, table_copies
from usmm.datasets.data_digest import data_digest
from usmm.datasets.table_problem import Problem
from usmm.datasets.transforms.depth_options import DepthOptions
from usmm.datasets.unread_files import unread_files, unread_text
from usmm.structures import ModalityInfo, Schema, Settings
from usmm.structures.case_info import TABLE

MANIFEST = 'manifest.json'
DIGESTS = ('pictures', 'marked', 'content')  # facts that are of no use in a table
PROBLEM_COLUMNS = ('blocking', 'kind', 'case_id', 'modality', 'file', 'message')


@dataclass
class CheckResult:
    """What a run found.

    Args:
        root: Folder of the table; files are shown relative to it.
        problems: All problems, in the order of the table.
        counts: As `count` gives them.
        facts: What was found in every file, in the order of the table.
        missing: What the config does with a case that lacks a modality.
        notes: What was done with the manifest, which folds were read, and which files no row names.
        copies: Pairs of pictures of two patients that show the same, or nearly.
        manifest: To be written by its `write`: where there is none yet, or changes are accepted; else None.
    """

    root: Path
    problems: list[Problem]
    counts: DataCounts
    facts: list[FileFacts]
    missing: str = 'error'
    notes: list[str] = field(default_factory=list)
    copies: list[PicturePair] = field(default_factory=list)
    manifest: Manifest | None = None

    @property
    def blocking(self) -> list[Problem]:
        """The problems that stop a training."""
        return [problem for problem in self.problems if is_blocking(problem, self.missing)]

    def rows(self) -> list[dict[str, str]]:
        """The problems as text, blocking ones first."""
        rows = [
            dict(
                blocking='yes' if is_blocking(problem, self.missing) else 'no',
                kind=problem.kind,
                case_id=problem.case_id or '',
                modality=problem.modality or '',
                file='' if problem.file is None else relative(problem.file, self.root),
                message=problem.message,
            )
            for problem in self.problems
        ]
        return sorted(rows, key=lambda row: row['blocking'] != 'yes')

    def write(self, out: str | Path) -> None:
        """Write `problems.csv`, `files.csv` (one line a file) and `summary.json` into a folder.

        Where patients share pictures, `near_duplicates.png` shows the pairs side by side.
        """
        out = Path(out)
        out.mkdir(parents=True, exist_ok=True)
        _write_csv(out / 'problems.csv', PROBLEM_COLUMNS, self.rows())
        names = [f.name for f in fields(FileFacts) if f.name not in DIGESTS]
        facts = [
            {n: getattr(fact, n) for n in names} | dict(path=relative(fact.path, self.root)) for fact in self.facts
        ]
        _write_csv(out / 'files.csv', names, facts)
        if self.copies:
            duplicate_sheet(self.copies, out / SHEET)
        kinds = [problem.kind for problem in self.problems]
        problems = {kind: kinds.count(kind) for kind in sorted(set(kinds))}
        summary = {**self.counts, 'problems': problems, 'notes': self.notes}
        (out / 'summary.json').write_text(json.dumps(summary, indent=1), encoding='utf-8')


def check_data(
    path: str | Path,
    schema: Schema | Settings,
    classes: Sequence[str],
    *,
    modalities: Sequence[str] | None = None,
    ignore_labels: Sequence[str] = (),
    missing: str = 'error',
    folds: str | Path | None = None,
    manifest: str | Path | None = None,
    update_manifest: bool = False,
    workers: int | None = None,
    depth: DepthOptions | None = None,
    loaders: Sequence[object] = (),
    describe_panels: Callable[[Path, np.ndarray], str] | None = None,
    progress: Callable[[Iterable[FileFacts], int], Iterable[FileFacts]] | None = None,
) -> CheckResult:
    """Check everything about a data set. Nothing is written, see `CheckResult.write` and `CheckResult.manifest`.

    Args:
        path, schema, classes, ignore_labels: As `CaseTable.read` takes them.
        modalities: Those that every case should have (default: all of the schema).
        missing: The config's answer to a missing modality; only `'error'` makes it blocking.
        folds: A folds file to check against the table, if it exists.
        manifest: The manifest: compared with where it exists; where it does not, the result has one to write, unless
            problems block a training.
        update_manifest: The result has a new one to write, whatever was found: what changed is accepted.
        workers: As in `examine_all`.
        depth: The grey values that become 0 and 255 of each modality, as the loaders of the config have them.
        loaders: The transforms of the config that read files, to count those that they do not read.
        describe_panels: As in `Look`.
        progress: Wraps the files as they are examined, with their number: a progress bar.

    Raises:
        DataError: No table, or a table, folds file or manifest that cannot be read as one.
        ValueError: Fewer than two classes.
    """
    if manifest is not None and Path(manifest).is_file():
        read_manifest(manifest)  # a damaged one is reported before the files are read, which can take long
    table = CaseTable.read(path, schema, classes, ignore_labels)
    root, notes = table.path.parent, [*table.notes]
    if not table.has_patients:
        notes.append(NO_PATIENTS)
    parts: dict[str, str] = {}
    wrong: list[Problem] = []
    if folds is not None and Path(folds).is_file():
        parts, wrong = read_parts(folds, table)
        notes.append(f'folds read from {folds}')
    files = files_to_examine(table)
    looks = {
        file: Look(*(depth or DepthOptions()).at(modality), describe_panels, digests=True)
        for case in table.cases
        for modality, paths in case.files.items()
        for file in paths
    }
    found = examine_all(files, workers, looks)
    facts = {(fact.path, fact.role): fact for fact in (progress(found, len(files)) if progress else found)}
    problems = find_problems(table, facts, modalities, parts) + wrong
    digests = {f.path: (f.sha256, f.bytes) for f in facts.values() if f.sha256}
    if manifest is not None:
        digests[table.path] = (data_digest(table.path), table.path.stat().st_size)
        problems += _changes(Path(manifest), root, digests, update_manifest, notes)
    copies = table_copies(table, facts)
    digests_of = {path: fact.sha256 for (path, _), fact in facts.items()}
    other_bytes = [p for p in copies if len({digests_of[picture.path] for picture in p.pictures}) > 1]
    problems += copy_problems(other_bytes)
    used = [m for m in table.schema.modalities if modalities is None or m in modalities]
    info: dict[str, ModalityInfo] = {TABLE: dict(clips=tuple(m for m in used if m in table.schema.clips))}
    cases = [replace(c, files={m: f for m, f in c.files.items() if m in used}, info=info) for c in table.cases]
    for modality, counts in unread_files((cases, loaders)).items():
        problems.append(Problem('not_read', None, None, modality, unread_text({modality: counts})))
    if orphans := orphan_note(table):
        notes.append(orphans)
    checked = [facts[file] for file in files]
    result = CheckResult(root, problems, count(table, facts), checked, missing, notes, copies)
    if manifest is not None and (update_manifest or not Path(manifest).is_file()):
        if result.blocking and not update_manifest:
            notes.append('no manifest is written as long as problems block a training; --update-manifest writes one')
        else:
            result.manifest = Manifest(Path(manifest), root, digests)
    return result


def relative(path: Path, root: Path) -> str:
    """A path as seen from a folder; as it is where that would lead far up."""
    name = Path(os.path.relpath(path, root)).as_posix()
    return str(path) if name.startswith('../../') else name


def _changes(
    path: Path, root: Path, digests: Mapping[Path, tuple[str, int]], update: bool, notes: list[str]
) -> list[Problem]:
    """What differs from the manifest where there is one; nothing where differences are accepted."""
    if not path.is_file():
        return []
    changes = compare_manifest(path, root, digests)
    state = f'{len(changes)} differences' if changes else 'no difference'
    notes.append(f'compared with the manifest {path}: {state} in {len(digests)} files')
    return [] if update else changes


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    with path.open('w', encoding='utf-8', newline='') as stream:
        writer = csv.DictWriter(stream, list(columns))
        writer.writeheader()
        writer.writerows(rows)
