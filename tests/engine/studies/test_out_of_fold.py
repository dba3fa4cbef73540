"""Boosted trees on out-of-fold image scores: who is scored by which network, a kill, and what is refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from usmm.config import load_config
from usmm.datasets import make_folds
from usmm.engine import Experiment, RunOptions, collect_scores, load_weights, read_predictions
from usmm.engine.studies import out_of_fold as module
from usmm.engine.studies.out_of_fold import out_of_fold_scores
from usmm.engine.table_fit import check_fit
from usmm.models import BoostedTableHead

QUIET = RunOptions(progress=False)
IMAGE = dict(type='mmpretrain.ResNet', depth=18, base_channels=4, stem_channels=4)
TREES: dict[str, Any] = {
    'modalities': ('bus', 'clinical'),
    'model.encoder': dict(_delete_=True, image=dict(type='ImageEncoder', modality='bus', backbone=IMAGE)),
    'model.fusion': dict(_delete_=True, type='PoolFusion'),
    'model.head': dict(_delete_=True, type='LinearHead'),
    'model.clinical': dict(_delete_=True, type='BoostedTableHead', options=dict(min_samples_leaf=2, max_iter=5)),
    'stages': [
        dict(name='image', train='all but clinical', optimizer=dict(type='Adam', lr=1e-3), max_epochs=1),
        dict(name='trees', train='clinical', fit=True, out_of_fold=2),
    ],
}


def weights(work: Path) -> dict[str, torch.Tensor]:
    return load_weights(work / 'model.pth')['state_dict']


@pytest.fixture(scope='module')
def whole(write_tiny_config, tmp_path_factory) -> tuple[Path, Experiment, dict, torch.Tensor]:
    """A run that was never stopped, and the scores that its trees were fitted on."""
    path = write_tiny_config(tmp_path_factory.mktemp('whole'))
    seen = {}
    fit = BoostedTableHead.fit_table

    def keep(self, clinical, labels, seed=0, image_scores=None):
        seen['scores'] = image_scores
        fit(self, clinical, labels, seed, image_scores)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BoostedTableHead, 'fit_table', keep)
        run = Experiment(load_config(path, TREES), options=QUIET)
        metrics = run.train()
    return path, run, metrics, seen['scores']


def test_every_training_case_is_scored_by_a_network_that_did_not_see_it(whole) -> None:
    path, run, metrics, scores = whole
    trees = path.parent / 'work' / 'trees'
    cases = run.parts['train'].cases
    ids, patients = [c.case_id for c in cases], [c.patient_id for c in cases]
    of = make_folds(ids, patients, [c.label for c in cases], 2, 0)
    known = {}
    for fold in range(2):
        kept = {row['sample_id'] for row in csv.DictReader((trees / f'fold_{fold}' / 'cases.csv').open())}
        assert kept == {name for name, k in zip(ids, of) if k != fold}
        found = json.loads((trees / f'fold_{fold}' / 'scores.json').read_text())['scores']
        assert found.keys() == {*ids} - kept
        known |= found
    assert scores[:, 0].tolist() == pytest.approx([known[name][1] for name in ids], abs=1e-7)
    assert metrics['stages']['trees']['out_of_fold'] == 2 and metrics['stages']['trees']['fitted'] == len(ids)
    assert not list(trees.glob('fold_*/*/*.pth'))  # nothing is left of the inner networks


def test_an_inner_network_is_that_of_a_run_without_the_held_out_patients(whole, tmp_path: Path) -> None:
    path, run, _, _ = whole
    kept = path.parent / 'work' / 'trees' / 'fold_0' / 'cases.csv'
    options = {**TREES, 'dataset.only': str(kept), 'work_dir': str(tmp_path), 'split.file': str(tmp_path / 'f.csv')}
    options |= {'modalities': ('bus',), 'stages': TREES['stages'][:1]}
    other = Experiment(load_config(path, options), options=QUIET)
    other.train()
    held = run.parts['train'].sample_ids()
    held = [name for name in held if name not in {r['sample_id'] for r in csv.DictReader(kept.open())}]
    data = run._dataset('train', 'test_pipeline')
    data.choose(held)
    scored = collect_scores(other.model, data, 4, 0).scored
    expected = {c.case_id: c.info['scores']['image_logits'].softmax(0).tolist() for c in scored}
    found = json.loads((kept.parent / 'scores.json').read_text())['scores']
    assert {n: pytest.approx(p, abs=1e-6) for n, p in expected.items()} == found


def test_at_test_time_the_network_of_the_whole_training_part_gives_the_score(whole) -> None:
    path, _, metrics, _ = whole
    work = path.parent / 'work'
    image, model = load_weights(work / 'image' / 'selected.pth')['state_dict'], weights(work)
    assert all(torch.equal(image[n], model[n]) for n in image if not n.startswith('clinical.'))
    assert 'image/auc' in metrics['test'] and 'clinical_weights' not in metrics
    again = Experiment(load_config(path, TREES), path.parent / 'again', QUIET, ('test',), work / 'model.pth')
    rows = {r['case_id']: r['prob_SCC'] for r in read_predictions(work / 'predictions.csv') if r['part'] == 'test'}
    assert {r['case_id']: r['prob_SCC'] for r in again.evaluate()[1]} == pytest.approx(rows, abs=1e-6)


def test_a_killed_run_goes_on_with_the_next_fold_and_ends_the_same(whole, tiny_config, monkeypatch) -> None:
    ran = []
    inner = module._inner_config

    def dies(config, before, folder):
        ran.append(folder.name)
        if folder.name == 'fold_1' and ran.count('fold_1') == 1:
            raise KeyboardInterrupt
        return inner(config, before, folder)

    monkeypatch.setattr(module, '_inner_config', dies)
    with pytest.raises(KeyboardInterrupt):
        Experiment(load_config(tiny_config, TREES), options=QUIET).train()
    work = tiny_config.parent / 'work'
    first = (work / 'trees' / 'fold_0' / 'scores.json').stat().st_mtime_ns
    Experiment(load_config(tiny_config, TREES), options=QUIET).train(resume=True)
    assert (work / 'trees' / 'fold_0' / 'scores.json').stat().st_mtime_ns == first
    one, other = weights(work), weights(whole[0].parent / 'work')
    assert one.keys() == other.keys() and all(torch.equal(one[n], other[n]) for n in one)


def test_scores_of_other_settings_and_damaged_ones_are_made_anew(whole, tmp_path: Path) -> None:
    _, run, _, _ = whole
    folder, before = tmp_path / 'trees', TREES['stages'][:1]
    expected = out_of_fold_scores(run, before, 2, folder, False)
    file = folder / 'fold_1' / 'scores.json'
    for text in ('{', json.dumps({'key': 'other', 'scores': {}})):
        file.write_text(text)
        torch.testing.assert_close(out_of_fold_scores(run, before, 2, folder, True), expected)
        assert len(json.loads(file.read_text())['scores']) > 1


def test_a_run_that_starts_anew_forgets_the_scores(whole, tmp_path: Path, monkeypatch) -> None:
    run = whole[1]
    (tmp_path / 'trees' / 'fold_0').mkdir(parents=True)
    (tmp_path / 'trees' / 'fold_0' / 'old').touch()
    monkeypatch.setattr(module, '_fold', lambda outer, before, folder, kept, held: {name: [0.5, 0.5] for name in held})
    out_of_fold_scores(run, (), 2, tmp_path / 'trees', True)
    assert (tmp_path / 'trees' / 'fold_0' / 'old').exists()
    out_of_fold_scores(run, (), 2, tmp_path / 'trees', False)
    assert not (tmp_path / 'trees' / 'fold_0' / 'old').exists()


def test_trees_without_images_need_no_folds(tiny_config: Path) -> None:
    options = {**TREES, 'modalities': ('clinical',)}
    metrics = Experiment(load_config(tiny_config, options), options=QUIET).train()
    assert metrics['stages']['image'] == {'skipped': "nothing to train for modalities ['clinical']"}
    assert 'out_of_fold' not in metrics['stages']['trees']


def test_what_is_refused() -> None:
    head = BoostedTableHead([dict(name='age')])
    model = SimpleNamespace(clinical=head, resolve=lambda spec: ('clinical',))
    image, trees = dict(name='image'), dict(name='trees', train='clinical', fit=True)
    check_fit({**trees, 'out_of_fold': 2}, model, [image])
    for folds in (None, 1):
        with pytest.raises(ValueError, match=r"'trees': BoostedTableHead reads the score .* give it out_of_fold=2"):
            check_fit({**trees, 'out_of_fold': folds} if folds else trees, model, [image])
    with pytest.raises(ValueError, match="stage 'trees': no stage before it trains the images"):
        check_fit({**trees, 'out_of_fold': 3}, model, [dict(name='pairs', model=dict(type='SimCLR'))])
    with pytest.raises(ValueError, match="'trees': BoostedTableHead is fitted once, give the stage fit=True"):
        check_fit(dict(name='trees', train='clinical'), model)
    for spec in ({**trees, 'out_of_fold': 'three'}, {**trees, 'out_of_fold': True}):
        with pytest.raises(ValueError, match='out_of_fold is a number of folds, of a stage with fit=True; got'):
            check_fit(spec, model, [image])
    several = SimpleNamespace(sample_ids=lambda: ['a|1', 'a|2'], cases=[SimpleNamespace(case_id='a')])
    with pytest.raises(ValueError, match='out_of_fold needs a data set with one sample a case'):
        out_of_fold_scores(SimpleNamespace(parts={'train': several}), (), 2, Path('x'), True)
