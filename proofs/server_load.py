"""Many users at once: each must get the answer that is theirs, as if they were alone."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from server_process import Running
from server_target import PREDICT, Part, Target, part

SAME = 1e-6  # of a probability
RETRIES = 200  # of one request


@dataclass(frozen=True)
class User:
    """One user's patient.

    Args:
        model: That is asked.
        parts: Of each request.
    """

    model: str
    parts: tuple[Part, ...]


@dataclass
class Load:
    """What became of all requests.

    Args:
        users, requests: Numbers: of users, and of requests of each.
        errors: What else than an answer came, in words.
        mixed: Answers that are not those of their user.
        again: Times that a request was told to come again later.
        seconds: Of each answer, from its first sending.
        distinct: Different answers among the users when each is alone.
        wall: Seconds of the whole.
        left: Files in the spool at the end.
        before, after: Memory of the server, see `Running.memory`.
    """

    users: int
    requests: int
    errors: list[str] = field(default_factory=list)
    mixed: int = 0
    again: int = 0
    seconds: list[float] = field(default_factory=list)
    distinct: int = 0
    wall: float = 0.0
    left: int = 0
    before: dict[str, float] = field(default_factory=dict)
    after: dict[str, float] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether anything was wrong."""
        wanted = self.users * self.requests
        return bool(self.errors or self.mixed or self.left or len(self.seconds) != wanted or self.distinct < self.users)

    def facts(self) -> dict[str, object]:
        """Numbers for a table and for JSON."""
        middle, late = np.percentile(self.seconds or [0.0], [50, 95])
        return {
            'users': self.users, 'requests of each': self.requests, 'answers': len(self.seconds),
            'different answers of users': self.distinct, 'errors': len(self.errors), 'mixed up': self.mixed,
            'told to come again': self.again, 'median seconds': round(float(middle), 3),
            '95 % within seconds': round(float(late), 3), 'seconds in all': round(self.wall, 1),
            'answers a second': round(len(self.seconds) / max(self.wall, 1e-9), 1),
            'memory before, MiB': {k: round(v) for k, v in self.before.items()},
            'memory after, MiB': {k: round(v) for k, v in self.after.items()},
            'files left in the spool': self.left, 'first errors': self.errors[:5],
        }  # fmt: skip


def make_users(folder: Path, count: int, models: dict[str, list[str]]) -> list[User]:
    """Users with a synthetic patient each; those of a model with one image send that of its B-mode.

    Args:
        folder: Where the patients are made.
        count: Number of users.
        models: Id -> names of its files.
    """
    import pandas as pd

    from usmm.phantoms.generate import make_phantom

    root = make_phantom(folder, count, 11, strength=2, clip_seconds=1.5, workers=1)
    rows = pd.read_excel(root / 'cases.xlsx').to_dict('records')
    users = []
    for number, row in enumerate(rows):
        model = list(models)[number % len(models)]
        names = [name for name in models[model] if name in row]
        files = [part(name, (root / str(row[name])).read_bytes(), f'patient{number}.png') for name in names]
        users.append(User(model, (*files, part('age', str(30 + number)), part('explain', 'false'))))
    return users


def run_load(running: Running, target: Target, users: list[User], requests: int) -> Load:
    """Ask for each user alone, then for all at once.

    Args:
        running: The server.
        target: To ask it.
        users: As of `make_users`.
        requests: Of each user.
    """
    found = Load(len(users), requests)
    alone = [_alone(target, user) for user in users]
    found.distinct = len({(user.model, tuple(a.values())) for user, a in zip(users, alone, strict=True)})
    found.before, start = running.memory(), time.monotonic()
    lock = threading.Lock()
    pairs = zip(users, alone, strict=True)
    threads = [threading.Thread(target=_user, args=(target, user, one, requests, found, lock)) for user, one in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found.wall = time.monotonic() - start
    running.empty()
    found.left, found.after = len(running.uploads()), running.memory()
    return found


def _alone(target: Target, user: User) -> dict[str, float]:
    reply = target.post(PREDICT.format(user.model), user.parts)
    if reply.status != 200:
        raise RuntimeError(f'{user.model} answered one user alone with {reply.status}: {reply.body[:200]!r}')
    return reply.json['probabilities']


def _user(
    target: Target, user: User, expected: dict[str, float], requests: int, found: Load, lock: threading.Lock
) -> None:
    for _ in range(requests):
        start, again, problem, mixed = time.monotonic(), 0, '', False
        try:
            reply = target.post(PREDICT.format(user.model), user.parts)
            while reply.status == 429 and again < RETRIES:
                again += 1
                time.sleep(float(reply.headers['retry-after']))
                reply = target.post(PREDICT.format(user.model), user.parts)
            if reply.status == 200:
                got = reply.json['probabilities']
                mixed = set(got) != set(expected) or any(abs(got[n] - p) > SAME for n, p in expected.items())
            else:
                problem = f'answered {reply.status}: {reply.body[:200]!r}'
        except Exception as error:  # whatever it is, the user has no answer
            problem = f'{type(error).__name__}: {error}'
        with lock:
            found.again += again
            found.mixed += mixed
            if problem:
                found.errors.append(problem)
            else:
                found.seconds.append(time.monotonic() - start)
