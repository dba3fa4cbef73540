"""What single folds state is stated of the pooled results, too."""

from __future__ import annotations

import pytest

from usmm.engine.studies.fold_warnings import fold_warnings


@pytest.mark.parametrize(
    ('content', 'text'),
    [
        ({'label_leaks': {'psa': 'an AUC of 1'}}, "clinical variable 'psa' seems to contain the label: an AUC of 1"),
        (
            {'files_not_read': {'bus': {'files': 4, 'total': 24}}},
            'bus: 4 of 24 files were not read (one is read for each case)',
        ),
        ({'near_duplicates': 3}, 'pictures of two patients in two parts look nearly the same, up to 3 pairs'),
        ({'unseen_categories': {'sex': ['F']}}, "no training case has the categories ['F'] of 'sex'"),
        ({'outlines': {'test': ['bus is cropped']}}, 'test part: bus is cropped'),
        (
            {'data_changes': {'test': ['label of 1 case (c1: a -> b)']}},
            'test part: the data have changed since the training: label of 1 case (c1: a -> b)',
        ),
        (
            {'skipped': {'train': {'c2': 'cut off'}, 'test': {'c1': 'cut off'}}},
            '2 cases were skipped because their files cannot be used: c1, c2',
        ),
        ({'stages': {'image': {'epochs': 3, 'of': 10}}}, 'stage image stopped early'),
    ],
)
def test_each_fact_is_one_sentence_with_the_number_of_folds(content, text):
    assert fold_warnings([content, {}, content]) == [f'{text} (2 of 3 folds)']


def test_facts_that_differ_between_folds_are_put_together():
    folds = [
        {'near_duplicates': 1, 'files_not_read': {'bus': {'files': 2, 'total': 9}}, 'skipped': {'test': {'a': 'x'}}},
        {'near_duplicates': 5, 'files_not_read': {'bus': {'files': 4, 'total': 9}}, 'skipped': {'train': {'b': 'x'}}},
        {'unseen_categories': {'sex': ['F']}, 'skipped': {'train': {}}},
        {
            'unseen_categories': {'sex': ['M', 'F']},
            'stages': {'fit': {'seconds': 1.0}, 'image': {'epochs': 4, 'of': 4}},
        },
    ]
    assert fold_warnings(folds) == [
        'bus: 4 of 9 files were not read (one is read for each case) (2 of 4 folds)',
        'pictures of two patients in two parts look nearly the same, up to 5 pairs (2 of 4 folds)',
        "no training case has the categories ['F', 'M'] of 'sex' (2 of 4 folds)",
        '2 cases were skipped because their files cannot be used: a, b (2 of 4 folds)',
    ]


def test_folds_that_state_nothing():
    assert fold_warnings([{}, {'near_duplicates': 0, 'stages': {}}]) == []
