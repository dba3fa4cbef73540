"""The record of a fold: the flags that it was trained with, and a checksum of the predictions that it wrote."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmengine.dist import broadcast_object_list, get_world_size, is_main_process
from mmengine.logging import print_log

from usmm.config.stage_spec import RunOptions
from usmm.engine.workdir.outputs import write_json
from usmm.utils import work_files
from usmm.utils.digests import file_digest

# field of RunOptions -> the option of the commands, and the value at which it is set; those that change weights
FLAGS = {'amp': ('--amp', True), 'validate': ('--no-validate', False), 'auto_scale_lr': ('--auto-scale-lr', True)}


@dataclass(frozen=True)
class FoldRecord:
    """What is kept with a fold.

    Args:
        flags: Option of the commands -> whether the fold was trained with it.
        processes: Number of processes that trained it together.
        predictions: SHA-256 of its predictions.csv; None of a fold that is not finished.
    """

    flags: Mapping[str, bool]
    processes: int = 1
    predictions: str | None = None


def flags_of(options: RunOptions) -> dict[str, bool]:
    """Option of the commands -> whether it is set.

    Example:
        >>> flags_of(RunOptions(amp=True))
        {'--amp': True, '--no-validate': False, '--auto-scale-lr': False}
    """
    return {option: getattr(options, name) is value for name, (option, value) in FLAGS.items()}


def flag_changes(before: Mapping[str, bool], now: Mapping[str, bool]) -> str:
    """How flags differ from those before; empty where they do not.

    Example:
        >>> flag_changes({'--amp': True, '--no-validate': False}, {'--amp': False, '--no-validate': True})
        'without --amp, with --no-validate'
    """
    changed = [name for name in now if name in before and before[name] != now[name]]
    return ', '.join(f'{"with" if now[name] else "without"} {name}' for name in changed)


def read_fold_record(folder: Path) -> FoldRecord | None:
    """The record of a fold; None where it has none, as one of an earlier version.

    Raises:
        ValueError: The file is damaged.
    """
    path = folder / work_files.FOLD_RECORD
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        flags = {str(name): bool(value) for name, value in content['flags'].items()}
        return FoldRecord(flags, int(content['processes']), content.get('predictions'))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f'{path} is damaged ({error}): remove {folder} and run the fold again') from error


def begin_fold(folder: Path, options: RunOptions, resume: bool, finished: Iterable[Path] = ()) -> None:
    """Keep the flags of a fold that starts.

    Args:
        folder: Its work directory.
        options: The flags of the run.
        resume: Whether a fold that was broken off goes on, with the flags that it began with.
        finished: Folders of finished folds whose predictions will be pooled with those of this one.

    Raises:
        ValueError: The flags are not those of the finished folds, or of the begin of this one.
    """
    problem: list[str | None] = [None]
    if is_main_process():
        try:
            check_flags(finished, options)
            before = read_fold_record(folder) if resume else None
            if before is not None and (changed := flag_changes(before.flags, flags_of(options))):
                raise ValueError(
                    f'{folder} was begun with other flags, and would now go on {changed}: resume with the flags of '
                    'its begin, or leave --resume out to start this fold over'
                )
            write_json(folder / work_files.FOLD_RECORD, {'flags': flags_of(options), 'processes': get_world_size()})
        except ValueError as error:
            problem = [str(error)]
    broadcast_object_list(problem)  # all processes stop, or none does
    if problem[0] is not None:
        raise ValueError(problem[0])


def keep_flags(folder: Path, options: RunOptions, goes_on: bool) -> tuple[str, ...]:
    """Keep the flags of a run that starts, or log how those of a run that goes on differ from its begin.

    Stages of one run may be validated or not; other flags change what the same epochs learn.

    Args:
        folder: The work directory.
        options: The flags of the run.
        goes_on: Whether an earlier run goes on.

    Returns:
        What was logged; nothing where the flags are the same.
    """
    before = read_fold_record(folder) if goes_on else None
    if before is None:
        if is_main_process():
            write_json(folder / work_files.FOLD_RECORD, {'flags': flags_of(options), 'processes': get_world_size()})
        return ()
    now = {name: value for name, value in flags_of(options).items() if name != FLAGS['validate'][0]}
    changed = flag_changes(before.flags, now)
    if not changed:
        return ()
    text = f'the run in {folder} goes on {changed}, unlike its begin'
    print_log(text, 'current', logging.WARNING)
    return (text,)


def finish_fold(folder: Path) -> None:
    """Add the checksum of the predictions to the record of a fold that is done (main process only)."""
    record = read_fold_record(folder) if is_main_process() else None
    if record is not None:
        content = {'flags': record.flags, 'processes': record.processes}
        content['predictions'] = file_digest(folder / work_files.PREDICTIONS)
        write_json(folder / work_files.FOLD_RECORD, content)


def check_flags(finished: Iterable[Path], options: RunOptions) -> None:
    """See that folds to be trained get the flags of the finished ones that they will be pooled with.

    Args:
        finished: Folders of finished folds.
        options: The flags of the run.

    Raises:
        ValueError: They differ; names the fold and the flags.
    """
    for folder in finished:
        record = read_fold_record(folder)
        if record is not None and (changed := flag_changes(record.flags, flags_of(options))):
            raise ValueError(
                f'{folder} is finished, and the next folds would be trained {changed}, unlike it: folds that are '
                'pooled must be trained with the same flags. Use its flags, or another work dir'
            )


def report_unused_flags(folder: Path, options: RunOptions) -> str:
    """Log that flags have no effect on a finished fold, which is not run again.

    Returns:
        What was logged; empty where the flags are those of the fold.
    """
    record = read_fold_record(folder)
    changed = '' if record is None else flag_changes(flags_of(options), record.flags)
    if not changed:
        return ''
    text = f'{folder} is finished and not run again: it was trained {changed}; the flags of now have no effect on it'
    print_log(text, 'current', logging.WARNING)
    return text


def check_same_flags(folders: Sequence[Path]) -> None:
    """See that finished folds were trained with the same flags; one without a record is not compared.

    Raises:
        ValueError: They were not; names two folds and the flags.
    """
    first: tuple[Path, FoldRecord] | None = None
    for folder in folders:
        record = read_fold_record(folder)
        if record is None:
            continue
        first = first or (folder, record)
        if changed := flag_changes(first[1].flags, record.flags):
            raise ValueError(
                f'{folder} was trained {changed}, unlike {first[0]}: folds trained with different flags are not '
                'pooled or compared. Remove the folds of one kind and run them again'
            )
