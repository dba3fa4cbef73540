"""Requests made by schemathesis from the server's own description of its API."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from server_process import TOKEN, Running
from server_target import Target, form, part

EXAMPLES = 40  # of each operation; more with --runs
ATTEMPTS = 8
DAMAGED = 'damaged forms'


@dataclass
class Fuzz:
    """What became of them.

    Args:
        status: Operation -> status -> how often.
        problems: What must not be, in words.
        seconds: It took.
    """

    status: dict[str, Counter[int]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def count(self) -> int:
        """Requests."""
        return sum(sum(counts.values()) for counts in self.status.values())

    def facts(self) -> dict[str, Any]:
        """Numbers for a table and for JSON."""
        counts = {name: {str(k): v for k, v in sorted(found.items())} for name, found in self.status.items()}
        return {
            'operations': len(counts), 'requests': self.count, 'problems': len(self.problems),
            'seconds': round(self.seconds, 1), 'answers': counts, 'first problems': self.problems[:5],
        }  # fmt: skip


def run_fuzz(running: Running, model: str, examples: int, seed: int) -> Fuzz:
    """Send requests that fit the description and requests that break it.

    Args:
        running: The server.
        model: Put in place of most model ids, which else are guesses.
        examples: Of each operation.
        seed: Of what is made.
    """
    import schemathesis
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded
    from schemathesis import GenerationMode
    from schemathesis.core.result import Ok

    address, found, start = f'http://127.0.0.1:{running.port}', Fuzz(), time.monotonic()
    headers = {'Authorization': f'Bearer {TOKEN}'}
    schema = schemathesis.openapi.from_url(f'{address}/api/openapi.json', headers=headers)
    for result in schema.get_all_operations():
        if not isinstance(result, Ok):
            raise result.err()
        operation = result.ok()
        counts = found.status.setdefault(operation.label, Counter())
        known = {str(code) for code in operation.definition.raw['responses']}

        def send(case: Any, counts: Counter[int], known: set[str]) -> None:
            if 'model' in (case.path_parameters or {}) and sum(counts.values()) % 4:
                case.path_parameters['model'] = model
            answer = case.call(base_url=address, headers=headers, timeout=60)
            counts[answer.status_code] += 1
            body = getattr(answer, 'content', b'')
            first = {name: value[0] if isinstance(value, list) else value for name, value in answer.headers.items()}
            if problem := wrong(answer.status_code, first, body, known):
                found.problems.append(f'{case.method} {case.path}: {problem}')

        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            budget = settings(
                max_examples=max(1, examples // 2), deadline=None, database=None, phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )  # fmt: skip
            one = partial(send, counts=counts, known=known)
            for attempt in range(ATTEMPTS):
                try:
                    strategy = operation.as_strategy(generation_mode=mode)
                    seeded(seed + attempt)(budget(given(case=strategy)(_plain(one))))()
                except Exception as error:
                    if 'Unsupported type' in str(error):  # schemathesis cannot make every wrong form with files
                        continue
                    if 'Unsatisfiable' not in type(error).__name__:  # nothing of this operation can be wrong
                        found.problems.append(f'{operation.label}: {type(error).__name__}: {str(error)[:300]}')
                break
    found.seconds = time.monotonic() - start
    return found


def run_damaged(target: Target, found: Fuzz, count: int, seed: int) -> None:
    """Send a good form with some of its bytes changed, taken out or put in.

    Args:
        target: The server; its good request is used.
        found: Where the answers are counted.
        count: How often.
        seed: Of what is changed.
    """
    rng, start = random.Random(seed), time.monotonic()
    counts = found.status.setdefault(DAMAGED, Counter())
    known = {'200', '400', '413', '415', '422', '429'}
    for _ in range(count):
        body, kind = form([*target.parts, part('explain', 'false')])
        changed = bytearray(body)
        for _ in range(rng.choice([1, 3, 20])):
            at = rng.randrange(len(changed) if rng.random() < 0.5 else 400)  # the first bytes are headers of parts
            size = rng.choice([1, 2, 64])
            piece = rng.randbytes(size) if rng.random() < 0.7 else b''
            changed[at : at + rng.choice([0, size])] = piece
        reply = target.ask('POST', target.predict, [f'Content-Type: {kind}'], bytes(changed))
        counts[reply.status] += 1
        if problem := wrong(reply.status, dict(reply.headers), reply.body, known):
            found.problems.append(f'{DAMAGED}: {problem}')
    found.seconds += time.monotonic() - start


def _plain(call: Callable[..., None]) -> Callable[..., None]:
    """A function of one argument, which is what hypothesis takes."""

    def send(case: Any) -> None:
        call(case)

    return send


def wrong(status: int, headers: dict[str, Any], body: bytes, known: set[str]) -> str | None:
    """What must not be in an answer, or None.

    Args:
        status: HTTP status.
        headers: Names in any case.
        body: Its bytes.
        known: Statuses that the description names.
    """
    if status >= 500 and status != 503:
        return f'status {status}'
    general = {'400', '401', '403', '404', '405', '408', '413', '415', '422', '429', '503'} if status == 405 else known
    if str(status) not in general:
        return f'status {status} is not described'
    low = {name.lower(): str(value) for name, value in headers.items()}
    if 'content-security-policy' not in low:
        return f'status {status} without the safe headers'
    if status >= 400 and status != 405:
        try:
            json.loads(body)['error']['code']
        except (ValueError, KeyError, TypeError):
            return f'status {status} without an error in its one form'
    return None
