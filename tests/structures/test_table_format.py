import pytest

from usmm.structures import Schema, TableFormat


@pytest.mark.parametrize(
    ('settings', 'text', 'number'),
    [
        ({}, '3.5', 3.5), ({}, '3,5', None), ({}, '1e3', 1000.0), ({}, 'nan', None), ({}, 'inf', None),
        (dict(decimal=','), '3,5', 3.5), (dict(decimal=','), '3.5', None), (dict(decimal=','), '-0,5', -0.5),
        (dict(decimal=',', thousands='.'), '1.234,5', 1234.5), (dict(decimal=',', thousands='.'), '3.400', 3400.0),
        (dict(decimal=',', thousands='.'), '3.40', None), (dict(decimal=',', thousands='.'), '1.2.345', None),
        (dict(thousands=','), '12,345.6', 12345.6), (dict(thousands=','), '12,34', None),
        (dict(thousands="'"), "-1'234'567", -1234567.0), (dict(thousands=' '), '1 234', 1234.0),
    ],
)  # fmt: skip
def test_numbers(settings, text, number):
    assert TableFormat(**settings).number(text) == number


def test_words_for_missing():
    form = TableFormat(missing_words=['unbekannt'])
    assert form.is_missing('Unbekannt') and form.is_missing('  ') and form.is_missing(None) and form.is_missing('#REF!')
    assert not form.is_missing('none') and TableFormat().is_missing('none')


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(decimal=';'), r"decimal of a table must be one of \['.', ','\], got ';'"),
        (dict(decimal=',', thousands=','), r"thousands of a table must be one of \[None, '.', ' ', \"'\"\], got ','"),
        (dict(skip_rows=-1), 'skip_rows of a table must be a whole number of 0 or more, got -1'),
        (dict(skip_rows='2'), "skip_rows of a table must be a whole number of 0 or more, got '2'"),
        (dict(missing_words='NA'), "missing_words of a table must be a list of texts, got the text 'NA'"),
        (dict(fill_down='pid'), "fill_down of a table must be a list of texts, got the text 'pid'"),
        (dict(sheets='A'), r"unknown keys \['sheets'\] in the format of a table; valid keys are \['sheet', "),
    ],
)
def test_wrong_formats_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        Schema(table_format=settings)
