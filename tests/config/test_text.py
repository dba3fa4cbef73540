"""Settings as the text of a file: what mmengine reads back is what was written."""

from __future__ import annotations

import random

import pytest
from mmengine.config import Config

from usmm.config import load_config
from usmm.config.text import config_text


def made_up(draws: random.Random, depth: int = 0) -> object:
    """A value of the kinds that a config holds, with odd texts and keys that are no names."""
    kinds = ['number', 'text', 'none'] if depth > 3 else ['number', 'text', 'none', 'list', 'tuple', 'dict', 'numbers']
    kind = draws.choice(kinds)
    if kind == 'number':
        return draws.choice([0, -3, 1e-5, 2.5, True, False, 10**12, float('inf')])
    if kind == 'text':
        return draws.choice(['', 'a', "it's", '"', 'two\nlines', 'C:\\data', '${seed}', 'ü' * 150, "'''"])
    items = [made_up(draws, depth + 1) for _ in range(draws.randrange(5))]
    if kind == 'list':
        return items
    if kind == 'tuple':
        return tuple(items)
    if kind == 'dict':
        return dict(zip(['type', 'b_1', 'class', 'x' * 40, 'two words'], items, strict=False))
    return dict(enumerate(items)) if kind == 'numbers' else None


@pytest.mark.parametrize('seed', range(20))
def test_mmengine_reads_back_what_was_written(seed: int) -> None:
    draws = random.Random(seed)
    settings = {f'key_{i}': made_up(draws) for i in range(8)}
    text = config_text(settings)
    scope: dict[str, object] = {}
    exec(text, scope)
    assert {key: scope[key] for key in settings} == settings
    assert Config.fromstring(text, '.py')._cfg_dict.to_dict() == settings


@pytest.mark.parametrize('name', ['msmfn_r50_r2plus1d', 'small_phantom', 'mcl_cgc_efficientnet_b2'])
def test_lines_are_short(name: str) -> None:
    content = load_config(name)._cfg_dict.to_dict()
    text = config_text(content)
    assert max(map(len, text.splitlines())) <= 120
    assert Config.fromstring(text, '.py')._cfg_dict.to_dict() == content


def test_names_must_be_those_of_python() -> None:
    with pytest.raises(ValueError, match=r"settings of a config file need names of Python, got \['two words'\]"):
        config_text({'two words': 1})
