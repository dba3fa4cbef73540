from __future__ import annotations

from usmm.config import load_config
from usmm.config.categories import settle_categories


def test_categories_come_from_the_training_part_and_reach_every_copy_of_the_schema(tiny_config):
    config = load_config(tiny_config)
    assert settle_categories(config) == {'side': ('left', 'right')}
    for schema in (config.schema, config.dataset['schema'], config.model['schema']):
        assert tuple(schema['clinical'][1]['values']) == ('left', 'right')
    assert settle_categories(config) == {}  # nothing is left to settle


def test_categories_of_weights_come_first_unless_they_lack_one(tiny_config):
    assert settle_categories(load_config(tiny_config), {'side': ['a', 'b'], 'more': ['c']}) == {'side': ('a', 'b')}
    assert settle_categories(load_config(tiny_config), {'other': ['a']}) == {'side': ('left', 'right')}
