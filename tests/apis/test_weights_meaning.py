"""Weights are refused by every command and function that would use them for something else."""

import pytest
import torch

import usmm
from usmm.apis import Predictor, get_model, init_model
from usmm.cli.main import main
from usmm.config import load_config
from usmm.engine import Experiment, RunOptions, load_weights
from usmm.structures import MEANING

SWAPPED = 'classes=SCC,ADC'
REFUSED = r"classes: \['SCC', 'ADC'\] instead of \['ADC', 'SCC'\] \(another order\)"


@pytest.fixture(scope='module')
def config(tiny_run):
    return str(tiny_run.parent / 'tiny.py')


@pytest.fixture(scope='module')
def swapped(tiny_run, tmp_path_factory):
    """The config with its classes in another order, as a file."""
    path = tmp_path_factory.mktemp('swapped') / 'swapped.py'
    path.write_text((tiny_run.parent / 'tiny.py').read_text().replace("('ADC', 'SCC')", "('SCC', 'ADC')"))
    return path


def test_every_checkpoint_of_a_run_states_its_meaning(tiny_run):
    paths = [tiny_run / 'model.pth', *tiny_run.glob('*/selected.pth'), *tiny_run.glob('*/epoch_*.pth')]
    assert len(paths) >= 4
    for path in paths:
        stated = load_weights(path)['meta'][MEANING]
        assert stated['classes'] == ['ADC', 'SCC'] and stated['positive'] == 'SCC'
        assert stated['variables'] == [
            {'name': 'age', 'unit': 'year', 'log': False, 'values': None},
            {'name': 'side', 'unit': None, 'log': False, 'values': ['left', 'right']},
        ]


@pytest.mark.parametrize(
    'words',
    [
        ['test', 'CONFIG', 'WEIGHTS', '--work-dir', 'OUT'],
        ['explain', 'CONFIG', 'WEIGHTS', '--out', 'OUT'],
        ['importance', 'CONFIG', 'WEIGHTS', '--out', 'OUT'],
        ['export', 'CONFIG', 'WEIGHTS', '--out', 'OUT/m.onnx'],
        ['train', 'CONFIG', '--work-dir', 'OUT', '--cfg-options', 'load_from=WEIGHTS'],
    ],
)
def test_commands_refuse_weights_of_classes_in_another_order(words, config, tiny_run, tmp_path, capsys):
    places = {'CONFIG': config, 'WEIGHTS': str(tiny_run / 'model.pth'), 'OUT': str(tmp_path)}
    for name, place in places.items():
        words = [word.replace(name, place) for word in words]
    options = [] if '--cfg-options' in words else ['--cfg-options']
    assert main([*words, *options, SWAPPED]) == 2
    text = ' '.join(capsys.readouterr().err.split())
    assert "classes: ['SCC', 'ADC'] instead of ['ADC', 'SCC'] (another order)" in text, text


def test_python_refuses_them_too(swapped, tiny_run):
    weights = tiny_run / 'model.pth'
    for use in (
        lambda: Predictor((swapped, weights), 'cpu'),
        lambda: init_model(swapped, weights),
        lambda: get_model(str(swapped), weights),
        lambda: usmm.train(swapped, {'load_from': str(weights)}, flags=RunOptions(progress=False)),
    ):
        with pytest.raises(ValueError, match=REFUSED):
            use()


def test_a_stage_s_weights_and_those_of_an_epoch_are_refused(tiny_run, config, tmp_path):
    loaded = load_config(config, {'classes': ['SCC', 'ADC']})
    for path in (tiny_run / 'image' / 'selected.pth', *tiny_run.glob('image/epoch_*.pth')):
        with pytest.raises(ValueError, match=REFUSED):
            Experiment(loaded, tmp_path, checkpoint=path)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'schema.clinical.0.unit': 'month'}, "unit of 'age': 'month' instead of 'year'"),
        ({'schema.clinical.1.values': ['right', 'left']}, r"categories of 'side': \['right', 'left'\] instead of"),
        ({'positive': 'ADC'}, "positive class: 'ADC' instead of 'SCC'"),
        ({'modalities': ['bus', 'clip', 'ue', 'clinical']}, r"modalities: \['bus', 'clip', 'ue', 'clinical'\] instead"),
    ],
)
def test_other_settings_that_change_the_meaning(options, message, tiny_run, config, tmp_path):
    with pytest.raises(ValueError, match=message):
        Experiment(load_config(config, options), tmp_path, checkpoint=tiny_run / 'model.pth')


def test_a_published_model_states_its_meaning(tiny_run, tmp_path):
    words = ['publish', str(tiny_run), '--name', 'tiny', '--zoo', str(tmp_path), '--data', 'made up']
    assert main([*words, '--licence', 'CC0-1.0', '--purpose', 'a test', '--limits', 'no patients']) == 0
    from usmm.weights import read_checkpoint

    meta = read_checkpoint(tmp_path / 'tiny' / 'model.safetensors')['meta']
    assert meta[MEANING] == load_weights(tiny_run / 'model.pth')['meta'][MEANING]


def test_weights_without_a_meaning_are_taken(tiny_run, config, tmp_path):
    content = load_weights(tiny_run / 'model.pth')
    torch.save({'state_dict': content['state_dict'], 'meta': {}}, tmp_path / 'bare.pth')
    assert Experiment(load_config(config), tmp_path, checkpoint=tmp_path / 'bare.pth').model is not None
