from __future__ import annotations

import doctest
import math

import numpy as np
import pytest

import usmm.case
from usmm.case import Case, Schema, Variable, clinical_vector


def test_examples_in_docstrings_hold():
    assert doctest.testmod(usmm.case).failed == 0


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(name=''), 'needs a name'),
        (dict(name='sex', values='F'), "values of 'sex' must be a sequence of names or 'auto', got 'F'"),
        (dict(name='age', range=(0, 1), values=('a',)), 'both a range'),
        (dict(name='age', range=(5, 5)), r'range of .age. must rise, got \(5, 5\)'),
    ],
)
def test_variables_refuse_what_makes_no_sense(arguments, message):
    with pytest.raises(ValueError, match=message):
        Variable(**arguments)


def test_schema_of_a_dict():
    schema = Schema.of(
        dict(images=dict(bus='file'), clips=dict(ceus='cine'), clinical=[dict(name='age', column='AGE')])
    )
    assert schema.modalities == ('bus', 'ceus')
    assert schema.column('ceus') == 'cine'
    assert schema.mask_column('bus') == 'bus_mask'
    assert schema.clinical[0].source == 'AGE'
    assert Schema.of(schema) is schema
    assert Schema(masks={'bus': 'outline'}).mask_column('ceus') is None


def test_schema_errors():
    with pytest.raises(ValueError, match=r"unknown schema keys \['image'\]; valid keys are .*'images'"):
        Schema.of(dict(image={}))
    with pytest.raises(ValueError, match=r"\['bus'\] are both images and clips"):
        Schema(images={'bus': 'a'}, clips={'bus': 'b'})
    with pytest.raises(ValueError, match='different names'):
        Schema(clinical=[dict(name='age'), dict(name='age')])
    with pytest.raises(KeyError, match="no modality 'ue'; it has"):
        Schema(images={'bus': 'a'}).column('ue')


def test_draws_depend_on_seed_epoch_case_and_name_alone():
    def draw(*, case='c1', seed=0, epoch=0, name='flip'):
        return Case(case, 'p', seed=seed, epoch=epoch).rng(name).random()

    assert draw() == draw()
    others = [draw(case='c2'), draw(seed=1), draw(epoch=1), draw(name='shift')]
    assert len({draw(), *others}) == 5


def test_draws_look_uniform_over_epochs():
    values = np.array([Case('c', 'p', epoch=e).rng('x').random() for e in range(2000)])
    # standard error of the mean of 2000 uniform numbers: sqrt(1/12/2000) = 0.0065
    assert abs(values.mean() - 0.5) < 4 * 0.0065
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 0.1


def test_clinical_vector_marks_missing_and_unknown_as_nan():
    variables = Schema(
        clinical=[dict(name='age'), dict(name='side', values=('left', 'right')), dict(name='td')]
    ).clinical
    vector = clinical_vector({'age': 50.0, 'side': 'both', 'td': None}, variables)
    assert vector.dtype == np.float32
    assert vector[0] == 50 and math.isnan(vector[1]) and math.isnan(vector[2])
    assert clinical_vector({'side': 'right'}, variables)[1] == 1


def test_clinical_vector_needs_settled_categories():
    with pytest.raises(ValueError, match="values of 'side' are still 'auto'"):
        clinical_vector({'side': 'left'}, [Variable('side', values='auto')])
