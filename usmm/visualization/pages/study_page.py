"""The report of a study: the table in four formats, forest plots, and one page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from scipy.stats import spearmanr

from usmm.utils import work_files
from usmm.utils.plain_json import read_json_object
from usmm.visualization.figures.fold_figures import draw
from usmm.visualization.figures.forest import Estimate, forest_figure
from usmm.visualization.pages.content import Content, items_of, name_of, part_of
from usmm.visualization.pages.page import (
    Block,
    Cell,
    Link,
    Page,
    Pictures,
    Section,
    Table,
    Text,
    render,
    write_report,
)
from usmm.visualization.pages.study_sections import (
    WORDS,
    pair_blocks,
    pairs_csv,
    rate_blocks,
    read_rows_of,
    roc_blocks,
)
from usmm.visualization.pages.study_tables import (
    csv_text,
    difference_cells,
    grid,
    latex_text,
    markdown_text,
    metric_names,
    published_metrics,
    word_of,
)
from usmm.visualization.pages.wording import (
    NOTHING,
    SELECTION,
    duration,
    interval,
    is_number,
    listed,
    mean_std,
    metric_label,
    number,
)

CONTEXT = (
    'Published numbers are of other patients, mostly of private data: they are context, and no test compares them with '
    'ours.'
)
PAIRED = (
    'Differences are of the AUC, on the same test cases, folds and seeds. p (Holm) is corrected for all paired tests '
    'of this page, each pair of rows counted once'
)


def report_study(
    work_dir: str | Path,
    rows: Sequence[Content],
    reference: str,
    published: Mapping[str, str] | None = None,
    title: str | None = None,
    pairs: Sequence[Content] = (),
) -> dict[str, Path]:
    """Write table.csv, table.md, table.tex, report.html and `figures/` of a study.

    Args:
        work_dir: Work directory of the study; each row's page, if it is there, is `rows/<slug or name>/report.html`.
        rows: Of each variant: name, metrics (as in summary.json), difference to the reference (estimate, ci95, pvalue,
            p_holm, test; None for the reference), cases, patients, seconds, published (metric -> text, or None),
            known_best (the best AUC that is possible, or None), slug (name of its folder; default: the name).
        reference: Name of the row that the others are compared with.
        published: `source` of the published numbers; None: they are not shown.
        title: Heading; default: the name of the folder.
        pairs: Tests among the rows, as `Study.pairs` gives them: a section of the page, and `pairs.csv`.

    Returns:
        Paths by `csv`, `md`, `tex`, `html`, and `pairs` where there are any.

    Raises:
        ValueError: No rows, or the reference is none of them.
    """
    folder, names = Path(work_dir), [name_of(row) for row in rows]
    if reference not in names:
        raise ValueError(f'the reference {reference!r} is none of the rows {names}')
    notes = [_paired(rows), *_tests(rows)]
    if published is not None:
        notes.append(f'Published: {_source(published)}. {CONTEXT}')
    head, table = grid(rows, reference, published is not None)
    heading = title or f'Study {folder.name}'
    html = render(_page(folder, rows, reference, published, heading, pairs))
    written = {
        'csv': write_report(folder / work_files.TABLE_CSV, csv_text(rows, published is not None)),
        'md': write_report(folder / work_files.TABLE_MD, markdown_text(head, table, notes)),
        'tex': write_report(folder / work_files.TABLE_TEX, latex_text(head, table, notes)),
        'html': write_report(folder / work_files.REPORT, html),
    }
    if pairs:
        written['pairs'] = write_report(folder / work_files.PAIRS, pairs_csv(pairs))
    return written


def _page(
    folder: Path,
    rows: Sequence[Content],
    reference: str,
    published: Mapping[str, str] | None,
    title: str,
    pairs: Sequence[Content],
) -> Page:
    summaries = {name_of(row): _summary(folder, row) for row in rows}
    runs = read_rows_of(folder, {name_of(row): _slug(row) for row in rows if _inside(row)})
    sections = [
        Section('Comparison', _comparison(folder, rows, reference)),
        Section('Forest plots', _forests(folder, rows, reference)),
        Section('ROC curves', roc_blocks(folder, rows, runs)),
        Section('Sensitivity and specificity', rate_blocks(rows)),
        *([Section('Pairs of variants', pair_blocks(pairs))] if pairs else []),
        Section('All metrics', [_metric_table(rows, reference)]),
    ]
    if published is not None:
        sections.append(Section('Published numbers', _published(rows, published)))
    sections.append(Section('What was run', _run(rows, reference, summaries[reference])))
    on_test = [name for name, summary in summaries.items() if summary.get('selection') == 'test']
    alerts = [f'The epoch was selected ON THE TEST PART ITSELF in {listed(on_test)}: optimistic.'] if on_test else []
    own = [(name_of(row), str(text)) for row in rows for text in items_of(row, 'warnings')]
    alerts += [f'{name}: {text}' for name, text in own if not (on_test and 'selected on the test part' in text)]
    return Page(title, f'{len(rows)} variants, reference {reference}', sections, alerts)


def _comparison(folder: Path, rows: Sequence[Content], reference: str) -> list[Block]:
    best = any(is_number(row.get('known_best')) for row in rows)
    head = ['Variant', 'AUC', '95 % interval', 'in a word', f'difference to {reference}', 'p', 'p (Holm)']
    head += ['best possible'] * best
    table: list[list[Cell]] = []
    for row in rows:
        entry = part_of(row, 'metrics', 'auc')
        cells: list[Cell] = [_link(folder, row), mean_std(entry), interval(entry.get('ci95')), word_of(row) or NOTHING]
        cells += difference_cells(row)
        table.append([*cells, *[number(row.get('known_best'))] * best])
    blocks: list[Block] = [
        Table(head, table, marked=_index(rows, reference)),
        Text(_paired(rows), 'note'),
        Text(WORDS, 'note'),
    ]
    blocks += [Text(words, 'note') for words in _tests(rows)]
    methods = dict.fromkeys(
        e.get('method', 'of an unknown kind') for row in rows if (e := part_of(row, 'metrics', 'auc')).get('ci95')
    )
    blocks += [Text(f'Interval of the AUC: {method}.', 'note') for method in methods]
    order = _order(rows)
    return [*blocks, Text(order)] if order else blocks


def _order(rows: Sequence[Content]) -> str | None:
    """How well the order of the rows follows that of the best possible AUC."""
    pairs = [(part_of(row, 'metrics', 'auc').get('mean'), row.get('known_best')) for row in rows]
    known = [(mean, best) for mean, best in pairs if is_number(mean) and is_number(best)]
    if len(known) < 3 or any(len(set(column)) < 2 for column in zip(*known)):
        return None
    rank = spearmanr([mean for mean, _ in known], [best for _, best in known]).statistic
    return f'Rank correlation (Spearman) of the AUC with the best possible one over {len(known)} rows: {rank:.3f}.'


def _forests(folder: Path, rows: Sequence[Content], reference: str) -> list[Block]:
    entries = [(row, part_of(row, 'metrics', 'auc')) for row in rows]
    absolute = [
        Estimate(
            name_of(row), _value(e.get('mean')), _limits(e), _value(row.get('known_best')), name_of(row) == reference
        )
        for row, e in entries
    ]
    compared = [(name_of(row), part_of(row, 'difference')) for row in rows if row.get('difference') is not None]
    differences = [Estimate(name, _value(d.get('estimate')), _limits(d)) for name, d in compared]
    items = []
    if any(e.value is not None for e in absolute):
        alt = f'AUC of {len(rows)} variants with intervals'
        figure = forest_figure(absolute, 'AUC (mean over the folds, 95 % interval)')
        items.append(draw(figure, folder, 'forest_auc', alt, 'The reference has a grey band.', True))
    if any(e.value is not None for e in differences):
        alt = f'Difference of {len(compared)} variants to {reference}, with intervals'
        label = f'AUC less that of {reference} (95 % interval)'
        figure = forest_figure(differences, label, 0.0, sign=True)
        words = 'Right of the line: better than the reference.'
        items.append(draw(figure, folder, 'forest_difference', alt, words, True))
    return [Pictures(items)] if items else [Text('No row has an AUC: there is nothing to draw.')]


def _metric_table(rows: Sequence[Content], reference: str) -> Table:
    names = metric_names(rows)
    table = [[name_of(row), *(mean_std(part_of(row, 'metrics', name)) for name in names)] for row in rows]
    head = ['Variant', *map(metric_label, names)]
    return Table(head, table, 'Mean ± SD over the folds (n - 1)', marked=_index(rows, reference))


def _published(rows: Sequence[Content], published: Mapping[str, str]) -> list[Block]:
    names = published_metrics(rows)
    if not names:
        return [Text('No row of this study has published numbers.')]
    head = ['Variant', *(f'{metric_label(name)}, {whose}' for name in names for whose in ('ours', 'published'))]
    table = []
    for row in rows:
        theirs = part_of(row, 'published')
        pairs = [(mean_std(part_of(row, 'metrics', name)), str(theirs.get(name, NOTHING))) for name in names]
        table.append([name_of(row), *(cell for pair in pairs for cell in pair)])
    return [Text(f'Source: {_source(published)}.'), Text(CONTEXT, 'warning'), Table(head, table)]


def _run(rows: Sequence[Content], reference: str, summary: Content) -> list[Block]:
    seconds = [value for row in rows if is_number(value := row.get('seconds'))]
    facts = [['Variants', str(len(rows))], ['Reference', reference], ['Time of all', duration(sum(seconds))]]
    if summary:
        practice = str(summary.get('selection') or '')
        facts += [
            ['Config of the reference', str(summary.get('config', NOTHING))],
            ['Classes', listed(items_of(summary, 'classes'))],
            ['Folds', str(summary.get('folds', NOTHING))],
            ['Seeds', listed(items_of(summary, 'seeds'))],
            ['Selection of the epoch', SELECTION.get(practice, practice or NOTHING)],
            ['Versions', listed([f'{n} {v}' for n, v in part_of(summary, 'versions').items()])],
        ]
    counts = [
        [name_of(row), *(str(row.get(key, NOTHING)) for key in ('cases', 'patients')), duration(row.get('seconds'))]
        for row in rows
    ]
    words = 'Each variant has a page of its own: its name in the first table leads there.'
    return [
        Table([], facts, numbers=False),
        Table(['Variant', 'cases', 'patients', 'time'], counts),
        Text(words, 'note'),
    ]


def _summary(folder: Path, row: Content) -> Content:
    try:
        return read_json_object(folder / work_files.ROWS / _slug(row) / work_files.SUMMARY)
    except (OSError, ValueError):
        return {}


def _slug(row: Content) -> str:
    return str(row.get('slug') or name_of(row))


def _link(folder: Path, row: Content) -> Cell:
    """A link to the row's page, if that is where it should be."""
    target = folder / work_files.ROWS / _slug(row) / work_files.REPORT
    if not (_inside(row) and target.is_file()):
        return name_of(row)
    return Link(name_of(row), f'{work_files.ROWS}/{quote(_slug(row))}/{work_files.REPORT}')


def _inside(row: Content) -> bool:
    """Whether the row's folder is one of `rows/`, and not elsewhere."""
    return '/' not in _slug(row) and '\\' not in _slug(row)


def _source(published: Mapping[str, str]) -> str:
    return published.get('source') or 'source not named'


def _paired(rows: Sequence[Content]) -> str:
    """What the differences are, and for how many tests p is corrected."""
    sizes = [size for row in rows if is_number(size := part_of(row, 'difference').get('family'))]
    return f'{PAIRED} ({max(sizes)} of them).' if sizes else f'{PAIRED}.'


def _tests(rows: Sequence[Content]) -> list[str]:
    """Which tests were done, and which questions they answer; folds that do not count."""
    found = [part_of(row, 'difference') for row in rows if row.get('difference') is not None]
    words = [f'Test: {d["test"]}.' for d in found if d.get('test')]
    words += [f'p answers: {d["question"]}' for d in found if d.get('question')]
    left_out = max((n for d in found if is_number(n := d.get('left_out'))), default=0)
    if left_out:
        words.append(f'{left_out} folds have fewer than two patients of a class, and do not count.')
    return list(dict.fromkeys(words))


def _index(rows: Sequence[Content], reference: str) -> int:
    return [name_of(row) for row in rows].index(reference)


def _value(value: object) -> float | None:
    return float(value) if is_number(value) else None


def _limits(entry: Content) -> tuple[float, float] | None:
    limits = [float(limit) for limit in items_of(entry, 'ci95') if is_number(limit)]
    return (limits[0], limits[1]) if len(limits) == 2 else None
