"""What the predictor and the explanations use of a model, and which inputs of a case it reads."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Protocol, TypedDict, overload, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from usmm.structures import CLINICAL, Batch, Case, Variable
from usmm.structures.protocols import Classifier, ClassifierOutputs

if TYPE_CHECKING:
    from usmm.apis.bundle import Bundle


class ScoreRow(TypedDict):
    """Class probabilities of one case."""

    scores: NDArray[np.float32]  # (K,)
    image_scores: NDArray[np.float32] | None  # (K,) of the images alone


class Scorer(Protocol):
    """What `Predictor` needs of a model: a network, or an exported file."""

    classes: tuple[str, ...]
    modalities: tuple[str, ...]
    positive: int

    @property
    def readers(self) -> Mapping[str, tuple[str, ...]]:
        """Stream -> the modalities that it reads."""

    @property
    def optional_modalities(self) -> tuple[str, ...]:
        """Modalities that a case need not have."""

    @property
    def data_preprocessor(self) -> Callable[[Batch], Batch]:
        """Normalises a batch and moves it to the device of the model."""

    def eval(self) -> object:
        """Evaluation mode."""

    def missing_modalities(self, absent: Collection[str]) -> list[str]:
        """The modalities among those that a case lacks without which the model cannot predict."""

    def __call__(
        self,
        inputs: Mapping[str, Tensor],
        present: Mapping[str, Tensor] | None,
        clinical: Tensor | None,
        data_samples: Sequence[Case] | None,
        mode: Literal['predict'],
    ) -> Sequence[ScoreRow]:
        """One row for each case of a batch."""


class Network(Classifier, Protocol):
    """A classifier with what explanations use beside the members that training needs."""

    @property
    def clinical_decides(self) -> bool:
        """Whether the clinical head makes the final decision."""

    def run_images(
        self,
        inputs: Mapping[str, Tensor],
        present: Mapping[str, Tensor] | None = None,
        data_samples: Sequence[Case] | None = None,
        clinical: Tensor | None = None,
    ) -> ClassifierOutputs | None:
        """The image part: encoders, fusion and head; None without encoders."""

    @overload
    def __call__(
        self,
        inputs: Mapping[str, Tensor],
        present: Mapping[str, Tensor] | None = None,
        clinical: Tensor | None = None,
        data_samples: Sequence[Case] | None = None,
        mode: Literal['tensor'] = 'tensor',
    ) -> ClassifierOutputs: ...

    @overload
    def __call__(
        self,
        inputs: Mapping[str, Tensor],
        present: Mapping[str, Tensor] | None,
        clinical: Tensor | None,
        data_samples: Sequence[Case] | None,
        mode: Literal['predict'],
    ) -> list[ScoreRow]: ...


@runtime_checkable
class HasBundle(Protocol):
    """A network that carries the settings and weights that it was built from."""

    usmm_bundle: Bundle


class BuiltNetwork(Network, HasBundle, Protocol):
    """A network of `build_network`."""


@runtime_checkable
class ReadsModalities(Protocol):
    """An encoder that names the modalities that it reads."""

    modalities: Sequence[str]


@runtime_checkable
class ReadsVariables(Protocol):
    """A part of a network that names the clinical variables that it reads."""

    variables: Sequence[Variable]


def reads_table(model: Network) -> bool:
    """Whether the clinical table has an influence on the final probabilities."""
    return CLINICAL in model.modalities and (model.clinical is None or model.clinical_decides)


def table_in_stream(model: Network) -> bool:
    """Whether the table is a stream beside the images, so that fusion and head read both."""
    return any(CLINICAL in names for names in model.readers.values())


def image_streams(model: Network) -> list[tuple[str, ...]]:
    """The modalities of each stream of images and clips."""
    return [tuple(names) for names in model.readers.values() if CLINICAL not in names]


def variables_of(model: Network, names: Sequence[str]) -> list[str]:
    """The clinical variables that have an influence on the final probabilities, in the order of `names`.

    Args:
        model: The network.
        names: All variables of the schema, in the order of the table's columns.
    """
    if not reads_table(model):
        return []
    parts = [module for module in model.modules() if isinstance(module, ReadsVariables)]
    read = {variable.name for part in parts for variable in part.variables}
    return [name for name in names if name in read] or list(names)


def image_logits(
    model: Network,
    inputs: Mapping[str, Tensor],
    present: Mapping[str, Tensor] | None = None,
    data_samples: Sequence[Case] | None = None,
    clinical: Tensor | None = None,
) -> Tensor:
    """Logits (B, K) of the image part.

    Args:
        model: The network.
        inputs, present, data_samples, clinical: A batch as the network takes it.

    Raises:
        ValueError: The model has no encoders.
    """
    outputs = model.run_images(inputs, present, data_samples, clinical)
    if outputs is None:
        raise ValueError(f'a model of {list(model.modalities)} has no encoders, so it has no logits of images')
    return outputs.logits
