"""Items of two reporting guidelines that a cross-validation can answer by itself, with its answers.

The items are named in our own short words. TRIPOD+AI items carry the number of the guideline; CLAIM's go by topic.

References:
    CLAIM 2024: Tejani et al., Radiology: Artificial Intelligence 2024. TRIPOD+AI: Collins et al., BMJ 2024.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from usmm.engine.workdir.gather import CrossValidation
from usmm.visualization.pages.mistakes import worst_mistakes
from usmm.visualization.pages.wording import (
    SELECTION,
    duration,
    estimate_of,
    interval,
    is_number,
    listed,
    metric_label,
    number,
)

UNANSWERED = 'not answered by a run'


@dataclass(frozen=True)
class Item:
    """An item of a guideline.

    Args:
        topic: What it asks for.
        answer: What the run says; None: nothing, the author must.
    """

    topic: str
    answer: str | None = None

    @property
    def words(self) -> str:
        """The answer, or that there is none."""
        return self.answer or UNANSWERED


def claim_items(of: CrossValidation) -> list[Item]:
    """Topics of CLAIM 2024, in its order, from the data sources on."""
    return [
        Item('Data sources, eligibility, dates'),
        Item('Preprocessing of the data', 'the pipelines of the config; the config of the first fold is in this page'),
        Item('Selection of subsets of the data', f'modalities used: {_modalities(of)}'),
        Item('De-identification'),
        Item('Missing data', _missing(of)),
        Item('Image acquisition'),
        Item('Reference standard: definition, reasons, source'),
        Item('Annotators of the test set, and how far they agree'),
        Item('How cases are assigned to the parts', _assignment(of)),
        Item('Level at which the parts are disjoint', patients_apart(of)),
        Item('Number of cases', f'{_numbers(of)}; how this size was chosen: {UNANSWERED}'),
        Item('Model', f'config {of.summary.get("config", "of an unknown name")}, in this page'),
        Item('Software', _versions(of)),
        Item(
            'How parameters are initialised', f'{_seeds(of)}; weights that training starts from, if any: in the config'
        ),
        Item('Training', _training(of)),
        Item('How the final model is selected', _selection(of)),
        Item('Ensembles', 'none over folds: each test case is scored by the model that did not train on it'),
        Item('Measures of performance', listed([metric_label(name) for name in _metrics(of)])),
        Item('Uncertainty and significance', _methods(of)),
        Item('Robustness', _robustness(of)),
        Item('Explanation of the model', _explanation(of)),
        Item('Evaluation on internal data', _assignment(of)),
        Item('Evaluation on external data', 'none in this run'),
        Item('Registration of a trial'),
        Item('Flow of participants', f'{_numbers(of)}; exclusions before the case table: {UNANSWERED}'),
        Item('Characteristics of the cases by part', f'classes: {_classes(of)}; other characteristics: {UNANSWERED}'),
        Item('Performance with uncertainty', _value(of, 'auc')),
        Item('Diagnostic accuracy', _accuracy(of)),
        Item('Failures', _failures(of)),
        Item('Limitations, implications for practice'),
        Item('Protocol, access to code, model and data'),
        Item('Funding'),
    ]


def tripod_items(of: CrossValidation) -> list[Item]:
    """Items 5 to 27 of TRIPOD+AI."""
    return [
        Item('5 Data: source and dates'),
        Item('6 Participants: setting, eligibility, treatment'),
        Item('7 Data preparation', 'the pipelines of the config; the config of the first fold is in this page'),
        Item('8 Outcome', f'one of {listed(of.classes)}; how and by whom it was assessed: {UNANSWERED}'),
        Item('9 Predictors', f'{_modalities(of)}; how they were measured: {UNANSWERED}'),
        Item('10 Sample size', f'{_numbers(of)}; how this size was chosen: {UNANSWERED}'),
        Item('11 Missing data', _missing(of)),
        Item('12 Analytical methods', f'{_assignment(of)}; {_selection(of)}; intervals: {_methods(of)}'),
        Item('13 Class imbalance', f'{_classes(of)}; what was done about it: the losses in the config'),
        Item('14 Fairness'),
        Item(
            '15 Output of the model', f'a probability for each of {listed(of.classes)}; the highest is the prediction'
        ),
        Item('16 Training against evaluation data', 'parts of one case table; no data of another source in this run'),
        Item('17 Ethical approval'),
        Item('18 Open science: funding, protocol, data, code'),
        Item('19 Involvement of patients and public'),
        Item('20 Participants, results', f'{_numbers(of)}; {_classes(of)}; further characteristics: {UNANSWERED}'),
        Item('21 Development: cases in each analysis', _analyses(of)),
        Item('22 Specification of the model', 'config and weights (model.pth) stand in the folder of every fold'),
        Item('23 Performance', f'{_value(of, "auc")}; by fold: in the table of metrics'),
        Item('24 Updating of the model', 'none in this run'),
        Item('25 Interpretation'),
        Item('26 Limitations'),
        Item('27 Use in practice'),
    ]


def patients_apart(of: CrossValidation) -> str | None:
    """Whether the test parts of one seed share a patient, counted in the predictions; None without predictions."""
    homes: dict[tuple[str, str], set[str]] = {}
    for row in of.rows:
        homes.setdefault((row['seed'], row['patient_id']), set()).add(row['fold'])
    shared = sorted({patient for (_, patient), folds in homes.items() if len(folds) > 1})
    if not homes:
        return None
    if shared:
        return f'BROKEN: {len(shared)} patients are in the test part of more than one fold ({listed(shared[:5])})'
    if any(run.content.get('patients_known') is False for run in of.runs):
        return 'not known: the case table has no column of patients, so that each case was taken for a patient'
    patients = len({patient for _, patient in homes})
    return f'by patient: none of {patients} is in the test part of two folds (checked in the predictions)'


def near_duplicates(of: CrossValidation) -> str | None:
    """Pairs of pictures of different parts that look nearly the same, over all folds; None where no fold is there."""
    counts = [run.content.get('near_duplicates') for run in of.runs if run.content]
    found = [int(count) for count in counts if is_number(count)]
    if found:
        where = f'in {len(found)} of {len(counts)} folds'
        return f'{sum(found)} pairs of pictures in two parts look nearly the same, {where}'
    return "none reported (not looked for where split.near_duplicates is 'ignore')" if counts else None


def _modalities(of: CrossValidation) -> str:
    return listed(of.summary.get('modalities') or ())


def _numbers(of: CrossValidation) -> str:
    return f'{of.summary.get("cases", "?")} cases of {of.summary.get("patients", "?")} patients'


def _classes(of: CrossValidation) -> str:
    label = {row['case_id']: row['label'] for row in of.rows if row['label']}
    counts = {name: sum(value == name for value in label.values()) for name in of.classes}
    total = sum(counts.values()) or 1
    return listed([f'{name} {count} ({count / total:.0%})' for name, count in counts.items()])


def _missing(of: CrossValidation) -> str:
    unlabelled = len({row['case_id'] for row in of.rows if not row['label']})
    skipped = {case for run in of.runs for part in run.content.get('skipped', {}).values() for case in part}
    return (
        f'cases without a label, not in the metrics: {unlabelled}; cases left out because a file cannot be read: '
        f'{len(skipped)}; missing modalities and values: {UNANSWERED}'
    )


def _assignment(of: CrossValidation) -> str:
    folds = of.summary.get('folds', len({run.fold for run in of.runs}))
    if folds == 1:
        return f'one split into training and test part, {_seeds(of)}'
    return f'{folds}-fold cross-validation, folds drawn by patient and class (folds.csv), {_seeds(of)}'


def _seeds(of: CrossValidation) -> str:
    seeds = of.summary.get('seeds') or of.seeds
    return f'{"seed" if len(seeds) == 1 else "seeds"} {listed(seeds)}'


def _versions(of: CrossValidation) -> str:
    return listed([f'{name} {version}' for name, version in (of.summary.get('versions') or {}).items()])


def _training(of: CrossValidation) -> str | None:
    for run in of.runs:
        stages = [f'stage {n}: {s["epochs"]} epochs' for n, s in _stages(run.content.get('stages')) if 'epochs' in s]
        if stages:
            seconds = duration(of.summary.get('seconds'))
            return f'{listed(stages)}; {seconds} for all folds; optimiser and losses are in the config'
    return None


def _stages(stages: object) -> Iterator[tuple[str, dict]]:
    if isinstance(stages, dict):
        yield from ((name, stage) for name, stage in stages.items() if isinstance(stage, dict))


def _selection(of: CrossValidation) -> str:
    practice = of.summary.get('selection') or 'unknown'
    return f'selection of the epoch: {SELECTION.get(practice, practice)}'


def _metrics(of: CrossValidation) -> Sequence[str]:
    return list(of.summary.get('metrics') or {})


def _methods(of: CrossValidation) -> str:
    entries = (of.summary.get('metrics') or {}).values()
    methods = dict.fromkeys(e['method'] for e in entries if e.get('method') and e.get('ci95'))
    return '; '.join(methods) or 'no intervals'


def _robustness(of: CrossValidation) -> str | None:
    if len(of.seeds) > 1:
        return f'{len(of.seeds)} seeds: values of each fold and seed are in the table of metrics'
    return None


def _explanation(of: CrossValidation) -> str | None:
    has_weights = any(run.content.get('clinical_weights') for run in of.runs)
    return 'weights of the clinical stage, in this page' if has_weights else None


def _value(of: CrossValidation, name: str) -> str | None:
    entry = (of.summary.get('metrics') or {}).get(name)
    if not entry or not is_number(estimate_of(entry)):
        return None
    limits = f', 95 % interval {interval(entry["ci95"])}' if entry.get('ci95') else ''
    return f'{metric_label(name)} {number(estimate_of(entry))}{limits} ({entry.get("of", "mean of the folds")})'


def _accuracy(of: CrossValidation) -> str | None:
    return '; '.join(filter(None, (_value(of, name) for name in ('tpr', 'tnr', 'precision')))) or None


def _failures(of: CrossValidation) -> str | None:
    if not of.rows:
        return None
    wrong = len(worst_mistakes(of.rows, of.classes, len(of.rows)))
    cases = len({row['case_id'] for row in of.rows if row['label']})
    return f'{wrong} of {cases} cases are wrongly classified; the worst are in this page'


def _analyses(of: CrossValidation) -> str | None:
    cases = [run.content.get('cases', {}) for run in of.runs if run.content.get('cases')]
    parts = [part for part in ('train', 'val', 'test') if any(part in c for c in cases)]
    ranges = {part: [c[part] for c in cases if part in c] for part in parts}
    return '; '.join(f'{part}: {min(v)} to {max(v)} cases a fold' for part, v in ranges.items()) or None
