"""Names of commands in earlier versions, and what takes their place."""

from __future__ import annotations

from pathlib import Path

from usmm.cli.convert import available

NAMES = {
    'prove': 'python proofs/prove.py',
    'torchvision_resnet': 'usmm convert_weights',
    'lock': 'make lock',
    'sbom': 'make sbom',
}


def hint(word: str) -> str:
    """What to call instead of a command that moved, or an empty text.

    Args:
        word: What was called, such as `prove` or `tools/dataset_converters/busi.py`.

    Example:
        >>> hint('torchvision_resnet'), hint('tools/dataset_converters/busi.py'), hint('trian')
        ('usmm convert_weights', 'usmm convert busi', '')
    """
    name = Path(word).stem.replace('-', '_')
    if name in NAMES:
        return NAMES[name]
    return f'usmm convert {name}' if name in available() else ''
