"""Which uploaded file a cell of a table means; names are compared, and never looked for on a disk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from usmm.server.http.http_errors import RequestError
from usmm.server.names import plain_place
from usmm.server.served import label_of

ELSEWHERE = 'names a file outside the upload: give the name of an uploaded file'


class Places:
    """Finds uploads by what the cells of a table say.

    A cell means an upload where one name is the end of the other in whole parts: `bus/a.png` and `a.png`. Tables often
    have a folder for each modality and the same names in all of them: an upload that two different places of a table
    could mean is given to neither.

    Args:
        files: Name of the upload, perhaps with folders -> file.
        cells: All cells of the table that name files.
    """

    def __init__(self, files: Mapping[str, Path], cells: Iterable[str]) -> None:
        self.files = files
        self._meant: dict[str, set[str]] = {}
        for name in {plain for cell in cells if (plain := plain_place(cell)) is not None}:
            for upload in self._matches(name):
                self._meant.setdefault(upload, set()).add(name)

    def find(self, cell: str, field: str) -> Path:
        """The file of a cell.

        Args:
            cell: A name, perhaps with folders.
            field: To which it belongs, for errors.

        Raises:
            RequestError: `bad_value` for a place outside the upload or one that is not clear; `missing_input`.
        """
        name = plain_place(cell)
        if name is None:
            raise RequestError('bad_value', ELSEWHERE, field)
        found = self._matches(name)
        if not found:
            raise RequestError('missing_input', f'{label_of(field)}: names a file that was not uploaded', field)
        if len(found) > 1 or len(self._meant.get(found[0], ())) > 1:
            words = 'files of several folders have this name: give each file a name of its own'
            raise RequestError('bad_value', words, field)
        return self.files[found[0]]

    def _matches(self, name: str) -> list[str]:
        if name in self.files:
            return [name]
        return [key for key in self.files if key.endswith(f'/{name}') or name.endswith(f'/{key}')]
