"""The Predictor: the same numbers as a test, whatever a case is given as; bad cases beside good ones."""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from usmm.apis import Prediction, Predictor
from usmm.config import load_config
from usmm.engine import Experiment, RunOptions, read_predictions
from usmm.readers import DataError, read_clip
from usmm.structures import Case, has_trained, token
from usmm.weights import read_checkpoint

CLASSES = ('ADC', 'SCC')


@pytest.fixture(scope='module')
def tested(run: Path) -> dict[str, list[float]]:
    """Case id -> probabilities, as usmm/cli/test.py writes them: of all cases of the table."""
    config = load_config(run / 'config.py')
    experiment = Experiment(config, run.parent / 'test', RunOptions(progress=False), ['test'], run / 'model.pth')
    experiment.trained_on = frozenset()
    experiment.write_results(*experiment.evaluate(['test']))
    rows = read_predictions(run.parent / 'test' / 'predictions.csv')
    return {row['case_id']: [row['prob_ADC'], row['prob_SCC']] for row in rows}


@pytest.fixture
def rows(tiny_data: Path) -> list[dict[str, Any]]:
    """The rows of the tiny table, paths absolute."""
    found = []
    for row in csv.DictReader((tiny_data / 'cases.csv').open(newline='')):
        found.append({**row, **{m: str(tiny_data / row[m]) for m in ('bus', 'ue', 'clip')}})
    return found


def scores(found: Prediction) -> list[float]:
    assert found.error is None, found.error
    return [found.probabilities[name] for name in CLASSES]


def as_arrays(row: dict[str, Any]) -> dict[str, Any]:
    pictures = {m: np.asarray(Image.open(row[m])) for m in ('bus', 'ue')}
    return {**row, **pictures, 'clip': read_clip(Path(row['clip']))[0]}


FORMS: dict[str, Callable[[dict[str, Any]], Any]] = {
    'text': lambda row: row,
    'paths': lambda row: {**row, **{m: Path(row[m]) for m in ('bus', 'ue', 'clip')}},
    'lists of paths': lambda row: {**row, 'bus': [row['bus']]},
    'arrays': as_arrays,
    'PIL and frames': lambda row: {**row, 'bus': Image.open(row['bus']), 'clip': list(read_clip(row['clip'])[0])},
    'nested clinical values': lambda row: {
        **{k: v for k, v in row.items() if k not in ('age', 'side')},
        'clinical': {'age': float(row['age']), 'side': row['side']},
    },
    'numbers': lambda row: {**row, 'age': np.int64(int(row['age']))},
    'a row of pandas': lambda row: pd.Series(row).to_dict(),
}


@pytest.mark.parametrize('form', FORMS)
def test_every_form_of_a_case_gives_the_numbers_of_a_test(form: str, predictor, tested, rows) -> None:
    given = [FORMS[form](row) for row in rows if row['case_id'] in tested]
    found = predictor.predict(given)
    assert [f.case_id for f in found] == [row['case_id'] for row in rows if row['case_id'] in tested]
    assert len(found) == 6
    for one in found:
        np.testing.assert_allclose(scores(one), tested[one.case_id], rtol=0, atol=1e-6)
        assert one.predicted == CLASSES[int(np.argmax(tested[one.case_id]))]
        assert one.label in CLASSES and one.warnings == ()


@pytest.mark.parametrize('batch_size', [1, 4, 100])
def test_a_whole_table(batch_size: int, predictor, tested, tiny_data) -> None:
    found = predictor.predict(tiny_data / 'cases.csv', batch_size=batch_size)
    assert [f.case_id for f in found] == [f'c{i}' for i in range(19)]
    ours = {f.case_id: scores(f) for f in found}
    for case, expected in tested.items():
        np.testing.assert_allclose(ours[case], expected, rtol=0, atol=1e-6)


def test_sources_of_a_model_agree(run, published, tested, rows, tmp_path) -> None:
    import shutil

    folder = published / 'tiny'
    archive = Path(shutil.make_archive(str(tmp_path / 'tiny'), 'zip', published, 'tiny'))
    sources = [
        (run / 'config.py', run / 'model.pth'),
        str(run),
        run / 'model.pth',
        folder,
        archive,
        folder / 'model.safetensors',
    ]
    row = next(row for row in rows if row['case_id'] in tested)
    for source in sources:
        (found,) = Predictor(source, device='cpu').predict(row)
        np.testing.assert_allclose(scores(found), tested[row['case_id']], rtol=0, atol=1e-6)


def test_a_name_of_the_zoo(published, tested, rows, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv('USMM_CACHE', str(tmp_path))
    row = next(row for row in rows if row['case_id'] in tested)
    (found,) = Predictor('tiny', zoo=published).predict([row])
    np.testing.assert_allclose(scores(found), tested[row['case_id']], rtol=0, atol=1e-6)
    with pytest.raises(ValueError, match=r"no model 'tinny' in .*; did you mean "):
        Predictor('tinny', zoo=published)


@pytest.fixture
def broken(tiny_data: Path, tmp_path: Path) -> tuple[Path, list[str]]:
    """A table with a missing file, a damaged picture and an unreadable clip among good cases; the bad cases."""
    rows = list(csv.DictReader((tiny_data / 'cases.csv').open(newline='')))[:7]
    for row in rows:
        for m in ('bus', 'ue', 'clip'):
            (tmp_path / row[m]).write_bytes((tiny_data / row[m]).read_bytes())
    (tmp_path / rows[1]['ue']).unlink()
    picture = tmp_path / rows[3]['bus']
    picture.write_bytes(picture.read_bytes()[: picture.stat().st_size // 2])
    (tmp_path / rows[4]['clip']).write_bytes(b'this is no clip')
    with (tmp_path / 'cases.csv').open('w', newline='') as file:
        writer = csv.DictWriter(file, [k for k in rows[0] if k != 'label'], extrasaction='ignore')
        writer.writeheader()
        writer.writerows(rows)
    return tmp_path / 'cases.csv', ['c1', 'c3', 'c4']


@pytest.mark.parametrize('batch_size', [1, 3, 10])
def test_bad_cases_beside_good_ones(batch_size: int, predictor, broken, tiny_data) -> None:
    table, bad = broken
    good = {f.case_id: f for f in predictor.predict(tiny_data / 'cases.csv')}
    found = predictor.predict(table, batch_size=batch_size)
    assert [f.case_id for f in found] == [f'c{i}' for i in range(7)]
    assert [f.case_id for f in found if not f.ok] == bad
    for one in found:
        assert one.label is None
        if one.ok:
            np.testing.assert_allclose(scores(one), scores(good[one.case_id]), rtol=0, atol=1e-6)
        else:
            assert one.probabilities == {} and one.predicted is None
    errors = {f.case_id: f.error or '' for f in found}
    assert 'does not exist' in errors['c1'] and '1_ue.png' in errors['c1'] and 'modality ue' in errors['c1']
    assert '3_bus.png' in errors['c3'] and 'modality bus' in errors['c3']
    assert '4.avi' in errors['c4'] and 'modality clip' in errors['c4']


def test_a_case_of_another_size_than_its_batch(predictor, rows, monkeypatch) -> None:
    good = predictor.predict(rows[:2])
    monkeypatch.setattr(predictor, 'pipeline', [t for t in predictor.pipeline if type(t).__name__ != 'Resize'])
    small = {**as_arrays(rows[0]), 'bus': np.zeros((32, 32, 3), np.uint8), 'ue': np.zeros((32, 32, 3), np.uint8)}
    found = predictor.predict([rows[0], small, rows[1]], batch_size=3)
    assert [f.ok for f in found] == [True, True, True]  # run one by one
    assert [f.case_id for f in found] == ['c0', 'c0', 'c1'] and len(good) == 2
    assert found[1].warnings == ('this case id stands before another case too',)


def test_what_is_no_case_is_an_error_in_its_place(predictor, rows) -> None:
    found = predictor.predict([rows[0], 7, {}, rows[1]])
    assert [f.ok for f in found] == [True, False, False, True]
    assert found[1].error == 'a case is a mapping from modalities to paths or pixels, got int'
    assert found[2].error == 'lacks bus, ue, clip: this model needs them' and found[2].case_id == 'case_3'


def test_patients_of_the_training_are_told(predictor, run, tiny_data) -> None:
    meta = read_checkpoint(run / 'model.pth')['meta']
    found = predictor.predict(tiny_data / 'cases.csv')
    seen = {f.case_id for f in found if any('was in the training data' in w for w in f.warnings)}
    config = load_config(run / 'config.py')
    experiment = Experiment(config, parts=['train'], checkpoint=run / 'model.pth')
    assert seen == {case.case_id for case in experiment.parts['train'].cases} and 6 < len(seen) < 19
    assert {token(case) for case in experiment.parts['train'].cases} == set(meta['trained_on'])


@pytest.mark.parametrize('write', [str.lower, lambda text: f' {text[0]} {text[1:]}', lambda text: text + '\u200b'])
def test_patients_whose_ids_are_typed_in_another_way_are_told(predictor, tiny_data, write, monkeypatch) -> None:
    monkeypatch.chdir(tiny_data)
    rows = pd.read_csv(tiny_data / 'cases.csv', dtype=str).to_dict('records')
    found = [
        [f.case_id for f in predictor.predict(table) if any('was in the training data' in w for w in f.warnings)]
        for table in (pd.DataFrame(rows), pd.DataFrame([{**r, 'patient_id': write(r['patient_id'])} for r in rows]))
    ]
    assert found[0] == found[1] != []


def test_files_of_earlier_versions_know_their_patients() -> None:
    case = Case('c', 'P 7')
    earlier = {hashlib.sha256(b'P 7').hexdigest()[:12]}
    assert has_trained(case, earlier) and not has_trained(Case('c', 'p7'), earlier)
    assert has_trained(Case('c', 'p7'), {token(case)}) and not has_trained(Case('c', 'P8'), {token(case)})


def test_stages_and_frame(predictor, rows) -> None:
    found = predictor.predict([rows[0], {'case_id': '=bad'}])
    assert set(found[0].stages) == {'image', 'final'}
    assert found[0].stages['final'] == found[0].probabilities != found[0].stages['image']
    assert sum(found[0].stages['image'].values()) == pytest.approx(1)
    frame = predictor.to_frame(found)
    assert list(frame) == [
        'case_id', 'patient_id', 'part', 'fold', 'seed', 'label', 'pred', 'prob_ADC', 'prob_SCC', 'image_ADC',
        'image_SCC', 'warnings', 'error',
    ]  # fmt: skip
    assert frame['prob_SCC'][0] == found[0].probabilities['SCC'] and math.isnan(frame['prob_SCC'][1])
    assert frame['error'].tolist() == ['', 'lacks bus, ue, clip: this model needs them']


def test_iterate_is_lazy_and_takes_any_iterable(predictor, rows) -> None:
    taken = []

    def endless() -> Iterator[dict[str, Any]]:
        while True:
            taken.append(1)
            yield rows[0]

    found = predictor.iterate(endless(), batch_size=2)
    assert next(found).ok and len(taken) == 2
    assert [f.case_id for f in predictor.iterate(rows[:3], progress=True)] == ['c0', 'c1', 'c2']
    assert predictor.predict(pd.DataFrame(rows[:2]))[1].case_id == 'c1'


def test_heat_and_contributions(predictor, rows) -> None:
    (found,) = predictor.predict(rows[0], explain=True)
    assert set(found.pictures) == {'bus', 'ue', 'clip'}
    assert set(found.heat) | set(found.heat_notes) == {'bus', 'ue', 'clip'} and found.heat
    for modality, heat in found.heat.items():
        assert heat.shape == found.pictures[modality].shape[:-1]
        assert heat.min() >= 0 and heat.max() == pytest.approx(1)
    assert set(found.contributions) == {'bus', 'ue', 'clip', 'clinical'}
    total = found.baseline + sum(found.contributions.values())
    assert total == pytest.approx(found.probabilities[found.predicted], abs=1e-5)  # efficiency of Shapley values


def test_mistakes(run, predictor, tmp_path) -> None:
    with pytest.raises(ValueError, match='batch_size must be 1 or more, got -1'):
        predictor.predict([], batch_size=-1)
    (tmp_path / 'cases.csv').write_text('case_id,bus\n')
    with pytest.raises(DataError, match='the table has no rows'):
        predictor.predict(tmp_path / 'cases.csv')
    with pytest.raises(ValueError, match='a network must come from get_model or init_model'):
        Predictor(torch.nn.Linear(1, 1))
    with pytest.raises(ValueError, match='has no weights: a model that is not trained predicts nothing'):
        Predictor((run / 'config.py', None))
    assert predictor.predict([]) == []


def test_a_file_table_gives_the_numbers_of_the_case_table(predictor, tiny_data: Path, tmp_path: Path, caplog) -> None:
    rows = list(csv.DictReader((tiny_data / 'cases.csv').open(newline='')))
    expected = predictor.predict(tiny_data / 'cases.csv')
    files = [
        dict(case_id=row['case_id'], modality=m, file=str(tiny_data / row[m]))
        for row in rows
        for m in ('bus', 'ue', 'clip')
    ]
    files += [dict(case_id='elsewhere', modality='bus', file=files[0]['file'])]
    files += [dict(files[3], file='absent.png'), files[1]]  # a second image that is not there, and a file twice
    pd.DataFrame(files).to_csv(tmp_path / 'files.csv', index=False)
    pd.DataFrame(rows).drop(columns=['bus', 'ue', 'clip']).to_csv(tmp_path / 'cases.csv', index=False)
    found = predictor.predict(tmp_path / 'cases.csv', file_table=tmp_path / 'files.csv')
    for one, two in zip(expected, found, strict=True):
        assert (one.case_id, one.label, one.predicted) == (two.case_id, two.label, two.predicted)
        np.testing.assert_array_equal(scores(one), scores(two))
    assert any('the file stands in line 3 and again in line' in text for text in found[0].warnings)
    assert any('there is no such file' in text for text in found[1].warnings)
    assert any('bus: 1 of 2 files not used' in text for text in found[1].warnings)
    # one table of both, and what cannot be assigned
    export = pd.DataFrame(files[:-3]).merge(pd.read_csv(tmp_path / 'cases.csv', dtype=str), on='case_id')
    export.to_csv(tmp_path / 'export.csv', index=False)
    both = predictor.predict(tmp_path / 'cases.csv', file_table=tmp_path / 'export.csv')
    assert [scores(one) for one in both] == [scores(one) for one in expected]
    files[0]['modality'] = 'bu s'
    pd.DataFrame(files).to_csv(tmp_path / 'files.csv', index=False)
    with pytest.raises(DataError, match=r"1 problems of the files[\s\S]*modality 'bu s'[\s\S]*did you mean 'bus'"):
        predictor.predict(tmp_path / 'cases.csv', file_table=tmp_path / 'files.csv')
    with pytest.raises(ValueError, match='file_table belongs to a case table: give the path of the case table'):
        predictor.predict(rows, file_table=tmp_path / 'files.csv')
    one = predictor.predict(tmp_path / 'export.csv', file_table=tmp_path / 'export.csv')  # one table of both
    assert [scores(case) for case in one] == [scores(case) for case in expected]
    found = predictor.predict(tiny_data / 'cases.csv', file_table=tmp_path / 'export.csv')
    assert 'both the case table and the file table state files; leave one out' in str(found[0].error)
