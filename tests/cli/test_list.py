"""`usmm list`: what a config may name, with arguments."""

from __future__ import annotations

from pathlib import Path

import pytest

from usmm.cli import list as listing
from usmm.phantoms import PRESETS
from usmm.registry import MODELS, TRANSFORMS
from usmm.zoo import list_models


def lines(usmm, *words: str) -> list[str]:
    code, out, error = usmm('list', *words)
    assert code == 0, error
    return out.splitlines()


def test_configs_are_those_that_train_finds_by_name(usmm, project_root: Path) -> None:
    found = {line.split()[0] for line in lines(usmm, 'configs')}
    files = {p.relative_to(project_root / 'configs').with_suffix('').as_posix()
             for p in (project_root / 'configs').rglob('*.py') if '_base_' not in p.parts}  # fmt: skip
    assert found == files and 'msmfn/msmfn_small_phantom' in found
    assert all(line.split(None, 1)[1:] for line in lines(usmm, 'configs'))  # each says what it is


def test_a_component_has_its_arguments_and_its_description(usmm) -> None:
    found = lines(usmm, 'losses', 'focal')
    assert found == [
        "FocalLoss(gamma=2.0, alpha=None, loss_weight=1.0, reduction='mean')",
        '    Focal loss of the final logits, see `focal_loss`; also for the heads of mmpretrain '
        '(`mmpretrain.LinearClsHead`).',
    ]


@pytest.mark.parametrize('kind', listing.ROOMS)
def test_every_component_of_a_room_is_listed_and_can_be_named(usmm, kind: str) -> None:
    found = [line.partition('(')[0] for line in lines(usmm, kind) if not line.startswith(' ')]
    registry = {'transforms': TRANSFORMS, 'metrics': None}.get(kind, MODELS)
    assert found == sorted(set(found)) and found
    if registry is not None:
        assert all(name in registry.module_dict for name in found)
        own = {n for n, c in registry.module_dict.items() if c.__module__.startswith(listing.ROOMS[kind] + '.')}
        assert set(found) == own


def test_presets_and_models(usmm) -> None:
    assert [line.split()[0] for line in lines(usmm, 'presets')] == sorted(PRESETS)
    assert [line.split()[0] for line in lines(usmm, 'models')] == list_models()


def test_patterns(usmm) -> None:
    names = [line.partition('(')[0] for line in lines(usmm, 'transforms', 'random*') if not line.startswith(' ')]
    assert 'RandomFlip' in names and all(name.startswith('Random') for name in names)


def test_mistakes(usmm) -> None:
    code, _, error = usmm('list', 'losses', 'nothing')
    assert code == 2 and "no losses match 'nothing'; usmm list losses lists all" in error
    code, _, error = usmm('list', 'loss')
    assert code == 2 and 'losses' in error
