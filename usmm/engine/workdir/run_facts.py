"""What a reader of the numbers must know: data counts, selection practice, seed, versions."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version

from mmengine.config import Config

from usmm.datasets import CaseDataset
from usmm.engine.specs import Results

PACKAGES = ('usmm', 'torch', 'mmengine', 'mmpretrain', 'mmaction2', 'numpy')


@cache
def versions() -> dict[str, str]:
    """Version of Python and of the packages that decide about numbers, by name; read once a process."""
    return {name: version(name) for name in PACKAGES} | {'python': platform.python_version()}


def run_facts(config: Config, parts: Mapping[str, CaseDataset], selection: str) -> Results:
    """Facts of a run, as they stand in metrics.json and in its checkpoint.

    Args:
        config: The resolved config.
        parts: Part -> its data set.
        selection: What chose the epoch.
    """
    pretrained = [stage.get('part', 'train') for stage in config.stages if stage.get('model')]
    return {
        'config': config.name,
        'classes': list(config.classes),
        'positive': config.get('positive'),
        'modalities': list(config.modalities),
        'cases': {part: len(data.cases) for part, data in parts.items()},
        'patients': {part: len({c.patient_id for c in data.cases}) for part, data in parts.items()},
        'patients_known': all(data.table.has_patients for data in parts.values() if isinstance(data, CaseDataset)),
        'selection': selection,
        'seed': config.seed,
        'deterministic': bool(config.get('deterministic', False)),
        'versions': versions(),
        # 'all': the encoder has seen the test patients, though not their labels
        **({'pretrained_on': 'all' if 'all' in pretrained else 'train'} if pretrained else {}),
    }
