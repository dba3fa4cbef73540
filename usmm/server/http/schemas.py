"""The shapes of answers, as schemas of OpenAPI 3.0: the page that shows them does not read 3.1."""

from __future__ import annotations

from typing import Any

from usmm.server.http.http_errors import STATUS

Schema = dict[str, Any]
TEXT: Schema = {'type': 'string'}
NUMBER: Schema = {'type': 'number'}
WHOLE: Schema = {'type': 'integer'}
FLAG: Schema = {'type': 'boolean'}


def thing(**properties: Schema) -> Schema:
    """An object whose properties are all there; more may be."""
    return {'type': 'object', 'properties': properties, 'required': list(properties)}


def many(items: Schema, **more: Any) -> Schema:
    """A list."""
    return {'type': 'array', 'items': items, **more}


def named(values: Schema, words: str = '') -> Schema:
    """An object with a value for each name."""
    return {'type': 'object', 'additionalProperties': values, **({'description': words} if words else {})}


def maybe(schema: Schema) -> Schema:
    """The value, or null."""
    if '$ref' in schema:  # nothing may stand beside a reference
        return {'type': 'object', 'allOf': [schema], 'nullable': True}
    return {**schema, 'nullable': True}


def pair(items: Schema) -> Schema:
    """Two values."""
    return many(items, minItems=2, maxItems=2)


def refer(name: str) -> Schema:
    """A schema by its name."""
    return {'$ref': f'#/components/schemas/{name}'}


PROBABILITIES = named({'type': 'number', 'minimum': 0, 'maximum': 1}, 'class -> probability')
PICTURE: Schema = {'type': 'string', 'description': 'a data URI'}
KIND: Schema = {'type': 'string', 'enum': ['image', 'clip']}

ERROR = thing(error=thing(code={'type': 'string', 'enum': sorted(STATUS)}, message=TEXT, input=maybe(TEXT)))
INPUT = thing(name=TEXT, label=TEXT, kind=KIND, required=FLAG, outline=FLAG)
VARIABLE = thing(
    name=TEXT, label=TEXT, kind={'type': 'string', 'enum': ['number', 'category']}, unit=maybe(TEXT),
    range=maybe(pair(maybe(NUMBER))), values=maybe(many(TEXT)),
)  # fmt: skip
MODEL = thing(
    id=TEXT, title=TEXT, purpose=TEXT, classes=many(TEXT), positive=maybe(TEXT), inputs=many(INPUT),
    streams=many(many(TEXT)), variables=many(VARIABLE),
    performance=many(thing(metric=TEXT, value=NUMBER, ci95=maybe(pair(NUMBER)))),
    performance_note=TEXT, limits=TEXT, data=TEXT, licence=TEXT, calibrated=FLAG,
    links=thing(card=TEXT, code=maybe(TEXT), data=maybe(TEXT)), version=TEXT,
)  # fmt: skip
PREVIEW = thing(
    name=maybe(TEXT), kind=KIND, type=TEXT, width=WHOLE, height=WHOLE, frames=WHOLE, seconds=maybe(NUMBER),
    fps=maybe(NUMBER), spacing_mm=maybe(pair(NUMBER)), kept=NUMBER,
    blanked={'type': 'string', 'enum': ['stated', 'found', 'none']}, scale=NUMBER, pictures=many(PICTURE),
)  # fmt: skip
EXPLANATION = {
    'type': 'object',
    'properties': {
        'class': TEXT,
        'baseline': maybe(NUMBER),
        'contributions': named(maybe(NUMBER)),
        'variables': named(maybe(NUMBER)),
        'pictures': named(many(PICTURE)),
        'heat': named(many(PICTURE)),
        'heat_notes': named(TEXT),
        'times': named(maybe(many(NUMBER))),
    },
    'required': ['class', 'contributions', 'pictures', 'heat'],
}
ANSWER = thing(
    request=TEXT, model=TEXT, made={'type': 'string', 'format': 'date-time'},
    seconds=thing(wait=NUMBER, read=NUMBER, predict=NUMBER, total=NUMBER), predicted=TEXT,
    probabilities=PROBABILITIES, calibrated=maybe(PROBABILITIES), stages=named(PROBABILITIES), warnings=many(TEXT),
    values=named({}), inputs=many(refer('Preview')), explanation=maybe(refer('Explanation')),
)  # fmt: skip

SCHEMAS: dict[str, Schema] = {
    'Error': ERROR,
    'Health': thing(status={'type': 'string', 'enum': ['ok']}),
    'Version': thing(usmm=TEXT, torch=TEXT, python=TEXT, api=TEXT),
    'Model': MODEL,
    'Models': thing(models=many(refer('Model'))),
    'Preview': PREVIEW,
    'Explanation': EXPLANATION,
    'Answer': ANSWER,
    'Batch': thing(model=TEXT, rows=many({'type': 'object'})),
}
