"""What a run shows at its end: a table with intervals on the console, and figures in the work directory."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from usmm.datasets.case_table import NO_PATIENTS
from usmm.engine.workdir.rows import ScoredRow, arrays, drawn_classes, read_scored_rows
from usmm.evaluation.stats import clustered_auc, clustered_macro_auc, confusion_matrix
from usmm.evaluation.stats.rate_intervals import limits_of, rate_intervals
from usmm.utils import work_files
from usmm.utils.json_types import as_mapping
from usmm.utils.plain_json import read_plain_json
from usmm.visualization.figures.figures import confusion_figure, roc_figure, save, training_figure, weights_figure
from usmm.visualization.pages.content import Content, items_of, part_of
from usmm.visualization.pages.wording import SELECTION, is_number

NAMES = ('auc', 'accuracy', 'tpr', 'tnr', 'precision', 'f1', 'mcc')


def report_run(work_dir: str | Path, content: Content, console: Console | None = None) -> list[Path]:
    """Print the metrics of a run, and draw its figures into `work_dir/figures`.

    Figures: ROC curve and confusion matrix of each part, curves of each stage, weights of the clinical stage; what
    cannot be drawn (a ROC curve without two patients of each class) is left out.

    Args:
        work_dir: A work directory with predictions.csv.
        content: What metrics.json holds: metrics by part, classes, positive, selection, cases, patients.
        console: Where to print.

    Returns:
        The PNG files.
    """
    folder, out = Path(work_dir), console or Console()
    classes = tuple(str(name) for name in items_of(content, 'classes'))
    positive = str(content.get('positive') or classes[-1])
    parts = read_parts(folder / work_files.PREDICTIONS, classes)
    out.print(metrics_table(content, parts, classes, positive))
    cases, patients = part_of(content, 'cases'), part_of(content, 'patients')
    grouped = [part for part in parts if _more(cases.get(part), patients.get(part))]
    if grouped:
        out.print(f'{", ".join(grouped)}: several cases a patient; the intervals take the patients as clusters')
    selection = content.get('selection')
    out.print(f'selection of the epoch: {SELECTION.get(str(selection or ""), selection)}')
    if content.get('patients_known') is False:
        out.print(f'WARNING: {NO_PATIENTS}')
    if pairs := content.get('near_duplicates'):
        out.print(f'WARNING: {pairs} pairs of pictures of two patients in two parts look nearly the same')
    for name, reason in part_of(content, 'label_leaks').items():
        out.print(f'WARNING: {name!r} seems to contain the label: {reason}')
    outlines = part_of(content, 'outlines')
    for part in outlines:
        for text in items_of(outlines, part):
            out.print(f'WARNING: {part}: {text}')
    changes = part_of(content, 'data_changes')
    for part in changes:
        for text in items_of(changes, part):
            out.print(f'WARNING: {part}: the data have changed since the training: {text}')
    for note in items_of(content, 'weights'):
        out.print(f'WARNING: {note}')
    for part, count in part_of(content, 'left_out').items():
        out.print(f'WARNING: {part}: {count} cases that lack a modality were left out')
    stages = part_of(content, 'stages')
    for stage in stages:
        done, total = (part_of(stages, stage).get(key) for key in ('epochs', 'of'))
        if is_number(done) and is_number(total) and done < total:
            out.print(f'stage {stage} stopped early, after {done} of {total} epochs')
    for variable, names in part_of(content, 'unseen_categories').items():
        out.print(f'WARNING: no training case has these categories of {variable}: {names}')
    not_read = part_of(content, 'files_not_read')
    for modality in not_read:
        counts = part_of(not_read, modality)
        out.print(f'{modality}: {counts["files"]} of {counts["total"]} files were not read (one is read for each case)')
    figures = run_figures(folder, content)
    drawn = [save(figure, folder / work_files.FIGURES / name)[0] for name, figure in figures.items()]
    out.print(f'metrics and predictions: {folder}; {len(drawn)} figures: {folder / work_files.FIGURES}', soft_wrap=True)
    return drawn


def run_figures(work_dir: str | Path, content: Content) -> dict[str, Figure]:
    """The figures of a run by name; what cannot be drawn is left out.

    Args:
        work_dir, content: As in `report_run`.
    """
    folder = Path(work_dir)
    classes = tuple(str(name) for name in items_of(content, 'classes'))
    return dict(_figures(folder, content, read_parts(folder / work_files.PREDICTIONS, classes)))


Part = tuple[np.ndarray, np.ndarray, np.ndarray]


def read_parts(path: Path, classes: Sequence[str]) -> dict[str, Part]:
    """Part -> class indices (N,), probabilities (N, K), patients (N,) of the labelled rows of a predictions.csv."""
    rows: dict[str, list[ScoredRow]] = defaultdict(list)
    for row in read_scored_rows(path, classes):
        if row['label']:
            rows[row['part']].append(row)
    return {part: (*arrays(of, classes), np.array([row['patient_id'] for row in of])) for part, of in rows.items()}


def metrics_table(content: Content, parts: Mapping[str, Part], classes: Sequence[str], positive: str) -> Table:
    """Metrics by part, with 95 % intervals where there are some."""
    shown = [part for part in ('train', 'val', 'test', 'all') if part in content]
    about = f'positive class {positive}' if len(classes) == 2 else f'macro means over {len(classes)} classes'
    table = Table(title=f'{content.get("config", "")}: {about}')
    table.add_column('metric')
    for part in shown:
        cases, patients = (part_of(content, key).get(part, '?') for key in ('cases', 'patients'))
        table.add_column(f'{part} ({cases} cases, {patients} patients)', justify='right')
    keys = [f'{prefix}{name}' for prefix in ('', 'image/') for name in NAMES]
    limits = {part: intervals(*parts[part], classes, positive) if part in parts else {} for part in shown}
    for key in keys:
        if any(key in part_of(content, part) for part in shown):
            table.add_row(key, *[_cell(part_of(content, part).get(key), limits[part].get(key)) for part in shown])
    return table


def intervals(
    labels: np.ndarray, scores: np.ndarray, patients: np.ndarray, classes: Sequence[str], positive: str
) -> dict[str, tuple[float, float]]:
    """95 % intervals of a part, by metric: those that have one; the patients are the clusters."""
    two = len(classes) == 2
    k = list(classes).index(positive) if two else None
    found = limits_of(rate_intervals(labels, scores.argmax(1), len(classes), k, patients))
    least = min(np.unique(patients[labels == j]).size for j in range(len(classes)))
    if least >= 2:  # patients of each class
        of_auc = clustered_auc(labels == k, scores[:, k or 0], patients) if two else None
        auc = of_auc or clustered_macro_auc(labels, scores, patients)
        if not math.isnan(auc.ci[0]):
            found['auc'] = auc.ci
    return found


def _several(of_class: np.ndarray, patients: np.ndarray) -> bool:
    """Whether there are two patients or more with a case of a class, and without."""
    return min(np.unique(patients[of_class]).size, np.unique(patients[~of_class]).size) >= 2


def _more(cases: object, patients: object) -> bool:
    """Whether a part has several cases of a patient."""
    return is_number(cases) and is_number(patients) and cases > patients > 0


def _cell(value: object, limits: tuple[float, float] | None) -> str:
    if not isinstance(value, int | float) or math.isnan(value):
        return '-'
    return f'{value:.3f}' if limits is None else f'{value:.3f} [{limits[0]:.3f}, {limits[1]:.3f}]'


def _figures(folder: Path, content: Content, parts: Mapping[str, Part]) -> Iterator[tuple[str, Figure]]:
    positive = None if content.get('positive') is None else str(content['positive'])
    classes = tuple(str(name) for name in items_of(content, 'classes'))
    for part, (labels, scores, patients) in parts.items():
        wanted = drawn_classes(classes, positive)
        columns = {name: (labels == classes.index(name), scores[:, classes.index(name)]) for name in wanted}
        curves = {name: (y, s) for name, (y, s) in columns.items() if _several(y, patients)}
        if curves:
            yield f'roc_{part}', roc_figure(curves, patients, title=f'{part} part, {len(labels)} cases')
        yield f'confusion_{part}', confusion_figure(confusion_matrix(labels, scores.argmax(1), len(classes)), classes)
    for stage in part_of(content, 'stages'):
        rows = training_rows(folder / stage)
        if any('loss' in row for row in rows):
            yield f'training_{stage}', training_figure(rows, title=f'stage {stage}')
    if weights := part_of(content, 'clinical_weights'):
        known = {name: weight for name, weight in weights.items() if is_number(weight)}
        yield 'clinical_weights', weights_figure(known, title='Weights of the clinical stage')


def training_rows(folder: Path) -> list[dict[str, float]]:
    """Means by epoch of everything that the runner logged in a stage's folder; a resumed epoch replaces the older one.

    Training rows name their epoch; a validation row, which has none, counts epochs in `step`.
    """
    by_epoch: dict[float, dict[str, list[float]]] = {}
    for file in sorted(folder.glob(f'*/vis_data/{work_files.SCALARS}')):
        found: dict[float, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for line in file.read_text(encoding='utf-8').splitlines():
            row: Mapping[str, Any] = as_mapping(read_plain_json(line, constants=True))
            for name, value in row.items():
                if isinstance(value, (int, float)) and math.isfinite(value):
                    found[row.get('epoch', row.get('step'))][name].append(float(value))
        by_epoch |= found
    return [{**{n: sum(v) / len(v) for n, v in by_epoch[e].items()}, 'epoch': e} for e in sorted(by_epoch)]
