"""Reading a case, apart from answering for it: the first half of a Predictor, which needs no network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from usmm.apis.inputs import Given
from usmm.apis.network import without_outline
from usmm.readers import DataError
from usmm.structures import Case


@dataclass(frozen=True, eq=False)
class Prepared:
    """A case whose files were read. It can be pickled, and so be made in one process and answered in another.

    Args:
        given: The case as it was given, with its warnings, and its error where there is one.
        case: The case after the pipeline; None where there is an error.
    """

    given: Given
    case: Case | None = None


def prepare_case(given: Given, pipeline: Sequence[Callable[[Case], Case]]) -> Prepared:
    """Run the pipeline; it never raises, what is wrong becomes the error of `given`.

    Args:
        given: Of `CaseReader.read`.
        pipeline: Transforms, see `build_pipeline`.
    """
    if given.error is not None:
        return Prepared(given)
    case = given.case
    try:
        for transform in pipeline:
            case = transform(case)
    except Exception as error:  # a decoder meets damaged bytes with errors of every type
        given.error = told(error)
        return Prepared(given)
    if whole := without_outline(case):
        given.warnings.append(no_outline(whole))
    return Prepared(given, case)


def no_outline(modalities: Sequence[str]) -> str:
    """What is said of pictures that should have been cropped to the lesion.

    Example:
        >>> no_outline(['bus', 'ue'])
        'no outline of the lesion in bus, ue: the whole picture was used'
    """
    return f'no outline of the lesion in {", ".join(modalities)}: the whole picture was used'


def told(error: Exception) -> str:
    """An error in words, without the case, which is named beside it."""
    if isinstance(error, DataError):
        return str(DataError(error.cause, file=error.file, modality=error.modality))
    return str(error) if isinstance(error, (ValueError, TypeError)) else f'{type(error).__name__}: {error}'
