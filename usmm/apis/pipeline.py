"""The steps before the network: reading the files of a case, its transforms, and the batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from usmm.apis.bundle import Bundle
from usmm.apis.guarded_building import building
from usmm.apis.inputs import CaseInput
from usmm.datasets.unread_files import unread_files
from usmm.readers import DataError
from usmm.registry import FUNCTIONS, TRANSFORMS
from usmm.structures import Batch, Case, Schema, Settings


@dataclass(frozen=True, eq=False)
class Prepared:
    """A case whose files have been read. It can be pickled: one process may read it and another predict it.

    Args:
        case_input: The case before its files were read, with its warnings, and its error if there is one.
        case: The case after the pipeline; None where there is an error.
    """

    case_input: CaseInput
    case: Case | None = None


def build_pipeline(bundle: Bundle) -> list[Callable[[Case], Case]]:
    """The transforms of a test, without their caches on disk and in memory."""
    with building(bundle):
        return [TRANSFORMS.build(step) for step in without_caches(bundle.settings['test_pipeline'])]


def prepare_case(case_input: CaseInput, pipeline: Sequence[Callable[[Case], Case]]) -> Prepared:
    """Run the pipeline. It never raises: a problem becomes the error of `case_input`.

    Args:
        case_input: Of `CaseReader.read`.
        pipeline: Transforms, see `build_pipeline`.
    """
    if case_input.error is not None:
        return Prepared(case_input)
    case = case_input.case
    unread = unread_files(([case], pipeline))
    try:
        for transform in pipeline:
            case = transform(case)
    except Exception as error:  # damaged bytes make decoders raise errors of every type
        case_input.error = error_text(error)
        return Prepared(case_input)
    if whole := without_outline(case):
        case_input.warnings.append(no_outline(whole))
    case_input.warnings += [f'{m}: {n.files} of {n.total} files not used: one is read' for m, n in unread.items()]
    return Prepared(case_input, case)


def collate(cases: Sequence[Case]) -> Batch:
    """Packed cases to a batch, as in a test."""
    batch: Batch = FUNCTIONS.get('collate_cases')(cases)
    return batch


def without_outline(case: Case) -> list[str]:
    """Modalities that should have been cropped to the lesion, but were used whole because they have no outline."""
    cropped = [m for m, facts in case.info.items() if isinstance(facts, Mapping) and 'crop' in facts]
    return [m for m in cropped if m not in case.boxes and (case.masks.get(m) is None or not case.masks[m].any())]


def no_outline(modalities: Sequence[str]) -> str:
    """The warning for pictures that should have been cropped to the lesion.

    Example:
        >>> no_outline(['bus', 'ue'])
        'no outline of the lesion in bus, ue: the whole picture was used'
    """
    return f'no outline of the lesion in {", ".join(modalities)}: the whole picture was used'


def clip_frames(bundle: Bundle) -> dict[str, int]:
    """Clip -> the number of frames that the pipeline makes of a file, where the pipeline fixes one."""
    frames: dict[str, int] = {}
    for step in _steps(bundle.settings['test_pipeline']):
        name, count = str(step['type']).rpartition('.')[2], step.get('num_frames')
        if name == 'KeyFrames':
            with building(bundle):
                (built,) = (TRANSFORMS.build(s) for s in without_caches([step]))
            frames[str(step['modality'])] = built.num_frames
        elif name == 'LoadClip' and isinstance(count, int):
            names = step.get('modalities') or list(Schema.of(bundle.settings['schema']).clips)
            frames |= dict.fromkeys([names] if isinstance(names, str) else map(str, _items(names)), count)
    return frames


def without_caches(steps: Sequence[Settings]) -> list[Settings]:
    """Settings of transforms that keep nothing on disk or in memory."""
    return [_without_cache(step) for step in steps]


def error_text(error: Exception) -> str:
    """The text of an error without the case, which is named beside it.

    Example:
        >>> error_text(ValueError('no pixels')), error_text(KeyError('bus'))
        ('no pixels', "KeyError: 'bus'")
    """
    if isinstance(error, DataError):
        return str(DataError(error.cause, file=error.file, modality=error.modality))
    return str(error) if isinstance(error, (ValueError, TypeError)) else f'{type(error).__name__}: {error}'


def _without_cache(step: Settings) -> Settings:
    off: dict[str, object] = {'cache_dir': None} if 'cache_dir' in step else {}
    off |= {'memory': False} if 'memory' in step and str(step.get('type')).endswith('Cached') else {}
    return {key: _without_caches(value) for key, value in step.items()} | off


def _without_caches(value: object) -> object:
    if isinstance(value, Mapping):
        return _without_cache(value)
    return [_without_caches(item) for item in value] if isinstance(value, (list, tuple)) else value


def _steps(pipeline: Sequence[Settings]) -> Iterator[Settings]:
    """The steps of a pipeline, and the steps inside them."""
    for step in pipeline:
        yield step
        yield from _steps([inner for inner in _items(step.get('transforms')) if isinstance(inner, Mapping)])


def _items(value: object) -> list[object]:
    return list(value) if isinstance(value, (list, tuple)) else []
