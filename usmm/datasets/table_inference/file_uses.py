"""Which rows use a file: one file of two patients, one file of several rows, and a mask that is the image itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from usmm.datasets.data_digest import data_digest
from usmm.readers import DataError

SHOWN = 5


@dataclass(frozen=True)
class FileUse:
    """One use of a file.

    Args:
        row: Such as `row 3`.
        patient: Id of the patient.
        modality: The modality.
    """

    row: str
    patient: str
    modality: str


class FileUses:
    """Counts the uses of the files of a table.

    Args:
        table: The table, for messages.

    Example:
        >>> uses = FileUses(Path('all.csv'))
        >>> uses.add('bus', 'row 2', 'p1', [Path('a.png')], [])
        >>> uses.add('bus', 'row 3', 'p1', [Path('a.png')], [])
        >>> uses.warnings()
        ['1 files stand in several rows of a patient: a.png (row 2, row 3).']
    """

    def __init__(self, table: Path) -> None:
        self.table = table
        self.images: dict[Path, list[FileUse]] = defaultdict(list)
        self.masks: dict[Path, set[Path]] = defaultdict(set)
        self.own_masks: dict[Path, str] = {}

    def add(self, modality: str, row: str, patient: str, files: Sequence[Path], masks: Sequence[Path]) -> None:
        """Count the files of a modality in a row.

        Args:
            modality: The modality.
            row: Such as `row 3`.
            patient: Id of the patient.
            files: Its images or clips.
            masks: Its masks.
        """
        for path in files:
            self.images[path].append(FileUse(row, patient, modality))
        for mask in masks:
            self.masks[mask].update(files)
            if mask in files:
                self.own_masks[mask] = row

    def check(self) -> None:
        """Refuse what makes a result wrong.

        Raises:
            DataError: A mask is an image of the table; or one file, or copies of it, belong to two patients.
        """
        if self.own_masks:
            shown = self._listing([f'{path.name} ({row})' for path, row in self.own_masks.items()])
            raise DataError(
                f'{len(self.own_masks)} masks are the image itself: {shown}. Name the files of the masks, or use '
                '--masks none',
                file=self.table,
            )
        both = [path for path in self.masks if path in self.images]
        if both:
            shown = self._listing([f'{path.name} ({self.images[path][0].row})' for path in both])
            raise DataError(
                f'{len(both)} files are a mask in one row and an image in another: {shown}', file=self.table
            )
        shared = [(path, uses) for path, uses in self.images.items() if len({use.patient for use in uses}) > 1]
        if shared:
            shown = self._listing([f'{path.name} ({self._rows(uses)})' for path, uses in shared])
            raise DataError(
                f'{len(shared)} files belong to several patients, so that one image may train and test: {shown}. '
                'Correct the table; where these rows are one patient, name the column of the patient with --patient',
                file=self.table,
            )

        self._check_copies()

    def _check_copies(self) -> None:
        """Refuse copies of one file, under several names, that belong to several patients."""
        sizes: dict[int, list[Path]] = defaultdict(list)
        for path in self.images:
            sizes[path.stat().st_size].append(path)
        copies: dict[str, list[Path]] = defaultdict(list)
        for size, paths in sizes.items():
            if size and len(paths) > 1:
                for path in paths:
                    copies[data_digest(path)].append(path)
        shared = [
            paths for paths in copies.values() if len({use.patient for path in paths for use in self.images[path]}) > 1
        ]
        if shared:
            shown = self._listing(
                [', '.join(f'{path.name} ({self._rows(self.images[path])})' for path in paths[:2]) for paths in shared]
            )
            raise DataError(
                f'{len(shared)} pictures belong to several patients, as copies under other names: {shown}. Correct the '
                'table; where these rows are one patient, name the column of the patient with --patient',
                file=self.table,
            )

    def warnings(self) -> list[str]:
        """What a person should look at, a sentence each."""
        texts = []
        rows = [(path, uses) for path, uses in self.images.items() if len({use.row for use in uses}) > 1]
        if rows:
            shown = self._listing([f'{path.name} ({self._rows(uses)})' for path, uses in rows])
            texts.append(f'{len(rows)} files stand in several rows of a patient: {shown}.')
        several = [(path, uses) for path, uses in self.images.items() if len({use.modality for use in uses}) > 1]
        if several:
            shown = self._listing(
                [f'{path.name} ({", ".join(dict.fromkeys(u.modality for u in uses))})' for path, uses in several]
            )
            texts.append(f'{len(several)} files stand in several modalities: {shown}.')
        masks = [(path, images) for path, images in self.masks.items() if len(images) > 1]
        if masks:
            shown = self._listing([f'{path.name} ({len(images)} images)' for path, images in masks])
            texts.append(f'{len(masks)} masks belong to several images: {shown}.')
        return texts

    @staticmethod
    def _rows(uses: Sequence[FileUse]) -> str:
        return ', '.join(dict.fromkeys(use.row for use in uses[:SHOWN])) + (' ...' if len(uses) > SHOWN else '')

    @staticmethod
    def _listing(items: Sequence[str]) -> str:
        more = f' and {len(items) - SHOWN} more' if len(items) > SHOWN else ''
        return ', '.join(items[:SHOWN]) + more
