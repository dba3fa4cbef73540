"""A config that lacks settings of a trained model is one line, whichever command opens it."""

from __future__ import annotations

from pathlib import Path

import pytest

from usmm.apis import open_bundle
from usmm.cli.main import main
from usmm.config import TRAINED, ConfigError, check_present, load_config

WEIGHTS = "model = dict(type='MultiModalClassifier', classes=('ADC', 'SCC'), modalities=('bus',))\n"


@pytest.fixture
def incomplete(tiny_run: Path, tmp_path: Path) -> Path:
    """A folder with the weights of a run, and a config of the model alone."""
    (tmp_path / 'model.pth').symlink_to(tiny_run / 'model.pth')
    (tmp_path / 'config.py').write_text(WEIGHTS)
    return tmp_path


@pytest.mark.parametrize(
    'words',
    [['predict', 'FOLDER', '--inputs'], ['explain', 'CONFIG', 'MODEL'], ['importance', 'CONFIG', 'MODEL'],
     ['test', 'CONFIG', 'MODEL', '--work-dir', 'OUT'], ['calibrate', 'FOLDER', '--predictions', 'FOLDER'],
     ['predict', 'CONFIG', '--checkpoint', 'MODEL', '--inputs'], ['export', 'FOLDER', '--out', 'ONNX'],
     ['export', 'CONFIG', 'MODEL', '--out', 'ONNX']],
)  # fmt: skip
def test_commands_name_the_config_and_what_it_lacks(
    words: list[str], incomplete: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {'FOLDER': '', 'CONFIG': 'config.py', 'MODEL': 'model.pth', 'OUT': 'out', 'ONNX': 'm.onnx'}
    assert main([str(incomplete / places[word]) if word in places else word for word in words]) == 2
    text = capsys.readouterr().err
    assert f"{incomplete / 'config.py'} lacks the settings ['test_pipeline', 'schema', 'classes', 'modalities'" in text
    assert 'take the config.py that the training wrote beside its model.pth' in text and text.count('\n') == 1


def test_python_raises_it_too(incomplete: Path) -> None:
    for use in (
        lambda: open_bundle(incomplete),
        lambda: load_config(incomplete / 'config.py', needed=TRAINED),
        lambda: check_present({'model': None}, TRAINED, incomplete / 'config.py'),
    ):
        with pytest.raises(ConfigError, match=r'config\.py lacks the settings \[.*, which a trained model needs'):
            use()
