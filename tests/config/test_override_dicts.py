"""Overrides that are dicts: merged, or in the place of the old one."""

from __future__ import annotations

import pytest

from usmm.config import ConfigError, load_config

BASE = 'msmfn_small_phantom'
FUSION = dict(_delete_=True, type='AddFusion', embed_dims='${embed_dims}')


def test_a_dict_is_replaced_and_its_references_are_filled_in():
    options = {'model.fusion': FUSION, 'embed_dims': 48}
    for _ in range(2):  # the options of a study serve many configs
        assert dict(load_config(BASE, options).model.fusion) == dict(type='AddFusion', embed_dims=48)
    assert FUSION['_delete_'] is True


def test_a_dict_without_the_mark_is_merged():
    fusion = load_config(BASE, {'model.fusion': dict(num_layers=5)}).model.fusion
    assert fusion.num_layers == 5 and fusion.type == 'TransformerFusion'


def test_a_mark_with_nothing_to_delete_is_dropped():
    encoder = dict(_delete_=True, bus=dict(_delete_=True, type='ImageEncoder', modality='bus'))
    config = load_config(BASE, {'model.encoder': encoder, 'modalities': ('bus',)})
    assert config.model.encoder.to_dict() == dict(bus=dict(type='ImageEncoder', modality='bus'))


def test_a_dict_does_not_merge_into_a_value():
    with pytest.raises(ConfigError, match=r'--cfg-options model.schema: .* cannot inherit'):
        load_config(BASE, {'model.schema': dict(clinical=[])})


def test_a_stage_that_fits_needs_no_epochs():
    stages = [dict(name='table', fit=True)]
    with pytest.raises(ConfigError, match=r"a stage needs \['name', 'train'\], got \['name', 'fit'\]"):
        load_config(BASE, {'stages': stages})
    assert load_config(BASE, {'stages': [dict(stages[0], train='all')]}).stages[0].fit is True
