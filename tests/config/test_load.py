from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from usmm.config import ConfigError, files_of, load_config, parse_options, source_text

BASE = """
data_root = 'data/here'
table = '${data_root}/cases.csv'
classes = ('A', 'B')
modalities = ('bus', 'cdfi')
batch_size = 4
image_size = 32
train_pipeline = [dict(type='Resize', size='${image_size}')]
stages = [dict(name='one', train='all', optimizer=dict(type='Adam', lr=0.1), max_epochs=3)]
"""


@pytest.fixture
def write(tmp_path: Path):
    def _write(text: str, name: str = 'child.py') -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return _write


def test_references_follow_overrides_of_a_base_setting(write):
    write(BASE, 'base.py')
    child = write("_base_ = './base.py'\nbatch_size = 8\n")
    config = load_config(child, {'data_root': '/elsewhere', 'image_size': 64})
    assert config.table == '/elsewhere/cases.csv'
    assert config.train_pipeline[0]['size'] == 64  # the object, not its text
    assert config.batch_size == 8
    assert config.num_classes == 2 and config.name == 'child'


def test_setting_of_a_base_whose_users_are_replaced_is_no_mistake(write):
    write(BASE, 'base.py')
    child = write("_base_ = './base.py'\ntrain_pipeline = [dict(type='Resize', size=8)]\n")
    assert load_config(child).train_pipeline[0]['size'] == 8


def test_overrides_reach_into_lists_and_turn_one_modality_into_a_tuple(write):
    path = write(BASE)
    config = load_config(path, parse_options(['stages.0.optimizer.lr=0.5', 'modalities=bus', 'max_epochs=2']))
    assert config.stages[0]['optimizer']['lr'] == 0.5
    assert config.modalities == ('bus',)
    assert config.max_epochs == 2


def test_files_of_lists_the_child_first(write):
    base, child = write(BASE, 'base.py'), write("_base_ = ['./base.py']\n")
    assert files_of(child) == [child.resolve(), base.resolve()]


def test_source_text_is_a_config_that_still_takes_overrides(write, tmp_path):
    config = load_config(write(BASE), {'batch_size': 2})
    again = tmp_path / 'dump.py'
    again.write_text(source_text(config))
    assert load_config(again)._cfg_dict.to_dict() == config._cfg_dict.to_dict()
    assert load_config(again, {'image_size': 7}).train_pipeline[0]['size'] == 7


def test_source_text_of_a_config_from_elsewhere():
    with pytest.raises(ValueError, match='load_config'):
        source_text(Config(dict(a=1)))


@pytest.mark.parametrize(
    ('words', 'message'),
    [(['max_epochs'], 'takes KEY=VALUE'), (['=3'], 'takes KEY=VALUE')],
)
def test_options_must_be_pairs(words, message):
    with pytest.raises(ConfigError, match=message):
        parse_options(words)


@pytest.mark.parametrize(
    ('key', 'message'),
    [
        ('stages.5.max_epochs', "'5' is not an index of stages, a list of 1"),
        ('stages.x.max_epochs', "'x' is not an index of stages"),
        ('modle.depth', "unknown name 'modle'"),
        ('batch_size.x.y', "'batch_size' is a value, not a dict"),
    ],
)
def test_overrides_of_what_is_not_there(write, key, message):
    with pytest.raises(ConfigError, match=message):
        load_config(write(BASE), {key: 1})


def test_text_in_the_place_of_a_dict(write):
    config = write(BASE + "\nbackbone = dict(depth=18)\nother = dict(depth=50)\nuses = ['${backbone}', '${other}']\n")
    with pytest.raises(
        ConfigError, match=r"backbone: expected a dict, got the text \"\{'depth': 3\}\"; .* backbone.depth="
    ):
        load_config(config, {'backbone': "{'depth': 3}"}, check=False)
    assert load_config(config, {'backbone': '${other}'}, check=False).uses[0] == dict(depth=50)


def test_reference_to_nothing_names_the_nearest_setting_and_the_line(write):
    path = write(BASE.replace('${image_size}', '${image_siz}'))
    with pytest.raises(ConfigError, match=r"reference \$\{image_siz\}: .*did you mean 'image_size'"):
        load_config(path)


def test_circle_of_references(write):
    with pytest.raises(ConfigError, match=r'references go in a circle: (a -> b -> a|b -> a -> b)'):
        load_config(write(BASE + "a = '${b}'\nb = '${a}'\nwork_dir = '${a}'\n"))


def test_missing_file_is_said(tmp_path):
    with pytest.raises((FileNotFoundError, ValueError), match='nothing_like_this'):
        load_config(tmp_path / 'nothing_like_this.py')


def test_a_config_of_any_folder_inherits_a_shipped_one(write, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    # of the same name, so that looking in the working directory first would go in a circle
    (tmp_path / 'configs').mkdir()
    child = write("_base_ = 'usmm::msmfn_small_phantom'\ndata_root = 'mine'\n", 'configs/msmfn_small_phantom.py')
    config = load_config(child)
    assert config.dataset['table'] == 'mine/cases.xlsx' and config.model['type'] == 'MultiModalClassifier'
    assert files_of(child)[1].name == 'msmfn_small_phantom.py' and files_of(child)[-1].name == 'runtime.py'
    with pytest.raises(ConfigError, match=r"child\.py:1: _base_: no config .* did you mean 'msmfn_small_phantom'"):
        load_config(write("_base_ = 'usmm::msmfn_smal_phantom'\n"))
