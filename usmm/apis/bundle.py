"""The settings and weights of a model: from a run, a pair of files, a published folder or archive, or a zoo."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, TypedDict, cast

from torch import Tensor

from usmm.config import TRAINED, check_present, load_config
from usmm.engine.loaded_weights import weights_notes
from usmm.structures import ModelMeaning, Settings
from usmm.utils import work_files
from usmm.utils.locations import is_address
from usmm.weights import read_checkpoint
from usmm.weights.metadata import check_metadata
from usmm.weights.packed import unpack_weights
from usmm.weights.tensor_file import load_tensors
from usmm.zoo import Zoo
from usmm.zoo.clean import settled
from usmm.zoo.index import is_name
from usmm.zoo.stated_twice import check_agreement
from usmm.zoo.stored_settings import check_settings

FORMS = (
    'a run (folder with config.py and model.pth), a published model (folder, .zip or model.safetensors), '
    'a pair (config, checkpoint) or a name of the zoo (a text without a slash)'
)


class DatasetSettings(TypedDict, total=False):
    """Settings of the data set that predictions use."""

    clinical: Sequence[str] | None  # names of the clinical variables in use; None: all


class ModelSettings(TypedDict, total=False):
    """Settings of a config that a trained model is built from; `TRAINED` lists those that it cannot do without."""

    model: Settings
    test_pipeline: Sequence[Settings]
    schema: Settings
    classes: Sequence[str]
    modalities: Sequence[str]
    batch_size: int  # cases
    seed: int
    dataset: DatasetSettings | None


class WeightsMeta(TypedDict, total=False):
    """Metadata of a file of weights, as far as predictions use them."""

    classes: Sequence[str]
    categories: Mapping[str, Sequence[str]]  # clinical variable -> its categories, from the training part
    calibration: Mapping[str, object]  # see `Calibration.from_dict`
    trained_on: Collection[str]  # marks of the patients of the training part
    settings: ModelSettings
    outlined: Mapping[str, float]  # modality -> share of the training cases with an outline of the lesion


@dataclass(frozen=True, eq=False)
class Bundle:
    """Settings, weights and the metadata that are stored with them.

    Args:
        settings: The resolved config as plain data, with the categories of the training part.
        state: Name -> tensor; None: no weights.
        meta: Metadata of the weights.
        source: Where they come from, for messages.
        notes: What a user of the predictions must know, as sentences.
        stored_bytes: Bytes of the tensors of the file in which the settings stand, which is somebody else's data; None:
            the settings are those of a config, which is code that the user runs.
    """

    settings: ModelSettings
    state: Mapping[str, Tensor] | None
    meta: WeightsMeta = field(default_factory=WeightsMeta)
    source: str = ''
    notes: tuple[str, ...] = ()
    stored_bytes: int | None = None


# A bundle, the path of a run or of a published model, a name of the zoo, or (config, checkpoint)
ModelSource: TypeAlias = Bundle | str | Path | tuple[str | Path, str | Path | None]


def open_bundle(model: ModelSource, zoo: str | Path | Zoo | None = None) -> Bundle:
    """Open a model.

    Args:
        model: A run's folder (of a cross-validation: the folder of a fold), `(config, checkpoint)`, a published folder,
            its .zip or its model.safetensors, or a name of the zoo. A text without a slash is such a name; a folder
            beside it is `./name`, or a `Path`.
        zoo: The zoo, or its folder or address; None: USMM_ZOO, or that of this installation.

    Raises:
        ValueError: It is none of these, or its weights cannot be loaded safely.
        TypeError: It is not a path, a name or a pair.
    """
    if isinstance(model, Bundle):
        return model
    if isinstance(model, (tuple, list)) and len(model) == 2:
        return from_config(*model)
    if not isinstance(model, (str, Path)):
        raise TypeError(f'expected {FORMS}, got {type(model).__name__}')
    check_path(model)
    path = Path(model)
    if isinstance(model, str) and is_name(model):
        return _of_name(model, zoo)
    if path.is_dir():
        return _of_folder(path)
    if path.is_file():
        return _of_file(path)
    if path.exists():
        raise ValueError(f'{path} is not a model: it is not a regular file; expected {FORMS}')
    raise ValueError(f'no model at {path}: expected {FORMS}')


def check_path(model: str | Path) -> None:
    """Check that a model is not named by an empty text or an address.

    Raises:
        ValueError: It is.
    """
    if isinstance(model, str) and not model.strip():
        raise ValueError(f'the name of the model is empty: expected {FORMS}')
    if is_address(model) and not Path(model).exists():
        raise ValueError(
            f'{model} is an address, which is not a model: give the name of the model, and the address of its zoo as '
            '--zoo (in Python: zoo=)'
        )


def _of_name(name: str, zoo: str | Path | Zoo | None) -> Bundle:
    """A model of the zoo. A folder that happens to have its name is another model, and its config.py would run."""
    try:
        opened = zoo if isinstance(zoo, Zoo) else Zoo(zoo)
        return _published(opened.weights(name))
    except (ValueError, OSError) as error:
        if not Path(name).exists():
            raise
        kind = 'folder' if Path(name).is_dir() else 'file'
        raise ValueError(
            f'{error}. A text without a slash is a name of the zoo: for the {kind} write ./{name}'
        ) from error


def from_config(
    config: str | Path, checkpoint: str | Path | None, options: Mapping[str, object] | None = None
) -> Bundle:
    """A model from a config and its weights.

    Args:
        config: Path or name of a config.
        checkpoint: File of weights; None: no weights.
        options: Overrides of the config, dotted key -> value.

    Raises:
        ValueError: The file of weights cannot be loaded safely, or has none.
    """
    bundle = Bundle(load_config(config, options)._cfg_dict.to_dict(), None, {}, str(config))
    return bundle if checkpoint is None else with_weights(bundle, checkpoint)


def with_weights(bundle: Bundle, checkpoint: str | Path) -> Bundle:
    """The bundle with the weights of a file and their metadata.

    Raises:
        ValueError: The config lacks settings of a trained model; or the file cannot be loaded safely, has no weights,
            or was trained for other classes, modalities or clinical variables than the config has.
    """
    check_present(bundle.settings, TRAINED, bundle.source)
    content = read_checkpoint(checkpoint, training=True)
    if not isinstance(content, Mapping) or not isinstance(content.get('state_dict'), Mapping):
        raise ValueError(f'{checkpoint} has no state_dict')
    meta = as_meta(content.get('meta') or {}, checkpoint)
    settings = settled_settings(bundle.settings, meta.get('categories') or {})
    ModelMeaning.of_settings(settings).check(meta, checkpoint, bundle.source)
    notes = tuple(weights_notes(checkpoint, meta, settings))
    return Bundle(settings, content['state_dict'], meta, str(checkpoint), notes)


def settled_settings(settings: Mapping[str, object], categories: Mapping[str, Sequence[str]]) -> ModelSettings:
    """Settings whose keys were checked, the categories of `values='auto'` in their places."""
    return cast(ModelSettings, settled(settings, categories))


def as_meta(content: object, source: str | Path) -> WeightsMeta:
    """The metadata of a file of weights, the kinds of their entries checked.

    Raises:
        ValueError: An entry is of another kind.
    """
    if not isinstance(content, Mapping):
        raise ValueError(f'{source}: its metadata are not a dict')
    check_metadata(content, source)
    return cast(WeightsMeta, content)  # plain data of a file have no static type


def _of_folder(path: Path) -> Bundle:
    if (path / work_files.WEIGHTS).is_file() and (path / work_files.CONFIG).is_file():
        return from_config(path / work_files.CONFIG, path / work_files.WEIGHTS)
    if (path / work_files.PUBLISHED).is_file():
        return _published(path / work_files.PUBLISHED)
    if (path / work_files.SUMMARY).is_file():
        raise ValueError(f'{path} is a cross-validation, which has several models: name one, such as {path / "fold_0"}')
    raise ValueError(
        f'{path} holds no model: expected {work_files.CONFIG} and {work_files.WEIGHTS} of a finished run, '
        f'or {work_files.PUBLISHED}'
    )


def _of_file(path: Path) -> Bundle:
    if path.suffix.lower() == '.zip':
        return _of_archive(path)
    if path.name == work_files.WEIGHTS and (path.parent / work_files.CONFIG).is_file():
        return from_config(path.parent / work_files.CONFIG, path)
    return _published(path)


def _published(path: Path) -> Bundle:
    content = read_checkpoint(path)
    if not isinstance(content, Mapping) or not isinstance(content.get('meta'), Mapping):
        raise ValueError(f'{path} says nothing of its model: give its config too, as (config, checkpoint)')
    return _from_meta(path, content.get('state_dict'), content['meta'])


def _of_archive(path: Path) -> Bundle:
    """From a .zip of a published folder: only its weights are unpacked, into an anonymous temporary file."""
    with tempfile.TemporaryFile() as file:
        try:
            unpack_weights(path, file)
        except ValueError as error:
            raise ValueError(f'{path} is no archive of a published model: {error}') from error
        state, meta = load_tensors(file, path)
    return _from_meta(path, state, meta)


def _from_meta(path: Path, state: Mapping[str, Tensor] | None, content: Mapping[str, object]) -> Bundle:
    """From the metadata of weights; no config is run, and only allowed components are built."""
    meta = as_meta(content, path)
    settings = meta.get('settings')
    if not isinstance(settings, Mapping) or state is None:
        raise ValueError(f'{path} says nothing of its model: give its config too, as (config, checkpoint)')
    missing = [key for key in TRAINED if settings.get(key) is None]
    if missing:
        raise ValueError(f'the settings in {path} lack {missing}')
    check_settings(settings, path)
    own = settled_settings(settings, meta.get('categories') or {})
    stored = sum(tensor.nbytes for tensor in state.values())
    try:
        ModelMeaning.of_settings(own)  # reads the schema
        notes = tuple(weights_notes(path, meta, own))
    except (ValueError, TypeError, KeyError, AttributeError) as error:  # a schema can be wrong in every way
        raise ValueError(f'{path}: its settings cannot be used: {error}') from error
    check_agreement(meta, own, path)
    return Bundle(own, state, meta, str(path), notes, stored)
