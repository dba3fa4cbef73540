"""Make an entry of a zoo from a run or a cross-validation: weights, config, schema, page, a place in the index."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import yaml

from usmm.utils import work_files
from usmm.utils.atomic_files import write_bytes
from usmm.utils.digests import file_digest
from usmm.utils.inside import read_inside
from usmm.utils.json_types import as_mapping, as_sequence
from usmm.utils.plain_yaml import read_plain_yaml
from usmm.weights import check_finite, read_checkpoint, read_tensors, write_tensors
from usmm.weights.metadata import FORMAT, Metadata, SchemaSettings
from usmm.zoo.clean import public_meta, settled, without_folders, without_starts
from usmm.zoo.index import INDEX, MAX_BYTES, PAGE_SHA256, Entry, ZooFile, check_name, parse_index
from usmm.zoo.measured import Measured, find_run, measure
from usmm.zoo.model_page import Card, page
from usmm.zoo.placing import mend, new_place, place, publishing, sync_files
from usmm.zoo.stated_twice import check_agreement
from usmm.zoo.stored_settings import check_settings, own_components

if TYPE_CHECKING:
    from torch import Tensor

HEAD = '# The models that can be downloaded by name. Written by usmm publish; figures are copied from the runs.\n'
TASK = 'Multi-modal ultrasound classification'
PAGE = 'README.md'
FILES = (work_files.PUBLISHED, work_files.CONFIG, work_files.SCHEMA)


def publish(
    source: Path,
    name: str,
    zoo: Path,
    card: Card,
    resolve: Callable[[Path], Mapping[str, object]],
    fold: int | None = None,
    seed: int | None = None,
    weights: Path | None = None,
    force: bool = False,
    tokens: bool = False,
) -> Entry:
    """Add a model to a zoo in a folder, or replace it.

    Args:
        source: Work directory of a run, or of a cross-validation.
        name: Name in the zoo.
        zoo: Folder of the zoo; made if there is none.
        card: What only people can say.
        resolve: Config file -> all of its settings, references filled in.
        fold, seed, weights: Whose weights, of a cross-validation; see `find_run`.
        force: Replace a model of this name.
        tokens: Publish the marks of the training patients; see `public_meta`.

    Raises:
        ValueError: The name is taken or is none, the run is not finished, its weights are not finite, or its model has
            components that a published model may not name.
        LockedError: Another process publishes in this zoo all the time.
        OSError: The zoo cannot be written; the model that stood in it stays.
    """
    check_name(name)
    if zoo.is_dir():  # a name that is taken is found before weights are read
        with publishing(zoo):
            _check_free(zoo, name, _mended(zoo), force)
    run = find_run(source, fold, seed, weights)
    content = read_checkpoint(run / work_files.WEIGHTS)
    state: Mapping[str, Tensor] = content['state_dict']
    meta: Metadata = content['meta']
    check_finite(run / work_files.WEIGHTS, state)
    measured = measure(source, run, meta)
    with publishing(zoo):
        _check_free(zoo, name, _mended(zoo), force)  # another process may have published meanwhile
        new = new_place(zoo, name)
        files: list[ZooFile] = []
        try:
            public = _write_model(new, run, state, meta, resolve, tokens)
            files = [ZooFile(f'{name}/{f}', file_digest(new / f), (new / f).stat().st_size) for f in FILES]
            (new / PAGE).write_text(page(name, card, public, measured, files), encoding='utf-8')
            record = _record(name, card, public, measured, files, _numbers(state))
            text = _index_text(zoo, {**record, PAGE_SHA256: file_digest(new / PAGE)})
            parsed = parse_index(text, zoo / INDEX)[name]
            sync_files(new)
            write_bytes(zoo / INDEX, text)
        except BaseException:
            if not _states(zoo, files):
                shutil.rmtree(new, ignore_errors=True)
            raise
        place(new, zoo, name)
    return parsed


def _index(zoo: Path) -> bytes:
    """The index of a zoo; one without models where there is none yet."""
    return read_inside(zoo, INDEX, MAX_BYTES) if os.path.lexists(zoo / INDEX) else b'Models: []'


def _mended(zoo: Path) -> Mapping[str, Entry]:
    """The models of a zoo, each in its folder, whatever a process that was killed left. Only in `publishing`."""
    entries = parse_index(_index(zoo), zoo / INDEX)
    mend(zoo, entries)
    return entries


def _states(zoo: Path, files: Sequence[ZooFile]) -> bool:
    """Whether the index names these files already: the last step of writing it can fail when it is in its place."""
    try:
        entries = parse_index(_index(zoo), zoo / INDEX)
    except (OSError, ValueError):
        return True  # nothing is removed while it is not known
    return any(entry.files == tuple(files) for entry in entries.values())


def _check_free(zoo: Path, name: str, entries: Mapping[str, Entry], force: bool) -> None:
    target = zoo / name
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise ValueError(f'{target} is not a folder: choose another name, or remove it')
    if not force and (name in entries or target.exists()):
        raise ValueError(f'{zoo} has a model {name!r} already; force replaces it')


def _write_model(
    folder: Path,
    run: Path,
    state: Mapping[str, Tensor],
    meta: Metadata,
    resolve: Callable[[Path], Mapping[str, object]],
    tokens: bool,
) -> Metadata:
    """Write the three files of a run, and return the metadata that stand in the weights."""
    import torch

    text = without_folders(meta['config_text'])
    (folder / work_files.CONFIG).write_text(text, encoding='utf-8')
    settings = settled(_resolved(folder, run, resolve), meta.get('categories') or {})
    settings['model'] = without_starts(settings['model'])
    _check_no_own_code(settings, run)
    public = public_meta(meta, tokens)
    schema = cast(SchemaSettings, settings['schema'])
    public |= {'schema': schema, 'settings': settings, 'config_text': text, 'format': FORMAT}
    named = {key: public.get(key) for key in ('classes', 'positive', 'modalities', 'schema')}
    (folder / work_files.SCHEMA).write_text(json.dumps(named, indent=2) + '\n', encoding='utf-8')
    path = folder / work_files.PUBLISHED
    check_settings(settings, run / work_files.CONFIG)  # what cannot be loaded by name is not published
    check_agreement(public, settings, run / work_files.WEIGHTS)
    write_tensors(path, state, public)
    written, _ = read_tensors(path)
    if written.keys() != state.keys() or not all(torch.equal(written[k], v) for k, v in state.items()):
        raise OSError(f'{path} did not come back as it was written')
    return public


def _resolved(folder: Path, run: Path, resolve: Callable[[Path], Mapping[str, object]]) -> Mapping[str, object]:
    """All settings of the config that is published; errors name the run, as the new folder does not stay."""
    try:
        return resolve(folder / work_files.CONFIG)
    except ValueError as error:
        text = str(error).replace(str(folder), str(run))
        raise ValueError(f'{run} cannot be published: its config cannot be read: {text}') from error


def _check_no_own_code(settings: Mapping[str, object], run: Path) -> None:
    """See that the model and its pipeline are made of components that a published model may name.

    Raises:
        ValueError: They are not; names the components, and what can be shared instead.
    """
    own = own_components(settings)
    if own:
        raise ValueError(
            f'{run} cannot be published: {", ".join(own)} of its config is not on the list of components that a '
            'published model may have. A published model holds settings and no code, so that it can be opened without '
            f'running code of somebody else. Share {run / work_files.CONFIG} with {work_files.WEIGHTS} instead, and '
            'the modules that its custom_imports names'
        )


def _record(
    name: str, card: Card, meta: Metadata, measured: Measured, files: list[ZooFile], numbers: int
) -> dict[str, object]:
    """An entry of the index, in the order and spelling of OpenMMLab's metafiles; the rest behind."""
    figures: dict[str, object] = {}
    for metric, value in measured.metrics.items():
        figures[metric] = value.get('estimate', value['mean'])
        figures |= {f'{metric}_{key}': value[key] for key in ('std', 'ci95') if value.get(key) is not None}
    return {
        'Name': name,
        'In Collection': card.collection,
        'Config': f'{name}/{work_files.CONFIG}',
        'Metadata': {
            'Training Data': card.data,
            'Parameters': numbers,
            'Modalities': list(meta['modalities']),
            'Classes': list(meta['classes']),
            'Training Cases': meta['cases']['train'],
            'Training Patients': meta['patients']['train'],
            'Selection': meta.get('selection'),
            'Versions': meta.get('versions'),
        },
        'Results': [{'Task': TASK, 'Dataset': card.data, 'Metrics': figures, 'How': measured.how,
                     'Cases': measured.cases, 'Patients': measured.patients}],
        'Weights': files[0].path,
        'README': f'{name}/{PAGE}',
        'Licence': card.licence,
        'SHA256': files[0].sha256,
        'Size': files[0].size,
        'Files': [{'Path': f.path, 'SHA256': f.sha256, 'Size': f.size} for f in files],
    }  # fmt: skip


def _numbers(state: Mapping[str, Tensor]) -> int:
    """Numbers of a model, but for those that batch norm counts."""
    counted = ('running_mean', 'running_var', 'num_batches_tracked')
    return sum(v.numel() for k, v in state.items() if not k.endswith(counted))


def _index_text(zoo: Path, record: dict[str, object]) -> bytes:
    """The index with a new or another entry, all others as they were."""
    content = as_mapping(read_plain_yaml(_index(zoo)))
    models = [m for m in map(as_mapping, as_sequence(content.get('Models'))) if m['Name'] != record['Name']]
    models = sorted([*models, record], key=lambda m: str(m['Name']))
    listed = [as_mapping(family) for family in as_sequence(content.get('Collections'))]
    families = [c for c in listed if c.get('Name') != record['In Collection']]
    known = [c for c in listed if c.get('Name') == record['In Collection']]
    own = known[0] if known else {'Name': record['In Collection']}
    families = sorted([*families, own], key=lambda c: str(c['Name']))
    # through JSON: without objects that stand twice, which YAML would write as an alias
    plain = json.loads(json.dumps({**content, 'Collections': families, 'Models': models}))
    return (HEAD + yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=110)).encode()
