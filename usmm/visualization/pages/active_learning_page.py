"""The page of an active-learning run: curves, areas, what labels cost, and images that nobody asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypedDict

import numpy as np
from scipy.stats import t

from usmm.utils import work_files
from usmm.visualization.figures.figures import save
from usmm.visualization.figures.learning_curves import CurvePoint, learning_curve_figure
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
    embedded,
    photograph,
    render,
    write_report,
)
from usmm.visualization.pages.wording import NOTHING, interval, listed, metric_label, number

Photograph = Callable[[str], np.ndarray | None]
REFERENCE = 'rand'


class StrategyContent(TypedDict):
    """The rounds of one strategy.

    Args:
        curve: Its rounds.
        area: Seed -> area under the curve, as a mean score.
        reached: Part of the full-data score -> seed -> labelled share of the first round with that score, or None.
    """

    curve: list[CurvePoint]
    area: dict[str, float]
    reached: dict[str, dict[str, float | None]]


class SkippedImage(TypedDict):
    """An image that is in no labelled sample after the last round of `seeds` of the `of` seeds."""

    modality: str
    case_id: str
    file: str
    seeds: int
    of: int


class ActiveContent(TypedDict):
    """What `gather_curves` returns.

    Args:
        metric: Name of the score.
        unit, training: Query unit, and how the network is trained: `'anew'` or from round to round.
        start, count: Units at the start, and in each round.
        config: The config.
        seeds: All seeds.
        full: Seed -> metric -> score of the network that is trained on the whole pool.
        strategies, never: Strategy -> its rounds, and the images that it never asked for.
        noise: Strategy, or `'pool'` -> share of samples with a useless image, 0 to 1; None where it is not known.
    """

    metric: str
    unit: str
    training: str
    start: int
    count: int
    config: str
    seeds: list[int]
    full: dict[str, dict[str, float | None]]
    strategies: dict[str, StrategyContent]
    never: dict[str, list[SkippedImage]]
    noise: dict[str, float] | None


HONEST = (
    'A share is of the samples of the pool, all of which are training patients. A label of one pair tells the stage of '
    'its patient, so the last columns of the cost table say how many patients had to be examined at all.'
)


def report_active_learning(
    work_dir: str | Path,
    content: ActiveContent,
    titles: Mapping[str, str],
    picture: Photograph | None = None,
    noisy: Sequence[str] | None = None,
    best: float | None = None,
) -> Path:
    """Write `report.html` and `figures/` of a run.

    Args:
        work_dir: Where to.
        content: What `gather_curves` returned.
        titles: Strategy -> its name for a reader.
        picture: File -> the image (H, W, 3), or None where it cannot be read.
        noisy: Files that are known to be noise (phantoms): how many of them were asked for is said then.
        best: The best score that is possible, where it is known.

    Returns:
        The page.

    Raises:
        ValueError: The metric has no value in any round.
    """
    folder, metric = Path(work_dir), metric_label(content['metric'])
    scores = [score for row in content['full'].values() if (score := row[content['metric']]) is not None]
    full = float(np.mean(scores)) if scores else None
    curves = {titles.get(s, s): found['curve'] for s, found in content['strategies'].items()}
    if all(point['mean'] is None for curve in curves.values() for point in curve):
        raise ValueError(
            f'{metric} is undefined in every round, as it is where the test part lacks a class; the rounds are kept in '
            f'{folder}: choose another --metric, or more test cases'
        )
    _, svg = save(learning_curve_figure(curves, metric, full, best), folder / work_files.FIGURES / 'learning_curves')
    alt = f'{metric} against the labelled share for {listed([*curves])}'
    figure = Pictures([Picture(embedded(svg), alt, 'Mean over the seeds; the band is one standard deviation.', True)])
    sections = [
        Section('Learning curves', [figure, _areas(content, titles, metric), Text(_setting(content), 'note')]),
        Section('Labels to the full-data score', _reached(content, titles, full)),
        Section('What labels cost', [_costs(content, titles, metric), Text(HONEST, 'note')]),
        Section('Never asked for', _never(content, titles, picture, noisy)),
    ]
    seeds = content['seeds']
    page = Page(f'Active learning: {Path(content["config"]).stem}', f'{len(seeds)} seeds', sections, _alerts(content))
    return write_report(folder / work_files.REPORT, render(page))


def _setting(content: ActiveContent) -> str:
    how = 'trained anew in every round' if content['training'] == 'anew' else 'fine-tuned from round to round'
    return (
        f'The query unit is a {content["unit"]}; {content["start"]} units at the start, {content["count"]} a round; '
        f'the network is {how}. Test patients are never in the pool.'
    )


def _alerts(content: ActiveContent) -> list[str]:
    rounds = {s: max(p['round'] for p in found['curve']) for s, found in content['strategies'].items()}
    uneven = [
        p for found in content['strategies'].values() for p in found['curve'] if p['seeds'] < len(content['seeds'])
    ]
    found = []
    if len(set(rounds.values())) > 1:
        found.append(f'The strategies have different numbers of rounds: {rounds}.')
    if uneven:
        found.append('Some rounds are not done, or could not be scored, for all seeds.')
    if len(content['seeds']) < 5:
        found.append('Fewer than five seeds: differences of this size are easily chance.')
    return found


def paired_difference(one: Mapping[str, float], other: Mapping[str, float]) -> tuple[float, list[float] | None, int]:
    """Mean difference over the seeds that both have, its 95 % interval (Student's t), and their number.

    Args:
        one, other: Seed -> value.

    Example:
        >>> paired_difference({'0': 0.75, '1': 0.5}, {'0': 0.5, '1': 0.25})[0]
        0.25
    """
    seeds = sorted(one.keys() & other.keys())
    values = np.array([one[s] - other[s] for s in seeds])
    if len(values) < 2:
        return (float(values.mean()) if len(values) else float('nan')), None, len(values)
    half = float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return float(values.mean()), [float(values.mean()) - half, float(values.mean()) + half], len(values)


def _areas(content: ActiveContent, titles: Mapping[str, str], metric: str) -> Table:
    rows, found = [], content['strategies']
    reference = found[REFERENCE]['area'] if REFERENCE in found else {}
    for s, values in found.items():
        area = np.array([*values['area'].values()])
        mean, ci, seeds = paired_difference(values['area'], reference)
        cells = [number(float(area.mean())), number(float(area.std()))] if area.size else [NOTHING, NOTHING]
        apart = s == REFERENCE or not seeds
        better = sum(values['area'][k] > reference[k] for k in values['area'].keys() & reference.keys())
        last = [NOTHING] * 3 if apart else [number(mean, sign=True), interval(ci, sign=True), f'{better} of {seeds}']
        rows.append([titles.get(s, s), *cells, *last])
    head = ['strategy', f'area ({metric})', 'std', 'difference to random', '95 % interval', 'seeds better']
    return Table(head, rows, 'Area under the curve, as a mean score; differences are paired by seed.')


def _reached(content: ActiveContent, titles: Mapping[str, str], full: float | None) -> list[Block]:
    if full is None:
        return [Text('No network was trained on the whole pool, so there is no score to reach.')]
    rows = []
    for s, found in content['strategies'].items():
        cells = [titles.get(s, s)]
        for by_seed in found['reached'].values():
            known = [v for v in by_seed.values() if v is not None]
            shown = f'{100 * float(np.median(known)):.1f} %' if known else NOTHING
            cells += [shown, f'{len(known)} of {len(by_seed)}']
        rows.append(cells)
    targets = [*next(iter(content['strategies'].values()))['reached']]
    head = ['strategy', *[x for target in targets for x in (f'{100 * float(target):g} % of it', 'seeds')]]
    text = (
        f'The network trained on the whole pool scores {number(full)} (mean over the seeds). The table has the share '
        'of labels of the first round that scores so much, each seed against its own full-data score: the median over '
        'the seeds that reach it within their rounds, and how many do. A first crossing is helped by chance.'
    )
    return [Text(text), Table(head, rows)]


def _costs(content: ActiveContent, titles: Mapping[str, str], metric: str) -> Table:
    rows = []
    for s, found in content['strategies'].items():
        for point in found['curve']:
            numbers = (point['labelled'], point['units'], point['images'], point['patients'])
            counts = [f'{value:.0f}' for value in numbers]
            score = f'{number(point["mean"])} ± {number(point["std"])}'
            rows.append([titles.get(s, s), str(point['round']), f'{100 * point["share"]:.1f} %', *counts, score])
    head = ['strategy', 'round', 'share', 'samples', 'units asked', 'images', 'patients', metric]
    return Table(head, rows, 'Labels bought by the end of each round; means over the seeds.')


def _never(
    content: ActiveContent, titles: Mapping[str, str], picture: Photograph | None, noisy: Sequence[str] | None
) -> list[Block]:
    blocks: list[Block] = [
        Text('Images that are in no labelled sample after the last round, in most seeds first: what a strategy avoids '
             'may be noise, or just easy. Look before you believe either.')
    ]  # fmt: skip
    known = {str(f) for f in noisy or ()}
    if noise := content.get('noise'):
        shares = {'the whole pool' if s == 'pool' else titles.get(s, s): v for s, v in noise.items()}
        rows = [[name, f'{100 * value:.1f} %'] for name, value in shares.items()]
        caption = 'Noise is known here: the share of samples that hold a useless image.'
        blocks.append(Table(['asked by', 'samples with noise'], rows, caption))
    for s, found in content['never'].items():
        if s == REFERENCE or not found:
            continue
        cards = []
        for item in found[:12]:
            facts = [f'{item["modality"]}', f'not asked for in {item["seeds"]} of {item["of"]} seeds']
            facts += ['known to be noise'] if item['file'] in known else []
            image = picture(item['file']) if picture is not None else None
            shown = [] if image is None else [Picture(photograph(image), f'{item["modality"]} of {item["case_id"]}')]
            cards.append(Card(Path(item['file']).stem, facts, shown))
        blocks += [Text(f'{titles.get(s, s)}:'), Cards(cards)]
        if known:
            count = sum(item['file'] in known for item in found)
            blocks.append(Text(f'{count} of these first {len(found)} images are known to be noise.', 'note'))
    return blocks
