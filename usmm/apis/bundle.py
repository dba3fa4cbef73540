"""What a model is made of, wherever it comes from: a run, a pair of files, a published folder or archive, a zoo."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from usmm.apis.components import check_components
from usmm.config import load_config
from usmm.utils import work_files
from usmm.weights import read_checkpoint
from usmm.weights.tensor_file import load_tensors
from usmm.weights.weight_limits import MAX_BYTES
from usmm.zoo import Zoo
from usmm.zoo.clean import settled

NEEDED = ('model', 'test_pipeline', 'schema', 'classes', 'modalities', 'batch_size')
FORMS = (
    'a run (folder with config.py and model.pth), a published model (folder, .zip or model.safetensors), '
    'a pair (config, checkpoint) or a name of the zoo'
)


@dataclass(frozen=True, eq=False)
class Bundle:
    """Settings, weights and what stands beside them.

    Args:
        settings: The resolved config as plain data, categories settled.
        state: Name -> tensor; None: no weights.
        meta: Metadata of the weights.
        source: Where they come from, for messages.
    """

    settings: dict[str, Any]
    state: Mapping[str, Any] | None
    meta: Mapping[str, Any] = field(default_factory=dict)
    source: str = ''


def open_bundle(model: Any, zoo: str | Path | Zoo | None = None) -> Bundle:
    """Open a model.

    Args:
        model: A run's folder (of a cross-validation: the folder of a fold), `(config, checkpoint)`, a published folder,
            its .zip or its model.safetensors, or a name of the zoo.
        zoo: The zoo, or its place; None: USMM_ZOO, or that of this installation.

    Raises:
        ValueError: It is none of these, or its weights cannot be loaded safely.
        TypeError: It is no path, name or pair.
    """
    if isinstance(model, Bundle):
        return model
    if isinstance(model, (tuple, list)) and len(model) == 2:
        return from_config(*model)
    if not isinstance(model, (str, Path)):
        raise TypeError(f'expected {FORMS}, got {type(model).__name__}')
    path = Path(model)
    if path.is_dir():
        return _of_folder(path)
    if path.is_file():
        return _of_file(path)
    if isinstance(model, Path) or path.suffix or len(path.parts) > 1:
        raise ValueError(f'no model at {path}: expected {FORMS}')
    found = zoo if isinstance(zoo, Zoo) else Zoo(zoo)
    return _published(found.weights(str(model)))


def from_config(config: Any, checkpoint: str | Path | None) -> Bundle:
    """A model from a config, by path or name, and its weights, or none.

    Raises:
        ValueError: The file of weights cannot be loaded safely, or has none.
    """
    bundle = Bundle(load_config(config)._cfg_dict.to_dict(), None, {}, str(config))
    return bundle if checkpoint is None else with_weights(bundle, checkpoint)


def with_weights(bundle: Bundle, checkpoint: str | Path) -> Bundle:
    """The bundle with the weights of a file, and what stands beside them.

    Raises:
        ValueError: It cannot be loaded safely, or has no weights.
    """
    content = read_checkpoint(checkpoint, training=True)
    if not isinstance(content, Mapping) or not isinstance(content.get('state_dict'), Mapping):
        raise ValueError(f'{checkpoint} has no state_dict')
    meta = content.get('meta') or {}
    settings = settled(bundle.settings, meta.get('categories') or {})
    return Bundle(settings, content['state_dict'], meta, str(checkpoint))


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
    """From a .zip of a published folder: its weights alone are unpacked, into a nameless file that is gone at once."""
    try:
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryFile() as file:
            found = [e for e in archive.infolist() if e.filename.rpartition('/')[2] == work_files.PUBLISHED]
            if len(found) != 1 or found[0].file_size > MAX_BYTES:
                raise ValueError(f'{path} is no archive of a published model: it must have one {work_files.PUBLISHED}')
            with archive.open(found[0]) as packed:
                shutil.copyfileobj(packed, file)
            file.flush()
            return _from_meta(path, *load_tensors(file, path))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise ValueError(f'{path} is a damaged archive: {error}') from error


def _from_meta(path: Path, state: Any, meta: Mapping[str, Any]) -> Bundle:
    """From what stands in the weights; no config is run, and no component built that is not registered."""
    settings = meta.get('settings')
    if not isinstance(settings, Mapping) or state is None:
        raise ValueError(f'{path} says nothing of its model: give its config too, as (config, checkpoint)')
    lacking = [key for key in NEEDED if key not in settings]
    if lacking:
        raise ValueError(f'the settings in {path} lack {lacking}')
    check_components({key: settings[key] for key in ('model', 'test_pipeline')}, path)
    return Bundle(settled(settings, meta.get('categories') or {}), state, meta, str(path))
