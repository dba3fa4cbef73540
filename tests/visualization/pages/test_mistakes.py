from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from usmm.visualization.pages.mistakes import mistake_blocks, worst_mistakes
from usmm.visualization.pages.page import Cards, Text

CLASSES = ('a', 'b', 'c')


def row(case: str, label: str, *scores: float, seed: str = '0') -> dict[str, Any]:
    pred = CLASSES[int(np.argmax(scores))]
    found = {'case_id': case, 'patient_id': f'p{case}', 'fold': seed, 'seed': seed, 'label': label, 'pred': pred}
    return {**found, 'scores': np.array(scores)}


def test_the_most_confident_come_first() -> None:
    rows = [
        row('right', 'a', 0.9, 0.1, 0),
        row('mild', 'a', 0.4, 0.6, 0),
        row('worst', 'c', 0.95, 0, 0.05),
        row('bad', 'b', 0.8, 0.2, 0),
        row('unlabelled', '', 0.9, 0.1, 0),
    ]
    found = worst_mistakes(rows, CLASSES)
    assert [m.case_id for m in found] == ['worst', 'bad', 'mild']
    assert (found[0].label, found[0].pred, found[0].probability, found[0].of_truth) == ('c', 'a', 0.95, 0.05)
    assert [m.case_id for m in worst_mistakes(rows, CLASSES, 1)] == ['worst']


def test_a_case_of_several_seeds_counts_once_by_its_mean() -> None:
    rows = [
        row('x', 'a', 0.2, 0.8, 0, seed='0'),
        row('x', 'a', 0.6, 0.4, 0, seed='1'),
        row('y', 'a', 0.4, 0.6, 0, seed='0'),
        row('y', 'a', 0.9, 0.1, 0, seed='1'),
    ]
    (found,) = worst_mistakes(rows, CLASSES)
    assert (found.case_id, found.wrong, found.times, found.folds) == ('x', 1, 2, ('0', '1'))
    assert found.probability == pytest.approx(0.6)


def test_blocks_show_pictures_and_survive_those_that_fail() -> None:
    def pictures(case_id: str) -> list[tuple[str, np.ndarray]]:
        if case_id == 'bad':
            raise OSError('no such file')
        return [('bus', np.zeros((8, 8, 3), np.uint8)), ('cdfi', np.zeros((8, 8, 3), np.uint8))]

    blocks = mistake_blocks([row('worst', 'c', 0.95, 0, 0.05), row('bad', 'b', 0.8, 0.2, 0)], CLASSES, pictures)
    (cards,) = [block for block in blocks if isinstance(block, Cards)]
    assert [card.title for card in cards.items] == ['Case worst', 'Case bad']
    assert [p.caption for p in cards.items[0].pictures] == ['bus', 'cdfi']
    assert not cards.items[1].pictures
    words = ' '.join(block.words for block in blocks if isinstance(block, Text))
    assert 'bad: no such file' in words
    assert 'share it as you would share the data' in words


def test_blocks_without_pictures_mistakes_or_rows() -> None:
    def words(blocks: list) -> str:
        return ' '.join(block.words for block in blocks if isinstance(block, Text))

    assert 'were not given' in words(mistake_blocks([row('bad', 'b', 0.8, 0.2, 0)], CLASSES, None))
    assert words(mistake_blocks([row('good', 'a', 0.8, 0.2, 0)], CLASSES, None)) == 'No case was wrongly classified.'
    assert words(mistake_blocks([], CLASSES, None)) == 'There are no test predictions to look at.'
