from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from usmm.visualization.pages.cross_validation_page import report_cross_validation

SECTIONS = [
    'what-was-run', 'results', 'roc-and-precision-recall', 'confusion-matrix', 'calibration-and-decision-curve',
    'weights-of-the-clinical-stage', 'training', 'worst-mistakes', 'claim-2024', 'tripod-ai', 'config',
]  # fmt: skip
FIGURES = [
    'calibration', 'clinical_weights', 'confusion', 'decision_curve', 'precision_recall', 'roc', 'training_image_auc',
    'training_image_loss',
]  # fmt: skip


def figures(folder: Path) -> list[str]:
    png, svg = (sorted(p.stem for p in (folder / 'figures').glob(f'*.{kind}')) for kind in ('png', 'svg'))
    assert png == svg
    return png


def pictures(case_id: str) -> list[tuple[str, np.ndarray]]:
    return [('bus', np.full((300, 400, 3), 90, np.uint8))]


def test_the_whole_page(made: ModuleType, read_page: Callable, tmp_path: Path) -> None:
    path = report_cross_validation(made.write_work_dir(tmp_path), pictures)
    assert path == tmp_path / 'report.html'
    page = read_page(path)
    assert page.values('section', 'id') == SECTIONS
    assert figures(tmp_path) == FIGURES
    sources = page.values('img', 'src')
    assert sum(s.startswith('data:image/svg+xml;base64,') for s in sources) == len(FIGURES)
    assert all(s.startswith('data:') for s in sources)
    assert any(s.startswith('data:image/jpeg') for s in sources)
    assert all(page.values('img', 'alt'))
    assert path.stat().st_size < 3_000_000
    assert 'AUC 0.800 [0.700, 0.900] mean of the folds 0.800 ± 0.050 0.800 0.810 0.820' in page.text
    assert 'SD over the folds with n - 1' in page.text
    assert 'Intervals of AUC, Accuracy' in page.text
    assert 'made up.' in page.text
    assert 'cut by patient from the training folds' in page.text
    assert 'Warning.' not in page.text
    with Image.open(tmp_path / 'figures' / 'roc.png') as image:
        assert min(image.size) > 600


def test_what_is_known_of_the_patients_is_stated(made: ModuleType, read_page: Callable, tmp_path: Path) -> None:
    page = read_page(report_cross_validation(made.write_work_dir(tmp_path / 'known')))
    assert 'Patients kept apart by patient: none of 60 is in the test part of two folds' in page.text
    assert "Near-duplicates none reported (not looked for where split.near_duplicates is 'ignore')" in page.text
    folder = made.write_work_dir(tmp_path / 'unknown')
    for k, more in enumerate(({'patients_known': False, 'near_duplicates': 3}, {'near_duplicates': 1})):
        path = folder / f'fold_{k}' / 'metrics.json'
        path.write_text(json.dumps(json.loads(path.read_text()) | more))
    page = read_page(report_cross_validation(folder))
    assert 'Patients kept apart not known: the case table has no column of patients, so that each case' in page.text
    assert 'Near-duplicates 4 pairs of pictures in two parts look nearly the same, in 2 of 3 folds' in page.text


def test_folds_that_do_not_count_and_missing_intervals_are_stated(
    made: ModuleType, read_page: Callable, tmp_path: Path
) -> None:
    folder = made.write_work_dir(tmp_path)
    path = folder / 'summary.json'
    summary = json.loads(path.read_text())
    summary['metrics']['auc']['left_out'] = 2
    summary['metrics']['ece'] = made.entry(0.1, [], ci95=None, method='none: it would miss it')
    path.write_text(json.dumps(summary))
    page = read_page(report_cross_validation(folder))
    assert '2 of the folds have fewer than two patients of a class: they do not count for the AUC.' in page.text
    assert 'No interval of ECE: it would miss it.' in page.text
    assert 'An interval belongs to the estimate beside it' in page.text


def test_the_weights_are_the_mean_over_the_folds(made: ModuleType, read_page: Callable, tmp_path: Path) -> None:
    page = read_page(report_cross_validation(made.write_work_dir(tmp_path)))
    # 2, 3, 4; their standard deviation with ddof 0 is the root of 2 / 3
    assert 'US score +3.000 0.816 +2.000 +3.000 +4.000' in page.text
    assert 'node side +0.500' in page.text
    assert '<!-- +3.00 -->' in (tmp_path / 'figures' / 'clinical_weights.svg').read_text()


def test_selection_on_the_test_part_is_loud(made: ModuleType, read_page: Callable, tmp_path: Path) -> None:
    given = ['the epoch was selected on the test part itself: the numbers are optimistic', 'three cases were skipped']
    page = read_page(report_cross_validation(made.write_work_dir(tmp_path, selection='test', warnings=given)))
    top = page.text[: page.text.index('Contents')]
    assert 'Warning. The epoch of every model was selected ON THE TEST PART ITSELF' in top
    assert 'Warning. three cases were skipped' in top
    assert top.count('Warning.') == 2


def test_patients_in_two_folds_are_loud(made: ModuleType, read_page: Callable, tmp_path: Path) -> None:
    path = made.write_work_dir(tmp_path) / 'predictions.csv'
    path.write_text(path.read_text().replace('c3,p3,', 'c3,p0,'))
    assert 'Warning. Patients are not kept apart. BROKEN' in read_page(report_cross_validation(tmp_path)).text


@pytest.mark.parametrize(
    'options',
    [
        dict(classes=('F0', 'F1', 'F2'), weights=False),
        dict(folds=1, seeds=(0, 1, 2)),
        dict(folds=2, seeds=(3, 4)),
        dict(classes=('a', 'b', 'c'), folds=1),
        dict(folds=10, cases=100),
    ],
)
def test_other_shapes(made: ModuleType, read_page: Callable, tmp_path: Path, options: dict[str, Any]) -> None:
    page = read_page(report_cross_validation(made.write_work_dir(tmp_path, **options)))
    assert page.values('section', 'id') == SECTIONS
    wanted = [name for name in FIGURES if name != 'clinical_weights' or options.get('weights', True)]
    assert figures(tmp_path) == wanted


def test_a_fold_without_positives_has_a_sentence(made: ModuleType, read_page: Callable, tmp_path: Path) -> None:
    made.write_work_dir(tmp_path)
    rows = [r for r in made.predictions(('ADC', 'SCC'), 3, (0,), 60) if r[3] != 1 or r[5] == 'ADC']
    made.write_predictions(tmp_path / 'predictions.csv', rows, ('ADC', 'SCC'))
    page = read_page(report_cross_validation(tmp_path))
    assert 'Without a curve, for they lack cases of both kinds: fold 1.' in page.text


def test_one_class_alone(made: ModuleType, read_page: Callable, tmp_path: Path) -> None:
    made.write_work_dir(tmp_path)
    rows = [r for r in made.predictions(('ADC', 'SCC'), 3, (0,), 60) if r[5] == 'ADC']
    made.write_predictions(tmp_path / 'predictions.csv', rows, ('ADC', 'SCC'))
    page = read_page(report_cross_validation(tmp_path))
    assert 'there is no ROC curve' in page.text
    assert 'no calibration and no decision curve' in page.text


def test_scores_that_are_not_probabilities_are_refused(made: ModuleType, tmp_path: Path) -> None:
    made.write_work_dir(tmp_path)
    rows = [[*r[:7], -9 * r[7], 9 * r[8]] for r in made.predictions(('ADC', 'SCC'), 3, (0,), 60)]
    made.write_predictions(tmp_path / 'predictions.csv', rows, ('ADC', 'SCC'))
    with pytest.raises(ValueError, match=r"line 2, case 'c0' has probabilities that are not from 0 to 1"):
        report_cross_validation(tmp_path)


def test_a_bare_summary_gives_a_page(read_page: Callable, tmp_path: Path) -> None:
    (tmp_path / 'summary.json').write_text('{"classes": ["a", "b"]}')
    page = read_page(report_cross_validation(tmp_path))
    for sentence in (
        'There are no test predictions',
        'The summary holds no metrics.',
        'There are no training logs.',
        'The model has no clinical stage with weights.',
        'No fold has its config.py.',
    ):
        assert sentence in page.text


def test_logs_that_are_missing(made: ModuleType, read_page: Callable, tmp_path: Path) -> None:
    made.write_work_dir(tmp_path)
    for k in range(3):
        shutil.rmtree(tmp_path / f'fold_{k}' / 'image')
    page = read_page(report_cross_validation(tmp_path))
    assert 'No training log of image.' in page.text


def test_names_are_escaped(made: ModuleType, read_page: Callable, tmp_path: Path) -> None:
    evil = '<script>alert(1)</script>'
    classes = (f'{evil}&', '$\\frac$ "b"')
    made.write_work_dir(tmp_path, classes, config=evil, warnings=[evil], table=evil, versions={evil: evil})
    rows = [[f'{evil}{r[0]}', *r[1:]] for r in made.predictions(classes, 3, (0,), 60)]
    made.write_predictions(tmp_path / 'predictions.csv', rows, classes)
    page = read_page(report_cross_validation(tmp_path, pictures))
    assert 'script' not in {tag for tag, _ in page.tags}
    assert page.text.count(evil) > 10
    assert '<script' not in page.html
    svg = (tmp_path / 'figures' / 'precision_recall.svg').read_text()
    assert '$\\frac$' in svg  # a dollar sign is no formula


def test_a_report_can_be_written_again(made: ModuleType, tmp_path: Path) -> None:
    first = report_cross_validation(made.write_work_dir(tmp_path)).read_bytes()
    assert report_cross_validation(tmp_path).read_bytes() == first


def test_refuses_an_unfinished_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r'it has no summary\.json'):
        report_cross_validation(tmp_path)
