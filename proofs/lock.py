"""Write the lock file of CI: every package of this environment that setup.py asks for, with its SHA-256.

The sums are those of the files that pip would install here: for this Python, this system, this processor.
"""

from __future__ import annotations

import argparse
import ast
import json
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from usmm.utils.console import plain_errors

SETUP = Path(__file__).resolve().parents[1] / 'setup.py'  # an installed usmm may know an older one


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', default=Path('requirements', 'ci.lock'), type=Path, help='the lock file')
    return parser.parse_args(argv)


def roots() -> list[str]:
    """The requirements of setup.py, those of developers too.

    Raises:
        ValueError: There is no setup.py beside the tools.
    """
    if not SETUP.is_file():
        raise ValueError(f'a lock file is made in a clone: there is no {SETUP}')
    nodes = [node for node in ast.parse(SETUP.read_text(encoding='utf-8')).body if isinstance(node, ast.Assign)]
    lists = {node.targets[0].id: node.value for node in nodes if isinstance(node.targets[0], ast.Name)}
    return [text for name in ('INSTALL', 'DEV') for text in ast.literal_eval(lists[name])]


def needed(requirements: Iterable[str]) -> dict[str, str]:
    """Name -> installed version of everything that these need.

    Raises:
        ValueError: Something that is needed is not installed.
    """
    found: dict[str, str] = {}
    done: set[tuple[str, str]] = set()
    waiting = [(Requirement(text), '') for text in requirements]
    while waiting:
        requirement, by = waiting.pop()
        name = canonical(requirement.name)
        try:
            package = distribution(name)
        except PackageNotFoundError:
            raise ValueError(f'{name}, which {by or "setup.py"} needs, is not installed') from None
        found[name] = package.version
        for extra in requirement.extras or {''}:
            if (name, extra) in done:
                continue
            done.add((name, extra))
            for text in package.requires or ():
                child = Requirement(text)
                if child.marker is None or child.marker.evaluate({'extra': extra}):
                    waiting.append((child, name))
    return dict(sorted(found.items()))


def hashes(packages: Mapping[str, str]) -> dict[str, str]:
    """Name -> SHA-256 of the file that pip would install; nothing is installed.

    Raises:
        ValueError: pip finds one of the versions no more.
    """
    with tempfile.TemporaryDirectory() as folder:
        wanted, report = Path(folder, 'wanted.txt'), Path(folder, 'report.json')
        wanted.write_text('\n'.join(f'{name}=={version}' for name, version in packages.items()), encoding='utf-8')
        pip = [sys.executable, '-m', 'pip', 'install', '--dry-run', '--ignore-installed', '--no-deps', '--quiet']
        done = subprocess.run([*pip, '--report', report, '-r', wanted], capture_output=True, text=True)
        if done.returncode:
            raise ValueError(f'pip cannot find the packages of this environment: {done.stderr.strip()[-500:]}')
        return digests(json.loads(report.read_text(encoding='utf-8')))


def digests(report: Mapping[str, Any]) -> dict[str, str]:
    """Name -> SHA-256 of each file of a report of `pip install --report`."""
    return {
        canonical(item['metadata']['name']): item['download_info']['archive_info']['hashes']['sha256']
        for item in report['install']
    }


def canonical(name: str) -> str:
    """A package's name as registries spell it."""
    return re.sub(r'[-_.]+', '-', name).lower()


def lock_text(packages: Mapping[str, str], sums: Mapping[str, str]) -> str:
    """The lock file; a local label of a version (`+cpu`) is left to the sum."""
    python = '.'.join(platform.python_version_tuple()[:2])
    head = f'# Written by proofs/lock.py for CPython {python}, {platform.system()} {platform.machine()}.\n'
    lines = [f'{name}=={packages[name].partition("+")[0]} --hash=sha256:{sums[name]}' for name in sorted(packages)]
    return '\n'.join([f'{head}# pip install --no-deps --require-hashes -r requirements/ci.lock', *lines, ''])


@plain_errors
def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    packages = needed(roots())
    text = lock_text(packages, hashes(packages))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(text, encoding='utf-8')
    print(f'{args.out}: {len(packages)} packages')


if __name__ == '__main__':
    raise SystemExit(main())
