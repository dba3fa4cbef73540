"""The quick part of `proofs/prove.py server`: attacks on a real server in its own process, and four users at once."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

GROUPS = (
    'address', 'host', 'other site', 'method', 'token', 'file name', 'file name in a batch', 'field', 'number', 'form',
    'value', 'table', 'file type', 'two in one', 'file', 'bomb', 'patient', 'hidden request', 'chunk', 'line', 'size',
    'slow', 'many', 'spool', 'forks', 'crowd', 'batch',
)  # fmt: skip
LONG = ('address', 'bomb', 'table', 'patient', 'hidden request', 'slow', 'forks')  # only in the long version: they wait
LIMITS = {
    'file_bytes': 2 * 2**20, 'request_bytes': 4 * 2**20, 'files': 16, 'waiting': 8, 'header_seconds': 1.5,
    'upload_seconds': 2.0, 'decode_seconds': 6.0, 'connections': 60,
}  # fmt: skip


@pytest.fixture(scope='module')
def proof(project_root: Path) -> Iterator[SimpleNamespace]:
    """The modules of the proof."""
    sys.path.insert(0, str(project_root / 'proofs'))
    try:
        import all_attacks
        import prove_server
        import server_attacks
        import server_load

        yield SimpleNamespace(
            server=prove_server, attacks=server_attacks, all_attacks=all_attacks.all_attacks, load=server_load
        )
    finally:
        sys.path.remove(str(project_root / 'proofs'))


@pytest.fixture(scope='module')
def attacked(proof: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A server with small limits, its users, and what an attack needs."""
    folder = tmp_path_factory.mktemp('attacked')
    running = proof.server.Running(proof.server.MODELS, folder, proof.server.limit_options(LIMITS))
    try:
        told = proof.server.ask_models(running)
        names = {model['id']: [given['name'] for given in model['inputs']] for model in told}
        users = proof.load.make_users(folder / 'users', 4, names)
        target = proof.server.Target(running, users[0].model, users[0].parts[:-1], LIMITS)
        yield SimpleNamespace(running=running, users=users, target=target)
    finally:
        running.kill()


@pytest.mark.parametrize('group', [group for group in GROUPS if group not in LONG])
def test_no_attack_succeeds(proof: SimpleNamespace, attacked: SimpleNamespace, group: str) -> None:
    these = [attack for attack in proof.all_attacks() if attack.group == group and not attack.slow]
    assert these
    found = list(proof.attacks.run_all(attacked.target, these, every=False))
    assert [f'{result.name}: {result.success}' for result in found if result.success] == []
    assert attacked.target.harmed() is None


def test_every_attack_is_in_a_group_and_has_a_name_of_its_own(proof: SimpleNamespace) -> None:
    every = proof.all_attacks()
    assert {attack.group for attack in every} == set(GROUPS)
    assert len({(attack.group, attack.name) for attack in every}) == len(every) > 60


def test_four_users_at_once_get_their_own_answers(proof: SimpleNamespace, attacked: SimpleNamespace) -> None:
    found = proof.load.run_load(attacked.running, attacked.target, attacked.users, 5)
    assert not found.failed, found.facts()
    assert (len(found.seconds), found.distinct) == (20, 4)


def test_a_mix_up_is_seen(proof: SimpleNamespace, attacked: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = proof.load._alone

    def another(target: Any, user: Any) -> dict[str, float]:
        return {name: value + 1e-4 for name, value in answer(target, user).items()}

    monkeypatch.setattr(proof.load, '_alone', another)
    found = proof.load.run_load(attacked.running, attacked.target, attacked.users[:1], 1)
    assert (found.mixed, found.failed) == (1, True)


def test_the_log_holds_no_traceback_and_the_end_is_clean(attacked: SimpleNamespace) -> None:
    written = attacked.running.written()
    assert 'Traceback' not in written
    assert 'POST /api/v1/models/{model}/predictions 200' in written
    attacked.running.stop()
    assert list(attacked.running.spool.glob('server-*')) == []
