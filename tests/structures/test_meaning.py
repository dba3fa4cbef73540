"""What weights were trained for, against what a config wants to use them for."""

import pytest

from usmm.structures import ModelMeaning

SETTINGS = dict(
    classes=('benign', 'malignant'),
    modalities=('bus', 'cdfi', 'clinical'),
    schema=dict(
        images=dict(bus='bus', cdfi='cdfi'),
        clinical=[
            dict(name='age', unit='year'),
            dict(name='psa', unit='ng/mL', log=True),
            dict(name='calc', values=('none', 'micro')),
        ],
    ),
)


def changed(**settings) -> dict:
    clinical = settings.pop('clinical', SETTINGS['schema']['clinical'])
    return {**SETTINGS, 'schema': {**SETTINGS['schema'], 'clinical': clinical}, **settings}


def test_the_same_settings_pass_after_a_way_through_json_and_back() -> None:
    meaning = ModelMeaning.of_settings(SETTINGS)
    assert meaning.positive == 'malignant', 'the second of two, where nothing is stated'
    meaning.check({'meaning': meaning.to_dict()}, 'model.pth', 'cfg')
    meaning.check({}, 'imagenet.pth', 'cfg')


AGE, PSA, CALC = SETTINGS['schema']['clinical']


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(classes=('malignant', 'benign')),
         r"classes: \['malignant', 'benign'\] instead of \['benign', 'malignant'\] \(another order\)"),
        (dict(classes=('benign', 'cancer')), r"classes: \['benign', 'cancer'\] instead of \['benign', 'malignant'\]\."),
        (dict(positive='benign'), "positive class: 'benign' instead of 'malignant'"),
        (dict(modalities=('cdfi', 'bus', 'clinical')), r"modalities: \['cdfi', 'bus', 'clinical'\] instead of"),
        (dict(clinical=[PSA, AGE, CALC]),
         r"clinical variables: \['psa', 'age', 'calc'\] instead of .* \(another order\)"),
        (dict(clinical=[{**AGE, 'name': 'years'}, PSA, CALC]),
         r"clinical variables: \['years', 'psa', 'calc'\] instead"),
        (dict(dataset=dict(clinical=['age', 'calc'])), r"clinical variables: \['age', 'calc'\] instead of"),
        (dict(clinical=[{**AGE, 'unit': 'month'}, PSA, CALC]), "unit of 'age': 'month' instead of 'year'"),
        (dict(clinical=[{'name': 'age'}, PSA, CALC]), "unit of 'age': None instead of 'year'"),
        (dict(clinical=[AGE, {**PSA, 'log': False}, CALC]), "log of 'psa': False instead of True"),
        (dict(clinical=[AGE, PSA, {**CALC, 'values': ('micro', 'none')}]),
         r"categories of 'calc': \['micro', 'none'\] instead of \['none', 'micro'\] \(another order\)"),
        (dict(clinical=[AGE, PSA, {'name': 'calc'}]), "'calc': a number instead of a category"),
    ],
)  # fmt: skip
def test_what_differs_is_refused_with_both_sides(settings: dict, message: str) -> None:
    meta = {'meaning': ModelMeaning.of_settings(SETTINGS).to_dict(), 'config': 'first'}
    with pytest.raises(ValueError, match=message) as caught:
        ModelMeaning.of_settings(changed(**settings)).check(meta, 'model.pth', 'cfg')
    assert "the weights model.pth were trained for (config 'first')" in str(caught.value)


def test_categories_that_the_weights_bring_and_columns_of_another_table_may_differ() -> None:
    meta = {'meaning': ModelMeaning.of_settings(SETTINGS).to_dict()}
    auto = changed(clinical=[AGE, {**PSA, 'column': 'PSA (ng/mL)'}, {**CALC, 'values': 'auto'}])
    ModelMeaning.of_settings(auto).check(meta, 'model.pth', 'cfg')


def test_of_weights_of_an_earlier_version_classes_and_modalities_are_compared() -> None:
    meta = {'classes': ['malignant', 'benign'], 'modalities': ['bus', 'cdfi', 'clinical']}
    with pytest.raises(ValueError, match=r"classes: \['benign', 'malignant'\] instead of \['malignant', 'benign'\]"):
        ModelMeaning.of_settings(SETTINGS).check(meta, 'old.pth', 'cfg')


def test_a_model_of_images_does_not_depend_on_the_clinical_variables() -> None:
    images = changed(modalities=('bus', 'cdfi'))
    meta = {'meaning': ModelMeaning.of_settings(images).to_dict()}
    ModelMeaning.of_settings({**images, 'schema': {**images['schema'], 'clinical': []}}).check(meta, 'w.pth', 'cfg')


def test_the_classes_beside_a_meaning_are_compared_too() -> None:
    meta = {'meaning': ModelMeaning.of_settings(SETTINGS).to_dict(), 'classes': ['malignant', 'benign']}
    with pytest.raises(ValueError, match=r"classes: \['benign', 'malignant'\] instead of \['malignant', 'benign'\]"):
        ModelMeaning.of_settings(SETTINGS).check(meta, 'w.pth', 'cfg')
