"""usmm power as a user runs it."""

from __future__ import annotations

import pytest

from usmm.evaluation.stats import patients_for_auc, patients_for_difference, patients_for_sensitivity


@pytest.mark.parametrize(
    ('words', 'expected', 'what'),
    [
        ('auc --auc 0.85 --width 0.1', patients_for_auc(0.85, 0.1, 0.3), 'width 0.100'),
        ('difference --auc 0.85 --other 0.8 --power 0.9', patients_for_difference(0.85, 0.8, 0.3, power=0.9), 'power'),
        (
            'sensitivity --sensitivity 0.9 --specificity 0.8 --width 0.1 --cases 3',
            patients_for_sensitivity(0.9, 0.8, 0.1, 0.3, cases=3, correlation=0.5),
            'width',
        ),
    ],
)
def test_questions(usmm, words, expected, what):
    code, out, _ = usmm('power', *words.split(), '--prevalence', '0.3')
    lines = out.splitlines()
    assert code == 0
    assert lines[0] == (
        f'{expected.patients} patients, {expected.positives} of them positive and {expected.negatives} negative'
    )
    assert expected.question in lines[1] and what in lines[1] and expected.method in lines[1]
    assert (lines[-1] == '3 cases of a patient, whose scores correlate by 0.5') == ('--cases' in words)


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        ('auc --width 0.1', 'auc needs --auc'),
        ('sensitivity --width 0.1', 'sensitivity needs --sensitivity and --specificity'),
        ('auc --auc 0.8 --width 0.1 --other 0.7', 'auc does not use --other'),
        ('auc --auc 85 --width 0.1', 'auc must lie between 0 and 1, got 85.0'),
        ('auc --auc 0.8 --width 0.1 --cases 0', 'a patient has one case or more, got 0.0'),
    ],
)
def test_mistakes(usmm, words, message):
    code, _, error = usmm('power', *words.split(), '--prevalence', '0.3')
    assert code == 2 and message in error
