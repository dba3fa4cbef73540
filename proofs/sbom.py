"""Write the bill of materials of this environment: every installed package, as CycloneDX 1.5 in JSON."""

from __future__ import annotations

import argparse
import json
import re
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from usmm.utils.console import plain_errors
from usmm.version import __version__


def bill(found: list[Distribution]) -> dict[str, Any]:
    """The bill of these packages; the same for the same packages."""
    components = {c['bom-ref']: c for c in map(component, found)}
    whole = components.pop(f'pkg:pypi/usmm@{__version__}', {'type': 'library', 'name': 'usmm', 'version': __version__})
    return {
        'bomFormat': 'CycloneDX',
        'specVersion': '1.5',
        'version': 1,
        'metadata': {
            'component': whole,
            'tools': {'components': [{'type': 'application', 'name': 'usmm proofs/sbom.py'}]},
        },
        'components': [components[key] for key in sorted(components)],
    }


def component(package: Distribution) -> dict[str, Any]:
    """One package: name, version, package URL and, where it says so, licence."""
    meta = package.metadata
    name = re.sub(r'[-_.]+', '-', meta['Name']).lower()
    url = f'pkg:pypi/{name}@{package.version.replace("+", "%2B")}'
    entry: dict[str, Any] = {
        'type': 'library', 'bom-ref': url, 'name': name, 'version': package.version, 'purl': url,
    }  # fmt: skip
    if licence := licence_of(meta):
        entry['licenses'] = [licence]
    return entry


def licence_of(meta: Any) -> dict[str, Any] | None:
    """The licence as CycloneDX writes it: an SPDX expression, else a name."""
    if expression := meta.get('License-Expression'):
        return {'expression': expression}
    names = [c.rpartition(' :: ')[2] for c in meta.get_all('Classifier') or () if c.startswith('License :: ')]
    name = names[0] if names else (meta.get('License') or '').strip().partition('\n')[0]
    return {'license': {'name': name}} if name and name != 'UNKNOWN' else None


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--out', type=Path, help='JSON file (default: print it)')
    return parser.parse_args(argv)


@plain_errors
def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    text = json.dumps(bill(list(distributions())), indent=1)
    if args.out is None:
        print(text)
    else:
        args.out.write_text(text + '\n', encoding='utf-8')
        print(f'{args.out}: {text.count("bom-ref")} packages', file=sys.stderr)
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
