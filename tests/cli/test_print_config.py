"""`usmm print_config`: the resolved config, and with --runner the plain one of a stage."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from usmm.cli import print_config
from usmm.config import load_config, runner_config


def test_what_is_printed_is_the_config(tiny_config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert print_config.main([str(tiny_config), '--cfg-options', 'max_epochs=4']) == 0
    printed = Config.fromstring(capsys.readouterr().out, '.py')
    assert printed._cfg_dict == load_config(tiny_config, {'max_epochs': 4})._cfg_dict


def test_the_plain_config_of_a_stage(tiny_config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert print_config.main([str(tiny_config), '--runner', '--stage', 'clinical']) == 0
    printed = Config.fromstring(capsys.readouterr().out, '.py')
    assert printed._cfg_dict == runner_config(load_config(tiny_config), 'clinical')._cfg_dict
    assert print_config.main([str(tiny_config), '--runner']) == 2
    assert "has the stages ['image', 'clinical']: choose one with --stage" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        print_config.main([str(tiny_config), '--stage', 'image'])
    assert '--stage goes with --runner' in capsys.readouterr().err


def test_the_only_stage_needs_no_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert print_config.main(['bmode_blood_small_phantom', '--runner']) == 0
    assert "train='all but clinical'" in capsys.readouterr().out
