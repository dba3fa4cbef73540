"""The report on drawn regions: agreement.csv, agreement.json, Bland and Altman's plots and one page."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import rich.table

from usmm.evaluation.stats import BootstrapInterval
from usmm.evaluation.stats.agreement import Comparison, Median, Reliability
from usmm.evaluation.stats.bland_altman import BlandAltman
from usmm.utils import work_files
from usmm.visualization.figures.agreement_figures import bland_altman_figure, picture_of
from usmm.visualization.figures.fold_figures import draw
from usmm.visualization.pages.page import (
    Block,
    Card,
    Cards,
    Page,
    Picture,
    Pictures,
    Section,
    Table,
    Text,
    photograph,
    render,
    write_report,
)
from usmm.visualization.pages.study_tables import harmless
from usmm.visualization.pages.wording import NOTHING, interval, number, p_value

__all__ = ['LOWEST', 'console_tables', 'lowest', 'picture_of', 'write_agreement']
LOWEST = 6  # cases that are shown
OVERLAP = (
    'Dice: twice the shared part over the sum of the sizes. IoU: the shared part over the union. With 95 % intervals: '
    'of means by a BCa bootstrap of cases, of the median by order statistics. Centres: the median distance.'
)
LIMITS = (
    'Between the limits of agreement lie 95 % of the differences, if they are normal (Bland and Altman 1986, 1999). '
    'Differences are the second drawing less the first, ratios the second over the first, computed on logarithms.'
)
OVERLAP_HEAD = ['Drawings', 'cases', 'Dice, mean', 'Dice, median', 'IoU, mean', 'centres apart']
ICC_HEAD = ['Drawings', 'cases', 'form', 'ICC [95 %]']
LIMITS_HEAD = ['Drawings', 'scale', 'bias', 'lower limit', 'upper limit']


def write_agreement(
    out: str | Path,
    comparisons: Sequence[Comparison],
    reliabilities: Sequence[Reliability],
    pictures: Mapping[tuple[int, str], np.ndarray] | None = None,
    title: str = 'Agreement of drawn regions',
) -> dict[str, Path]:
    """Write agreement.csv (a row a case and comparison), agreement.json, report.html and `figures/`.

    Args:
        out: The folder.
        comparisons: Every pair of drawings.
        reliabilities: Their intraclass correlations.
        pictures: (index of the comparison, case id) -> (H, W, 3) uint8, for the cases that `lowest` names.
        title: Heading of the page.

    Returns:
        Paths by `csv`, `json`, `html`.

    Raises:
        ValueError: No comparison.
    """
    if not comparisons:
        raise ValueError('a report on agreement needs one comparison or more, got none')
    folder = Path(out)
    content = {'comparisons': [_plain(c) for c in comparisons], 'icc': [_plain_icc(r) for r in reliabilities]}
    page = _page(folder, comparisons, reliabilities, pictures or {}, title)
    return {
        'csv': write_report(folder / 'agreement.csv', csv_text(comparisons)),
        'json': write_report(folder / 'agreement.json', json.dumps(content, indent=2, ensure_ascii=False) + '\n'),
        'html': write_report(folder / work_files.REPORT, render(page)),
    }


def lowest(comparison: Comparison, count: int) -> list[str]:
    """The cases of the lowest Dice, the lowest first; those that agree wholly are not among them."""
    order = sorted(comparison.overlaps.items(), key=lambda item: item[1].dice)
    return [case for case, overlap in order if overlap.dice < 1][:count]


def csv_text(comparisons: Sequence[Comparison]) -> str:
    """Every case of every comparison, unrounded."""
    head = ['kind', 'first', 'second', 'case_id', 'first_pixels', 'second_pixels', 'dice', 'iou', 'distance_pixels']
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator='\n')
    writer.writerow([*head, 'first_mm2', 'second_mm2', 'distance_mm'])
    for c in comparisons:
        for case, o in c.overlaps.items():
            cells = [c.kind, *map(harmless, (*c.names, case)), *o.pixels, o.dice, o.iou, o.distance]
            writer.writerow([*cells, *(o.areas or ('', '')), '' if o.distance_mm is None else o.distance_mm])
    return buffer.getvalue()


def console_tables(comparisons: Sequence[Comparison], reliabilities: Sequence[Reliability]) -> list[rich.table.Table]:
    """The three tables of the page, for a terminal."""
    tables = []
    for head, rows in (
        (OVERLAP_HEAD, _overlap_rows(comparisons)),
        (ICC_HEAD, _icc_rows(reliabilities)),
        (LIMITS_HEAD, _limit_rows(comparisons)),
    ):
        table = rich.table.Table(caption_justify='left')
        for i, name in enumerate(head):
            table.add_column(name, justify='right' if i else 'left')
        for row in rows:
            table.add_row(*row)
        tables.append(table)
    return tables


def _page(
    folder: Path,
    comparisons: Sequence[Comparison],
    reliabilities: Sequence[Reliability],
    pictures: Mapping[tuple[int, str], np.ndarray],
    title: str,
) -> Page:
    methods = dict.fromkeys(c.difference.method for c in comparisons)
    sections = [
        Section('Overlap', [Table(OVERLAP_HEAD, _overlap_rows(comparisons)), Text(OVERLAP, 'note')]),
        Section('Intraclass correlation of the pixel counts', _icc_blocks(reliabilities)),
        Section(
            'Limits of agreement of the pixel counts',
            [
                Table(LIMITS_HEAD, _limit_rows(comparisons)),
                Text(f'{LIMITS} Intervals of the limits: {"; ".join(methods)}.', 'note'),
                *[Text(words, 'note') for c in comparisons if (words := _trend(c))],
                *[block for i, c in enumerate(comparisons) for block in _plots(folder, i, c)],
            ],
        ),
    ]
    cards = [
        (c, [_card(c, case, pictures.get((i, case))) for case in lowest(c, LOWEST)]) for i, c in enumerate(comparisons)
    ]
    shown = [block for c, items in cards if items for block in (Text(c.title), Cards(items))]
    if shown:
        words = 'Grey: both drawings. Blue: the first alone. Orange: the second alone.'
        sections.append(Section('Cases that agree least', [Text(words, 'note'), *shown]))
    cases = len({case for c in comparisons for case in c.overlaps})
    return Page(title, f'{cases} cases, {len(comparisons)} pair{"s" * (len(comparisons) > 1)} of drawings', sections)


def _overlap_rows(comparisons: Sequence[Comparison]) -> list[list[str]]:
    rows = []
    for c in comparisons:
        cells = [_with(e.estimate, e.ci) for e in (c.dice, c.dice_median, c.iou)]
        apart = [o.distance for o in c.overlaps.values()]
        text = f'{number(float(np.median(apart)), 1)} px'
        mm = [o.distance_mm for o in c.overlaps.values() if o.distance_mm is not None]
        text += f', {number(float(np.median(mm)), 2)} mm' if len(mm) == len(apart) else ''
        rows.append([c.title, str(len(c.overlaps)), *cells, text])
    return rows


def _icc_rows(reliabilities: Sequence[Reliability]) -> list[list[str]]:
    return [
        [
            f'{r.kind}: {", ".join(r.names)}',
            str(r.icc.subjects),
            r.icc.form,
            _with(r.icc.estimate, r.icc.ci),
        ]
        for r in reliabilities
    ]


def _icc_blocks(reliabilities: Sequence[Reliability]) -> list[Block]:
    methods = dict.fromkeys(f'{r.icc.form}: {r.icc.method}.' for r in reliabilities)
    source = 'McGraw and Wong, Psychological Methods 1996.'
    return [Table(ICC_HEAD, _icc_rows(reliabilities)), *[Text(f'{m} {source}', 'note') for m in methods]]


def _limit_rows(comparisons: Sequence[Comparison]) -> list[list[str]]:
    rows = []
    for c in comparisons:
        for found in (c.difference, c.ratio):
            digits, sign = (1, True) if found.scale == 'difference' else (3, False)
            pairs = ((found.bias, found.bias_ci), (found.limits[0], found.lower_ci), (found.limits[1], found.upper_ci))
            cells = [_with(value, ci, digits, sign) for value, ci in pairs]
            rows.append([c.title, 'pixels' if found.scale == 'difference' else 'ratio', *cells])
    return rows


def _with(value: float, limits: tuple[float, float], digits: int = 3, sign: bool = False) -> str:
    """An estimate with its interval, if it has one."""
    around = interval(limits, digits, sign)
    return number(value, digits, sign) if around == NOTHING else f'{number(value, digits, sign)} {around}'


def _trend(comparison: Comparison) -> str:
    """What is said where large cases scatter more."""
    plain, ratio = comparison.difference, comparison.ratio
    if not (plain.trend_pvalue < 0.05 and plain.trend > 0):
        return ''
    words = (
        f'{comparison.title}: differences grow with the size (rank correlation {plain.trend:+.2f}, p '
        f'{p_value(plain.trend_pvalue)}), so that limits in pixels are too wide for small cases, too narrow for large.'
    )
    if ratio.trend_pvalue < 0.05:
        return (
            f'{words} Those of the ratio are not the same for all sizes either (rank correlation {ratio.trend:+.2f}).'
        )
    return f'{words} Read those of the ratio.'


def _plots(folder: Path, index: int, comparison: Comparison) -> list[Block]:
    first, second = np.array([o.pixels for o in comparison.overlaps.values()]).T
    slug = re.sub(r'[^A-Za-z0-9]+', '_', f'{index}_{comparison.title}').strip('_')[:60]
    items = []
    for found in (comparison.difference, comparison.ratio):
        figure = bland_altman_figure(first, second, found, comparison.names)
        alt = f'Bland-Altman plot of the {found.scale}, {comparison.title}'
        words = f'{comparison.title}, {found.scale}. Bands: 95 % intervals.'
        items.append(draw(figure, folder, f'{slug}_{found.scale}', alt, words))
    return [Pictures(items)]


def _card(comparison: Comparison, case: str, picture: np.ndarray | None) -> Card:
    o = comparison.overlaps[case]
    facts = [f'Dice {o.dice:.3f}, {o.pixels[0]:g} and {o.pixels[1]:g} pixels, centres {o.distance:.1f} px apart']
    drawn = [] if picture is None else [Picture(photograph(picture), f'Both regions of {case}')]
    return Card(case, facts, drawn)


def _plain(c: Comparison) -> dict[str, object]:
    estimates: dict[str, BootstrapInterval | Median] = {
        'dice_mean': c.dice,
        'dice_median': c.dice_median,
        'iou_mean': c.iou,
    }
    return {
        'kind': c.kind, 'first': c.names[0], 'second': c.names[1], 'cases': len(c.overlaps),
        **{name: {'estimate': e.estimate, 'ci95': _pair(e.ci)} for name, e in estimates.items()},
        'difference': _plain_limits(c.difference), 'ratio': _plain_limits(c.ratio),
    }  # fmt: skip


def _plain_limits(found: BlandAltman) -> dict[str, object]:
    return {
        'bias': found.bias, 'std': found.std, 'limits': _pair(found.limits), 'bias_ci95': _pair(found.bias_ci),
        'lower_ci95': _pair(found.lower_ci), 'upper_ci95': _pair(found.upper_ci), 'method': found.method,
        'trend': _finite(found.trend), 'trend_pvalue': _finite(found.trend_pvalue),
    }  # fmt: skip


def _plain_icc(r: Reliability) -> dict[str, object]:
    return {
        'kind': r.kind, 'drawings': list(r.names), 'form': r.icc.form, 'method': r.icc.method, 'cases': r.icc.subjects,
        'estimate': _finite(r.icc.estimate), 'ci95': _pair(r.icc.ci),
    }  # fmt: skip


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _pair(limits: Sequence[float]) -> list[float] | None:
    return list(limits) if all(map(math.isfinite, limits)) else None
