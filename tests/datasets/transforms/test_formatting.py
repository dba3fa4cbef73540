"""Packing and batches."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from usmm.datasets.transforms import PackCase, collate_cases, pack
from usmm.readers import DataError
from usmm.registry import FUNCTIONS, TRANSFORMS
from usmm.structures import Case, Variable

CLINICAL = (Variable('age'), Variable('sex', values=('F', 'M')))


def case(name: str, seed: int = 0, **data: tuple[int, ...]) -> Case:
    rng = np.random.default_rng(seed)
    return Case(name, name, 0, data={m: rng.integers(0, 256, shape, dtype=np.uint8) for m, shape in data.items()})


@pytest.mark.parametrize('shape', [(4, 5, 3), (2, 4, 5, 3)])
def test_pack_moves_channels_first(shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    tensor = pack(array)
    assert tensor.dtype == torch.uint8
    assert tensor.is_contiguous()
    for c in range(3):
        assert (tensor[c].numpy() == array[..., c]).all()


@pytest.mark.parametrize('array', [np.zeros((4, 5), np.uint8), np.zeros((4, 5, 4), np.uint8), np.zeros((4, 5, 3))])
def test_pack_refuses_other_arrays(array: np.ndarray) -> None:
    with pytest.raises(DataError, match=r'expected \(H, W, 3\).*got \(4, 5.*case c1, modality bus'):
        PackCase(('bus',))(Case('c1', 'p', data={'bus': array}))


def test_a_batch_has_zeros_and_false_where_a_modality_is_missing() -> None:
    transform = PackCase(('bus', 'dceus', 'clinical'), clinical=CLINICAL)
    one, two = case('1', bus=(4, 4, 3), other=(9, 9, 3)), case('2', 1, bus=(4, 4, 3), dceus=(2, 6, 6, 3))
    one.clinical, two.clinical = {'age': None, 'sex': 'M'}, {'age': 61.5, 'sex': 'X'}
    bus = [c.data['bus'].copy() for c in (one, two)]
    batch = collate_cases([transform(one), transform(two)])
    assert set(batch['inputs']) == {'bus', 'dceus'}
    assert batch['inputs']['bus'].shape == (2, 3, 4, 4)
    assert (batch['inputs']['bus'].permute(0, 2, 3, 1).numpy() == bus).all()
    assert batch['inputs']['dceus'].shape == (2, 3, 2, 6, 6)
    assert batch['inputs']['dceus'].dtype == torch.uint8
    assert batch['inputs']['dceus'][0].sum() == 0
    assert batch['present']['dceus'].tolist() == [False, True]
    assert batch['present']['bus'].tolist() == [True, True]
    nan = float('nan')
    assert torch.equal(batch['clinical'].nan_to_num(-1), torch.tensor([[nan, 1], [61.5, nan]]).nan_to_num(-1))
    assert [c.case_id for c in batch['data_samples']] == ['1', '2']
    assert all(c.data == {} and c.masks == {} for c in batch['data_samples'])
    assert one.data  # the cases themselves keep their pixels


def test_without_clinical_variables_there_is_no_vector() -> None:
    assert collate_cases([PackCase(('bus',))(case('1', bus=(4, 4, 3)))])['clinical'] is None


def test_a_modality_that_the_whole_batch_lacks() -> None:
    known = PackCase(('bus', 'ue', 'dceus'), shapes=dict(dceus=(3, 2, 6, 6)))
    inputs = collate_cases([known(case('1', bus=(4, 4, 3)))])['inputs']
    assert inputs['dceus'].shape == (1, 3, 2, 6, 6)
    assert inputs['ue'].shape == (1, 3, 4, 4)  # as the other still image
    unknown = case('1', bus=(4, 4, 3))
    unknown.info['table'] = dict(modalities=('bus', 'dceus'), clips=('dceus',))
    batch = collate_cases([PackCase()(unknown)])
    assert set(batch['inputs']) == {'bus'}
    assert batch['present']['dceus'].tolist() == [False]


def test_by_default_everything_is_packed() -> None:
    assert set(PackCase()(case('1', bus=(4, 4, 3), left=(4, 4, 3))).data) == {'bus', 'left'}


def test_shapes_must_agree() -> None:
    transform = PackCase(('bus',))
    with pytest.raises(DataError, match=r'shape \(3, 5, 4\) does not fit.*\(3, 4, 4\).*Resize.*case 2, modality bus'):
        collate_cases([transform(case('1', bus=(4, 4, 3))), transform(case('2', bus=(5, 4, 3)))])


def scored(name: str, logits: list[float] | None) -> Case:
    info = {} if logits is None else {'scores': {'image_logits': torch.tensor(logits)}}
    return PackCase(('bus',), CLINICAL)(Case(name, name, clinical={'age': 50.0, 'sex': 'F'}, info=info))


def test_cached_scores_replace_the_images() -> None:
    batch = collate_cases([scored('1', [1.0, 2.0]), scored('2', [3.0, 4.0])])
    assert batch['inputs']['image_logits'].tolist() == [[1, 2], [3, 4]]
    assert list(batch['inputs']) == ['image_logits']
    assert batch['clinical'].tolist() == [[50, 0], [50, 0]]


def test_scores_for_a_part_of_a_batch_are_refused() -> None:
    with pytest.raises(DataError, match=r'no cached scores.*case 2'):
        collate_cases([scored('1', [1.0, 2.0]), scored('2', None)])


def test_auto_values_must_be_settled_first() -> None:
    with pytest.raises(ValueError, match=r"\['side'\] are still 'auto'"):
        PackCase(('bus',), clinical=[dict(name='side', values='auto')])


def test_both_are_registered() -> None:
    assert FUNCTIONS.get('collate_cases') is collate_cases
    assert isinstance(TRANSFORMS.build(dict(type='PackCase', modalities=['bus'])), PackCase)
