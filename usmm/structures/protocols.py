"""What the engine and the tools expect of models, heads, learners and data sets, as `typing.Protocol` classes.

A class of another package fits without inheriting from anything of usmm: it has to offer the members. `isinstance` with
one of these classes tests that the members exist (see `usmm.structures.contract`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from usmm.structures.case import Case
from usmm.structures.contract import Contract
from usmm.structures.contract import missing_members as missing_members  # beside the protocols that it is asked about
from usmm.structures.packed_batch import Batch
from usmm.structures.prediction_row import PredictionRow
from usmm.structures.schema import Variable
from usmm.structures.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor, nn
    from typing_extensions import Self


@runtime_checkable
class Trainable(Protocol, metaclass=Contract):
    """The members of `torch.nn.Module` that the engine uses."""

    training: bool

    def state_dict(self) -> dict[str, Tensor]:
        """Name -> tensor."""

    def load_state_dict(self, state_dict: Mapping[str, Tensor], strict: bool = True) -> object:
        """Load tensors by name."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """All parameters."""

    def modules(self) -> Iterator[nn.Module]:
        """This module and all below it."""

    def get_submodule(self, target: str) -> nn.Module:
        """The module of a dotted name."""

    def to(self, device: torch.device | str) -> Self:
        """Move to a device."""

    def train(self, mode: bool = True) -> Self:
        """Training mode."""

    def eval(self) -> Self:
        """Evaluation mode."""


@runtime_checkable
class TableHead(Protocol, metaclass=Contract):
    """A head that takes the final decision from the score of the images and the clinical table."""

    fitted: Tensor  # whether it was fitted, a bool
    use_image: bool  # whether it reads a score of the images
    variables: tuple[Variable, ...]

    def image_scores(self, probabilities: Tensor) -> Tensor:
        """What it reads of the class probabilities (B, K) of the images."""

    def loss(self, logits: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Named losses of the final logits (B, K)."""

    def __call__(self, image_scores: Tensor | None, clinical: Tensor) -> Tensor:
        """Final logits (B, K)."""


@runtime_checkable
class FittedToTable(Protocol, metaclass=Contract):
    """A head or an encoder whose normalisation is fitted to the clinical table of the training part."""

    fitted: Tensor

    def fit(self, clinical: Tensor) -> None:
        """Fit to the raw clinical table (N, number of variables) of the training part."""


@runtime_checkable
class SelectingHead(Protocol, metaclass=Contract):
    """A clinical head that can choose its variables on the training part: `ClinicalFusionHead`."""

    select: float | None  # keep variables whose p value in the training part is at most this
    use_image: bool
    variables: tuple[Variable, ...]

    def fit(self, clinical: Tensor, selected: Sequence[bool] | None = None) -> None:
        """Fit to the raw clinical table of the training part, with the variables that are kept."""


@runtime_checkable
class WeightedHead(Protocol, metaclass=Contract):
    """A clinical head that states the weight of each input: `ClinicalFusionHead`."""

    fitted: Tensor

    def weights(self) -> dict[str, float]:
        """Weight of each input in the last layer."""


@runtime_checkable
class FittedOnce(Protocol, metaclass=Contract):
    """A model or a clinical head that is fitted to a table in one go, without epochs."""

    fitted: Tensor

    def fit_table(self, clinical: Tensor, labels: Tensor, seed: int = 0) -> None:
        """Fit to the raw clinical table (N, number of variables) and class indices (N,)."""


@runtime_checkable
class StackedHead(FittedOnce, Protocol):
    """A clinical head that is fitted once, on the table and on scores of the images."""

    use_image: bool

    def image_scores(self, probabilities: Tensor) -> Tensor:
        """What it reads of the class probabilities (N, K) of the images."""

    def fit_table(self, clinical: Tensor, labels: Tensor, seed: int = 0, image_scores: Tensor | None = None) -> None:
        """Fit; the scores of each case come from a network that did not see the case."""


@runtime_checkable
class HasFitted(Protocol, metaclass=Contract):
    """A part that states whether it was fitted."""

    fitted: Tensor


@runtime_checkable
class ReadsImageScore(Protocol, metaclass=Contract):
    """A clinical head that states whether it reads a score of the images."""

    use_image: bool


class ImageEncoder(Protocol):
    """An encoder of a classifier, as pre-training and heat maps see it."""

    def place(self, name: str) -> tuple[str, ...]:
        """Where a tensor of a pre-trained backbone belongs in this encoder."""

    def state_dict(self) -> dict[str, Tensor]:
        """Name -> tensor."""


@runtime_checkable
class HeadLoss(Protocol, metaclass=Contract):
    """A loss that the head of a classifier sums up; it is called with what it reads and class indices (B,)."""

    takes: str  # 'logits' (B, K), 'aux_logits' (stream -> (B, K)) or 'vectors' (stream -> (B, D))
    min_streams: int  # with fewer streams it is left out


class ClassifierOutputs(Protocol):
    """What a classifier returns with `mode='tensor'`."""

    logits: Tensor  # (B, K)
    image_logits: Tensor | None  # (B, K)
    vector: Tensor | None  # (B, D), the joint vector of the fusion
    vectors: dict[str, Tensor]  # stream -> (B, D)
    present: dict[str, Tensor] | None  # stream -> rows that have it (B,); None: all


class Preprocessor(Protocol):
    """Normalises a batch and moves it to a device."""

    @property
    def device(self) -> torch.device:
        """Where it moves a batch."""

    def __call__(self, data: Batch, /) -> Batch:
        """The batch as the network takes it."""


@runtime_checkable
class Classifier(Trainable, Protocol):
    """A model that the stages of a config train, and that the tools test, explain, export and serve."""

    modalities: tuple[str, ...]
    classes: tuple[str, ...]
    positive: int

    @property
    def data_preprocessor(self) -> Preprocessor:
        """Normalises a batch and moves it to the device of the model."""

    @property
    def encoder(self) -> nn.ModuleDict | None:
        """Name -> encoder; None for a model that reads the clinical table alone."""

    @property
    def fusion(self) -> nn.Module | None:
        """The fusion of the streams."""

    @property
    def head(self) -> nn.Module | None:
        """The head on the vectors of the fusion."""

    @property
    def clinical(self) -> TableHead | None:
        """The head that reads the clinical table last."""

    @property
    def readers(self) -> Mapping[str, tuple[str, ...]]:
        """Stream -> the modalities that it reads."""

    @property
    def optional_modalities(self) -> tuple[str, ...]:
        """Modalities that a case need not have."""

    @property
    def joint(self) -> bool:
        """Whether the clinical table is one of the streams."""

    def cam_layers(self) -> dict[str, str]:
        """Modality -> name of the module that its heat map is made from."""

    def missing_modalities(self, absent: Collection[str]) -> list[str]:
        """The modalities among those that a case lacks without which the model cannot predict."""

    def resolve(self, spec: str | Sequence[str]) -> tuple[str, ...]:
        """The parts that `train` of a stage names."""

    def trainable(self, spec: str | Sequence[str]) -> None:
        """Train these parts and freeze the others."""

    def freeze(self, names: Sequence[str]) -> None:
        """Freeze these parts too."""

    def freeze_unfitted(self) -> None:
        """Freeze a clinical head that was never fitted, so that the images decide."""

    def init_weights(self) -> None:
        """Initialise the weights."""

    def __call__(
        self,
        inputs: Mapping[str, Tensor],
        present: Mapping[str, Tensor] | None = None,
        clinical: Tensor | None = None,
        data_samples: Sequence[Case] | None = None,
        mode: Literal['tensor'] = 'tensor',
    ) -> ClassifierOutputs:
        """Predict for a batch."""


@runtime_checkable
class Learner(Trainable, Protocol):
    """A model for pre-training, whose weights a classifier takes over."""

    def init_weights(self) -> None:
        """Initialise the weights."""

    def fits(self, model: Classifier) -> Mapping[str, Mapping[str, Tensor]]:
        """Parts of a classifier that can take weights -> those weights."""

    def hand_over(self, model: Classifier) -> list[str]:
        """Load the weights into a classifier; returns the parts that took them."""


@runtime_checkable
class ValidatedLearner(Learner, Protocol):
    """A learner whose epochs are compared on a validation part: `MultiTaskLearner`."""

    evaluator: Sequence[Settings]  # metrics
    monitor: str  # the metric that selects the epoch


@runtime_checkable
class HasSpread(Protocol, metaclass=Contract):
    """A learner that keeps the spread of its outputs, by which a collapse is seen."""

    spread: Tensor


@runtime_checkable
class ContrastiveLearner(Learner, Protocol):
    """A learner of representations that can collapse: `SimSiam`, `BYOL`, `SimCLR`."""

    spread: Tensor  # of the outputs in the last epoch


@runtime_checkable
class CaseSet(Protocol, metaclass=Contract):
    """A data set of cases: `CaseDataset` and those built on it."""

    cases: list[Case]
    modalities: tuple[str, ...]
    pipeline: Sequence[Callable[[Case], Case]]

    @property
    def labels(self) -> np.ndarray:
        """Class indices (N,), -1 where unknown."""

    def leave_out(self, case_ids: Collection[str]) -> None:
        """Leave out these cases."""

    def __len__(self) -> int:
        """Number of samples."""

    def __getitem__(self, index: int | tuple[int, int]) -> Case:
        """A sample by index, or by (epoch, index)."""


@runtime_checkable
class HasCases(Protocol, metaclass=Contract):
    """A data set that lists its cases."""

    cases: list[Case]


@runtime_checkable
class BatchingSet(Protocol, metaclass=Contract):
    """A data set that makes its own batches for training: `MultiTaskDataset`."""

    batch_sampler: Settings  # of the class, so that it is known before the data set is built


@runtime_checkable
class PretrainingSet(Protocol, metaclass=Contract):
    """A data set for pre-training: `PairedViews`, `MultiTaskDataset`."""

    cases: Sequence[Case]

    def verify(self, num_workers: int = 0) -> object:
        """Read every case once."""

    def __getitem__(self, index: int) -> Case:
        """A sample."""

    def __len__(self) -> int:
        """Number of images."""


@runtime_checkable
class LabelledPretrainingSet(PretrainingSet, Protocol):
    """A data set for pre-training with labels: `MultiTaskDataset`."""

    @property
    def decides(self) -> object:
        """What, beside the files, decides the weights: cases, labels, and which are held out."""

    def held_out(self) -> PretrainingSet:
        """The validation part."""


@runtime_checkable
class KeepsRows(Protocol, metaclass=Contract):
    """A metric that keeps what it measured, a row for each case, for predictions.csv: `CaseMetrics`."""

    last_rows: Sequence[PredictionRow]
