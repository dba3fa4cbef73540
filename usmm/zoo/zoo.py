"""A zoo in a folder or on a web server, and the cache that its models are brought to."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import sys
from pathlib import Path
from urllib.parse import quote

from usmm.utils.atomic_files import write_bytes
from usmm.utils.digests import BLOCK, file_digest
from usmm.utils.inside import open_inside, read_inside
from usmm.utils.locations import folder, is_address
from usmm.utils.locks import FileLock, LockedError
from usmm.utils.suggestions import did_you_mean
from usmm.zoo.fetch import FetchError, FetchOptions, fetch, fetch_small
from usmm.zoo.index import INDEX, MAX_BYTES, Entry, ZooFile, parse_index
from usmm.zoo.placing import waiting_paths

PLACE, CACHE, OFFLINE = 'USMM_ZOO', 'USMM_CACHE', 'USMM_OFFLINE'
SCHEMES = ('http://', 'https://')
LOCK_SECONDS = 3600.0
MAX_MODEL_BYTES = 4 * 2**30
"""Bytes of all files of a model."""


def default_cache() -> Path:
    """USMM_CACHE, or the folder that the system has for such files."""
    if os.environ.get(CACHE):
        return Path(os.environ[CACHE])
    if sys.platform == 'win32':
        return Path(os.environ.get('LOCALAPPDATA') or Path.home() / 'AppData' / 'Local') / 'usmm' / 'cache'
    if sys.platform == 'darwin':
        return Path.home() / 'Library' / 'Caches' / 'usmm'
    return Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'usmm'


class Zoo:
    """A collection of models with an index.

    Args:
        place: A folder, an http(s) address of one, or its index.yml. None: USMM_ZOO, else the zoo of this installation.
        cache: Where files go. None: `default_cache()`.
        offline: Ask no server; what is in the cache, or in a zoo that is a folder, is there. None: USMM_OFFLINE=1.
        options: How to download.
        max_bytes: Larger models are refused.

    Raises:
        ValueError: The place is an address of another kind, or the index is none.
        FileNotFoundError: There is no index.
        FetchError: It cannot be downloaded.

    Example:
        >>> Zoo().list_models('no_such_*')
        []
    """

    def __init__(
        self,
        place: str | Path | None = None,
        cache: str | Path | None = None,
        offline: bool | None = None,
        options: FetchOptions | None = None,
        max_bytes: int = MAX_MODEL_BYTES,
    ) -> None:
        found = str(place or os.environ.get(PLACE) or folder('model_zoo'))
        if is_address(found) and not found.startswith(SCHEMES) and not Path(found).exists():
            raise ValueError(
                f'{found} is not the place of a model zoo: expected a folder, or an address with http(s)://'
            )
        self.place = found.removesuffix(INDEX).rstrip('/') or '/'
        self.cache = Path(cache) if cache is not None else default_cache()
        self.offline = os.environ.get(OFFLINE, '') not in ('', '0') if offline is None else offline
        self.options = options or FetchOptions()
        self.max_bytes = max_bytes
        self.entries = parse_index(self._index(), self._at(INDEX))

    @property
    def is_remote(self) -> bool:
        """Whether the zoo is on a web server."""
        return self.place.startswith(SCHEMES)

    def list_models(self, pattern: str = '*') -> list[str]:
        """Names that fit a pattern (`*`, `?`), or contain it, in order."""
        names = sorted(self.entries)
        if not any(sign in pattern for sign in '*?['):
            pattern = f'*{pattern}*'
        return [name for name in names if fnmatch.fnmatchcase(name, pattern)]

    def entry(self, name: str) -> Entry:
        """What the index says of a model.

        Raises:
            ValueError: There is none of this name; the message lists the nearest.
        """
        if name not in self.entries:
            hint = did_you_mean(name, sorted(self.entries), count=3, cutoff=0.4)
            raise ValueError(f'no model {name!r} in {self.place}; {hint}')
        return self.entries[name]

    def download(self, name: str) -> Path:
        """Bring a model's files into the cache and check each against its SHA-256; nothing is opened before.

        Returns:
            The folder with the files.

        Raises:
            ValueError: There is no such model, or it is larger than `max_bytes`.
            FetchError: A file cannot be had, or is not the one that the index describes.
        """
        entry = self.entry(name)
        if entry.size > self.max_bytes:
            raise ValueError(f'model {name!r} has {entry.size} bytes, over the limit of {self.max_bytes}')
        target = self.folder_of(entry)
        target.mkdir(parents=True, exist_ok=True)
        for file in entry.files:
            self._bring(entry, file, target / file.name)
        return target

    def weights(self, name: str) -> Path:
        """The downloaded safetensors file of a model."""
        return self.download(name) / Path(self.entry(name).weights).name

    def folder_of(self, entry: Entry) -> Path:
        """The folder of a model in the cache; another version of its files has another one."""
        version = hashlib.sha256('\n'.join(f'{f.name} {f.sha256}' for f in entry.files).encode()).hexdigest()
        return self.cache / 'models' / f'{entry.name}-{version[:12]}'

    def _at(self, path: str) -> str:
        return f'{self.place}/{quote(path) if self.is_remote else path}'

    def _index(self) -> bytes:
        if not self.is_remote:
            path = Path(self._at(INDEX))
            if not os.path.lexists(path):  # what is no file is refused when it is read
                raise FileNotFoundError(f'no model zoo at {self.place}: there is no {path}')
            return read_inside(self.place, INDEX, MAX_BYTES)
        kept = self.cache / 'indices' / f'{hashlib.sha256(self.place.encode()).hexdigest()[:16]}.yml'
        if self.offline:
            if not kept.is_file():
                raise FetchError(f'offline, and no index of {self.place} is in the cache {self.cache}')
            with kept.open('rb') as file:
                return file.read(MAX_BYTES + 1)
        content = fetch_small(self._at(INDEX), MAX_BYTES, self.options)
        parse_index(content, self._at(INDEX))  # one that is none does not take the place of the last
        write_bytes(kept, content)
        return content

    def _bring(self, entry: Entry, file: ZooFile, target: Path) -> None:
        if _is_right(target, file):
            return
        waiting = self.cache / 'partial'
        waiting.mkdir(parents=True, exist_ok=True)
        part = waiting / f'{file.sha256}.part'
        try:
            with FileLock(part.with_suffix('.lock'), timeout=LOCK_SECONDS):
                if _is_right(target, file):  # another process was faster
                    return
                self._obtain(entry, file, part)
                if not _is_right(part, file):
                    part.unlink(missing_ok=True)
                    raise FetchError(f'{file.path} changed while it was downloaded')
                part.replace(target)
        except LockedError as error:
            raise FetchError(f'{error.strerror} for over {LOCK_SECONDS:.0f} s') from error

    def _obtain(self, entry: Entry, file: ZooFile, part: Path) -> None:
        """From the zoo, then from the mirrors; the first that has the right bytes is taken."""
        problems: list[str] = []
        if not self.is_remote:
            try:
                self._copy(file, part)
                return
            except OSError as error:
                problems.append(str(error))
        places = [*([self.place] if self.is_remote else []), *entry.mirrors]
        if self.offline:
            problems.append(f'offline, and {file.path} of {entry.name} is not in the cache {self.cache}')
            places = []
        for place in places:
            try:
                fetch(f'{place}/{quote(file.path)}', part, file.sha256, file.size, self.options)
                return
            except FetchError as error:
                problems.append(str(error))
        raise FetchError('; '.join(problems))

    def _copy(self, file: ZooFile, part: Path) -> None:
        """From the zoo; or from beside it, where a publishing that was killed left the model."""
        problem: OSError | None = None
        for path in (file.path, *waiting_paths(Path(self.place), file.path)):
            try:
                self._copy_from(path, file, part)
                return
            except FileNotFoundError:
                problem = problem or FetchError(f'{self._at(file.path)} is no file')
            except OSError as error:
                problem = problem or error
        raise FetchError(str(problem)) from problem

    def _copy_from(self, path: str, file: ZooFile, part: Path) -> None:
        digest, count = hashlib.sha256(), 0
        with open_inside(self.place, path, self.max_bytes) as source, part.open('wb') as copy:
            if (size := os.fstat(source.fileno()).st_size) != file.size:
                raise FetchError(f'{self._at(path)} has {size} bytes, the index states {file.size}')
            while block := source.read(min(BLOCK, file.size + 1 - count)):
                count += len(block)
                digest.update(block)
                copy.write(block)
        if digest.hexdigest() != file.sha256:
            part.unlink()
            raise FetchError(f'{self._at(path)} is damaged: its SHA-256 is not the one of the index')


def list_models(pattern: str = '*', place: str | Path | None = None) -> list[str]:
    """Names of the models of a zoo (by default USMM_ZOO, or that of this installation) that fit a pattern."""
    return Zoo(place).list_models(pattern)


def _is_right(path: Path, file: ZooFile) -> bool:
    return path.is_file() and path.stat().st_size == file.size and file_digest(path) == file.sha256
