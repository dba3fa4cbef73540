"""The attacks on the server: what each sends, how it would be seen to have succeeded, and whether the server lives."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from server_process import free_of
from server_target import Reply, Target

Act = Callable[[Target], str | None]
GROWTH = 400.0  # MiB that the server's own process may grow by during one attack
TOLD = ('Traceback', 'usmm/server', 'site-packages', 'uvicorn', 'starlette', '/spool', 'server-')


@dataclass(frozen=True)
class Attack:
    """One attack.

    Args:
        group: What it is about.
        name: What is done.
        act: Does it; says what succeeded, None where nothing did.
        slow: Takes seconds of processor time.
        check: Whether a normal request is sent after it in quick runs too.
    """

    group: str
    name: str
    act: Act
    slow: bool = False
    check: bool = False


@dataclass(frozen=True)
class Result:
    """What became of one.

    Args:
        group, name: Of the attack.
        success: What succeeded, or what is wrong with the server after it; None: it failed as it should.
        seconds: It took.
        growth: MiB by which the server's process grew.
    """

    group: str
    name: str
    success: str | None
    seconds: float
    growth: float = 0.0


@dataclass
class Expect:
    """What a refused request's answer must be.

    Args:
        status: Allowed ones.
        absent: Words that must not stand in it.
    """

    status: Sequence[int]
    absent: Sequence[str] = field(default_factory=tuple)

    def __call__(self, reply: Reply) -> str | None:
        """What is wrong with an answer."""
        text = reply.body.decode('utf-8', 'replace') + ' '.join(f'{k}: {v}' for k, v in reply.headers.items())
        if reply.status not in self.status:
            return f'answered {reply.status}, not {" or ".join(map(str, self.status))}: {reply.body[:120]!r}'
        if reply.status and not reply.safe:
            return f'an answer {reply.status} without the safe headers'
        word = free_of(text, [*TOLD, *self.absent])
        return f'the answer holds {word!r}' if word else None


def run_all(target: Target, attacks: Iterable[Attack], every: bool = True) -> Iterator[Result]:
    """Run attacks one after another, each followed by a normal request.

    Args:
        target: The server.
        attacks: Those to run.
        every: False: a normal request only after those that ask for it.
    """
    for attack in attacks:
        start, before = time.monotonic(), target.running.memory()['rss']
        try:
            success = attack.act(target)
        except Exception as error:  # an attack that cannot be made proves nothing
            success = f'the attack itself failed: {type(error).__name__}: {error}'
        seconds = time.monotonic() - start
        if success is None and (every or attack.check or attack.slow):
            success = target.harmed()
        elif success is None and not target.running.alive:
            success = 'the server has died'
        growth = target.running.memory()['rss'] - before
        if success is None and growth > GROWTH:
            success = f'the server grew by {growth:.0f} MiB'
        yield Result(attack.group, attack.name, success, seconds, growth)
