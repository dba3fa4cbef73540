"""What usmm predict writes and prints."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from usmm.apis import Prediction, safe_csv
from usmm.structures import Variable
from usmm.utils import work_files
from usmm.utils.atomic_files import write_text
from usmm.visualization.figures.overlays import ExplainedCase, heat_sheet, pairs, save_moving

SHOWN = 10
HEIGHT, FRAMES = 128, 10  # pixels of a picture; frames of a clip in a sheet


def check_replaceable(out: Path) -> None:
    """See that predictions replace nothing but predictions.

    Args:
        out: The file to write.

    Raises:
        ValueError: There is a file of another kind, or it is of a training.
    """
    if not out.is_file():
        return
    if (out.parent / work_files.WEIGHTS).is_file():
        raise ValueError(f'--out {out} is a file of the run in {out.parent}; name a file in another folder')
    with out.open('rb') as file:
        start = file.read(200).removeprefix(b'\xef\xbb\xbf')
    if not start.startswith(b'case_id,patient_id'):
        raise ValueError(f'--out {out} is there and is not a table of predictions; give it another name')


class Explanations:
    """Sheets of heat, GIFs of clips and the table of contributions in a folder.

    Args:
        folder: Made if there is none.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.count = folder, 0
        self.rows: list[dict[str, Any]] = []

    def add(self, found: Prediction) -> Prediction:
        """Write the files of a case; the prediction comes back without what takes memory."""
        self.count += 1
        if found.pictures:
            # ids come from tables: none may name another folder, and two may differ in one sign alone
            name = f'{self.count:04d}_{re.sub(r"[^A-Za-z0-9_-]", "_", found.case_id)[:60]}'
            self._draw(found, name)
        if found.contributions:
            facts = dict(case_id=found.case_id, explained=found.predicted, nothing=found.baseline)
            self.rows.append({**facts, **found.contributions})
        return replace(found, heat={}, pictures={})

    def finish(self) -> None:
        """Write the table of contributions, where there are some."""
        if self.rows:
            write_csv(self.folder / 'contributions.csv', pd.DataFrame(self.rows))

    def _draw(self, found: Prediction, name: str) -> None:
        scores = ', '.join(f'{c} {p:.2f}' for c, p in found.probabilities.items())
        names = [*found.pictures, *[m for m in found.heat_notes if m not in found.pictures]]
        case = ExplainedCase(
            title=f'{found.case_id}   {scores}   heat and bars: {found.predicted}',
            pictures={m: found.pictures.get(m) for m in names}, heat={m: found.heat.get(m) for m in names},
            notes=found.heat_notes, contributions=found.contributions,
        )  # fmt: skip
        Image.fromarray(heat_sheet([case], HEIGHT, FRAMES)).save(self.folder / f'{name}.png')
        for modality, picture in found.pictures.items():
            if picture.ndim == 4:
                save_moving(pairs(case, modality, 2 * HEIGHT), self.folder / f'{name}_{modality}.gif')


def write_csv(path: Path, frame: pd.DataFrame) -> None:
    """Write a table whole or not at all."""
    write_text(path, safe_csv(frame))


def show_case(found: Prediction) -> None:
    """Print the answer for one case."""
    if found.error is not None:
        print(f'error: {found.case_id}: {found.error}', file=sys.stderr)
    else:
        print(f'{found.case_id}: {found.predicted}  ({_scores(found.probabilities)})')
        if found.calibrated is not None:
            print(f'  calibrated   {_scores(found.calibrated)}')
        if 'image' in found.stages and found.stages['image'] != found.probabilities:
            print(f'  images alone {_scores(found.stages["image"])}')
        for modality, value in found.contributions.items():
            print(f'  {modality:<12} {value:+.3f} of the probability of {found.predicted}')
    for text in found.warnings:
        print(f'  warning: {text}')


def show_failed(found: Sequence[Prediction], out: Path | None) -> None:
    """Print how many cases of a table have an answer, and why the others have none."""
    failed = [one for one in found if not one.ok]
    for one in failed[:SHOWN]:
        print(f'{one.case_id}: {one.error}', file=sys.stderr)
    if len(failed) > SHOWN:
        print(f'... and {len(failed) - SHOWN} more, see the column error', file=sys.stderr)
    warned = sum(bool(one.warnings) for one in found)
    print(f'{out}: {len(found)} cases, {len(failed)} of them failed, {warned} with warnings')


def show_inputs(facts: Mapping[str, Any]) -> None:
    """Print what a model takes and says."""
    print(f'classes: {", ".join(facts["classes"])}{_positive(facts)}')
    for kind in ('images', 'clips'):
        for name in facts[kind]:
            print(f'  --{name} FILE    {kind[:-1]}; its lesion mask: --{name}_mask FILE')
    if facts['streams']:
        print(f'  a case needs all of {", or all of ".join(" + ".join(names) for names in facts["streams"])}')
    for variable in facts['clinical']:
        print(f'  --{variable.name} VALUE    {_kind(variable)}')


def _positive(facts: Mapping[str, Any]) -> str:
    calibrated = ', calibrated' if facts['calibrated'] else ''
    return (f' (positive: {facts["positive"]})' if facts['positive'] else '') + calibrated


def _kind(variable: Variable) -> str:
    if variable.is_category:
        return f'one of {", ".join(variable.values or ())}'
    between = '' if variable.range is None else f', {variable.range[0]:g} to {variable.range[1]:g}'
    return f'number{f" in {variable.unit}" if variable.unit else ""}{between}'


def _scores(values: Mapping[str, float]) -> str:
    return ', '.join(f'{name} {value:.4f}' for name, value in values.items())
