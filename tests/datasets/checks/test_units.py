"""Values out of range or in another unit, boxes: what the table, the checks and the data set say of them."""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.logging import MMLogger

from usmm.datasets import CaseDataset
from usmm.datasets.case_table import CaseTable
from usmm.datasets.checks.case_checks import is_blocking
from usmm.datasets.checks.check_data import check_data
from usmm.datasets.checks.units import unit_problems
from usmm.readers import DataError
from usmm.structures import Case, Variable

PLATELETS = dict(name='platelets', column='PLT', unit='10^9/L', range=(30, 1000), other_units={'10^4/uL': 10})
SCHEMA = dict(images=dict(bus='bus'), clinical=[PLATELETS, dict(name='ast', unit='U/L', log=True)])


def write(folder: Path, values: list[str], asts: str = '30', boxes: list[str] | None = None) -> Path:
    """Cases c0, c1, ... with an image of 40 x 36 each."""
    boxes = boxes or [''] * len(values)
    lines = ['case_id,label,bus,bus_box,PLT,ast']
    for i, (value, box) in enumerate(zip(values, boxes)):
        cv2.imwrite(str(folder / f'{i}.png'), np.random.default_rng(i).integers(0, 255, (36, 40, 3), dtype=np.uint8))
        lines.append(f'c{i},{"AB"[i % 2]},{i}.png,{box},{value},{asts}')
    (folder / 'cases.csv').write_text('\n'.join(lines) + '\n')
    return folder / 'cases.csv'


def test_a_value_in_another_unit_is_reported_and_left_as_it_is(tmp_path):
    path = write(tmp_path, ['210', '21', '2.5', '180'])
    table = CaseTable.read(path, SCHEMA, ('A', 'B'))
    assert [c.clinical['platelets'] for c in table.cases] == [210, 21, 2.5, 180]
    assert [(p.kind, p.case_id, p.file, p.modality) for p in table.problems] == [
        ('range', 'c1', path, 'clinical'), ('range', 'c2', path, 'clinical'),
    ]  # fmt: skip
    assert str(table.problems[0]) == (
        f'case c1, clinical, {path}: platelets 21 10^9/L is outside the plausible range 30 to 1000 10^9/L; '
        'in range if it was given in 10^4/uL'
    )
    assert 'if it was given' not in str(table.problems[1])


@pytest.mark.parametrize(
    ('values', 'said'),
    [
        (['21', '18', '25', '200'], '3 of 4 values'),
        (['21', '18', '', '200'], '2 of 3 values'),
        (['21', '18', '200', '210'], None),  # half is not the greater part
        (['2', '1', '2', '200'], None),  # out of range in both units
        (['', '', '', ''], None),
    ],
)
def test_a_column_in_another_unit_is_reported_once(tmp_path, values, said):
    table = CaseTable.read(write(tmp_path, values), SCHEMA, ('A', 'B'))
    found = [p for p in table.problems if p.kind == 'unit']
    assert [p.case_id for p in found] == ([] if said is None else [None])
    if said is not None:
        text = f'column PLT seems to be in 10^4/uL: {said} are out of range in 10^9/L and in range if given in 10^4/uL'
        assert found[0].message == text


def test_the_unit_that_most_values_fit():
    variable = Variable('x', range=(100, 200), other_units={'tens': 10, 'dozens': 12})
    cases = [Case(f'c{i}', 'p', clinical={'x': v}) for i, v in enumerate([8.5, 9.0, 9.5, 15.0])]  # 102 .. 180 dozens
    assert list(unit_problems([variable], cases)) == [
        'column x seems to be in dozens: 4 of 4 values are out of range and in range if given in dozens'
    ]


def test_a_training_goes_on_with_a_warning(tmp_path, caplog):
    path = write(tmp_path, ['21', '18', '25', '200'])
    result = check_data(path, SCHEMA, ('A', 'B'), workers=1)
    assert {p.kind for p in result.problems} == {'range', 'unit'}
    assert not any(is_blocking(p) for p in result.problems)
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    try:
        with caplog.at_level(logging.WARNING):
            CaseDataset(path, SCHEMA, ('A', 'B'))
    finally:
        logger.removeHandler(caplog.handler)
    assert 'column PLT seems to be in 10^4/uL' in caplog.text and 'case c1' in caplog.text


def test_a_number_below_0_whose_logarithm_is_wanted_stops_it(tmp_path):
    path = write(tmp_path, ['210', '220'], asts='-4')
    with pytest.raises(DataError, match=r'case c0.*ast -4 U/L is below 0, and the model takes its logarithm'):
        CaseDataset(path, SCHEMA, ('A', 'B'))


def test_boxes_reach_the_data_set(tmp_path):
    path = write(tmp_path, ['210', '220', '230'], boxes=['"1,2,30,20"', '1;2;31;20', '1 2 32 20'])
    data = CaseDataset(path, SCHEMA, ('A', 'B'), pipeline=[dict(type='LoadImage'), dict(type='CropBox', size=16)])
    assert [case.boxes for case in data.cases] == [{'bus': (1, 2, x, 20)} for x in (30, 31, 32)]
    assert data[2].data['bus'].shape == (16, 16, 3) and data[2].info['bus']['crop'] == (1, 2, 32, 20)
    data[0].boxes.clear()
    assert data.cases[0].boxes  # a sample is a copy
    assert CaseDataset(path, SCHEMA, ('A', 'B'), modalities=['clinical']).cases[0].boxes == {}


def test_a_mapping_of_boxes_and_a_cell_that_is_none(tmp_path):
    path = write(tmp_path, ['210', '220'], boxes=['9 2 3 20', '1 2 3 20'])
    table = CaseTable.read(path, SCHEMA, ('A', 'B'))
    assert [(p.kind, p.case_id, p.modality, p.file) for p in table.problems] == [('box', 'c0', 'bus', path)]
    assert "x0 < x1 and y0 < y1, got '9 2 3 20'" in table.problems[0].message
    assert [case.boxes for case in table.cases] == [{}, {'bus': (1, 2, 3, 20)}]
    with pytest.raises(DataError, match=r'case c0, bus.*x0 < x1'):
        CaseDataset(path, SCHEMA, ('A', 'B'))
    other = CaseTable.read(path, {**SCHEMA, 'boxes': {}}, ('A', 'B'))
    assert not other.problems and not other.cases[1].boxes


def test_check_data_knows_boxes(tmp_path):
    path = write(tmp_path, ['210', '220', '230'], boxes=['1 2 41 20', '1 2 40 30', ''])
    result = check_data(path, SCHEMA, ('A', 'B'), workers=1, manifest=tmp_path / 'manifest.json')
    assert result.manifest is None and 'no manifest is written as long as problems block' in result.notes[-1]
    accepting = check_data(
        path, SCHEMA, ('A', 'B'), workers=1, manifest=tmp_path / 'manifest.json', update_manifest=True
    )
    assert accepting.manifest is not None
    accepting.manifest.write()
    found = {(p.kind, p.case_id): p for p in result.problems}
    assert set(found) == {('box_outside', 'c0'), ('no_box', 'c2')}
    wrong = found['box_outside', 'c0']
    assert is_blocking(wrong) and not is_blocking(found['no_box', 'c2'])
    assert (wrong.file, wrong.modality) == (tmp_path / '0.png', 'bus')
    assert wrong.message == 'the box 1,2,41,20 leaves its image of 40x36 (width x height)'
    assert result.counts['modalities']['bus']['boxed'] == 2
    # a box that changes is a change of the table, which the manifest holds
    write(tmp_path, ['210', '220', '230'], boxes=['1 2 39 20', '1 2 40 30', '3 3 9 9'])
    again = check_data(path, SCHEMA, ('A', 'B'), workers=1, manifest=tmp_path / 'manifest.json')
    assert [(p.kind, p.file) for p in again.problems] == [('changed', path)]
