"""What was published with a model: its entry of a zoo, and its page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from usmm.server.answer_types import Metric
from usmm.utils import work_files
from usmm.utils.inside import OutsideError, read_inside
from usmm.utils.json_types import as_mapping, as_sequence
from usmm.zoo import Zoo
from usmm.zoo.index import INDEX, is_name

NOT_PUBLISHED = 'This model was not published: there is no card that says what it is for.'
PAGE = 'README.md'
MAX_PAGE = 2**20
DOI = re.compile(r'10\.\d{4,9}/[^\s,;()]*[^\s,;().]')


@dataclass(frozen=True)
class Published:
    """What is known of a published model.

    Args:
        card: Its page in Markdown.
        purpose, limits, data, licence: As its authors put it.
        performance: Metrics with their intervals.
        note: How they were measured.
        code, source: Addresses of the code and the data, where known.
    """

    card: str
    purpose: str
    limits: str
    data: str
    licence: str
    performance: list[Metric] = field(default_factory=list)
    note: str = ''
    code: str | None = None
    source: str | None = None


def published_of(name: str, zoo: str | Path | None) -> Published | None:
    """What was published with a model; None for a run that was not.

    Args:
        name: As the model was asked for.
        zoo: The place of the zoo; None: as of `Zoo`.

    Raises:
        ValueError: The card is a link, is not a regular file, or is too large: it would show what is not the model's.
    """
    path = Path(name)
    if not is_name(name) and path.exists():  # as `open_bundle` decides
        folder = path if path.is_dir() else path.parent
        card = _page(folder, PAGE)
        if card is None or not (folder / work_files.PUBLISHED).is_file():
            return None
        here = folder.absolute().parent
        entries = Zoo(here, offline=True).entries if (here / INDEX).is_file() else {}
        entry = entries.get(folder.absolute().name)
        return _published(card, entry.record if entry else {})
    found = Zoo(zoo)
    if name not in found.entries:
        return None
    entry = found.entries[name]
    card = _page(Path(found.place), entry.page) if entry.page and not found.is_remote else None
    return _published(card or '', entry.record)


def performance_of(metrics: Mapping[str, object]) -> list[Metric]:
    """Figures of an index as a list; those of parts of a model are left out.

    Example:
        >>> performance_of({'auc': 0.9, 'auc_std': 0.1, 'auc_ci95': [0.8, 0.95], 'image/auc': 0.7})
        [{'metric': 'auc', 'value': 0.9, 'ci95': [0.8, 0.95]}]
    """
    return [
        {'metric': name, 'value': value, 'ci95': _interval(metrics.get(f'{name}_ci95'))}
        for name, value in metrics.items()
        if isinstance(value, (int, float)) and '/' not in name and not name.endswith('_std')
    ]


def _interval(value: object) -> list[float] | None:
    ends = [end for end in as_sequence(value) if isinstance(end, (int, float))]
    return ends if len(ends) == 2 else None


def section(page: str, title: str) -> str:
    r"""The text below a heading of a page, '' where it has none.

    Example:
        >>> section('# a\n\nOf use.\n\n## Limits\n\nMany.\n\n## Data\n', 'Limits')
        'Many.'
    """
    found = re.search(rf'^## {re.escape(title)}\s*\n(.*?)(?=^## |\Z)', page, re.MULTILINE | re.DOTALL)
    return found.group(1).strip() if found else ''


def _published(page: str, record: Mapping[str, object]) -> Published:
    results = as_mapping(next(iter(as_sequence(record.get('Results'))), None))
    data = str(as_mapping(record.get('Metadata')).get('Training Data') or section(page, 'Data') or 'not stated')
    counts = f'{results["Cases"]} cases of {results.get("Patients")} patients' if 'Cases' in results else ''
    note = '; '.join(part for part in (str(results.get('How', '')), counts) if part)
    doi = DOI.search(data)
    return Published(
        page,
        _first(page) or 'Its page does not say what it is for.',
        section(page, 'Limits') or 'Its page says nothing of limits.',
        data,
        str(record.get('Licence') or section(page, 'Licence') or 'none stated'),
        performance_of(as_mapping(results.get('Metrics'))),
        note or 'No figures were published.',
        None,
        f'https://doi.org/{doi.group()}' if doi else None,
    )


def _first(page: str) -> str:
    """The first paragraph behind the title."""
    parts = [part.strip() for part in page.split('\n\n')]
    return next((part for part in parts if part and not part.startswith('#')), '')


def _page(folder: Path, path: str) -> str | None:
    """The text of a model card below a folder; None where there is none."""
    try:
        return read_inside(folder, path, MAX_PAGE).decode('utf-8', 'replace')
    except FileNotFoundError:
        return None
    except OutsideError as error:
        raise ValueError(f'the model card {error}; it would be shown to everybody: put a file in its place') from error
