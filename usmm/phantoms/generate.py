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

from usmm.phantoms.documents import Result, write_readme, write_table, write_truth
from usmm.phantoms.ordered_stages import StagedPreset
from usmm.phantoms.patient import Plan, make_case
from usmm.phantoms.preset import Preset
from usmm.phantoms.presets.cla import CLA
from usmm.phantoms.presets.fibrosis import FIBROSIS, make_staged_case
from usmm.phantoms.presets.liver_blood import LIVER_BLOOD
from usmm.phantoms.presets.liver_blood_table import MarkerPlan
from usmm.phantoms.presets.liver_mr import LIVER_MR
from usmm.phantoms.presets.lymph import LYMPH, LinePreset
from usmm.phantoms.truth import parse_groups
from usmm.utils.atomic_folders import new_folder

PRESETS: dict[str, Preset | StagedPreset] = {p.name: p for p in (CLA, FIBROSIS, LIVER_MR, LIVER_BLOOD, LYMPH)}
MARK = 'truth.json'  # only a folder that holds it is replaced


def make_phantom(
    out: str | Path,
    cases: int,
    seed: int = 0,
    preset: str | Preset | StagedPreset = 'cla',
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
        cases: Number of patients (of the training part, if there are test cases).
        seed: Seed of everything.
        preset: Name in `PRESETS`, or a `Preset`.
        strength: Factor of every d.
        test_cases: Further patients; the table then has a column `split` with `train` and `test`.
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
    plan = make_plan(preset, seed, strength, modalities, shared, clip_seconds, fps, dicom)
    _at_least('cases', cases, 1)
    _at_least('test_cases', test_cases, 0)
    workers = _cpus() if workers is None else _at_least('workers', workers, 1)
    out = Path(out)
    _check_out(out, force)
    with new_folder(out, replace=force) as folder:
        results: list[Result] = []
        # closing: the workers have stopped before the folder is removed, whatever went wrong
        with closing(_run(plan, folder, cases + test_cases, workers)) as made:
            for result in made:
                results.append(result)
                if progress is not None:
                    progress(len(results), cases + test_cases)
        write_table(folder, results, cases, test_cases)
        write_truth(folder, plan, results, cases, test_cases)
        write_readme(folder, plan, command)
    return out


def make_plan(
    preset: str | Preset | StagedPreset,
    seed: int,
    strength: float,
    modalities: Sequence[str] | None,
    shared: str | Sequence[Sequence[str]],
    clip_seconds: float | None,
    fps: float,
    dicom: bool,
) -> Plan:
    """Checked settings of a phantom; the arguments are those of `make_phantom`.

    Raises:
        ValueError: If an option is out of its range or names something unknown.
    """
    if isinstance(preset, str) and preset not in PRESETS:
        raise ValueError(f'no preset {preset!r}; there are {sorted(PRESETS)}')
    kind = PRESETS[preset] if isinstance(preset, str) else preset
    if dicom and not getattr(kind, 'dicom', True):
        raise ValueError(f'preset {kind.name!r} has no DICOM files, only PNG')
    _at_least('seed', seed, 0)
    # beyond 4 times the paper's separation latents leave the range that the pictures can show
    _within('strength', strength, 0, 4)
    _within('fps', fps, 1, 120)
    full = max((m.seconds for m in kind.clips), default=90.0)
    clip_seconds = full if clip_seconds is None else _within('clip_seconds', clip_seconds, 1, 600)
    unknown = [name for name in modalities or () if name not in kind.modalities]
    if unknown or (modalities is not None and not modalities):
        raise ValueError(f'expected modalities of {list(kind.modalities)}, got {list(modalities or ())}')
    names = tuple(name for name in kind.modalities if modalities is None or name in modalities)
    if shared and (isinstance(kind, (StagedPreset, LinePreset)) or isinstance(kind.clinical, MarkerPlan)):
        raise ValueError(f'modalities of the preset {kind.name!r} have latents of their own, got shared={shared!r}')
    return Plan(kind, seed, strength, names, parse_groups(shared, names), clip_seconds, fps, dicom)


def _at_least(name: str, value: int, low: int) -> int:
    if value < low:
        raise ValueError(f'{name} must be at least {low}, got {value}')
    return value


def _within(name: str, value: float, low: float, high: float) -> float:
    if not low <= value <= high:
        raise ValueError(f'{name} must be from {low:g} to {high:g}, got {value:g}')
    return value


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


def _run(plan: Plan, folder: Path, total: int, workers: int) -> Generator[Result, None, None]:
    """Results of all cases, in order."""
    job = partial(make_staged_case if isinstance(plan.preset, StagedPreset) else make_case, plan, folder)
    if min(workers, total) == 1:
        yield from map(job, range(total))
        return
    # fork, where there is one: a fresh interpreter would import the library again in each worker
    fork = 'fork' in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context('fork' if fork else 'spawn')
    threads = cv2.getNumThreads()
    # before the fork: a child that inherits OpenCV's thread pool waits forever for threads that it does not have
    cv2.setNumThreads(1)
    try:
        with ProcessPoolExecutor(min(workers, total), context, initializer=None if fork else _one_thread) as pool:
            yield from pool.map(job, range(total))
    finally:
        cv2.setNumThreads(threads)


def _one_thread() -> None:
    cv2.setNumThreads(1)
