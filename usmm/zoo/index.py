"""index.yml of a zoo: OpenMMLab's metafile fields, and for every file its SHA-256 and size.

Reference: https://github.com/openxlab/openmim, the `metafile.yml` of a model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from usmm.utils.plain_yaml import read_plain_yaml
from usmm.utils.stand_ins import stand_in_of

MAX_BYTES = 2**20
"""Bytes of an index: about 300 models."""

MAX_SIZE = 2**40
"""Bytes of a file that an index may state."""

INDEX = 'index.yml'
NAME = re.compile(r'[a-z0-9][a-z0-9_.-]{0,99}')
PART = re.compile(r'[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}')
DEVICES = re.compile(r'(con|prn|aux|nul|com\d|lpt\d)(\..*)?', re.IGNORECASE)  # no names of files on Windows
PAGE, PAGE_SHA256 = '.md', 'README SHA256'
SHA256 = re.compile(r'[0-9a-f]{64}')
MODEL_FILES = ('.safetensors', '.pth', '.pt', '.ckpt', '.onnx', '.zip')
WEIGHTS = '.safetensors'
PICKLED = ('.pth', '.pt', '.ckpt', '.bin', '.pkl', '.pickle')


@dataclass(frozen=True)
class ZooFile:
    """One file of a model.

    Args:
        path: Relative to the index, `/` between folders.
        sha256: 64 hexadecimal digits.
        size: Bytes.
    """

    path: str
    sha256: str
    size: int

    @property
    def name(self) -> str:
        """The name without folders."""
        return PurePosixPath(self.path).name


@dataclass(frozen=True)
class Entry:
    """One model of an index.

    Args:
        name: What it is asked for by.
        weights: Path of the safetensors file, relative to the index.
        files: Every file that a download brings.
        mirrors: Addresses of other folders that hold the same files.
        page: Path of its model card, relative to the index; '' where it has none.
        page_sha256: Of the card as it was published, '' where it is not stated; people may edit a card later.
        record: Everything that the index says of it.
    """

    name: str
    weights: str
    files: tuple[ZooFile, ...]
    mirrors: tuple[str, ...] = ()
    page: str = ''
    page_sha256: str = ''
    record: Mapping[str, object] = field(default_factory=dict, compare=False)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def is_name(text: str) -> bool:
    """Whether a text stands for a model of a zoo: it has no separator of folders and no suffix of a model file.

    Example:
        >>> is_name('msmfn_small_phantom'), is_name('./msmfn_small_phantom'), is_name('model.safetensors')
        (True, False, False)
    """
    return (
        not re.search(r'[/\\]', text)
        and text not in ('', '.', '..')
        and not text.lower().endswith((*MODEL_FILES, '.py'))
    )


def is_weights(text: str) -> bool:
    """Whether a text ends as the name of a file of weights does, which is never read as a config."""
    return text.lower().endswith(MODEL_FILES)


def check_name(name: object) -> str:
    """A model's name, if it is one: lower case, so that it is a folder of its own on every system.

    Example:
        >>> check_name('msmfn_small_phantom')
        'msmfn_small_phantom'
    """
    if not isinstance(name, str) or not NAME.fullmatch(name) or _is_special(name) or not is_name(name) or name == INDEX:
        raise ValueError(
            'a model name has lower-case letters, digits and _ . - (at most 100) and does not end like a file, '
            f'got {str(name)[:60]!r}'
        )
    return name


def check_location(path: object) -> str:
    """A location relative to the index, if it stays below the index.

    Example:
        >>> check_location('../secret')
        Traceback (most recent call last):
        ...
        ValueError: a location is a relative path below the index, such as name/model.safetensors, got '../secret'
    """
    parts = path.split('/') if isinstance(path, str) else []
    if not parts or not all(PART.fullmatch(part) and not _is_special(part) for part in parts):
        raise ValueError(
            f'a location is a relative path below the index, such as name/model.safetensors, got {str(path)[:60]!r}'
        )
    return str(path)


def _is_special(part: str) -> bool:
    """Whether a name leads elsewhere on some system."""
    return '..' in part or part.endswith('.') or DEVICES.fullmatch(part) is not None


def parse_index(text: bytes, source: object) -> dict[str, Entry]:
    """The models of an index by name.

    Args:
        text: Content of index.yml.
        source: Where it comes from, for messages.

    Raises:
        ValueError: It is no index, or an entry lacks something, names a file outside, or stands twice.
    """
    try:
        if (other := stand_in_of(text, 'the index itself')) is not None:
            raise ValueError(f'it is {other}')
        content = read_plain_yaml(text, MAX_BYTES)
        records = content.get('Models') if isinstance(content, dict) else None
        if records is None or not isinstance(records, list):
            raise ValueError('it has no list of Models')
        entries: dict[str, Entry] = {}
        for record in records:
            entry = _entry(record)
            if entry.name in entries:
                raise ValueError(f'model {entry.name!r} stands in it twice')
            entries[entry.name] = entry
    except ValueError as error:
        raise ValueError(f'{source} is no index of a model zoo: {error}') from error
    return entries


def _entry(record: object) -> Entry:
    if not isinstance(record, dict) or 'Name' not in record:
        raise ValueError('a model has no Name')
    name = check_name(record['Name'])
    try:
        files = tuple(_file(item) for item in _list(record, 'Files'))
        weights = check_location(record.get('Weights'))
        mirrors = tuple(_mirror(item) for item in _list(record, 'Mirrors'))
        if weights not in [f.path for f in files]:
            raise ValueError(f'its Weights {weights!r} are not among its Files')
        pickled = [f.path for f in files if f.path.lower().endswith(PICKLED)]
        if pickled or not weights.lower().endswith(WEIGHTS):
            raise ValueError(f'weights of a zoo are safetensors, got {(pickled or [weights])[0]!r}')
        names = [f.name.lower() for f in files]
        if len(set(names)) != len(names):
            raise ValueError('two of its Files have the same name')
        _check_stated(record, files[[f.path for f in files].index(weights)])
        if record.get('Config') is not None:
            check_location(record['Config'])
        page = _page(record.get('README'), weights)
        page_sha256 = _digest(record[PAGE_SHA256], 'README') if PAGE_SHA256 in record else ''
    except ValueError as error:
        raise ValueError(f'model {name!r}: {error}') from error
    return Entry(name, weights, files, mirrors, page, page_sha256, record)


def _check_stated(record: Mapping[str, object], weights: ZooFile) -> None:
    """See that what an entry states of its weights is what its list of files states of them."""
    for key, listed in (('SHA256', weights.sha256), ('Size', weights.size)):
        if record.get(key) is not None and record[key] != listed:
            raise ValueError(
                f'its {key} is {str(record[key])[:64]!r}, but that of {weights.path} in its Files is {listed!r}'
            )


def _list(record: Mapping[str, object], key: str) -> list[object]:
    found = record.get(key, [])
    if not isinstance(found, list):
        raise ValueError(f'{key} is no list')
    return found


def _file(item: object) -> ZooFile:
    if not isinstance(item, dict):
        raise ValueError('a file is described by Path, SHA256 and Size')
    path, size = check_location(item.get('Path')), item.get('Size')
    digest = _digest(item.get('SHA256'), path)
    if type(size) is not int or not 1 <= size <= MAX_SIZE:
        raise ValueError(f'{path} has no Size in bytes')
    return ZooFile(path, digest, size)


def _digest(text: object, path: str) -> str:
    if not isinstance(text, str) or not SHA256.fullmatch(text):
        raise ValueError(f'{path} has no SHA256 of 64 hexadecimal digits')
    return text


def _mirror(item: object) -> str:
    if not isinstance(item, str) or urlsplit(item).scheme not in ('http', 'https') or not urlsplit(item).hostname:
        raise ValueError(f'a mirror is an http(s) address, got {str(item)[:80]!r}')
    return item.rstrip('/')


def _page(path: object, weights: str) -> str:
    """The model card: a Markdown file in the folder of the weights, as an index must not lead to other files."""
    if path is None:
        return ''
    found = PurePosixPath(check_location(path))
    if found.parent != PurePosixPath(weights).parent or found.suffix.lower() != PAGE:
        raise ValueError(f'its README is a file *{PAGE} in the folder of its Weights, got {str(path)[:60]!r}')
    return str(found)
