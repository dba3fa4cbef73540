from __future__ import annotations

import numpy as np
import pytest
import torch

from usmm.models.classifier import Outputs, labels_of, predictions
from usmm.structures import Case


def test_predictions_are_probabilities_by_case() -> None:
    outputs = Outputs(torch.tensor([[0.0, np.log(3)]]), image_logits=torch.tensor([[0.0, 0.0]], dtype=torch.bfloat16))
    (found,) = predictions(outputs, [Case('a', 'p', label=1)])
    assert (found['case_id'], found['patient_id'], found['label']) == ('a', 'p', 1)
    np.testing.assert_allclose(found['scores'], [0.25, 0.75], rtol=1e-6)
    np.testing.assert_allclose(found['image_scores'], [0.5, 0.5])
    assert found['scores'].dtype == np.float32


def test_predictions_without_cases_or_images() -> None:
    found = predictions(Outputs(torch.zeros(2, 3)), None)
    assert len(found) == 2
    assert found[0]['case_id'] is None
    assert found[0]['image_scores'] is None


def test_labels() -> None:
    cases = [Case('a', 'p', label=1), Case('b', 'p', label=0)]
    assert labels_of(cases, ('ADC', 'SCC'), torch.device('cpu')).tolist() == [1, 0]


@pytest.mark.parametrize('label', [None, 2, -1])
def test_cases_without_a_label(label: int | None) -> None:
    with pytest.raises(ValueError, match=r"cases \['b'\] have no label among the 2 classes \('ADC', 'SCC'\)"):
        labels_of([Case('a', 'p', label=1), Case('b', 'p', label=label)], ('ADC', 'SCC'), torch.device('cpu'))


def test_no_cases() -> None:
    with pytest.raises(ValueError, match='a loss needs data_samples'):
        labels_of(None, ('ADC', 'SCC'), torch.device('cpu'))


def test_a_row_of_a_pair_names_its_case() -> None:
    cases = [Case('a-0', 'p', info=dict(pair=dict(case_id='a'))), Case('b', 'p')]
    pair, alone = predictions(Outputs(torch.zeros(2, 2)), cases)
    assert (pair['case_id'], pair['of']) == ('a-0', 'a')
    assert 'of' not in alone
