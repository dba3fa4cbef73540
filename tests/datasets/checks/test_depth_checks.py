"""Files of several depths or grey scales in one modality are reported, and do not stop a training."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest

from usmm.datasets.checks.check_data import check_data
from usmm.datasets.checks.depth_checks import depth_problems
from usmm.datasets.checks.file_facts import FileFacts
from usmm.structures import Case


def fact(name: str, depth: int = 8, used: int = 8, scale: str = '', error: str | None = None) -> FileFacts:
    return FileFacts(Path(name), 'image', depth=depth, used_depth=used, scale=scale, error=error)


def found(*facts: FileFacts) -> list[tuple[str, str]]:
    cases = [Case(str(i), str(i), files={'bus': (f.path,)}) for i, f in enumerate(facts)]
    return [(p.kind, p.message) for p in depth_problems(cases, {(f.path, 'image'): f for f in facts})]


def test_one_depth_is_no_problem():
    assert found(fact('a'), fact('b')) == []
    assert found(fact('a', 16, 16), fact('b', 16, 12)) == []
    assert found(fact('a'), fact('b', 16, 16, error='is cut')) == []


def test_several_depths():
    ((kind, message),) = found(fact('a'), fact('b'), fact('c', 16, 16))
    assert kind == 'depths'
    assert message.startswith('files of several depths (2 of 8 bits, 1 of 16 bits): equal values need not')


def test_dark_files():
    ((kind, message),) = found(fact('a', 16, 10), fact('b', 16, 12))
    assert kind == 'dark'
    assert message.startswith(
        'the values of all 2 files of 16 bits need 12 bits alone, so the images are dark: set bits=12'
    )


def test_several_scales():
    ((kind, message),) = found(*(fact(str(i), scale=f'window {i}/9') for i in range(7)))
    assert kind == 'scales'
    assert '1 with window 0/9' in message
    assert 'and 2 others' in message


def test_colours_that_were_decided_by_the_pixels():
    wrong = [
        FileFacts(Path(name), 'image', depth=8, used_depth=8, assumed='YBR_FULL_422 taken for RGB') for name in 'ab'
    ]
    assert found(*wrong, fact('c')) == [
        (
            'colours',
            '2 files whose colours their header labels wrongly, by the number of bytes: YBR_FULL_422 taken for RGB',
        )
    ]


@pytest.mark.parametrize('second', [np.uint8, np.uint16])
def test_check_data_reports_mixed_depths(tmp_path, second):
    for name, dtype in (('0', np.uint16), ('1', second)):
        top = np.iinfo(dtype).max
        cv2.imwrite(
            str(tmp_path / f'{name}.png'), np.linspace(0, top, 1200 + int(name)).astype(dtype)[:1200].reshape(30, 40)
        )
    pydicom.dcmread(pydicom.examples.get_path('rgb_color')).save_as(tmp_path / 'a.dcm')
    (tmp_path / 'cases.csv').write_text('case_id,label,bus,cine\n0,A,0.png,a.dcm\n1,B,1.png,\n')
    result = check_data(
        tmp_path / 'cases.csv', dict(images=dict(bus='bus'), clips=dict(cine='cine')), ('A', 'B'), modalities=['bus']
    )
    mixed = [(p.kind, p.modality, p.file) for p in result.problems if p.kind in ('depths', 'dark', 'scales')]
    assert mixed == ([('depths', 'bus', tmp_path / '0.png')] if second is np.uint8 else [])
    assert not [p for p in result.blocking if p.kind == 'depths']
