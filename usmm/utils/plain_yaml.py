"""YAML of somebody else as plain data: one restricted reader, whose work is bounded by the length of the text.

Of YAML it takes lists, mappings with text as keys, texts, numbers, true, false and null. What can be small on disk and
large in memory or time is refused: aliases, tags, merge keys, deep nesting, long numbers.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

import yaml

from usmm.utils.json_types import JsonValue

MAX_BYTES = 2**20
MAX_PARTS = 100_000
"""Values, keys, lists and mappings of one text; an entry of a model zoo has about 170."""

MAX_DEPTH = 20
MAX_DIGITS = 40  # characters of a number
MAX_NUMBER = 2**63

LOADER = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)  # written in C where PyYAML has it: ten times as fast
CONTROL = re.compile(r'[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]')  # a terminal obeys some of them
NULLS = {'', '~', 'null', 'Null', 'NULL'}
BOOLEANS = {'true': True, 'True': True, 'TRUE': True, 'false': False, 'False': False, 'FALSE': False}
WHOLE = re.compile(r'[-+]?(0|[1-9][0-9]*)')
# with a point, as in YAML 1.1: the library that writes YAML leaves a text such as 1e5 without quotes
DECIMAL = re.compile(r'[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+][0-9]+)?')
NO_NUMBERS = re.compile(r'[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)')


def read_plain_yaml(text: bytes, max_bytes: int = MAX_BYTES) -> JsonValue:
    """The content of a YAML text.

    Numbers are decimal: `1:30`, `0x1F`, `017`, `1_000` and dates are texts, and so are `yes` and `no`.

    Args:
        text: UTF-8, one document.
        max_bytes: Longer texts are refused unread.

    Raises:
        ValueError: It is too long, is not YAML, or uses what plain data do not need. The message begins with `it` and
            names the line.

    Example:
        >>> read_plain_yaml(b'a: [1, 2.5, x, null]')
        {'a': [1, 2.5, 'x', None]}
        >>> read_plain_yaml(b'a: &x [1]')
        Traceback (most recent call last):
        ...
        ValueError: it has an anchor (&x) in line 1, which plain data do not need
    """
    if len(text) > max_bytes:
        raise ValueError(f'it has {len(text)} bytes, over the limit of {max_bytes}')
    try:
        plain = text.decode('utf-8-sig')
    except UnicodeDecodeError as error:
        raise ValueError(f'it is no YAML: it is no UTF-8 text ({error.reason} at byte {error.start})') from error
    builder = _Builder()
    try:
        # events one by one: nothing is built of what follows the first that is refused
        for count, event in enumerate(yaml.parse(plain, Loader=LOADER)):
            if count > MAX_PARTS:
                raise ValueError(f'it has over {MAX_PARTS} parts')
            builder.take(event)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f'it is no YAML: {_reason(error)}') from error
    return builder.content


@dataclass
class _Open:
    """A list or mapping whose end was not reached; `key` waits for its value."""

    value: list[JsonValue] | dict[str, JsonValue]
    key: str | None = None


@dataclass
class _Builder:
    content: JsonValue = None
    documents: int = 0
    stack: list[_Open] = field(default_factory=list)

    def take(self, event: yaml.Event) -> None:
        line = 0 if event.start_mark is None else event.start_mark.line + 1
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise ValueError(f'it has a second document in line {line}')
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self.stack.pop()
        elif isinstance(event, yaml.AliasEvent):
            raise ValueError(f'it has an alias (*{event.anchor}) in line {line}, which plain data do not need')
        elif isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent)):
            self._node(event, line)

    def _node(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, line: int) -> None:
        if event.anchor is not None:
            raise ValueError(f'it has an anchor (&{event.anchor}) in line {line}, which plain data do not need')
        if event.tag is not None:
            raise ValueError(f'it has a tag ({event.tag[:60]}) in line {line}, which plain data do not need')
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event, line)
            return
        found: list[JsonValue] | dict[str, JsonValue] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._place(found, line)
        self.stack.append(_Open(found))
        if len(self.stack) > MAX_DEPTH:
            raise ValueError(f'it is nested deeper than {MAX_DEPTH} in line {line}')

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        text, is_plain = event.value, not event.style  # None, or '' of the parser in C
        if CONTROL.search(text):
            raise ValueError(f'it has a control character in line {line}')
        if is_plain and text == '<<':
            raise ValueError(f'it has a merge key (<<) in line {line}, which plain data do not need')
        self._place(_resolved(text, line) if is_plain else text, line)

    def _place(self, value: JsonValue, line: int) -> None:
        if not self.stack:
            self.content = value
            return
        last = self.stack[-1]
        if isinstance(last.value, list):
            last.value.append(value)
        elif last.key is not None:
            last.value[last.key], last.key = value, None
        elif not isinstance(value, str):
            raise ValueError(f'it has a key that is no text in line {line}')
        elif value in last.value:
            raise ValueError(f'it has the key {value[:60]!r} twice, the second time in line {line}')
        else:
            last.key = value


def _resolved(text: str, line: int) -> JsonValue:
    """The value of a text without quotes."""
    if text in NULLS:
        return None
    if text in BOOLEANS:
        return BOOLEANS[text]
    is_whole, is_decimal = WHOLE.fullmatch(text), DECIMAL.fullmatch(text)
    if (is_whole or is_decimal) and len(text) > MAX_DIGITS:
        raise ValueError(f'it has a number of {len(text)} characters in line {line}')
    number = int(text) if is_whole else float(text) if is_decimal else None
    if NO_NUMBERS.fullmatch(text) or (number is not None and (abs(number) >= MAX_NUMBER or not math.isfinite(number))):
        raise ValueError(f'it has the number {text}, which is not finite or has over 63 bits, in line {line}')
    return text if number is None else number


def _reason(error: Exception) -> str:
    """The problem and where it is, in one line."""
    problem, mark = getattr(error, 'problem', None), getattr(error, 'problem_mark', None)
    text = str(problem or (str(error).splitlines() or [type(error).__name__])[0])
    return f'{text} in line {mark.line + 1}' if mark is not None else text
