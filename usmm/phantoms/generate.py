"""Make a phantom: check the options, draw the cases in parallel, and move the finished folder into place."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import cv2

from usmm.phantoms.base_preset import BasePreset
from usmm.phantoms.documents import write_readme, write_table, write_truth
from usmm.phantoms.patient import CaseResult
from usmm.phantoms.phantom_options import PhantomOptions, at_least
from usmm.phantoms.preset_registry import find_preset
from usmm.phantoms.truth import parse_groups
from usmm.utils.atomic_folders import new_folder
from usmm.utils.parent_death import end_with_parent
from usmm.utils.suggestions import did_you_mean

MARK = 'truth.json'  # only a folder that holds it is replaced


def make_phantom(
    out: str | Path,
    cases: int,
    seed: int = 0,
    preset: str | BasePreset = 'cla',
    strength: float = 1.0,
    *,
    test_cases: int = 0,
    modalities: Sequence[str] | None = None,
    shared: str | Sequence[Sequence[str]] = (),
    clip_seconds: float | None = None,
    fps: float = 22.0,
    dicom: bool = False,
    workers: int | None = None,
    force: bool = False,
    command: str = '',
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write synthetic patients with a planted truth: `cases.xlsx`, files by modality, `truth.json`, `README.txt`.

    A case depends on the seed, its index and the options, never on the number of workers or of cases.

    Args:
        out: Folder to make.
        cases: Number of patients, of whom every third of each class is marked `test` in the column `split`; with test
            cases they all train.
        seed: Seed of everything.
        preset: Name of a registered preset, see `PRESETS`, or a preset.
        strength: Factor of every d.
        test_cases: Further patients, who are then the ones marked `test`.
        modalities: Those to make, `'clinical'` among them; None: all of the preset.
        shared: Groups of modalities that share a latent: `'bus,ue'` or `[('bus', 'ue')]`.
        clip_seconds: Length of a clip, into which the whole examination is compressed; None: full length.
        fps: Frames per second of the clips.
        dicom: Write DICOM instead of PNG and MP4 (masks stay PNG).
        workers: Processes; None: one per CPU that this process may use.
        force: Replace `out` if it is a phantom already.
        command: Command line to mention in `README.txt`.
        progress: Called with (done, total) after each case.

    Returns:
        The folder.

    Raises:
        ValueError: If an option is out of its range or names something unknown.
        FileExistsError: If `out` exists and is not empty (with `force`: and is not a phantom).
    """
    preset = find_preset(preset) if isinstance(preset, str) else preset
    options = checked_options(preset, seed, strength, modalities, shared, clip_seconds, fps, dicom)
    at_least('cases', cases, 1)
    at_least('test_cases', test_cases, 0)
    workers = _cpus() if workers is None else at_least('workers', workers, 1)
    out = Path(out)
    _check_out(out, force)
    with new_folder(out, replace=force) as folder:
        job = partial(preset.make_case, options, folder)
        results: list[CaseResult] = []
        # closing: the workers have stopped before the folder is removed, whatever went wrong
        with closing(_run(job, cases + test_cases, workers)) as made:
            for result in made:
                results.append(result)
                if progress is not None:
                    progress(len(results), cases + test_cases)
        write_table(folder, results, test_cases)
        write_truth(folder, preset, options, results, cases, test_cases)
        write_readme(folder, preset, options, command, test_cases)
    return out


def checked_options(
    preset: BasePreset,
    seed: int,
    strength: float,
    modalities: Sequence[str] | None,
    shared: str | Sequence[Sequence[str]],
    clip_seconds: float | None,
    fps: float,
    dicom: bool,
) -> PhantomOptions:
    """Settings of a phantom, checked against its preset; the arguments are those of `make_phantom`.

    Raises:
        ValueError: If an option is out of its range, names something unknown, or the preset does not offer it.
    """
    if dicom and not preset.dicom:
        raise ValueError(f'preset {preset.name!r} has no DICOM files, only PNG')
    names = _modalities(preset, modalities)
    if shared and not preset.can_share:
        raise ValueError(f'modalities of the preset {preset.name!r} have latents of their own, got shared={shared!r}')
    seconds = preset.full_seconds if clip_seconds is None else clip_seconds
    return PhantomOptions(seed, strength, names, parse_groups(shared, names), seconds, fps, dicom)


def _modalities(preset: BasePreset, wanted: Sequence[str] | None) -> tuple[str, ...]:
    """The modalities to make, in the order of the preset."""
    if wanted is None:
        return preset.modalities
    unknown = [name for name in wanted if name not in preset.modalities]
    if unknown or not wanted:
        hint = ''.join(f'; {name!r}: {did_you_mean(name, preset.modalities)}' for name in unknown)
        raise ValueError(f'expected modalities of {list(preset.modalities)}, got {list(wanted)}{hint}')
    return tuple(name for name in preset.modalities if name in wanted)


def _cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1


def _check_out(out: Path, force: bool) -> None:
    if not out.exists():
        return
    if not out.is_dir():
        raise FileExistsError(f'{out} is a file; a phantom needs a folder')
    if not any(out.iterdir()) or (force and (out / MARK).is_file()):
        return
    if force:
        raise FileExistsError(f'{out} holds files but no {MARK}: not a phantom, so it is not replaced')
    raise FileExistsError(f'{out} is not empty; name another folder, or use --force to replace the phantom in it')


def _run(job: Callable[[int], CaseResult], total: int, workers: int) -> Generator[CaseResult, None, None]:
    """Results of all cases, in order."""
    if min(workers, total) == 1:
        yield from map(job, range(total))
        return
    # fork, where there is one: a fresh interpreter would import the library again in each worker
    fork = 'fork' in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context('fork' if fork else 'spawn')
    with ProcessPoolExecutor(min(workers, total), context, initializer=_start_worker) as pool:
        yield from pool.map(job, range(total))


def _start_worker() -> None:
    end_with_parent()
    cv2.setNumThreads(1)  # in a fork the parent's threads are not there
