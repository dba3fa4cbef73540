"""predict and calibrate as a user runs them."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from usmm.engine import read_predictions
from usmm.engine.workdir.data_record import read_records
from usmm.engine.workdir.outputs import load_weights, save_checkpoint
from usmm.weights import read_checkpoint

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tiny_run: Path) -> Path:
    """A run of all modalities."""
    return tiny_run


@pytest.fixture
def broken(tiny_data: Path, tmp_path: Path) -> Path:
    """A table without labels: a missing file, a damaged picture, an unreadable clip, and an id that is a formula."""
    data = Path(shutil.copytree(tiny_data, tmp_path / 'data'))
    rows = list(csv.DictReader((data / 'cases.csv').open(newline='')))
    (data / '1_ue.png').unlink()
    (data / '3_bus.png').write_bytes((data / '3_bus.png').read_bytes()[:500])
    (data / '4.avi').write_bytes(b'no clip')
    rows[0]['case_id'] = '=HYPERLINK("http://x")'
    with (data / 'cases.csv').open('w', newline='') as file:
        writer = csv.DictWriter(file, [k for k in rows[0] if k != 'label'], extrasaction='ignore')
        writer.writeheader()
        writer.writerows(rows)
    return data / 'cases.csv'


def test_a_table_with_three_broken_cases(usmm: Run, run: Path, broken: Path, tmp_path: Path) -> None:
    out = tmp_path / 'p.csv'
    code, printed, errors = usmm('predict', run, '--table', broken, '--out', out, '--device', 'cpu', '--batch-size', 5)
    assert code == 0 and 'Traceback' not in errors
    assert f'{out}: 19 cases, 3 of them failed' in printed
    assert all(f'{case}: ' in errors for case in ('c1', 'c3', 'c4'))
    rows = read_predictions(out)
    assert [row['case_id'] for row in rows] == ['\'=HYPERLINK("http://x")', *[f'c{i}' for i in range(1, 19)]]
    assert [row['case_id'] for row in rows if row['error']] == ['c1', 'c3', 'c4']
    # the numbers of the run itself, on the cases of its own test part
    own = {r['case_id']: r['prob_SCC'] for r in read_predictions(run / 'predictions.csv') if r['part'] == 'test'}
    ours = {r['case_id']: r['prob_SCC'] for r in rows if not r['error']}
    both = own.keys() & ours.keys()
    assert len(both) >= 3 and all(abs(own[c] - ours[c]) <= 1e-6 for c in both)


def test_one_case_by_flags_and_by_pairs(usmm: Run, run: Path, tiny_data: Path, tmp_path: Path) -> None:
    bus, ue, clip = tiny_data / '0_bus.png', tiny_data / '0_ue.png', tiny_data / '0.avi'
    flags = usmm('predict', run, '--bus', bus, '--ue', ue, f'--clip={clip}', '--age', 54, '--side', 'left')
    pairs = usmm(
        'predict', run, '--case', f'bus={bus}', '--case', f'ue={ue}', '--case', f'clip={clip}', '--value', 'age=54',
        '--value', 'side=left', '--out', tmp_path / 'one.csv',
    )  # fmt: skip
    assert flags[0] == pairs[0] == 0, flags[2]
    assert flags[1] == pairs[1] and flags[1].startswith('case_1: ')
    (row,) = read_predictions(tmp_path / 'one.csv')
    assert f'SCC {row["prob_SCC"]:.4f}' in flags[1] and 'images alone' in flags[1]


def test_implausible_values(usmm: Run, run: Path, tiny_data: Path) -> None:
    files = ['--bus', tiny_data / '0_bus.png', '--ue', tiny_data / '0_ue.png', '--clip', tiny_data / '0.avi']
    code, printed, _ = usmm('predict', run, *files, '--age', '540', '--side', 'left')
    assert code == 0 and 'warning: age 540 year is outside the plausible range 0 to 120 year' in printed
    code, _, errors = usmm('predict', run, *files, '--age', '540', '--side', 'left', '--strict')
    assert code == 1 and 'error: case_1: age 540 year is outside the plausible range' in errors


def test_explanations(usmm: Run, run: Path, broken: Path, tmp_path: Path) -> None:
    text = broken.read_text().splitlines()
    broken.write_text('\n'.join(text[:3]).replace('"=HYPERLINK(""http://x"")"', '../../c0') + '\n')
    out, folder = tmp_path / 'p.csv', tmp_path / 'why'
    code, _, errors = usmm('predict', run, '--table', broken, '--out', out, '--explain', folder)
    assert code == 0, errors
    names = sorted(p.name for p in folder.iterdir())
    assert names == ['0001_______c0.png', '0001_______c0_clip.gif', 'contributions.csv']
    assert Image.open(folder / names[0]).size[0] > 300
    (row,) = csv.DictReader((folder / 'contributions.csv').open(newline=''))
    assert row['case_id'] == '../../c0'
    total = sum(float(row[name]) for name in ('nothing', 'bus', 'ue', 'clip', 'clinical'))
    (good, _) = read_predictions(out)
    assert total == pytest.approx(good[f'prob_{row["explained"]}'], abs=1e-5)


def test_inputs_are_told(usmm: Run, run: Path) -> None:
    code, printed, _ = usmm('predict', run, '--inputs')
    assert code == 0 and 'classes: ADC, SCC (positive: SCC)' in printed
    assert '--bus FILE    image; its lesion mask: --bus_mask FILE' in printed and '--clip FILE    clip' in printed
    assert 'a case needs all of bus + ue, or all of clip' in printed
    assert '--age VALUE    number in year, 0 to 120' in printed and '--side VALUE    one of left, right' in printed


def test_all_failed(usmm: Run, run: Path, broken: Path, tmp_path: Path) -> None:
    lines = broken.read_text().splitlines()
    broken.write_text('\n'.join([lines[0], *[line for line in lines if line.startswith(('c1,', 'c3,'))]]))
    code, printed, _ = usmm('predict', run, '--table', broken, '--out', tmp_path / 'p.csv')
    assert code == 1 and '2 cases, 2 of them failed' in printed
    assert [row['error'] != '' for row in read_predictions(tmp_path / 'p.csv')] == [True, True]


def test_mistakes(usmm: Run, run: Path, tmp_path: Path) -> None:
    for words, message in (
        ([], 'give a --table, or the inputs of one case, or --inputs'),
        (['--table', 't.csv', '--bus', 'a.png'], 'give a --table, or the inputs of one case, or --inputs'),
        (
            ['--files', 'f.csv', '--bus', 'a.png'],
            '--files is a table with the files of the cases of --table: give that',
        ),
        (['--bus'], '--bus is not an option of this command; as an input of the model it needs a value'),
        (['--buss', 'a.png'], "'buss' is neither an option nor an input of this model; did you mean 'bus'?"),
        (['--case', 'bus'], "expected NAME=VALUE, such as bus=a.png, got 'bus'"),
        (['--table', 't.csv', '--batch-size', '0'], "--batch-size: expected a whole number of 1 or more, got '0'"),
        (['--table', tmp_path / 't.csv'], 'does not exist'),
        (['--table', 't.csv', '--device', 'banana'], "device must be such as 'cpu' or 'cuda:0', got 'banana'"),
        (['--table', 't.csv', '--device', 'meta'], "device 'meta' cannot be used on this machine"),
    ):
        code, _, errors = usmm('predict', run, *words)
        assert code == 2 and message in errors and 'Traceback' not in errors
    code, _, errors = usmm('predict', tmp_path, '--inputs')
    assert code == 2 and 'holds no model: expected config.py and model.pth' in errors


def test_an_input_is_not_written_over(usmm: Run, run: Path, tiny_data: Path, tmp_path: Path) -> None:
    table = tmp_path / 'cases.csv'
    table.write_bytes((tiny_data / 'cases.csv').read_bytes())
    code, _, errors = usmm('predict', run, '--table', table, '--out', tmp_path / '.' / 'cases.csv')
    assert code == 2 and 'cases.csv is the table that is read; give it another name' in errors
    assert table.read_bytes() == (tiny_data / 'cases.csv').read_bytes()
    weights = (run / 'model.pth').read_bytes()
    code, _, errors = usmm('export', run, '--out', run / 'model.pth')
    assert code == 2 and 'model.pth is a file that is read; give it another name' in errors
    code, _, errors = usmm('export', run, '--out', tmp_path)
    assert code == 2 and 'is a folder; give it the name of a file' in errors
    code, _, errors = usmm('calibrate', run, '--predictions', run, '--out', run, '--force')
    assert code == 2 and 'is the run itself; the calibrated copy needs a folder of its own' in errors
    assert (run / 'model.pth').read_bytes() == weights


def test_a_result_that_cannot_be_written_leaves_nothing(usmm: Run, run: Path, tiny_data: Path, tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('here')
    table = tiny_data / 'cases.csv'
    code, _, errors = usmm('predict', run, '--table', table, '--out', tmp_path / 'file' / 'p.csv')
    assert code == 2 and 'cannot write' in errors and [p.name for p in tmp_path.iterdir()] == ['file']


def write_rows(path: Path, part: str) -> None:
    """Predictions that are too extreme: of 40 cases at 0.9 and at 0.1 a quarter has the other label."""
    rows = []
    for i in range(80):
        p, wrong = (0.9, 0.1)[i % 2], (i // 2) % 4 == 0
        label = 'SCC' if (p > 0.5) != wrong else 'ADC'
        rows.append(f'c{i},q{i},{part},0,0,{label},SCC,{1 - p},{p}')
    path.write_text('\n'.join(['case_id,patient_id,part,fold,seed,label,pred,prob_ADC,prob_SCC', *rows, '']))


def test_a_calibrated_copy(usmm: Run, run: Path, tiny_data: Path, tmp_path: Path) -> None:
    folds, out = tmp_path / 'cv', tmp_path / 'calibrated'
    folds.mkdir()
    (folds / 'summary.json').write_text('{}')
    write_rows(folds / 'predictions.csv', 'test')
    before = (run / 'model.pth').read_bytes()
    code, printed, errors = usmm('calibrate', run, '--predictions', folds, '--out', out)
    assert code == 0, errors
    assert (run / 'model.pth').read_bytes() == before
    found = read_checkpoint(out / 'model.pth')['meta']['calibration']
    # three of four at 0.9 are positive: logit(0.75) = slope * logit(0.9), by symmetry without an intercept
    assert found['slope'] == pytest.approx(0.5, abs=1e-6) and found['intercept'] == pytest.approx(0, abs=1e-6)
    assert (found['cases'], found['patients'], found['part']) == (80, 80, 'test') and 'slope 0.5000' in printed
    code, _, errors = usmm('predict', out, '--table', tiny_data / 'cases.csv', '--out', tmp_path / 'p.csv')
    assert code == 0, errors
    for row in read_predictions(tmp_path / 'p.csv'):
        p = row['prob_SCC']
        odds = (p / (1 - p)) ** 0.5
        assert float(row['calibrated_SCC']) == pytest.approx(odds / (1 + odds), abs=1e-6)
    (folds / 'summary.json').write_text('{"cases": 81}')
    code, _, errors = usmm('calibrate', run, '--predictions', folds, '--out', tmp_path / 'lost')
    assert code == 2 and 'has predictions of 80 cases, the cross-validation tested 81: lines were rem' in errors
    (folds / 'summary.json').write_text('{"cases": 80}')
    code, _, errors = usmm('calibrate', run, '--predictions', folds, '--out', out)
    assert code == 2 and 'holds a model already; --force replaces it' in errors
    code, _, errors = usmm('calibrate', run, '--predictions', folds, '--out', out, '--part', 'val')
    assert code == 2
    code, _, errors = usmm('calibrate', run, '--predictions', folds / 'predictions.csv')
    assert code == 2 and "has no rows of the part 'val'" in errors and not (run / 'calibrated').exists()


def test_a_bare_name_is_no_folder_to_calibrate(usmm: Run, tmp_path: Path) -> None:
    code, _, errors = usmm('calibrate', 'run', '--predictions', tmp_path)
    assert code == 2 and "'run' has no slash, so it is a name of the zoo" in errors and 'write ./run' in errors


def test_predictions_of_another_model_do_not_calibrate(usmm: Run, run: Path, tmp_path: Path) -> None:
    fold, out = tmp_path / 'cv' / 'fold_0', tmp_path / 'calibrated'
    fold.mkdir(parents=True)
    (tmp_path / 'cv' / 'summary.json').write_text('{}')
    write_rows(tmp_path / 'cv' / 'predictions.csv', 'test')
    content = load_weights(run / 'model.pth')
    for key, value, text in (
        ('modalities', ['ue'], "modalities: ['ue'] instead of ['bus', "),
        ('classes', ['SCC', 'ADC'], "classes: ['SCC', 'ADC'] instead of ['ADC', 'SCC'] (another order)"),
    ):
        meta = {**content['meta'], 'meaning': {**content['meta']['meaning'], key: value}}
        save_checkpoint(fold / 'model.pth', content['state_dict'], meta)
        code, _, errors = usmm('calibrate', run, '--predictions', tmp_path / 'cv', '--out', out)
        assert code == 2 and not out.exists()
        assert f'has predictions of another model than {run}: {fold} has {text}' in errors
    save_checkpoint(fold / 'model.pth', content['state_dict'], content['meta'])
    config = (run / 'config.py').read_text()
    (fold / 'config.py').write_text(f'{config}\nbatch_size = 3\nseed = 5\n')
    path = tmp_path / 'cv' / 'predictions.csv'
    path.write_text(path.read_text().replace('test,0,0,ADC', 'test,0,0,', 3))
    code, printed, errors = usmm('calibrate', run, '--predictions', tmp_path / 'cv', '--out', out)
    assert code == 0, errors
    assert "3 of 80 rows of the part 'test' have no label and were left out" in printed
    assert f"made with another config than {run}: it differs in ['batch_size']" in printed.replace('\n', ' ')


def test_predictions_that_cannot_calibrate_a_model(usmm: Run, run: Path, tmp_path: Path) -> None:
    path, out = tmp_path / 'predictions.csv', tmp_path / 'calibrated'

    def refused(*edits: tuple[str, str], source: Path = run) -> str:
        write_rows(path, 'val')
        text = path.read_text()
        for old, new in edits:
            assert old in text
            text = text.replace(old, new)
        path.write_text(text)
        code, _, errors = usmm('calibrate', source, '--predictions', path, '--out', out)
        assert code == 2 and not out.exists()
        return errors

    assert "has predictions of the classes ['ADC', 'SCC', 'LYM'], the model" in refused(
        ('prob_SCC\n', 'prob_SCC,prob_LYM\n'), (',0.9\n', ',0.9,0\n'), (',0.1\n', ',0.1,0\n')
    )
    row = 'c9,q9,val,0,0,SCC'
    errors = refused((row, row.replace('SCC', 'LYM')))
    assert "has labels that are not classes of the model ['ADC', 'SCC']: ['LYM']" in errors
    assert 'has several rows of one case and seed: c3' in refused(('c4,q4', 'c3,q3'))
    trained = next(record.patient_id for record in read_records(run) or () if record.part == 'train')
    errors = refused(('c4,q4', f'c4,{trained}'))
    assert f'1 of 80 patients of {path} trained {run}: {trained}; take predictions of other patients' in errors
    changed = tmp_path / 'changed'
    shutil.copytree(run, changed)
    with (changed / 'config.py').open('a') as file:
        file.write("\nclasses = ('SCC', 'ADC')\n")
    assert "classes: ['SCC', 'ADC'] instead of ['ADC', 'SCC'] (another order)" in refused(source=changed)
