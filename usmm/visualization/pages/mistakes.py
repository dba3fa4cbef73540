"""The cases that a cross-validation got most confidently wrong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from usmm.visualization.pages.page import Block, Card, Cards, Picture, Text, photograph
from usmm.visualization.pages.wording import listed

Pictures = Callable[[str], list[tuple[str, np.ndarray]]]


@dataclass(frozen=True)
class Mistake:
    """One case, over all its test predictions.

    Args:
        case_id, patient_id: Whose it is.
        label, pred: The true class, and the one with the highest mean probability.
        probability: Mean probability of the predicted class.
        of_truth: Mean probability of the true class.
        folds: The folds that tested it.
        wrong, times: How often it was tested, and how often wrongly classified.
    """

    case_id: str
    patient_id: str
    label: str
    pred: str
    probability: float
    of_truth: float
    folds: tuple[str, ...]
    wrong: int
    times: int


def worst_mistakes(rows: Sequence[Mapping[str, object]], classes: Sequence[str], most: int = 12) -> list[Mistake]:
    """Cases whose mean prediction is wrong, the most confident first: by how far the wrong class leads the true one.

    Args:
        rows: Test rows, as `read_predictions` returns them; several of a case (one a seed) count as one, by their mean.
        classes: Names of the classes.
        most: How many are returned at most.
    """
    by_case: dict[str, list[Mapping[str, object]]] = defaultdict(list)
    for row in rows:
        if row['label']:
            by_case[str(row['case_id'])].append(row)
    found = []
    for case_id, of in by_case.items():
        scores = np.array([row['scores'] for row in of], dtype=float).mean(axis=0)
        pred, label = classes[int(scores.argmax())], str(of[0]['label'])
        if pred == label:
            continue
        folds = tuple(dict.fromkeys(str(row['fold']) for row in of))
        wrong = sum(row['pred'] != label for row in of)
        truth = float(scores[list(classes).index(label)])
        found.append(
            Mistake(case_id, str(of[0]['patient_id']), label, pred, float(scores.max()), truth, folds, wrong, len(of))
        )
    return sorted(found, key=lambda m: (m.of_truth - m.probability, m.case_id))[:most]


def mistake_blocks(
    rows: Sequence[Mapping[str, object]], classes: Sequence[str], pictures: Pictures | None, most: int = 12
) -> list[Block]:
    """What a report says about them.

    Args:
        rows, classes, most: As `worst_mistakes`.
        pictures: Case id -> (modality, RGB uint8 image) pairs; None: no pictures.
    """
    if not rows:
        return [Text('There are no test predictions to look at.')]
    mistakes = worst_mistakes(rows, classes, most)
    if not mistakes:
        return [Text('No case was wrongly classified.')]
    blocks: list[Block] = [
        Text(
            f'The {len(mistakes)} wrongly classified cases in which the wrong class leads the true one by most. '
            'Look at them: a wrong label, a bad crop or a rare presentation shows here first.'
        )
    ]
    cards, failed = [], []
    for mistake in mistakes:
        images: list[Picture] = []
        try:
            images = _images(mistake, pictures)
        except Exception as error:  # whatever is wrong with a picture, the numbers are still worth a page
            failed.append(f'{mistake.case_id}: {error}')
        cards.append(Card(f'Case {mistake.case_id}', _facts(mistake), images))
    blocks.append(Cards(cards))
    if failed:
        blocks.append(Text(f'Pictures that could not be read: {listed(failed)}.', 'note'))
    if any(card.pictures for card in cards):
        blocks.append(Text('This page holds pictures of patients: share it as you would share the data.', 'note'))
    elif pictures is None:
        blocks.append(Text('The pictures of the cases were not given to this report.', 'note'))
    return blocks


def _images(mistake: Mistake, pictures: Pictures | None) -> list[Picture]:
    given = pictures(mistake.case_id) if pictures is not None else []
    return [Picture(photograph(image), f'{name} of case {mistake.case_id}', name) for name, image in given]


def _facts(mistake: Mistake) -> list[str]:
    facts = [
        f'{mistake.label}, taken for {mistake.pred}',
        f'probability {mistake.probability:.3f} for {mistake.pred}, {mistake.of_truth:.3f} for {mistake.label}',
        f'patient {mistake.patient_id}, test fold {listed([f or "0" for f in mistake.folds])}',
    ]
    if mistake.times > 1:
        facts.append(f'wrong in {mistake.wrong} of {mistake.times} runs')
    return facts
