"""The report of a cross-validation: figures, and one page that holds everything."""

from __future__ import annotations

from pathlib import Path

from usmm.engine.workdir.gather import CrossValidation, gather
from usmm.utils import work_files
from usmm.visualization.figures.fold_figures import (
    calibration_blocks,
    confusion_blocks,
    discrimination_blocks,
    training_blocks,
    weight_blocks,
)
from usmm.visualization.pages.checklist import Item, claim_items, near_duplicates, patients_apart, tripod_items
from usmm.visualization.pages.mistakes import Pictures, mistake_blocks
from usmm.visualization.pages.page import Block, Page, Section, Source, Table, Text, render, write_report
from usmm.visualization.pages.wording import (
    NOTHING,
    SELECTION,
    duration,
    estimate_of,
    interval,
    is_number,
    listed,
    mean_std,
    metric_label,
    number,
)

INTERVALS = (
    'An interval belongs to the estimate beside it, which is either the mean of the folds (AUC) or of all test cases '
    'together; the mean of the folds with its SD says how much folds differ.'
)
HEADLINE = ('auc', 'accuracy', 'tpr', 'tnr')
LONGEST = 40_000  # characters of a config that are shown
ON_TEST = (
    'The epoch of every model was selected ON THE TEST PART ITSELF (selection = test). The numbers are optimistic: '
    'they follow the practice of a paper, and do not say what to expect on new patients.'
)


def report_cross_validation(work_dir: str | Path, pictures: Pictures | None = None) -> Path:
    """Write `report.html` and `figures/` of a finished cross-validation.

    What is missing in the work directory (logs, a fold's folder, one of the classes in a fold) is left out of the page
    with a sentence.

    Args:
        work_dir: A work directory with summary.json; read besides: predictions.csv and, of every fold, metrics.json,
            config.py and the training logs.
        pictures: Case id -> (modality, RGB uint8 image) pairs, for the worst mistakes; None: none are shown.

    Returns:
        The page.

    Raises:
        ValueError: There is no summary.json, it names no classes, or the predictions are of other classes.
    """
    of = gather(work_dir)
    sections = [
        Section('What was run', _run_blocks(of)),
        Section('Results', _metric_blocks(of)),
        Section('ROC and precision-recall', discrimination_blocks(of)),
        Section('Confusion matrix', confusion_blocks(of)),
        Section('Calibration and decision curve', calibration_blocks(of)),
        Section('Weights of the clinical stage', weight_blocks(of)),
        Section('Training', training_blocks(of)),
        Section('Worst mistakes', mistake_blocks(of.rows, of.classes, pictures)),
        Section(
            'CLAIM 2024', _checklist(claim_items(of), 'the Checklist for Artificial Intelligence in Medical Imaging')
        ),
        Section('TRIPOD+AI', _checklist(tripod_items(of), 'the guideline for reports of clinical prediction models')),
        Section('Config', _config(of)),
    ]
    title = f'Cross-validation of {of.summary.get("config", of.folder.name)}'
    page = Page(title, _subtitle(of), sections, _alerts(of), _headline(of))
    return write_report(of.folder / work_files.REPORT, render(page))


def _subtitle(of: CrossValidation) -> str:
    cases, patients = of.summary.get('cases', '?'), of.summary.get('patients', '?')
    return f'{cases} cases of {patients} patients · {" / ".join(of.classes)}'


def _alerts(of: CrossValidation) -> list[str]:
    alerts = [ON_TEST] if of.summary.get('selection') == 'test' else []
    apart = patients_apart(of)
    if apart is not None and apart.startswith('BROKEN'):
        alerts.append(f'Patients are not kept apart. {apart}.')
    given = [str(text) for text in of.summary.get('warnings') or ()]
    said = 'selected on the test part'  # in our own, louder words
    return [*alerts, *(text for text in given if not (alerts and said in text))]


def _headline(of: CrossValidation) -> list[tuple[str, str, str]]:
    entries = of.summary.get('metrics') or {}
    found = []
    for name in HEADLINE:
        entry = entries.get(name)
        if entry and is_number(estimate_of(entry)):
            limits = interval(entry.get('ci95'))
            small = (f'95 % {limits}, ' if limits != NOTHING else '') + str(entry.get('of', 'mean of the folds'))
            found.append((metric_label(name), number(estimate_of(entry)), small))
    return found


def _run_blocks(of: CrossValidation) -> list[Block]:
    s = of.summary
    selection = s.get('selection')
    about = f'{of.positive} is the positive class' if len(of.classes) == 2 else 'macro means over the classes'
    seeds = s.get('seeds') or ([s['seed']] if 'seed' in s else of.seeds)
    facts = [
        ['Config', str(s.get('config', NOTHING))],
        ['Case table', str(s.get('table') or NOTHING)],
        ['Modalities', listed(s.get('modalities') or ())],
        ['Classes', f'{listed(of.classes)}; {about}'],
        ['Cases', f'{s.get("cases", NOTHING)} of {s.get("patients", NOTHING)} patients'],
        ['Folds', str(s.get('folds', len({run.fold for run in of.runs})))],
        ['Seeds', listed(seeds)],
        ['Patients kept apart', patients_apart(of) or NOTHING],
        ['Near-duplicates', near_duplicates(of) or NOTHING],
        ['Selection of the epoch', SELECTION.get(selection or '', str(selection or NOTHING))],
        ['Time', duration(s.get('seconds'))],
        ['Versions', listed([f'{name} {version}' for name, version in (s.get('versions') or {}).items()])],
    ]
    blocks: list[Block] = [Table([], facts, numbers=False)]
    if of.rows:
        blocks += [_class_table(of), _fold_table(of)]
    return blocks + [Text(problem, 'note') for problem in of.problems]


def _class_table(of: CrossValidation) -> Table:
    rows = []
    for name in [*of.classes, '']:
        mine = [row for row in of.rows if row['label'] == name]
        cases, patients = ({row[key] for row in mine} for key in ('case_id', 'patient_id'))
        if name or cases:
            rows.append([name or 'without a label', str(len(cases)), str(len(patients))])
    return Table(['Class', 'cases', 'patients'], rows, 'Cases in the test parts, each counted once')


def _fold_table(of: CrossValidation) -> Table:
    rows = []
    for run in of.runs:
        counts = run.content.get('cases', {})
        tested = [str(sum(row['label'] == name for row in run.rows)) for name in of.classes]
        parts = [str(counts.get(part, NOTHING)) for part in ('train', 'val')]
        rows.append([of.name(run), *parts, str(len(run.rows)), *tested, duration(run.content.get('seconds'))])
    head = ['', 'train', 'validation', 'test', *[f'test: {name}' for name in of.classes], 'time']
    return Table(head, rows, 'Cases by fold')


def _metric_blocks(of: CrossValidation) -> list[Block]:
    entries = of.summary.get('metrics') or {}
    if not entries:
        return [Text('The summary holds no metrics.')]
    longest = max(len(entry.get('folds') or ()) for entry in entries.values())
    names = [of.name(run) for run in of.runs]
    columns = names if len(names) == longest else [f'value {i + 1}' for i in range(longest)]
    rows = []
    for name, entry in entries.items():
        values = list(entry.get('folds') or ())
        cells = [number(v) for v in values] + [NOTHING] * (longest - len(values))
        stated = [number(estimate_of(entry)), interval(entry.get('ci95')), str(entry.get('of', NOTHING))]
        rows.append([metric_label(name), *stated, mean_std(entry), *cells])
    head = ['Metric', 'estimate', '95 % interval', 'of', 'mean of the folds ± SD', *columns]
    kind = f'of the class {of.positive}' if len(of.classes) == 2 else 'macro means, one class against the rest'
    caption = f'On the test parts, {kind}; SD over the folds{" and seeds" * (len(of.seeds) > 1)} with n - 1'
    return [Table(head, rows, caption), *_method_notes(of)]


def _method_notes(of: CrossValidation) -> list[Block]:
    by_method: dict[str, list[str]] = {}
    for name, entry in (of.summary.get('metrics') or {}).items():
        if method := str(entry.get('method') or ''):
            by_method.setdefault(method, []).append(metric_label(name))
    notes: list[Block] = [Text(INTERVALS, 'note')]
    for method, names in by_method.items():
        words = f'No interval of {listed(names)}: {method[6:]}.' if method.startswith('none: ') else ''
        notes.append(Text(words or f'Intervals of {listed(names)}: {method}.', 'note'))
    left_out = max((int(e.get('left_out') or 0) for e in (of.summary.get('metrics') or {}).values()), default=0)
    if left_out:
        words = f'{left_out} of the folds have fewer than two patients of a class: they do not count for the AUC.'
        notes.append(Text(words, 'warning'))
    return notes


def _checklist(items: list[Item], what: str) -> list[Block]:
    open_ones = sum(item.answer is None for item in items)
    words = (
        f'What this run can say to the items of {what}. The items are named in short; the guideline itself says what '
        f'they ask for. {len(items) - open_ones} are answered here, at least in part; {open_ones} need the author.'
    )
    return [Text(words), Table(['Item', 'Answer'], [[item.topic, item.words] for item in items], numbers=False)]


def _config(of: CrossValidation) -> list[Block]:
    for run in of.runs:
        path = None if run.folder is None else run.folder / work_files.CONFIG
        if path is not None and path.is_file():
            text = path.read_text(encoding='utf-8', errors='replace')
            cut = f'\n... {len(text) - LONGEST} more characters' if len(text) > LONGEST else ''
            return [Source(f'Config of {of.name(run)}, as it was run', text[:LONGEST] + cut)]
    return [Text('No fold has its config.py.')]
