"""Tables become configs that train, and what was assumed stands in them."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from usmm.apis.config_plan import plan_config
from usmm.apis.spreadsheet_config import _check_numbers, init_config
from usmm.config import ConfigError, load_config
from usmm.datasets.case_table import CaseTable
from usmm.datasets.table_inference import CaseRows, TableHints, UndecidedError, infer_roles, prepare_table
from usmm.engine import Experiment, RunOptions
from usmm.phantoms import make_phantom
from usmm.readers import DataError
from usmm.structures import Schema

QUICK = dict(max_epochs=1, num_workers=0, cache_dir=None)


def train(config: Path, **options: object) -> dict:
    torch.set_num_threads(1)
    settings = {**options, 'work_dir': str(config.parent / 'work'), 'num_workers': 0}
    experiment = Experiment(load_config(config, settings), options=RunOptions(progress=False))
    return dict(experiment.train())


def write(path: Path, columns: dict, delimiter: str = ',', encoding: str = 'utf-8') -> Path:
    with path.open('w', newline='', encoding=encoding) as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A table without images, which can be read as it is."""
    rng = np.random.default_rng(0)
    columns = dict(
        id=[f'{i:03d}' for i in range(30)],
        label=['benign', 'malignant'] * 15,
        age=[round(50 + 6 * (i % 2) + 8 * x) for i, x in enumerate(rng.normal(size=30))],
        sex=['F', 'M', 'M'] * 10,
    )
    return write(tmp_path / 'all.csv', columns)


@pytest.fixture
def clinic(tmp_path: Path) -> Path:
    """Semicolons, Windows-1252, decimal commas, backslashes, two rows a patient, cells that are missing or misspelt."""
    rng = np.random.default_rng(0)
    (tmp_path / 'Bilder 1').mkdir()
    rows = range(24)
    bad = [i // 2 % 2 == 1 for i in rows]
    for i in rows:
        image = np.clip(rng.normal(100 + 50 * bad[i], 20, (24, 30)), 0, 255).astype(np.uint8)
        Image.fromarray(image).save(tmp_path / 'Bilder 1' / f'b{i}.PNG')
        mask = np.zeros((24, 30), np.uint8)
        mask[5:15, 5:20] = 255
        Image.fromarray(mask).save(tmp_path / 'Bilder 1' / f'm{i}.png')
    columns = {
        'Patienten-Nr': [f'{i // 2:04d}' for i in rows],
        'Größe, mm': [f'{9 + x:.1f}'.replace('.', ',') for x in rng.normal(size=24)],
        'Alter': [40 + i * 7 % 13 for i in rows],
        'Diagnose': ['', *[['gutartig', 'bösartig'][b] for b in bad[1:23]], 'Bösartig '],
        'Bilddatei': [f'Bilder 1\\{"b" if i != 5 else "fehlt"}{i}.png' for i in rows],
        'Maske': [f'Bilder 1\\m{i}.png' for i in rows],
        'Gerät': ['Sonograph'] * 24,
    }
    return write(tmp_path / 'klinik.csv', columns, ';', 'cp1252')


def test_a_table_alone_trains(plain: Path) -> None:
    before = plain.read_bytes()
    result = init_config(plain, plain.with_name('mine.py'))
    assert result.table_text is None and plain.read_bytes() == before and not plain.with_name('mine_cases.csv').exists()
    config = load_config(result.config)
    assert (config.data_root, config.table, config.modalities) == (str(plain.parent), 'all.csv', ('clinical',))
    assert config.schema.clinical == [
        dict(name='age', unit='year', range=(0, 120)),
        dict(name='sex', values=('F', 'M')),
    ]
    assert train(result.config)['test']['auc'] >= 0


def test_a_table_of_a_clinic_trains(clinic: Path, tmp_path: Path) -> None:
    result = init_config(clinic, tmp_path / 'klinik.py')
    assert result.prepared.left_out == {'the label is missing': ['row 2']}
    assert result.prepared.classes == {'gutartig': 11, 'bösartig': 12} and result.prepared.num_patients == 12
    assert result.roles.label.positive == 'bösartig'
    with (tmp_path / 'klinik_cases.csv').open(encoding='utf-8', newline='') as file:
        rows = list(csv.DictReader(file))
    assert set(rows[0]) == {'case_id', 'Patienten-Nr', 'Diagnose', 'Größe, mm', 'Alter', 'Bilddatei', 'Maske'}
    assert (
        rows[0]['Bilddatei'] == 'Bilder 1/b1.PNG' and rows[4]['Bilddatei'] == '' and rows[-1]['Diagnose'] == 'bösartig'
    )
    assert float(rows[0]['Größe, mm']) == pytest.approx(9, abs=4)
    # what was assumed is in the report and, word by word, in the file
    text = result.config.read_text(encoding='utf-8')
    assert "In 'Größe, mm' a comma is a decimal comma" in '\n'.join(result.report)
    assert all(line.strip() in text for line in result.report)
    config = load_config(result.config)
    assert (config.missing, config.model.fusion.type) == ('keep', 'AverageFusion')
    metrics = train(result.config, max_epochs=1, image_size=32, cache_dir=None)
    assert metrics['cases']['train'] + metrics['cases']['test'] == 23


def test_images_clips_and_table_train(tiny_data: Path, tmp_path: Path) -> None:
    result = init_config(tiny_data / 'cases.csv', tmp_path / 'tiny.py', TableHints(positive='SCC'))
    assert result.table_text is None
    schema = Schema.of(load_config(result.config).schema.to_dict())
    assert (schema.images, schema.clips) == ({'bus': 'bus', 'ue': 'ue'}, {'clip': 'clip'})
    assert [(v.name, v.unit, v.values) for v in schema.clinical] == [
        ('age', 'year', None),
        ('side', None, ('left', 'right')),
    ]
    metrics = train(
        result.config, max_epochs=1, image_size=32, clip_size=32, num_frames=4, batch_size=4, cache_dir=None
    )
    assert metrics['modalities'] == ['bus', 'ue', 'clip', 'clinical']


def test_a_case_for_each_clip_of_a_pattern(tiny_data: Path, tmp_path: Path) -> None:
    columns = dict(patient_id=[str(i) for i in range(19)], label=['no', 'yes'] * 9 + ['no'])
    table = write(tmp_path / 'patients.csv', columns)
    hints = TableHints(files={'lus': '{patient_id}.avi'}, image_roots=(tiny_data,), case_per_file=True)
    result = init_config(table, tmp_path / 'lus.py', hints)
    config = load_config(result.config)
    assert config.schema.clips == dict(lus='lus') and config.modalities == ('lus',) and config.positive == 'yes'
    assert len(result.prepared.rows) == 19 and (tmp_path / result.prepared.rows[0]['lus']).is_file()
    assert train(result.config, max_epochs=1, clip_size=32, num_frames=4, batch_size=4, cache_dir=None)['test']


def test_the_schema_of_a_phantom(tmp_path: Path) -> None:
    data = make_phantom(tmp_path / 'p', 24, seed=1, modalities=['ue', 'clinical'], workers=1)
    result = init_config(data / 'cases.xlsx', tmp_path / 'phantom.py', TableHints(positive='SCC'))
    mine = Schema.of(load_config(result.config).schema.to_dict())
    shipped = load_config('msmfn_small_phantom')
    truth = Schema.of(shipped.schema.to_dict())
    assert result.table_text is None
    assert (mine.images['ue'], mine.mask_column('ue')) == (truth.images['ue'], truth.mask_column('ue'))
    assert (mine.case_id, mine.patient_id, mine.label, mine.split) == ('case_id', 'patient_id', 'label', 'split')
    assert [(v.name, v.is_category) for v in mine.clinical] == [(v.name, v.is_category) for v in truth.clinical]
    assert mine.clinical[0] == truth.clinical[0]  # the age, with unit and range
    assert result.roles.label.classes == tuple(shipped.classes)


# settings


def planned(table: Path, **hints: object):
    stated = TableHints(**hints)  # type: ignore[arg-type]
    data = CaseRows(table, stated)
    roles = infer_roles(data, stated)
    prepared = prepare_table(data, roles, table.parent)
    return plan_config(roles, prepared)


def imaged(folder: Path, labels: list[str], masks: list[bool] | None = None, **more: list) -> Path:
    for i in range(len(labels)):
        Image.fromarray(np.full((8, 8), i % 250, np.uint8)).save(folder / f'{i}.png')
        mask = np.full((8, 8), 255, np.uint8)
        mask[0, 0] = 5 + i % 250  # no two files are copies
        Image.fromarray(mask).save(folder / f'{i}_m.png')
    columns: dict = dict(id=[*range(len(labels))], label=labels, bus=[f'{i}.png' for i in range(len(labels))], **more)
    if masks is not None:
        columns['bus_mask'] = [f'{i}_m.png' if there else '' for i, there in enumerate(masks)]
    return write(folder / 'all.csv', columns)


def test_weights_and_folds_fit_the_classes(tmp_path: Path) -> None:
    plan = planned(imaged(tmp_path, ['a'] * 27 + ['b'] * 12 + ['c'] * 3))
    assert plan.folds == 3 and plan.selection == 'last'
    roots = np.array([27, 12, 3]) ** -0.5
    assert plan.weights == pytest.approx(roots / roots.mean(), abs=0.01)
    assert any("The class 'c' has 3 patients" in text for text in plan.warnings)
    assert planned(imaged(tmp_path, ['benign', 'malignant'] * 12)).weights is None


def test_a_mask_that_gives_the_class_away_is_not_used(tmp_path: Path) -> None:
    labels = ['benign', 'malignant', 'normal'] * 5
    plan = planned(imaged(tmp_path, labels, [name != 'normal' for name in labels]))
    assert plan.crop is None and any("No case of ['normal'] has a mask of 'bus'" in text for text in plan.warnings)
    assert planned(tmp_path / 'all.csv', classes=('benign', 'malignant')).crop == 'mask'
    plan = planned(imaged(tmp_path, labels, [i != 4 for i in range(15)]))
    assert plan.crop == 'mask' and "1 cases have no mask of 'bus' and are not cropped: malignant 1." in plan.warnings


def test_boxes_without_masks(tmp_path: Path) -> None:
    table = imaged(tmp_path, ['benign', 'malignant'] * 6, bus_box=['1,1,6,6'] * 12)
    assert planned(table).crop == 'box'
    config = load_config(init_config(table, tmp_path / 'boxed.py').config)
    assert [step['type'] for step in config.load] == ['LoadImage', 'CropBox']
    assert config.schema.boxes == dict(bus='bus_box')


def test_cases_without_a_file(tmp_path: Path) -> None:
    table = imaged(tmp_path, ['benign', 'malignant'] * 6, swe=['', *[f'{i}_m.png' for i in range(11)]])
    assert planned(table).missing == 'keep'
    table = imaged(tmp_path, ['benign', 'malignant'] * 6)
    assert planned(table, files={'bus': ('bus',)}).missing == 'error'


def test_several_files_are_counted(tmp_path: Path) -> None:
    table = imaged(tmp_path, ['benign', 'malignant'] * 6, view=[f'{i}.png;{i}_m.png' for i in range(12)])
    plan = planned(table, files={'us': ('view',)})
    assert any('us: 24 files in 12 cases; the first one of a case is read, so that 12 files are not used' in text
               for text in plan.warnings)  # fmt: skip


def test_many_patients_choose_the_epoch(tmp_path: Path) -> None:
    columns = dict(id=[*range(600)], label=['benign', 'malignant'] * 300, bus=[f'{i}.png' for i in range(600)])
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / '0.png')
    for i, name in enumerate(columns['bus'][1:]):
        (tmp_path / name).write_bytes((tmp_path / '0.png').read_bytes() + str(i).encode())
    assert planned(write(tmp_path / 'all.csv', columns), patient_id='none').selection == 'inner'


def test_parts_without_a_class(tmp_path: Path) -> None:
    columns = dict(id=[*range(12)], label=['benign'] * 8 + ['malignant'] * 4, age=[41, 42, 45] * 4)
    table = write(tmp_path / 'all.csv', {**columns, 'split': ['train'] * 6 + ['test'] * 6})
    with pytest.raises(ValueError, match=r"the part 'train' of the column 'split' has no case of \['malignant'\]"):
        planned(table)
    files = [f'{i if i > 2 else i + 100}.png' for i in range(15)]
    table = imaged(tmp_path, ['benign'] * 4 + ['malignant'] * 11)
    columns = dict(id=[*range(15)], label=['benign'] * 4 + ['malignant'] * 11, bus=files)
    with pytest.raises(ValueError, match="the class 'benign' has 1 patients that take part: it cannot be trained"):
        planned(write(table, columns))
    columns['bus'] = ['99.png', *files[:3], *files[4:]]
    with pytest.raises(
        ValueError, match=r"no case of the classes \['benign'\] takes part; left out: no file exists: 4"
    ):
        planned(write(table, columns))


def test_long_clips_are_thinned_out(tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clips have 6 frames, one every 0.1 s."""
    assert planned(tiny_data / 'cases.csv', positive='SCC').clip_step is None
    monkeypatch.setattr('usmm.apis.config_plan.LONG_CLIP', 5)
    monkeypatch.setattr('usmm.apis.config_plan.KEPT', 2)
    plan = planned(tiny_data / 'cases.csv', positive='SCC')
    assert plan.clip_step == 0.25
    assert "The largest clip of 'clip' has 6 frames in 0.5 s, of which one every 0.25 s is read." in plan.notes
    for i in range(8):
        (tmp_path / f'{i}.avi').write_bytes(b'no clip %d' % i)
    columns = dict(id=[*range(8)], label=['benign', 'malignant'] * 4, clip=[f'{i}.avi' for i in range(8)])
    plan = planned(write(tmp_path / 'all.csv', columns), patient_id='none')
    assert any("The largest clip of 'clip' cannot be read" in text for text in plan.warnings)


# files


def test_nothing_is_written_over(plain: Path) -> None:
    out = plain.with_name('mine.py')
    out.write_text('# mine')
    with pytest.raises(FileExistsError, match=r'mine.py exists: name another file with --out, or use --force'):
        init_config(plain, out)
    assert out.read_text() == '# mine'
    init_config(plain, out, force=True)
    assert load_config(out).table == 'all.csv'


def test_nor_is_a_case_table(clinic: Path, tmp_path: Path) -> None:
    (tmp_path / 'k_cases.csv').write_text('mine')
    with pytest.raises(FileExistsError, match=r'k_cases\.csv exists'):
        init_config(clinic, tmp_path / 'k.py')
    assert (tmp_path / 'k_cases.csv').read_text() == 'mine' and not (tmp_path / 'k.py').exists()
    copy = tmp_path / 'x_cases.csv'
    clinic.rename(copy)
    before = copy.read_bytes()
    with pytest.raises(ValueError, match=r'the case table would replace the table .*: name the config differently'):
        init_config(copy, tmp_path / 'x.py', force=True)
    assert copy.read_bytes() == before


def test_a_dry_run_writes_nothing(clinic: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    result = init_config(clinic, tmp_path / 'k.py', dry_run=True)
    assert 'Diagnose' in result.config_text and result.table_text is not None and sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize('name', ["O'Brien", 'O\'Brien "2"', 'the "x"'])
def test_a_folder_with_quotes(plain: Path, name: str) -> None:
    folder = plain.parent / name
    folder.mkdir()
    result = init_config(plain.rename(folder / "o'k.csv"), folder / "o'k.py")
    config = load_config(result.config)
    assert config.data_root == str(folder) and (folder / config.table).is_file()


def test_modalities_named_like_methods_of_a_network_train(tmp_path: Path) -> None:
    table = imaged(tmp_path, ['benign', 'malignant'] * 6, half=[f'{i}_m.png' for i in range(12)])
    table.write_text(table.read_text().replace('bus', 'type', 1))
    result = init_config(table, tmp_path / 'half.py')
    assert [m.name for m in result.roles.modalities] == ['image_type', 'image_half']
    metrics = train(result.config, max_epochs=1, image_size=32, cache_dir=None)
    assert metrics['modalities'] == ['image_type', 'image_half']


def test_a_report_of_many_columns_is_short(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    columns = {'id': [*range(24)], 'label': ['benign', 'malignant'] * 12}
    columns |= {f'g{j}': [f'{x:.1f}'.replace('.', ',') for x in rng.normal(50, 9, 24)] for j in range(200)}
    columns |= {f'h{j}': ['NA', *[str(x) for x in rng.permutation(9999)[:23]]] for j in range(100)}
    table = write(tmp_path / 'wide.csv', columns, ';')
    result = init_config(table, tmp_path / 'wide.py', TableHints(clinical=('all',)), dry_run=True)
    count = len(result.roles.variables)
    text = '\n'.join(result.report)
    assert count > 250 and len(result.report) < 120
    assert all(f'{v.column!r}' in result.config_text for v in result.roles.variables)
    assert ' more -> clinical: number: ' in text and ' and 100 in all 100 columns' in text
    assert re.search(r'\d+ more of this kind: ', text)


def test_names_that_cannot_be_used(plain: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r'the config must be a Python file \(.py\), got .*mine.txt'):
        init_config(plain, tmp_path / 'mine.txt')
    with pytest.raises(DataError, match=r'expected a table \(.csv, .tsv, .txt, .xlsx, .xlsm\)'):
        init_config(tmp_path / 'a.pdf', tmp_path / 'mine.py')


def test_a_column_that_a_config_would_fill_in(plain: Path) -> None:
    text = plain.read_text().replace('sex', '${x}')
    plain.write_text(text)
    with pytest.raises(DataError, match=r'\$\{x\}.: a config replaces what follows \$\{ or \{\{. Rename it'):
        init_config(plain, plain.with_name('mine.py'))


def test_a_failure_leaves_nothing(clinic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise ConfigError('no')

    monkeypatch.setattr('usmm.apis.spreadsheet_config.load_config', refuse)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ConfigError, match='no'):
        init_config(clinic, tmp_path / 'k.py')
    assert sorted(tmp_path.iterdir()) == before


def test_problems_that_would_stop_a_training(plain: Path) -> None:
    lines = plain.read_text().splitlines()
    table = write(
        plain,
        {**dict(zip(lines[0].split(','), zip(*(line.split(',') for line in lines[1:])))), 'bus_box': ['1,2'] * 30},
    )
    for i in range(30):
        Image.fromarray(np.full((8, 8), i, np.uint8)).save(plain.parent / f'{i:03d}.png')
    with pytest.raises(DataError, match='30 problems in the table'):
        init_config(table, plain.with_name('mine.py'), TableHints(files={'bus': ('{id}.png',)}, patient_id='none'))


def test_a_training_reads_the_numbers_that_are_reported(tmp_path: Path) -> None:
    columns = dict(
        id=[*range(24)],
        label=['benign', 'malignant'] * 12,
        crp=[f'{3 + i * 5 % 9},{i % 7 + 1}' for i in range(24)],
        plt=[f'{200 + i * 7 % 13}.000' for i in range(24)],
    )
    result = init_config(write(tmp_path / 'de.csv', columns, ';'), tmp_path / 'de.py')
    config = load_config(result.config)
    read = CaseTable.read(tmp_path / config.table, config.schema.to_dict(), config.classes)
    assert [case.clinical for case in read.cases[:2]] == [dict(crp=3.1, plt=200000), dict(crp=8.2, plt=207000)]
    result.prepared.rows[0]['plt'] = '200'
    with pytest.raises(DataError, match=r"'plt' would be read as 200000.0, and was reported as 200.0"):
        _check_numbers(result, read)


# published data


def test_breast(real_data: Path, tmp_path: Path) -> None:
    (table,) = (real_data / 'breast_lesions_usg').glob('*.xlsx')
    result = init_config(table, tmp_path / 'breast.py')
    assert result.prepared.classes == {'benign': 154, 'malignant': 98, 'normal': 4}
    assert (result.roles.case_id, result.roles.modalities[0].masks) == ('CaseID', ('Mask_tumor_filename',))
    config = load_config(result.config)
    assert len(config.class_weights) == 3 and config.split.folds == 4
    unused = {c.column for c in result.roles.columns if c.role == 'not used'}
    assert unused >= {'BIRADS', 'Verification', 'Interpretation', 'Diagnosis', 'Mask_other_filename'}


def test_covid_blues(real_data: Path, tmp_path: Path) -> None:
    table = real_data / 'covid_blues' / 'clinical_variables.csv'
    if not table.is_file():
        pytest.skip(f'no COVID-BLUES at {table}')
    with pytest.raises(UndecidedError, match='Which column is the label'):
        init_config(table, tmp_path / 'covid.py')
    files = {'lus': 'lus_videos/patient_{patient_id}_*.mp4'}
    with pytest.raises(UndecidedError, match='Which clinical columns are inputs'):
        init_config(table, tmp_path / 'covid.py', TableHints(label='cov_test', files=files))
    hints = TableHints(label='cov_test', files=files, case_per_file=True, clinical=('all',))
    result = init_config(table, tmp_path / 'covid.py', hints)
    assert (len(result.prepared.rows), result.prepared.num_patients) == (362, 63)
    reasons = {c.column: c.reason for c in result.roles.columns}
    assert (
        'missing cells nearly determine' in reasons['PCR_CT']
        and 'determine the label' in reasons['clin_diagn#COVID19_pneumonia']
    )


def test_classes_that_the_question_proposes_leave_a_misspelt_label_out(tmp_path: Path) -> None:
    labels = ['Benign', 'malignant', 'benign ', 'Malignant'] * 6
    table = imaged(tmp_path, [*labels[:23], 'Malignent'])
    with pytest.raises(UndecidedError) as caught:
        init_config(table, tmp_path / 'mine.py')
    (question,) = caught.value.questions
    assert question.topic == 'classes' and '--classes ' in question.flag
    result = init_config(table, tmp_path / 'mine.py', TableHints(classes=question.choices))
    assert 'ignore_labels' not in result.config_text and result.prepared.left_out
    assert len(result.prepared.rows) == 23
    # a table that is read as it is keeps the label, and the config leaves it out
    plain = imaged(tmp_path, ['benign', 'malignant', 'other'] * 6)
    result = init_config(plain, tmp_path / 'plain.py', TableHints(classes=('benign', 'malignant')))
    assert result.table_text is None and "ignore_labels = ('other',)" in result.config_text


@pytest.mark.parametrize(
    ('column', 'cells', 'message'),
    [('label', ['benign', 'malignant', '${data_root}'], r"the label '\$\{data_root\}' in the column 'label'"),
     ('label', ['benign', 'malignant', 'a {{ b'], r"the label 'a \{\{ b' in the column 'label'"),
     ('${size}', [3, 5, 5, 3, 4, 7], r"the name of the column '\$\{size\}'"),
     ('side', ['left', '{{x}}', 'left', 'left', '{{x}}', 'left'], r"the value '\{\{x\}\}' in the column 'side'")],
)  # fmt: skip
def test_texts_that_a_config_would_replace_are_named(tmp_path: Path, column: str, cells: list, message: str) -> None:
    columns = dict(id=[*range(30)], label=['benign', 'malignant', 'other'] * 10)
    columns['age'] = [40 + i * 7 % 13 for i in range(30)]
    columns[column] = cells * (30 // len(cells))
    with pytest.raises(DataError, match=message + ': a config replaces what follows'):
        init_config(write(tmp_path / 'all.csv', columns), tmp_path / 'mine.py', TableHints(clinical=('all',)))


def test_a_path_that_a_config_would_replace(tmp_path: Path) -> None:
    columns = dict(id=[*range(24)], label=['benign', 'malignant'] * 12, size=[i * 7 % 11 for i in range(24)])
    table = write(tmp_path / '${name}.csv', columns)
    with pytest.raises(DataError, match=r"the path of the table '\$\{name\}.csv': a config replaces"):
        init_config(table, tmp_path / 'mine.py')


def test_many_folders_of_files_that_belong_to_no_case(tmp_path: Path, plain: Path) -> None:
    for k in range(10):
        (tmp_path / f'f{k}').mkdir()
        (tmp_path / f'f{k}' / 'a.png').write_bytes(b'')
    report = '\n'.join(init_config(plain, tmp_path / 'mine.py', dry_run=True).report)
    assert 'files in 2 more folders that belong to no case: 2' in report
