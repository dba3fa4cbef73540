"""Compare the locked versions with a local copy of the PyPA advisory database; exit code 1 if one is affected.

The database is the repository pypa/advisory-database: a folder `vulns` with a YAML file of each advisory. No network is
used. What the copy does not contain, such as advisories that are newer than it, is not found.

python requirements/audit.py requirements/ci.lock ADVISORIES
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from usmm.utils.json_types import as_mapping, as_sequence
from usmm.utils.plain_yaml import read_plain_yaml

PIN = re.compile(r'^([A-Za-z0-9_.-]+)==([^\s\\;]+)', re.MULTILINE)


@dataclass(frozen=True)
class Finding:
    """A locked version that an advisory names."""

    package: str
    version: str
    advisory: str
    fixed: str


def locked(text: str) -> dict[str, Version]:
    """Package -> version, of a lock file. A local part such as `+cpu` does not count.

    Example:
        >>> locked('torch==2.13.0+cpu --hash=x')
        {'torch': <Version('2.13.0')>}
    """
    return {str(canonicalize_name(name)): Version(Version(version).public) for name, version in PIN.findall(text)}


def affects(affected: Mapping[str, object], version: Version) -> bool:
    """Whether one `affected` entry of an advisory (OSV schema) names a version.

    Reference: https://ossf.github.io/osv-schema
    """
    if str(version) in {_normal(text) for text in as_sequence(affected.get('versions'))}:
        return True
    return any(
        _in_range(as_sequence(entry.get('events')), version)
        for entry in map(as_mapping, as_sequence(affected.get('ranges')))
        if entry.get('type') == 'ECOSYSTEM'
    )


def findings(pins: Mapping[str, Version], database: Path) -> Iterator[Finding]:
    """The advisories that name a locked version.

    Args:
        pins: Package -> version.
        database: Copy of the database.

    Raises:
        ValueError: An advisory cannot be read; names its file.
    """
    for path in sorted(database.glob('vulns/*/*.yaml')):
        if str(canonicalize_name(path.parent.name)) not in pins:
            continue
        try:
            advisory = as_mapping(read_plain_yaml(path.read_bytes()))
        except ValueError as error:
            raise ValueError(f'{path} is no advisory: {error}') from error
        if advisory.get('withdrawn'):
            continue
        for affected in map(as_mapping, as_sequence(advisory.get('affected'))):
            name = str(canonicalize_name(str(as_mapping(affected.get('package')).get('name'))))
            if name in pins and affects(affected, pins[name]):
                yield Finding(name, str(pins[name]), str(advisory.get('id')), _fixed(affected))


def _in_range(events: Sequence[object], version: Version) -> bool:
    """Events are in the order of their versions: introduced, then fixed or last affected."""
    inside = False
    for event in map(as_mapping, events):
        for kind, text in event.items():
            try:
                at = Version(str(text))
            except InvalidVersion:
                continue
            if kind == 'introduced' and version >= at:
                inside = True
            elif (kind == 'fixed' and version >= at) or (kind == 'last_affected' and version > at):
                inside = False
    return inside


def _fixed(affected: Mapping[str, object]) -> str:
    events = [e for r in map(as_mapping, as_sequence(affected.get('ranges'))) for e in as_sequence(r.get('events'))]
    found = [str(as_mapping(event)['fixed']) for event in events if 'fixed' in as_mapping(event)]
    return ', '.join(found) or 'none'


def _normal(text: object) -> str:
    try:
        return str(Version(str(text)))
    except InvalidVersion:
        return str(text)


def main(argv: Sequence[str] | None = None) -> int:
    """Print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('lock', type=Path, help='lock file')
    parser.add_argument('database', type=Path, help='copy of pypa/advisory-database')
    args = parser.parse_args(argv)
    pins = locked(args.lock.read_text(encoding='utf-8'))
    names = {str(canonicalize_name(path.name)) for path in args.database.glob('vulns/*')}
    if not pins or not names:
        parser.error(f'{args.lock} pins no package, or {args.database} has no folder vulns with advisories')
    found = list(findings(pins, args.database))
    for finding in found:
        print(f'{finding.package} {finding.version}: {finding.advisory}, fixed in {finding.fixed}')
    known = len(names & pins.keys())
    print(f'{len(pins)} packages, {known} of which have advisories: {len(found)} name the locked version')
    return 1 if found else 0


if __name__ == '__main__':
    raise SystemExit(main())
