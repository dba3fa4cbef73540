from __future__ import annotations

import io
import os
import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer, MessageHub
from torch.serialization import add_safe_globals, clear_safe_globals, get_safe_globals

from usmm.compat.checkpoints import checkpoints_under_safe_loading


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A HistoryBuffer that pickles its methods, as mmengine 0.10.7 ships it, and torch's own safe list."""

    def getstate(self: Any) -> dict:
        vars(self)['statistics_methods'] = self._statistics_methods
        return vars(self)

    monkeypatch.setattr(HistoryBuffer, '__getstate__', getstate)
    allowed = list(get_safe_globals())
    clear_safe_globals()
    yield
    clear_safe_globals()
    add_safe_globals(allowed)


def reload(value: object) -> Any:
    """Through a file, with torch's default of safe loading."""
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    return torch.load(file)


def test_a_history_is_refused_before_and_kept_exactly_after(upstream: None) -> None:
    values, counts = [0.1, 1 / 3, float('inf')], [1, 2, 3]
    with pytest.raises(pickle.UnpicklingError, match='Weights only load failed'):
        reload(HistoryBuffer(values, counts))
    assert checkpoints_under_safe_loading() is True
    found = reload(HistoryBuffer(values, counts))
    assert found.data[0].tolist() == values
    assert found.data[1].tolist() == counts
    found.update(2.0)
    assert (found.current(), found.statistics('current'), found.max_length) == (2.0, 2.0, 1000000)


def test_a_history_that_has_been_pickled_by_its_methods_before_is_clean_too(upstream: None) -> None:
    buffer = HistoryBuffer([1.0], [1])
    pickle.dumps(buffer)  # upstream leaves the methods in the object
    assert checkpoints_under_safe_loading() is True
    assert reload(buffer).data[0].tolist() == [1.0]


@pytest.mark.parametrize('dtype', ['bool', 'uint8', 'int32', 'int64', 'float16', 'float32', 'float64'])
def test_numpy_numbers_and_arrays_are_kept(upstream: None, dtype: str) -> None:
    checkpoints_under_safe_loading()
    number, array = reload((np.ones((), dtype)[()], np.ones((2, 3), dtype)))
    assert (number, number.dtype) == (1, np.dtype(dtype))
    np.testing.assert_array_equal(array, np.ones((2, 3), dtype), strict=True)


def test_numbers_written_under_the_other_numpy_are_read(upstream: None) -> None:
    checkpoints_under_safe_loading()
    file = io.BytesIO()
    torch.save(np.float64(0.25), file)
    here, there = (b'numpy._core.multiarray', b'numpy.core.multiarray')
    data = file.getvalue()
    assert (here in data) != (there in data)
    import zipfile

    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(written, 'w') as target:
        for name in source.namelist():
            other = here if there in source.read(name) else there
            target.writestr(name, source.read(name).replace(there, here).replace(here, other))
    written.seek(0)
    assert torch.load(written) == 0.25


def test_a_message_hub_is_resumed(upstream: None) -> None:
    checkpoints_under_safe_loading()
    hub = MessageHub('usmm-test-hub')
    hub.update_scalar('train/loss', 0.75)
    hub.update_info('best_score', np.float32(0.5))
    other = MessageHub('usmm-test-other')
    other.load_state_dict(reload(hub.state_dict()))
    assert other.get_scalar('train/loss').current() == 0.75
    assert other.get_info('best_score') == 0.5


class Hostile:
    def __reduce__(self) -> tuple:
        return os.system, ('true',)


def method_of_a_history() -> dict:
    return {'mean': HistoryBuffer.mean}


@pytest.mark.parametrize('value', [Hostile(), np.array([Hostile()], object), method_of_a_history()])
def test_what_could_run_code_is_still_refused(upstream: None, value: object) -> None:
    checkpoints_under_safe_loading()
    with pytest.raises(pickle.UnpicklingError, match='Weights only load failed'):
        reload(value)


def test_a_mmengine_that_writes_plain_data_is_left_alone(upstream: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def getstate(self: Any) -> dict:
        return {'_log_history': self._log_history.tolist(), '_count_history': self._count_history.tolist()}

    monkeypatch.setattr(HistoryBuffer, '__getstate__', getstate)
    add_safe_globals([HistoryBuffer, *_numpy_number()])
    assert checkpoints_under_safe_loading() is False
    assert HistoryBuffer.__getstate__ is getstate


def _numpy_number() -> list:
    return [np.float64(0).__reduce__()[0], np.dtype, type(np.dtype('float64'))]
