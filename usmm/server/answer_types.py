"""The answers of the API as types: the server builds them, and FastAPI describes them in the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import NotRequired, TypedDict

from usmm.server.http.http_errors import STATUS

Kind = Literal['image', 'clip']
Blanked = Literal['stated', 'found', 'none']
Pair = Annotated[list[float], Field(min_length=2, max_length=2)]
Range = Annotated[list[float | None], Field(min_length=2, max_length=2)]
Probability = Annotated[float, Field(ge=0, le=1)]
Probabilities = Annotated[dict[str, Probability], Field(description='class -> probability')]
Picture = Annotated[str, Field(description='a data URI')]
Times = list[float | None]


class ErrorDetail(TypedDict):
    """Why a request has no result."""

    code: Annotated[str, Field(json_schema_extra={'enum': sorted(STATUS)})]
    message: str
    input: str | None


class Error(TypedDict):
    """The one form of errors."""

    error: ErrorDetail


class Health(TypedDict):
    """The server answers."""

    status: Literal['ok']


class Version(TypedDict):
    """Versions of the programs and of the API."""

    usmm: str
    torch: str
    python: str
    api: str


class InputInfo(TypedDict):
    """An image or clip that a model takes."""

    name: str
    label: str
    kind: Kind
    required: bool
    outline: bool


class VariableInfo(TypedDict):
    """A clinical variable that a model takes."""

    name: str
    label: str
    kind: Literal['number', 'category']
    unit: str | None
    range: Range | None
    values: list[str] | None


class Metric(TypedDict):
    """A published metric of a model."""

    metric: str
    value: float
    ci95: Pair | None


class Links(TypedDict):
    """Addresses that belong to a model."""

    card: str
    code: str | None
    data: str | None


class ModelInfo(TypedDict):
    """What a model takes, and what was published with it."""

    id: str
    title: str
    purpose: str
    classes: list[str]
    positive: str | None
    inputs: list[InputInfo]
    streams: list[list[str]]
    variables: list[VariableInfo]
    performance: list[Metric]
    performance_note: str
    limits: str
    data: str
    licence: str
    calibrated: bool
    links: Links
    version: str


class Models(TypedDict):
    """All models."""

    models: list[ModelInfo]


class PreviewFacts(TypedDict):
    """What was read of a file, beside its pictures."""

    kind: Kind
    type: str
    width: int
    height: int
    frames: int
    seconds: float | None
    fps: float | None
    spacing_mm: Pair | None
    kept: float
    blanked: Blanked
    scale: float


class Preview(PreviewFacts):
    """What was read of a file."""

    name: str | None
    pictures: list[Picture]


Explanation = TypedDict(
    'Explanation',
    {
        'class': str | None,
        'baseline': NotRequired[float | None],
        'contributions': dict[str, float | None],
        'variables': NotRequired[dict[str, float | None]],
        'pictures': dict[str, list[Picture]],
        'heat': dict[str, list[Picture]],
        'heat_notes': NotRequired[dict[str, str]],
        'times': NotRequired[dict[str, Times | None]],
    },
)


class Seconds(TypedDict):
    """How long the steps of a prediction took."""

    wait: float
    read: float
    predict: float
    total: float


class Answer(TypedDict):
    """The prediction for one case."""

    request: str
    model: str
    made: Annotated[str, Field(json_schema_extra={'format': 'date-time'})]
    seconds: Seconds
    predicted: str | None
    probabilities: Probabilities
    calibrated: Probabilities | None
    stages: dict[str, Probabilities]
    warnings: list[str]
    values: dict[str, float | str | None]
    inputs: list[Preview]
    explanation: Explanation | None


class BatchRow(TypedDict):
    """The prediction for one row of a table, or why there is none."""

    row: int
    case_id: str
    patient_id: str
    label: str | None
    predicted: str | None
    probabilities: Probabilities
    calibrated: Probabilities | None
    warnings: list[str]
    error: str | None


class Batch(TypedDict):
    """The predictions for a table of cases."""

    model: str
    rows: list[BatchRow]
