"""What a run does not use, or what its numbers should not be trusted for, stands in its results."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from usmm.apis import Predictor
from usmm.config import ConfigError, RunOptions, load_config
from usmm.datasets.checks.label_leaks import check_inputs, label_leaks
from usmm.datasets.lesion_outlines import outline_changes
from usmm.datasets.transforms import LoadClip, LoadImage
from usmm.datasets.unread_files import UnreadFiles, unread_files, unread_text
from usmm.engine import Experiment
from usmm.engine.run_parts import selection_of
from usmm.structures import Case, Schema
from usmm.visualization.pages.run_page import report_run

QUIET = RunOptions(progress=False)


@pytest.fixture
def data(tiny_data: Path, tmp_path: Path) -> Path:
    """A copy of the table and the B-mode images, with a column of parts."""
    folder = tmp_path / 'data'
    folder.mkdir()
    for path in tiny_data.glob('*_bus.png'):
        shutil.copy(path, folder)
    with (tiny_data / 'cases.csv').open() as file:
        rows = list(csv.DictReader(file))
    for i, row in enumerate(rows):
        row['part'] = ['train', 'train', 'train', 'val', 'test'][i % 5]
        row['copy'] = {'ADC': 'x', 'SCC': 'y'}[row['label']]
        if i % 2:
            row['bus'] += f';{row["bus"]}'
    with (folder / 'cases.csv').open('w', newline='') as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder


def options(data: Path, **more: object) -> dict[str, object]:
    columns = {'schema.images': {'bus': 'bus'}, 'schema.clips': {}, 'modalities': ['bus', 'clinical']}
    return {**columns, 'data_root': str(data), 'max_epochs': 1, **more}


def printed(folder: Path) -> str:
    out = io.StringIO()
    report_run(folder, json.loads((folder / 'metrics.json').read_text()), Console(width=200, file=out))
    return out.getvalue()


def test_a_run_states_what_it_did_not_use_and_what_looks_wrong(data: Path, tiny_config: Path) -> None:
    clinical = [dict(name='age'), dict(name='copy', values=('x', 'y', 'z'))]
    config = load_config(tiny_config, options(data, **{'schema.split': 'part', 'schema.clinical': clinical}))
    run = Experiment(config, options=QUIET)
    content = run.train()
    with (data / 'cases.csv').open() as file:
        several = sum(';' in row['bus'] for row in csv.DictReader(file))
    assert content['files_not_read'] == {'bus': {'files': several, 'total': 19 + several, 'cases': several}}
    assert content['selection'] == 'column' and content['unseen_categories'] == {'copy': ['z']}
    assert content['patients_known'] is True
    text = printed(run.work_dir)
    assert f'bus: {several} of {19 + several} files were not read' in text
    assert "selection of the epoch: on the validation part of the table's split column" in text
    assert "no training case has these categories of copy: ['z']" in text
    rows = [{'bus': f'{data}/0_bus.png;{data}/1_bus.png', 'age': 40, 'copy': 'x'}]
    (prediction,) = Predictor(run.work_dir, 'cpu').predict(rows)
    assert 'bus: 1 of 2 files not used: one is read' in prediction.warnings


def test_a_test_states_which_cases_have_changed_since_the_training(
    data: Path, tiny_config: Path, tmp_path: Path
) -> None:
    config = load_config(tiny_config, options(data, **{'schema.split': 'part'}))
    run = Experiment(config, options=QUIET)
    run.train()

    def tested() -> tuple[dict, str]:
        test = Experiment(config, tmp_path / 'test', QUIET, ['test'], run.work_dir / 'model.pth')
        metrics, rows = test.evaluate(['test'])
        test.write_results({**metrics, **test.facts()}, rows)
        return test.facts(), printed(test.work_dir)

    assert 'data_changes' not in tested()[0]
    with (data / 'cases.csv').open() as file:
        rows = list(csv.DictReader(file))
    one, two = [row for row in rows if row['part'] == 'test'][:2]
    before, one['label'] = one['label'], {'ADC': 'SCC', 'SCC': 'ADC'}[one['label']]
    picture = data / two['bus'].split(';')[0]
    Image.open(picture).transpose(Image.Transpose.FLIP_TOP_BOTTOM).save(picture)
    with (data / 'cases.csv').open('w', newline='') as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    facts, text = tested()
    expected = [
        f'label of 1 case ({one["case_id"]}: {before} -> {one["label"]})',
        f'files of 1 case ({two["case_id"]})',
    ]
    assert facts['data_changes'] == {'test': expected}
    for change in expected:
        assert f'WARNING: test: the data have changed since the training: {change}' in text


@pytest.mark.parametrize(
    ('options', 'validated', 'marked', 'expected'),
    [
        ({}, True, False, 'inner'), ({}, True, True, 'column'), ({}, False, True, 'last'),
        ({'split.selection': 'test'}, True, True, 'test'), ({'split.selection': 'last'}, True, True, 'last'),
    ],
)  # fmt: skip
def test_what_selects_the_epoch(tiny_config: Path, options: dict, validated: bool, marked: bool, expected: str) -> None:
    assert selection_of(load_config(tiny_config, options), validated, marked) == expected


def test_files_that_no_loader_reads_are_counted() -> None:
    case = Case('c', 'p', files={'bus': (Path('a'), Path('b'), Path('c')), 'clip': (Path('d'), Path('e'))})
    case.info = {'table': {'modalities': ('bus', 'clip'), 'clips': ('clip',)}}
    single = Case('s', 'q', files={'bus': (Path('f'),)}, info=dict(case.info))
    found = unread_files(([case, single], [LoadImage(), LoadClip()]))
    assert found == {'bus': UnreadFiles(2, 4, 1), 'clip': UnreadFiles(1, 2, 1)}
    assert 'bus 2 of 4 (in 1 case), clip 1 of 2 (in 1 case)' in unread_text(found)
    assert unread_files(([case], [LoadImage(pick='random')])) == {}, 'every file is drawn in some epoch'


def leaky(values: list, labels: list[int]) -> dict[str, str]:
    cases = [Case(f'c{i}', f'p{i}', label, clinical={'v': v}) for i, (v, label) in enumerate(zip(values, labels))]
    kind = dict(name='v') if any(isinstance(v, float) for v in values) else dict(name='v', values='auto')
    return label_leaks(Schema(clinical=[kind]), cases, ('A', 'B'))


LABELS = [0, 1] * 15


@pytest.mark.parametrize(
    ('values', 'reason'),
    [
        (['AB'[k] for k in LABELS], 'its values nearly determine the label'),
        ([10.0 * k + i / 30 for i, k in enumerate(LABELS)], r'alone it nearly separates the classes \(AUC 1.000\)'),
        ([float(i) if k else None for i, k in enumerate(LABELS)], 'its missing cells|stands in'),
    ],
)
def test_variables_that_hold_the_label_are_named(values: list, reason: str) -> None:
    import re

    assert re.search(reason, leaky(values, LABELS)['v'])


def test_other_variables_are_not() -> None:
    assert leaky([float(i) for i in range(30)], LABELS) == {}
    assert leaky(['AB'[k] for k in LABELS[:10]], LABELS[:10]) == {}, 'too few cases to tell'


@pytest.mark.parametrize('kind', ['label', 'split'])
def test_the_label_is_not_an_input(kind: str) -> None:
    schema = Schema(
        label='diagnosis', split='part', clinical=[dict(name='v', column={'label': 'diagnosis', 'split': 'part'}[kind])]
    )
    with pytest.raises(
        ValueError, match=f"clinical variable 'v' is read from .* the {kind} column: the model would see"
    ):
        check_inputs(schema)


def test_outlines_of_the_training_alone_or_of_now_alone_are_named() -> None:
    assert outline_changes({'bus': 1.0}, {'bus': 1.0}) == [] == outline_changes({}, {'bus': 1.0})
    (text,) = outline_changes({'bus': 0.0}, {'bus': 0.25})
    assert text.startswith('bus: no training case had an outline of the lesion, 25% of these cases have one')
    (text,) = outline_changes({'bus': 1.0}, {'bus': 0.0})
    assert text.startswith('bus: 100% of the training cases were cropped to the lesion, 0% of these cases')


def test_a_batch_of_one_case_is_one_message(data: Path, tiny_config: Path) -> None:
    config = load_config(tiny_config, options(data, batch_size=1, modalities=['bus']))
    with pytest.raises(ValueError, match=r'batch norm cannot normalise a batch of one case .* \(it is 1\)'):
        Experiment(config, options=QUIET).train()


def test_a_positive_class_is_for_two_classes(tiny_config: Path) -> None:
    with pytest.raises(ConfigError, match='positive is for two classes, and there are 3: set positive=None'):
        load_config(tiny_config, {'classes': ['ADC', 'SCC', 'X']})


def test_a_cross_validation_takes_the_work_dir_of_the_options(tiny_config: Path, tmp_path: Path) -> None:
    import usmm

    settings = {'modalities': ['bus'], 'max_epochs': 1, 'work_dir': str(tmp_path / 'cv')}
    run = usmm.cross_validate(tiny_config, settings, folds=2, report=False, flags=QUIET)
    assert run.work_dir == tmp_path / 'cv' and (run.work_dir / 'fold_1' / 'model.pth').is_file()


def test_a_partial_change_of_outlines_is_said() -> None:
    assert outline_changes({'bus': 0.5}, {'bus': 0.7}) == []
    assert outline_changes({'bus': 0.12}, {'bus': 1.0}) == [
        'bus: 12% of the training cases were cropped to the lesion, 100% of these cases are'
    ]
