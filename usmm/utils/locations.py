"""Where the configs, tools and model zoo are: beside the package in a clone, in its `.mim` folder in a wheel."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from usmm.utils.suggestions import did_you_mean

PACKAGE = Path(__file__).resolve().parents[1]
ADDRESS = re.compile(r'[A-Za-z][A-Za-z0-9+.-]+:/')  # with one slash, as a path keeps no more
FOLDERS = ('configs', 'tools', 'model_zoo')


def is_address(text: str | Path) -> bool:
    """Whether a text, or a path that was made of it, is an address with a scheme.

    Example:
        >>> is_address('https://host/x'), is_address(Path('file:///x')), is_address('C:/x'), is_address('a/b')
        (True, True, False, False)
    """
    return ADDRESS.match(str(text)) is not None


def folder(name: str) -> Path:
    """The folder `configs`, `tools` or `model_zoo` of this installation.

    Raises:
        ValueError: There is no folder of this name by design.
        FileNotFoundError: The installation lacks it.
    """
    if name not in FOLDERS:
        raise ValueError(f'expected one of {FOLDERS}, got {name!r}')
    # A wheel is looked at first: what lies beside it in site-packages may be called `tools` too, and is not ours.
    carried = PACKAGE / '.mim'
    found = (carried if carried.is_dir() else PACKAGE.parent) / name
    if not found.is_dir():
        raise FileNotFoundError(f'usmm at {PACKAGE} has no folder {name!r}: install it from a clone or a wheel')
    return found


def find_config(name: str | Path, shipped: bool = False) -> Path:
    """The file of a config, given by path or by name.

    A name is looked for in `configs` of the working directory, then in the configs of this installation; `.py`, leading
    folders and the word `configs` may be left out.

    Args:
        name: `my/config.py`, `configs/msmfn/msmfn_small_phantom.py`, `msmfn/msmfn_small_phantom` or
            `msmfn_small_phantom`.
        shipped: Look among the configs of this installation alone.

    Raises:
        FileNotFoundError: There is none; the message lists the nearest names.
        ValueError: The name fits several files of one folder.
    """
    for path in (Path(name), Path(f'{name}.py')):
        if not shipped and path.is_file():
            return path
    wanted = Path(name).with_suffix('').parts if Path(name).suffix == '.py' else Path(name).parts
    wanted = wanted[1:] if wanted[:1] == ('configs',) else wanted
    for root in [folder('configs')] if shipped else config_roots():
        found = [path for path in _configs(root) if _tail(root, path, len(wanted)) == wanted]
        if len(found) > 1:
            raise ValueError(f'config {str(name)!r} fits {[str(p.relative_to(root)) for p in found]}: name its folder')
        if found:
            return found[0]
    raise FileNotFoundError(f'no config {str(name)!r}{_hint(Path(name).stem)}')


def config_roots() -> Iterator[Path]:
    """The folders that hold configs, in the order in which they are asked."""
    yield Path.cwd() / 'configs'
    yield folder('configs')


def _configs(root: Path) -> list[Path]:
    """All config files below a folder, in a stable order."""
    return sorted(root.rglob('*.py'))


def _tail(root: Path, path: Path, length: int) -> tuple[str, ...]:
    """The last parts of a config's path below its root, without the suffix."""
    return path.relative_to(root).with_suffix('').parts[-length:]


def _hint(name: str) -> str:
    """The names that a user may have meant, as the end of a sentence."""
    known = sorted({p.stem for root in config_roots() for p in _configs(root) if '_base_' not in p.parts})
    return f'; {did_you_mean(name, known, count=3, cutoff=0.4)}'
