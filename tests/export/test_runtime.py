from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from usmm.export import OnnxModel


@pytest.fixture
def model(saved: Callable[..., Path]) -> OnnxModel:
    return OnnxModel(saved(), threads=1)


def batch(size: int = 3, **changes: Any) -> dict[str, Any]:
    inputs = dict(bus=np.full((size, 3, 4, 4), 51, np.uint8), clip=np.zeros((size, 3, 2, 4, 4), np.uint8))
    return dict(inputs=inputs, clinical=np.full((size, 2), np.nan), present=None) | changes


def test_what_a_file_says_of_itself(model: OnnxModel) -> None:
    assert (model.classes, model.positive) == (('benign', 'malignant'), 'malignant')
    assert model.modalities == ('bus', 'clip', 'clinical') and model.optional == ('bus', 'clip')
    assert model.shapes == dict(bus=(3, 4, 4), clip=(3, 2, 4, 4)) and model.reads_clinical
    assert [v.name for v in model.schema.clinical] == ['age', 'size']


@pytest.mark.parametrize('size', [1, 2, 5])
def test_probabilities(model: OnnxModel, size: int) -> None:
    found = model.predict(**batch(size))
    assert list(found) == ['probabilities', 'image_probabilities']
    # 51 / 255 = 0.2
    np.testing.assert_allclose(found['probabilities'], [[0.2, 0.8]] * size, rtol=1e-6)
    np.testing.assert_allclose(found['image_probabilities'], [[0.1, 0.9]] * size, rtol=1e-6)


def test_a_modality_that_no_case_has_may_be_left_out(model: OnnxModel) -> None:
    given = batch(2, present=dict(clip=np.array([False, False])))
    del given['inputs']['clip']
    assert model.predict(**given)['probabilities'].shape == (2, 2)
    given['present']['clip'][1] = True
    with pytest.raises(ValueError, match=r"reads 'clip', which the batch of \['bus'\] does not have"):
        model.predict(**given)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    'float pixels': (dict(inputs=batch()['inputs'] | dict(bus=np.zeros((3, 3, 4, 4), np.float32))),
                     r"'bus' must be uint8 of shape \(3, 3, 4, 4\), got float32"),
    'another size': (dict(inputs=batch()['inputs'] | dict(bus=np.zeros((3, 3, 8, 8), np.uint8))),
                     r'got uint8 of \(3, 3, 8, 8\)'),
    'no table': (dict(clinical=None), 'reads the clinical table'),
    'narrow table': (dict(clinical=np.zeros((3, 1))), r"must be \(3, 2\) for \['age', 'size'\], got \(3, 1\)"),
    'short table': (dict(clinical=np.zeros((2, 2))), "one number of cases, 1 or more; got .*'clinical': \\(2,\\)"),
    'no case': (batch(0), 'one number of cases, 1 or more'),
    'nothing': (dict(inputs={}, clinical=None), 'one number of cases, 1 or more; got {}'),
    'present of another length': (dict(present=dict(bus=np.array([True]))), r"present of 'bus' must be \(3,\)"),
    'a case without anything': (
        dict(present=dict(bus=np.array([True, False, True]), clip=np.array([False, False, True]))),
        r'rows \[1\] have all modalities of none of the streams',
    ),
}  # fmt: skip


@pytest.mark.parametrize('name', WRONG)
def test_wrong_inputs(name: str, model: OnnxModel) -> None:
    changes, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        model.predict(**batch(**changes))


def test_a_model_that_needs_everything(saved: Callable[..., Path]) -> None:
    model = OnnxModel(saved(optional=False), threads=1)
    assert model.optional == ()
    with pytest.raises(ValueError, match=r"'clip' is missing from rows \[0, 2\]: this model needs all of"):
        model.predict(**batch(present=dict(clip=np.array([False, True, False]))))


def test_running_needs_no_torch(saved: Callable[..., Path]) -> None:
    code = f'import sys; from usmm.export import OnnxModel; OnnxModel({str(saved())!r}); print("torch" in sys.modules)'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == 'False'
