"""What a training needs, apart from what is wrong in a config."""

from __future__ import annotations

from pathlib import Path

import pytest

from usmm.config import ConfigError, load_config, parse_options
from usmm.config.complete import check_complete


def test_a_complete_config_passes(tiny_config: Path) -> None:
    check_complete(load_config(tiny_config), 'image')


@pytest.mark.parametrize(
    ('text', 'words', 'stage', 'message'),
    [
        ("data_root = 'x'", [], None,
         r"mine\.py: a training needs the settings \['schema', .* 'work_dir'\], which neither"),
        ("_base_ = 'usmm::msmfn_small_phantom'\nload_from = 'no.pth'", [], None,
         r"mine\.py:2: load_from: there is no file 'no\.pth'"),
        ("_base_ = 'usmm::msmfn_small_phantom'", ['load_from=no.pth'], None,
         'on the command line, --cfg-options load_from'),
        ("_base_ = 'usmm::msmfn_small_phantom'", [], 'imge',
         "--stage imge: mine has no such stage; did you mean 'image'"),
        ("_base_ = 'usmm::msmfn_small_phantom'\nsplit = None\nschema = dict(split=None)", [], None,
         r'mine\.py:2: split must be a dict such as dict\(folds=5, fold=0\), .* got None'),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(tmp_path: Path, text: str, words: list[str], stage: str | None, message: str) -> None:
    config = tmp_path / 'mine.py'
    config.write_text(text + '\n')
    with pytest.raises(ConfigError, match=message):
        check_complete(load_config(config, parse_options(words)), stage)
