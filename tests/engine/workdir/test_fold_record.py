"""The record of a fold: its flags, and the checksum of its predictions."""

from __future__ import annotations

import hashlib

import pytest

from usmm.config import RunOptions
from usmm.engine.workdir.fold_record import (
    FoldRecord,
    begin_fold,
    check_flags,
    check_same_flags,
    finish_fold,
    flag_changes,
    flags_of,
    keep_flags,
    read_fold_record,
    report_unused_flags,
)

PLAIN = {'--amp': False, '--no-validate': False, '--auto-scale-lr': False}


@pytest.fixture
def fold(tmp_path):
    """A finished fold, trained with --amp."""
    folder = tmp_path / 'fold_0'
    folder.mkdir()
    begin_fold(folder, RunOptions(amp=True), False)
    (folder / 'predictions.csv').write_text('case_id\n')
    finish_fold(folder)
    return folder


def test_flags_and_checksum_are_kept(fold):
    expected = hashlib.sha256(b'case_id\n').hexdigest()
    assert read_fold_record(fold) == FoldRecord({**PLAIN, '--amp': True}, 1, expected)


def test_flags_and_how_they_differ():
    other = flags_of(RunOptions(validate=False, auto_scale_lr=True))
    assert flags_of(RunOptions()) == PLAIN and other == {**PLAIN, '--no-validate': True, '--auto-scale-lr': True}
    assert flag_changes(PLAIN, other) == 'with --no-validate, with --auto-scale-lr'
    assert flag_changes(other, PLAIN) == 'without --no-validate, without --auto-scale-lr'
    assert flag_changes({'--amp': True}, PLAIN | {'--amp': True}) == ''


def test_a_fold_goes_on_with_the_flags_that_it_began_with(fold):
    with pytest.raises(ValueError, match=r'fold_0 was begun with other flags, and would now go on without --amp'):
        begin_fold(fold, RunOptions(), resume=True)
    begin_fold(fold, RunOptions(amp=True), resume=True)
    assert read_fold_record(fold).predictions is None, 'until it is finished again'
    begin_fold(fold, RunOptions(), resume=False)
    assert read_fold_record(fold).flags == PLAIN


def test_finished_folds_decide_about_the_flags_of_the_next(fold, tmp_path):
    message = r'fold_0 is finished, and the next folds would be trained without --amp, unlike it'
    with pytest.raises(ValueError, match=message):
        check_flags([fold], RunOptions())
    other = tmp_path / 'fold_1'
    other.mkdir()
    with pytest.raises(ValueError, match=message):
        begin_fold(other, RunOptions(), False, [fold])
    assert read_fold_record(other) is None
    check_flags([fold, other], RunOptions(amp=True))  # one without a record is not compared
    begin_fold(other, RunOptions(), False)
    with pytest.raises(ValueError, match=r'fold_1 was trained without --amp, unlike .*fold_0: folds trained with diff'):
        check_same_flags([fold, other])
    check_same_flags([fold, fold, tmp_path])


def test_flags_without_effect_are_reported(fold, tmp_path):
    assert report_unused_flags(fold, RunOptions(amp=True)) == '' == report_unused_flags(tmp_path, RunOptions(amp=True))
    text = report_unused_flags(fold, RunOptions(validate=False))
    assert 'is finished and not run again: it was trained with --amp, without --no-validate; the flags of now' in text


@pytest.mark.parametrize('text', ['{"half', '[]', '{"flags": 1, "processes": 1}', '{"flags": {}}'])
def test_a_damaged_record_is_named(fold, text):
    (fold / 'fold.json').write_text(text)
    with pytest.raises(ValueError, match=r'fold.json is damaged \(.*\): remove .*fold_0 and run the fold again'):
        read_fold_record(fold)


def test_a_run_that_goes_on_with_other_flags_says_so(tmp_path):
    amp = RunOptions(amp=True)
    assert keep_flags(tmp_path, RunOptions(), False) == () == keep_flags(tmp_path, RunOptions(validate=False), True)
    assert keep_flags(tmp_path, amp, True) == (f'the run in {tmp_path} goes on with --amp, unlike its begin',)
    assert keep_flags(tmp_path, amp, False) == () == keep_flags(tmp_path, amp, True)
