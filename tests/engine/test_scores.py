from __future__ import annotations

import pytest

from usmm.engine import ScoreDataset
from usmm.structures import Case


class Bare:
    metainfo = {'classes': ('a', 'b')}
    cases = [Case('c1', 'p1'), Case('c2', 'p2')]

    def __len__(self) -> int:
        return 2


def test_one_score_a_case():
    with pytest.raises(ValueError, match='2 cases need as many scores, got 1'):
        ScoreDataset(Bare(), [Case('c1', 'p1')])


def test_index_may_carry_the_epoch():
    scored = ScoreDataset(Bare(), Bare.cases)
    assert len(scored) == 2 and scored.metainfo == {'classes': ('a', 'b')}
    assert scored[(5, 1)].case_id == scored[1].case_id == 'c2'
