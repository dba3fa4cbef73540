"""What stages, runs and studies return and write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypedDict

if TYPE_CHECKING:
    from torch import Tensor


class Samples(Protocol):
    """A data set with a length and items."""

    def __len__(self) -> int:
        """Number of samples."""

    def __getitem__(self, index: int) -> object:
        """A sample."""


# What a stage, a run or a study reports, as it is written to JSON.
Results: TypeAlias = dict[str, object]


# A row of predictions.csv: case_id, patient_id, part, fold, seed, label, pred (class names), prob_<class> as floats.
PredictionRecord: TypeAlias = Mapping[str, str | int | float]
Finished: TypeAlias = dict[str, Results]  # stage -> what it returned


class CheckpointMeta(TypedDict, total=False):
    """What a file of weights records beside them."""

    stage: str
    result: dict[str, object]  # what the stage returned
    classes: list[str]
    modalities: list[str]
    positive: str | None
    categories: dict[str, list[str]]  # variable -> categories, of those that were taken from the training part
    selection: str  # which data selected the epoch
    trained_on: list[str]  # tokens of the patients of the training part, see `token`
    config_text: str
    outlined: dict[str, float]  # modality -> share of the training cases with an outline that they were cropped to


class _Weights(TypedDict):
    state_dict: dict[str, Tensor]


class Checkpoint(_Weights, total=False):
    """Content of a checkpoint."""

    meta: CheckpointMeta
    message_hub: dict[str, dict[str, object]]
    optimizer: object  # only in a checkpoint that can be resumed


class RunContent(TypedDict, total=False):
    """Content of a run's metrics.json."""

    test: dict[str, float | None]  # metric -> value, null where it is not finite
    val: dict[str, float | None]
    stages: dict[str, Results]  # stage -> what it returned
    clinical_weights: dict[str, float]  # weight of each input of the clinical head
    skipped: dict[str, dict[str, str]]  # part -> case -> why its files cannot be used
    selection: str
    patients_known: bool  # whether the table has a patient column
    pretrained_on: str  # 'train', or 'all': the encoder has seen the images of test patients
    seconds: float
    versions: dict[str, str]


class _Summary(TypedDict):
    metrics: dict[str, dict[str, object]]  # metric -> an `Estimate` as a dict
    cases: int
    patients: int
    classes: list[str]
    positive: str | None
    selection: str
    seed: int
    seeds: list[int]
    fold_seed: int | None
    folds: int | None
    config: str
    modalities: list[str]
    table: str
    versions: dict[str, str]
    seconds: float
    warnings: list[str]


class Summary(_Summary, total=False):
    """Content of summary.json of a cross-validation."""

    clinical_weights: dict[str, float]


class Difference(TypedDict, total=False):
    """Paired test of two models on the same cases."""

    first: str
    second: str
    estimate: float  # AUC of the second less that of the first
    ci95: list[float] | None
    pvalue: float
    p_holm: float  # corrected for all tests of the page
    family: int  # how many these are
    test: str
    question: str  # which the p value answers
    cases: int
    folds: int  # that have an AUC
    left_out: int  # folds that have none


class StudyRow(TypedDict):
    """A row of a study's table."""

    name: str
    slug: str
    metrics: dict[str, dict[str, object]]
    difference: Difference | None  # to the reference; None for the reference itself
    cases: int
    patients: int
    seconds: float
    modalities: list[str]
    published: dict[str, object] | None
    known_best: float | None  # the best AUC that its inputs allow
    warnings: list[str]  # of its summary.json
