"""train, test and print_config as a user runs them: by path in a shell, by `usmm NAME`, and with mistakes."""

from __future__ import annotations

import ast
import csv
import json
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest

from usmm.cli import main as cli


def names(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir()}


def content(folder: Path) -> dict:
    return json.loads((folder / 'metrics.json').read_text())


@dataclass
class Runs:
    """What one train run after the other, and a test run, left behind."""

    folder: Path
    first: str
    after_first: dict[str, set[str]]
    first_metrics: dict
    image_weights: bytes
    second: str

    @property
    def work(self) -> Path:
        return self.folder / 'mine'


@pytest.fixture(scope='module')
def runs(warm_python, write_tiny_config: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Stage `image` alone and without validation; then the rest, by --resume, from another config of the folder."""
    folder = tmp_path_factory.mktemp('runs')
    write_tiny_config(folder)
    how = ('tiny.py', '--work-dir', 'mine', '--cfg-options', 'max_epochs=2', 'stages.0.optimizer.lr=0.002')
    (first,) = warm_python.run(['-m', 'usmm', 'train', *how, '--stage', 'image', '--no-validate'], folder)
    assert first.returncode == 0, first.stderr
    held = {part: names(folder / part) for part in ('mine', 'mine/figures')}
    metrics, weights = content(folder / 'mine'), (folder / 'mine/image/selected.pth').read_bytes()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as second:
        patch.chdir(folder)
        assert cli.main(['train', *how, '--resume']) == 0
    return Runs(folder, first.stdout, held, metrics, weights, second.getvalue())


def test_one_stage_without_validation(runs: Runs) -> None:
    assert runs.after_first['mine'] >= {
        'config.py', 'folds.csv', 'image', 'stages.json', 'metrics.json', 'predictions.csv', 'model.pth', 'figures',
    }  # fmt: skip
    assert 'clinical' not in runs.after_first['mine']
    assert {'training_image.png', 'roc_test.png', 'confusion_test.svg'} <= runs.after_first['mine/figures']
    assert 'tiny [image]  epoch 2/2' in runs.first and '[clinical]' not in runs.first
    assert 'val auc' not in runs.first and not list(runs.work.glob('image/best_*'))
    assert set(runs.first_metrics['stages']) == {'image'}
    assert runs.first_metrics['selection'] == 'last' and 'selection of the epoch: none' in runs.first
    assert 'clinical_weights.png' not in runs.after_first['mine/figures']  # nothing has been learnt there
    # the clinical head has not learnt: the images decide
    assert runs.first_metrics['test']['auc'] == runs.first_metrics['test']['image/auc']


def test_resume_runs_what_is_left(runs: Runs) -> None:
    assert 'tiny [clinical]  epoch 2/2' in runs.second and '[image]' not in runs.second
    assert 'val auc' in runs.second and list(runs.work.glob('clinical/best_auc_*'))
    assert (runs.work / 'image/selected.pth').read_bytes() == runs.image_weights
    metrics = content(runs.work)
    assert metrics['stages']['clinical']['epochs'] == 2 and set(metrics['stages']) == {'image', 'clinical'}
    assert metrics['test']['image/auc'] == runs.first_metrics['test']['auc']
    assert not (runs.folder / 'work').exists()  # --work-dir came before the config's


def test_the_work_dir_holds_results_that_agree(runs: Runs) -> None:
    metrics = content(runs.work)
    with (runs.work / 'predictions.csv').open(newline='') as stream:
        rows = [row for row in csv.DictReader(stream) if row['part'] == 'test']
    assert len(rows) == metrics['cases']['test'] == 6
    assert metrics['test']['accuracy'] == pytest.approx(sum(r['pred'] == r['label'] for r in rows) / 6)
    assert f'{metrics["test"]["accuracy"]:.3f}' in runs.second
    drawn = names(runs.work / 'figures')
    wanted = ('roc_test', 'confusion_val', 'confusion_test', 'training_image', 'training_clinical', 'clinical_weights')
    assert {f'{name}.{suffix}' for name in wanted for suffix in ('png', 'svg')} <= drawn
    assert all((runs.work / 'figures' / name).stat().st_size > 1000 for name in drawn)


def test_the_config_that_is_kept_has_the_overrides(runs: Runs) -> None:
    settings = {
        node.targets[0].id: node.value
        for node in ast.parse((runs.work / 'config.py').read_text()).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    assert ast.literal_eval(settings['max_epochs']) == 2 and ast.literal_eval(settings['work_dir']) == 'mine'
    assert 'lr=0.002' in ast.unparse(settings['stages'])


def test_test_gives_what_training_gave(usmm, runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    how = ('--work-dir', 'again', '--parts', 'test', '--cfg-options', 'split.file=mine/folds.csv')
    monkeypatch.chdir(runs.folder)
    code, _, error = usmm('test', 'tiny.py', 'mine/model.pth', *how)
    assert code == 0, error
    before, after = content(runs.work), content(runs.folder / 'again')
    assert after['test'] == pytest.approx(before['test'], nan_ok=True) and 'val' not in after
    assert after['checkpoint'] == 'mine/model.pth'
    assert names(runs.folder / 'again') >= {'metrics.json', 'predictions.csv', 'figures'}
    assert {'roc_test.png', 'confusion_test.png'} <= names(runs.folder / 'again/figures')
    lines = [(folder / 'predictions.csv').read_text().splitlines() for folder in (runs.work, runs.folder / 'again')]
    assert set(lines[1]) <= set(lines[0]) and len(lines[1]) == 1 + 6


def test_print_config_prints_a_config_with_everything_filled_in(usmm, tiny_config: Path, tiny_data: Path) -> None:
    code, text, _ = usmm('print_config', tiny_config, '--cfg-options', 'max_epochs=7', 'modalities=bus,ue')
    assert code == 0 and '${' not in text
    scope: dict = {}
    exec(text, scope)
    assert (scope['max_epochs'], scope['dataset']['table']) == (7, f'{tiny_data}/cases.csv')
    assert tuple(scope['model']['modalities']) == ('bus', 'ue')


MISSPELT = [
    ('max_epochs = None', 'max_epoch = 3', "top level: unknown name 'max_epoch'; did you mean 'max_epochs'"),
    ('GuidedEncoder', 'GuidedEncodr', "encoder.static.type: unknown name 'GuidedEncodr'; did you mean 'GuidedEncoder'"),
    ("type='Adam', lr=1e-3", "type='Adam', rl=1e-3", "stages.0.optimizer (Adam): unknown name 'rl'; did you mean 'lr'"),
]


@pytest.mark.parametrize('tool', ['train', 'test', 'print_config'])
@pytest.mark.parametrize(('old', 'new', 'message'), MISSPELT)
def test_a_misspelt_name(usmm, tiny_config: Path, tool: str, old: str, new: str, message: str) -> None:
    text = tiny_config.read_text().replace(old, new)
    tiny_config.write_text(text)
    line = next(i for i, words in enumerate(text.splitlines(), 1) if new in words)
    code, out, error = usmm(tool, tiny_config, *(['model.pth'] if tool == 'test' else []))
    assert (code, out) == (2, '')
    assert error.startswith(f'error: {tiny_config}:{line}: ') and message in error
    assert len(error.splitlines()) == 1
    assert names(tiny_config.parent) == {'tiny.py'}


def test_a_misspelt_override_and_a_misspelt_config(usmm, tiny_config: Path) -> None:
    code, _, error = usmm('print_config', tiny_config, '--cfg-options', 'spilt.folds=2')
    assert code == 2 and error.startswith(f'error: {tiny_config}: --cfg-options spilt.folds: ')
    assert "did you mean 'split'" in error
    code, _, error = usmm('train', 'msmfn_smal_phantom')
    assert code == 2 and error.startswith("error: no config 'msmfn_smal_phantom'; did you mean 'msmfn_small_phantom'")


def test_no_data_says_how_to_get_some(usmm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, error = usmm('train', 'msmfn_small_phantom', '--cfg-options', 'data_root=data/nowhere')
    assert code == 2
    message = error[error.index('error: ') :]
    assert 'no case table' in message and str(tmp_path / 'data/nowhere/cases.xlsx') in message
    assert 'make_phantom' in message and 'usmm convert' in message
    assert 'Traceback' not in error and len(message.splitlines()) == 1


def test_the_traceback_on_request(usmm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('USMM_TRACEBACK', '1')
    with pytest.raises(FileNotFoundError, match="no config 'no_such_config'"):
        cli.main(['print_config', 'no_such_config'])


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--stage', 'images'], "error: --stage images: tiny has no such stage; did you mean 'image'?"),
        (['--stage', 'clinical'], "error: stage 'clinical' needs stage 'image', which is not done in"),
        (['--resume', 'elsewhere/epoch_1.pth'], 'error: cannot resume from elsewhere/epoch_1.pth'),
    ],
)
def test_a_stage_that_cannot_be_run(usmm, tiny_config: Path, words: list[str], message: str) -> None:
    code, _, error = usmm('train', tiny_config, *words)
    assert code == 2 and message in error


def test_weights_that_do_not_fit(usmm, runs: Runs, tmp_path: Path) -> None:
    weights = runs.work / 'model.pth'
    narrow = ('--cfg-options', 'model.fusion.embed_dims=8', f'split.file={runs.work / "folds.csv"}')
    code, _, error = usmm('test', runs.folder / 'tiny.py', weights, '--work-dir', tmp_path, *narrow)
    assert code == 2 and error.rpartition('error: ')[2].startswith(f'{weights} does not fit the model of tiny')


def test_going_on_and_starting_over_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(['train', 'msmfn_small_phantom', '--resume', '--overwrite']) == 2
    assert '--resume goes on with a run, --overwrite starts over: give one of both' in capsys.readouterr().err
