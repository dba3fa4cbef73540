from __future__ import annotations

import doctest
import math

import numpy as np
import pytest

import usmm.structures
from usmm.structures import Case, Schema, Variable, clinical_vector


def test_examples_in_docstrings_hold():
    assert doctest.testmod(usmm.structures).failed == 0


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(name=''), 'needs a name'),
        (dict(name='sex', values='F'), "values of 'sex' must be a sequence of names or 'auto', got 'F'"),
        (dict(name='age', range=(0, 1), values=('a',)), 'both a range'),
        (dict(name='age', range=(5, 5)), r'range of .age. must rise, got \(5, 5\)'),
        (dict(name='sex', values=('F', 'M'), log=True), "'sex' is a category, of which there is no logarithm"),
        (dict(name='ast', other_units={'ukat/L': 60}), "other_units of 'ast' need a range"),
        (dict(name='sex', values=('F', 'M'), other_units={'x': 2}), "other_units of 'sex' need a range"),
        (dict(name='alb', unit='g/L', range=(1, 2), other_units={'g/L': 10}), "units other than 'g/L'"),
        (dict(name='alb', unit='g/L', range=(1, 2), other_units={'g/dL': 0}), 'positive factors other than 1'),
        (dict(name='alb', unit='g/L', range=(1, 2), other_units={'g/dL': 1}), r"got \{'g/dL': 1.0\}"),
        (dict(name='alb', unit='g/L', range=(1, 2), other_units={'g/dL': float('nan')}), 'positive factors'),
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


PLATELETS = Variable('platelets', unit='10^9/L', range=(30, 1000), other_units={'10^4/uL': 10, '10^3/mL': 0.001})


@pytest.mark.parametrize(
    ('value', 'text'),
    [
        (30, None),
        (1000, None),
        (21.5, 'platelets 21.5 10^9/L is outside the plausible range 30 to 1000 10^9/L; '
               'in range if it was given in 10^4/uL'),
        (210000, 'platelets 210000 10^9/L is outside the plausible range 30 to 1000 10^9/L; '
                 'in range if it was given in 10^3/mL'),
        (2, 'platelets 2 10^9/L is outside the plausible range 30 to 1000 10^9/L'),
        (0, 'platelets 0 10^9/L is outside the plausible range 30 to 1000 10^9/L'),
    ],
)  # fmt: skip
def test_a_number_out_of_range_names_the_unit_in_which_it_would_fit(value, text):
    assert PLATELETS.range_problem(value) == text
    assert PLATELETS.in_range(value) == (text is None)


def test_a_number_without_range_is_never_out_of_it():
    assert Variable('x').range_problem(-1e9) is None and Variable('x').in_range(math.inf)


def test_below_0_there_is_no_logarithm():
    variable = Variable('ast', unit='U/L', log=True)
    assert variable.log_problem(0) is None and Variable('t').log_problem(-3) is None
    assert variable.log_problem(-0.5) == 'ast -0.5 U/L is below 0, and the model takes its logarithm'


def test_variables_with_other_units_have_a_hash_and_come_from_configs():
    assert len({PLATELETS, Variable('platelets')}) == 2
    made = Schema.of(dict(clinical=[dict(name='alb', log=True, range=(1, 2), other_units={'g/dL': 10})])).clinical[0]
    assert made.log and made.other_units == {'g/dL': 10.0}


def test_columns_of_boxes():
    assert Schema(images=dict(bus='file')).box_column('bus') == 'bus_box'
    assert Schema(boxes={'bus': 'roi'}).box_column('bus') == 'roi'
    assert Schema(boxes={'bus': 'roi'}).box_column('ue') is None
