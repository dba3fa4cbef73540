"""List the licence of every package of a bill of materials (CycloneDX), and count those that state none.

python requirements/licences.py sbom.json licences.csv
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

UNKNOWN = 'unknown'


def licence_of(component: Mapping[str, Any]) -> str:
    """What a package states of its licence: SPDX identifiers, an SPDX expression or words; `unknown` for nothing.

    Several entries are all of what its metadata state (a field and classifiers, for instance), not a choice.

    Example:
        >>> licence_of({'licenses': [{'license': {'id': 'MIT'}}, {'license': {'name': 'BSD License'}}]})
        'BSD License; MIT'
        >>> licence_of({'licenses': [{'license': {'name': 'UNKNOWN'}}]})
        'unknown'
    """
    found = set()
    for entry in component.get('licenses') or ():
        stated = entry.get('license') or {}
        text = entry.get('expression') or stated.get('id') or stated.get('name') or ''
        # some packages put the whole text of a licence into its field
        line = next((line.strip() for line in str(text).splitlines() if line.strip()), '')
        if line and line.lower() not in ('unknown', 'none'):
            found.add(line.rpartition(' :: ')[2][:100])  # of a classifier the last part
    return '; '.join(sorted(found)) or UNKNOWN


def packages(bill: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Name, version and licence of every package of a bill of materials, by name."""
    rows = [(str(c['name']), str(c.get('version', '')), licence_of(c)) for c in bill.get('components', ())]
    return sorted(rows, key=lambda row: row[0].lower())


def write(path: Path, rows: Iterable[tuple[str, str, str]]) -> None:
    """Write the list as CSV."""
    with path.open('w', encoding='utf-8', newline='') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(['package', 'version', 'licence'])
        writer.writerows(rows)


def summary(rows: Sequence[tuple[str, str, str]]) -> str:
    """How many packages have each licence, the most frequent first, and the names of those that state none."""
    counts = Counter(licence for _, _, licence in rows)
    lines = [
        f'{count:4d}  {licence}' for licence, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
    silent = [name for name, _, licence in rows if licence == UNKNOWN]
    lines.append(f'{len(rows)} packages, {len(silent)} of unknown licence{": " if silent else ""}{", ".join(silent)}')
    return '\n'.join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Write the list and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('bill', type=Path, help='bill of materials, as JSON')
    parser.add_argument('out', type=Path, help='the list, as CSV')
    args = parser.parse_args(argv)
    rows = packages(json.loads(args.bill.read_text(encoding='utf-8')))
    if not rows:
        parser.error(f'{args.bill} lists no packages')
    write(args.out, rows)
    print(summary(rows))
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
