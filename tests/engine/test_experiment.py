from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import torch

from usmm.config import load_config
from usmm.engine import Experiment, RunOptions, load_weights, read_predictions

QUIET = RunOptions(progress=False)


def run(config: Path, options: dict | None = None, **how) -> tuple[Experiment, dict]:
    experiment = Experiment(load_config(config, options), options=QUIET)
    return experiment, experiment.train(**how)


def weights(path: Path) -> dict[str, torch.Tensor]:
    return load_weights(path)['state_dict']


def assert_same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor], **tolerance) -> None:
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name], msg=lambda m, n=name: f'{n}: {m}', **tolerance)


@pytest.fixture(scope='module')
def trained(write_tiny_config, tmp_path_factory):
    path = write_tiny_config(tmp_path_factory.mktemp('trained'))
    experiment, metrics = run(path)
    return path, experiment, metrics


def test_work_dir_holds_what_the_contract_says(trained):
    path = trained[0]
    work = path.parent / 'work'
    on_disk = json.loads((work / 'metrics.json').read_text())
    assert sum(on_disk['cases'].values()) == 19 and set(on_disk['cases']) == {'train', 'val', 'test'}
    assert on_disk['selection'] == 'inner' and on_disk['seed'] == 0 and on_disk['versions']['torch']
    assert set(on_disk['stages']) == {'image', 'clinical'}
    assert on_disk['stages']['image']['epochs'] == 2 and on_disk['stages']['clinical']['epochs'] == 3
    rows = read_predictions(work / 'predictions.csv')
    assert len(rows) == on_disk['cases']['val'] + on_disk['cases']['test']
    assert set(rows[0]) == {
        'case_id', 'patient_id', 'part', 'fold', 'seed', 'label', 'pred', 'prob_ADC', 'prob_SCC',
    }  # fmt: skip
    for row in rows:
        assert row['label'] in ('ADC', 'SCC') and row['prob_ADC'] + row['prob_SCC'] == pytest.approx(1, abs=1e-6)
        assert row['pred'] == ('SCC' if row['prob_SCC'] > 0.5 else 'ADC')
    folds = list(csv.DictReader((work / 'folds.csv').open()))
    assert {r['case_id'] for r in folds if r['fold'] == '0'} == {r['case_id'] for r in rows if r['part'] == 'test'}
    assert load_config(work / 'config.py').name == 'tiny'


def test_checkpoint_loads_safely_and_gives_the_same_predictions(trained, tmp_path):
    path, _, metrics = trained
    again = Experiment(load_config(path), tmp_path, QUIET)
    again.load(path.parent / 'work' / 'model.pth')
    measured, rows = again.evaluate(('test',))
    assert measured['test'] == pytest.approx(metrics['test'], rel=0, abs=0, nan_ok=True)
    before = {r['case_id']: r['prob_SCC'] for r in read_predictions(path.parent / 'work' / 'predictions.csv')}
    assert {r['case_id']: r['prob_SCC'] for r in rows} == pytest.approx(
        {r['case_id']: before[r['case_id']] for r in rows}, abs=1e-6
    )


def test_weights_of_the_first_stage_let_the_images_decide(trained, tmp_path):
    path = trained[0]
    first = Experiment(load_config(path), tmp_path, QUIET)
    first.load(path.parent / 'work' / 'image' / 'selected.pth')
    metrics, _ = first.evaluate(('test',))
    assert metrics['test']['auc'] == metrics['test']['image/auc'] == trained[2]['test']['image/auc']


def test_second_stage_leaves_the_image_part_bit_for_bit(trained):
    work = trained[0].parent / 'work'
    before, after = weights(work / 'image' / 'selected.pth'), weights(work / 'clinical' / 'selected.pth')
    image = [n for n in before if not n.startswith('clinical.')]
    assert any('running_mean' in n for n in image)
    assert_same({n: before[n] for n in image}, {n: after[n] for n in image}, rtol=0, atol=0)
    assert any(not torch.equal(before[n], after[n]) for n in before if n.startswith('clinical.'))


def test_fitted_on_the_training_part_alone(trained):
    _, experiment, _ = trained
    ages = [c.clinical['age'] for c in experiment.parts['train'].cases]
    state = experiment.model.clinical.state_dict()
    found = [v for v in state.values() if v.numel() == 1 and abs(float(v) - sum(ages) / len(ages)) < 1e-4]
    assert found, 'no buffer holds the mean age of the training part'
    assert experiment.categories == {'side': ('left', 'right')}


def test_cached_and_uncached_second_stage_give_the_same_weights(trained, tiny_config):
    _, metrics = run(tiny_config, {'stages.1.cache': False})
    work = tiny_config.parent / 'work'
    cached = trained[0].parent / 'work'
    assert_same(weights(cached / 'model.pth'), weights(work / 'model.pth'), rtol=1e-4, atol=1e-5)
    assert metrics['test']['auc'] == pytest.approx(trained[2]['test']['auc'])


def test_cached_and_uncached_give_the_same_weights_under_amp(tiny_config, tmp_path):
    found = []
    for name, cache in (('cached', True), ('anew', False)):
        options = {'max_epochs': 3, 'stages.1.cache': cache, 'work_dir': str(tmp_path / name)}
        Experiment(load_config(tiny_config, options), options=RunOptions(amp=True, progress=False)).train()
        found.append(weights(tmp_path / name / 'clinical' / 'epoch_3.pth'))
    assert_same(*found, rtol=1e-5, atol=1e-6)


def test_cached_stage_runs_the_frozen_network_once_a_case(trained, monkeypatch, tmp_path):
    path, _, _ = trained
    experiment = Experiment(load_config(path, {'work_dir': str(tmp_path)}), options=QUIET)
    experiment.load(path.parent / 'work' / 'image' / 'selected.pth')
    seen = []
    experiment.model.encoder['static'].register_forward_pre_hook(lambda m, args: seen.append(len(args[0]['bus'])))
    experiment._run_stage(experiment.config.stages[1], False)
    assert sum(seen) == len(experiment.parts['train']) + len(experiment.parts['val'])


def test_resume_between_stages_runs_only_what_is_left(trained, tiny_config, monkeypatch):
    run(tiny_config, {'stages.1.max_epochs': 1})
    work = tiny_config.parent / 'work'
    first = (work / 'image' / 'selected.pth').stat().st_mtime_ns
    done = json.loads((work / 'stages.json').read_text())
    del done['clinical']
    (work / 'stages.json').write_text(json.dumps(done))
    for file in (work / 'clinical').glob('*.pth'):
        file.unlink()
    (work / 'clinical' / 'last_checkpoint').unlink()
    run(tiny_config, resume=True)
    assert (work / 'image' / 'selected.pth').stat().st_mtime_ns == first
    assert_same(weights(work / 'model.pth'), weights(trained[0].parent / 'work' / 'model.pth'), rtol=1e-5, atol=1e-6)


def test_resume_inside_a_stage_goes_on_from_its_epoch(tiny_config):
    work = tiny_config.parent / 'work'
    experiment = Experiment(load_config(tiny_config, {'stages.0.max_epochs': 1}), options=QUIET)
    experiment.config.stages[0]['max_epochs'] = 1
    experiment._run_stage(experiment.config.stages[0], False)
    assert (work / 'image' / 'epoch_1.pth').exists()
    _, metrics = run(tiny_config, resume=True)
    assert metrics['stages']['image']['epochs'] == 2
    log = ''.join(p.read_text() for p in (work / 'image').rglob('*.log'))
    assert 'resumed epoch: 1' in log


def test_one_stage_alone(trained, tiny_config):
    with pytest.raises(ValueError, match="stage 'clinical' needs stage 'image', which is not done in"):
        run(tiny_config, stage='clinical')
    with pytest.raises(ValueError, match=r"no stage 'second'; the config has \['image', 'clinical'\]"):
        run(tiny_config, stage='second')
    _, metrics = run(tiny_config, {'max_epochs': 1}, stage='image')
    assert list(metrics['stages']) == ['image'] and metrics['stages']['image']['epochs'] == 1
    _, metrics = run(tiny_config, {'max_epochs': 1}, stage='clinical')
    assert set(metrics['stages']) == {'image', 'clinical'}


def test_resume_from_a_file_that_belongs_to_no_stage(tiny_config, tmp_path):
    with pytest.raises(ValueError, match='its folder is not one of the stages'):
        run(tiny_config, resume=str(tmp_path / 'elsewhere' / 'epoch_1.pth'))


@pytest.mark.parametrize(
    ('modalities', 'streams'),
    [(['clinical'], None), (['ue', 'clinical'], {'static'}), (['clip'], {'dynamic'})],
)
def test_subsets_train_by_one_setting(tiny_config, modalities, streams):
    experiment, metrics = run(tiny_config, {'modalities': modalities, 'max_epochs': 1})
    assert (None if experiment.model.encoder is None else set(experiment.model.encoder)) == streams
    assert ('skipped' in metrics['stages']['image']) == (streams is None)
    assert ('skipped' in metrics['stages']['clinical']) == ('clinical' not in modalities)
    assert 0 <= metrics['test']['auc'] <= 1


def test_amp_on_a_cpu_trains_in_bfloat16_and_channels_last(tiny_config):
    seen = {}
    config = load_config(tiny_config, {'max_epochs': 1, 'modalities': ['bus', 'ue']})
    experiment = Experiment(config, options=RunOptions(amp=True, progress=False))
    conv = next(m for m in experiment.model.modules() if isinstance(m, torch.nn.Conv2d))

    def look(module, args, out):
        if module.training:
            seen['dtype'], seen['last'] = out.dtype, args[0].is_contiguous(memory_format=torch.channels_last)

    conv.register_forward_hook(look)
    metrics = experiment.train()
    assert seen == {'dtype': torch.bfloat16, 'last': True}
    assert metrics['test']['accuracy'] >= 0


@pytest.mark.parametrize('selection', ['last', 'test'])
def test_selection_is_written_with_the_numbers(tiny_config, selection):
    _, metrics = run(tiny_config, {'split.selection': selection, 'max_epochs': 1, 'modalities': ['bus']})
    assert metrics['selection'] == selection
    assert 'test' in metrics and ('val' in metrics) == (selection == 'test')


def test_no_validation(tiny_config):
    config = load_config(tiny_config, {'max_epochs': 1, 'modalities': ['bus']})
    metrics = Experiment(config, options=RunOptions(validate=False, progress=False)).train()
    assert 'selected_by' not in metrics['stages']['image']


def test_checkpoint_of_another_model_is_refused(trained, tmp_path):
    path, _, _ = trained
    other = Experiment(load_config(path, {'modalities': ['bus']}), tmp_path, QUIET)
    with pytest.raises(ValueError, match=r"modalities: \['bus'\] instead of \['bus', 'ue', 'clinical'\]"):
        other.load(path.parent / 'work' / 'model.pth')


def test_missing_table_says_what_to_do(tiny_config):
    with pytest.raises(Exception, match=r'usmm convert[\s\S]*make_phantom'):
        run(tiny_config, {'data_root': 'nowhere'})
