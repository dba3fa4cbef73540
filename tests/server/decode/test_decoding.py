"""Processes that read: good files, and files and decoders that would take the server with them."""

from __future__ import annotations

import multiprocessing
import multiprocessing.forkserver
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
from PIL import Image

from usmm.readers import limits as reader_limits
from usmm.registry import TRANSFORMS
from usmm.server.decode import landlock
from usmm.server.decode.decode_child import CaseJob, FileJob, StepsJob, TableJob, plain_reason, watched
from usmm.server.decode.decoding import LOST, NO_START, Decoder
from usmm.server.http.http_errors import RequestError
from usmm.server.server_limits import MIB, Limits
from usmm.structures import Case, TableFormat

LOAD = [dict(type='LoadImage'), dict(type='LoadMask')]


@pytest.fixture(scope='module')
def decoder() -> Iterator[Decoder]:
    found = Decoder(Limits(decode_seconds=2, decode_bytes=384 * MIB))
    found.run(StepsJob([]))  # which takes longer once
    yield found
    found.close()


def hostile_step(kind: str, **options: Any) -> StepsJob:
    """A step that is any function: what a decoder that was taken over could call. Only a trusted job can name it."""
    return StepsJob([dict(type=kind, **options)])


def refused(decoder: Decoder, job: Any) -> RequestError:
    with pytest.raises(RequestError) as error:
        decoder.run(job)
    return error.value


def picture(path: Path, size: tuple[int, int] = (40, 60)) -> np.ndarray:
    pixels = np.random.default_rng(0).integers(0, 255, (*size, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(path)
    return pixels


def test_a_case_comes_back_as_pixels(decoder: Decoder, tmp_path: Path) -> None:
    bus, ue = picture(tmp_path / '0.png'), picture(tmp_path / '1.png', (30, 20))
    case = Case('c', 'p', files={'bus': (tmp_path / '0.png',), 'ue': (tmp_path / '1.png',)})
    facts, arrays = decoder.run(CaseJob(case, LOAD, find=False))
    assert np.array_equal(arrays['data/bus'], bus) and np.array_equal(arrays['data/ue'], ue)
    assert arrays['preview/bus'].shape == (1, 40, 60, 3) and facts['times'] == {'bus': None, 'ue': None}
    assert facts['previews']['ue'] == {
        'kind': 'image', 'type': 'PNG', 'width': 20, 'height': 30, 'frames': 1, 'seconds': None, 'fps': None,
        'spacing_mm': None, 'kept': 1.0, 'blanked': 'none', 'scale': 1.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ('kind', 'options', 'words', 'most'),
    [
        ('os.abort', {}, 'damaged, or asks for too much memory', 6),
        ('os._exit', {'status': 3}, 'damaged, or asks for too much memory', 6),
        ('faulthandler._sigsegv', {}, 'damaged, or asks for too much memory', 6),
        ('builtins.bytearray', {'source': 2**30}, 'more memory than a request may take', 6),
        ('timeit.timeit', {'stmt': 'pass', 'number': 10**12}, 'takes longer than 2 seconds', 6),
        ('signal.pause', {}, 'takes longer than 2 seconds', 8),
    ],
)
def test_what_ends_a_process_costs_one_request(
    decoder: Decoder, tmp_path: Path, kind: str, options: dict[str, Any], words: str, most: float
) -> None:
    start = time.monotonic()
    error = refused(decoder, hostile_step(kind, **options))
    assert error.code == 'unreadable' and words in error.message and error.input is None
    assert time.monotonic() - start < most
    assert not decoder._running
    picture(tmp_path / 'a.png')
    assert decoder.run(FileJob(tmp_path / 'a.png', False))[1]['preview/file'].shape == (1, 40, 60, 3)


def test_processor_time_ends_before_the_clock_does(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Decoder(Limits(decode_seconds=1))
    monkeypatch.setattr(own, 'wall', 300.0)
    error = refused(own, hostile_step('timeit.timeit', stmt='pass', number=10**12))
    assert error.message == 'reading it takes longer than 1 seconds'


def test_the_input_at_which_a_process_ended_is_named(decoder: Decoder, tmp_path: Path) -> None:
    picture(tmp_path / '0.png')
    case = Case('c', 'p', files={'bus': (tmp_path / '0.png',), 'ue': (tmp_path / 'none.png',)})
    steps = [dict(type='LoadImage', modalities='bus'), dict(type='LoadMask')]
    error = refused(decoder, CaseJob(case, [*steps, dict(type='LoadImage', modalities='ue')]))
    assert (error.input, error.message) == ('ue', 'does not exist')


REACH: dict[str, Callable[[Path, Any], StepsJob]] = {
    'the file of another': lambda folder, _: hostile_step('pathlib.Path.read_text', self=folder / 'secret'),
    'names of files': lambda folder, _: hostile_step('os.listdir', path=str(folder)),
    'a new file': lambda folder, _: hostile_step('os.open', path=folder / 'new', flags=os.O_CREAT | os.O_WRONLY),
    'a new folder': lambda folder, _: hostile_step('os.mkdir', path=folder / 'new'),
    'a removed file': lambda folder, _: hostile_step('os.remove', path=folder / 'secret'),
    'an address': lambda _, server: hostile_step('socket.create_connection', address=server.getsockname(), timeout=1),
    'a program': lambda folder, _: hostile_step('subprocess.run', args=[shutil.which('true')]),
}


@pytest.mark.skipif(not landlock.version(), reason='this system has no Landlock')
@pytest.mark.parametrize('reach', REACH)
def test_a_decoder_that_was_taken_over_reaches_nothing(decoder: Decoder, tmp_path: Path, reach: str) -> None:
    (tmp_path / 'secret').write_text('of another patient')
    with socket.create_server(('127.0.0.1', 0)) as server:
        error = refused(decoder, REACH[reach](tmp_path, server))
    assert error.message == 'cannot be read'
    assert [path.name for path in tmp_path.iterdir()] == ['secret']


def test_what_the_system_keeps_away_is_there_without_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same steps in this process do what they say: the test above is of the limits, not of the steps."""
    (tmp_path / 'secret').write_text('of another patient')
    with socket.create_server(('127.0.0.1', 0)) as server:
        for reach in ('the file of another', 'names of files', 'a new folder', 'an address', 'a program'):
            found = TRANSFORMS.build(dict(REACH[reach](tmp_path, server).steps[0]))
            if reach == 'an address':
                found.close()
    assert (tmp_path / 'new').is_dir()


@pytest.mark.skipif(not Path('/proc/self/fd').is_dir(), reason='this system does not show open files')
def test_a_process_holds_no_socket_of_the_server(decoder: Decoder) -> None:
    with socket.create_server(('127.0.0.1', 0)) as server, socket.create_connection(server.getsockname()) as client:
        ours = {f'socket:[{os.fstat(s.fileno()).st_ino}]' for s in (server, client)}
        thread = threading.Thread(target=refused, args=(decoder, hostile_step('signal.pause')))
        thread.start()
        try:
            held = _held(decoder)
        finally:
            thread.join()
    assert held and not ours & set(held)
    assert len(held) < 12


def _held(decoder: Decoder) -> list[str]:
    for _ in range(100):
        running = list(decoder._running)
        if running and running[0].pid:
            time.sleep(0.3)
            folder = Path(f'/proc/{running[0].pid}/fd')
            try:
                return [str(link.readlink()) for link in folder.iterdir()]
            except PermissionError:
                pytest.skip('the files of such a process are shown to root alone')
        time.sleep(0.05)
    return []


def test_a_started_process_is_cheap(decoder: Decoder, tmp_path: Path) -> None:
    picture(tmp_path / 'a.png')
    decoder.run(StepsJob([]))
    times = []
    for _ in range(5):
        start = time.perf_counter()
        decoder.run(StepsJob([]))
        times.append(time.perf_counter() - start)
    assert min(times) < 0.8  # importing torch alone takes longer


def test_several_threads_get_their_own_answers(decoder: Decoder, tmp_path: Path) -> None:
    found: dict[int, tuple[int, ...]] = {}
    for i in range(6):
        picture(tmp_path / f'{i}.png', (20 + i, 30))

    def ask(i: int) -> None:
        found[i] = decoder.run(FileJob(tmp_path / f'{i}.png', False))[1]['preview/file'].shape

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {i: (1, 20 + i, 30, 3) for i in range(6)}


def test_bombs_are_refused_in_time(decoder: Decoder, tmp_path: Path, hostile: Any) -> None:
    bombs = {
        'claims.png': hostile.png(99_000, 1000, filled=False),
        'large.png': hostile.png(10_000, 10_000, 6, 16),
        'deflated.dcm': hostile.deflated(b'\0' * 300_000_000),
        'elements.dcm': hostile.deflated(hostile.many_elements(2_000_000)),
    }
    for name, content in bombs.items():
        (tmp_path / name).write_bytes(content)
        start = time.monotonic()
        error = refused(decoder, FileJob(tmp_path / name, False))
        assert error.code == 'unreadable' and name not in error.message and str(tmp_path) not in error.message
        assert time.monotonic() - start < 8, name


def test_a_clip_larger_than_the_memory_is_refused_with_its_reason(decoder: Decoder, tmp_path: Path) -> None:
    frames = [Image.new('P', (2000, 2000), i) for i in range(30)]  # 360 MB of pixels
    frames[0].save(tmp_path / '0.gif', save_all=True, append_images=frames[1:], duration=50)
    case = Case('c', 'p', files={'clip': (tmp_path / '0.gif',)})
    error = refused(decoder, CaseJob(case, [dict(type='LoadClip', modalities='clip')]))
    assert error.input == 'clip' and 'over the limit of 100663296 bytes' in error.message
    assert reader_limits.MAX_CLIP_BYTES == 3 * 2**29  # of this process


def test_tables(decoder: Decoder, tmp_path: Path) -> None:
    (tmp_path / 'a.csv').write_text('case_id,bus\n1,=1+1\n2,\n')
    facts, arrays = decoder.run(TableJob(tmp_path / 'a.csv'))
    assert facts == {'columns': ['case_id', 'bus'], 'rows': [['1', '=1+1'], ['2', None]]} and not arrays
    (tmp_path / 'b.csv').write_text('a\n' + '1\n' * 5001)
    assert 'over 5000 rows' in refused(decoder, TableJob(tmp_path / 'b.csv')).message


def test_a_child_that_talks_without_an_end_is_cut_off(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('usmm.server.decode.decoding.receive', lambda *_: ({'at': 'bus'}, {}))
    assert 'damaged' in refused(decoder, StepsJob([])).message


def test_what_a_child_says_of_an_error_is_checked(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case('c', 'p', files={'bus': (Path('0.png'),)})
    said: dict[str, Any] = {'error': f'\0bad {"x" * 999}', 'input': 'other', 'box': 'yes'}
    monkeypatch.setattr('usmm.server.decode.decoding.receive', lambda *_: (said, {}))
    error = refused(decoder, CaseJob(case, []))
    assert (error.code, error.input, len(error.message)) == ('unreadable', None, 200) and '\0' not in error.message
    said.update(error=[1], input='bus_box', box=True)
    error = refused(decoder, CaseJob(case, []))
    assert (error.code, error.input, error.message) == ('bad_value', 'bus_box', 'cannot be read')


def test_closing_ends_what_runs_and_starts_no_more() -> None:
    own = Decoder(Limits(decode_seconds=20))
    own.run(StepsJob([]))
    errors: list[RequestError] = []
    thread = threading.Thread(target=lambda: errors.append(refused(own, hostile_step('signal.pause'))))
    thread.start()
    while not own._running:
        time.sleep(0.01)
    start = time.monotonic()
    own.close()
    thread.join()
    assert errors[0].code == 'stopping' and time.monotonic() - start < 5
    assert refused(own, StepsJob([])).code == 'stopping'
    assert not own._running


@pytest.mark.parametrize(
    ('text', 'plain'),
    [
        ("cannot be read as DICOM: ValueError: bad date '19700101'", 'cannot be read as DICOM'),
        ("is cut: its 'Doe^Jane' should end at byte 7", 'is cut: its … should end at byte 7'),
        ('no file /spool/ab/0.png here', 'no file … here'),
        ('C:\\spool\\0.png is bad', '… is bad'),
        ('two\nlines\x1b[31m', 'two lines[31m'),
        ('', 'cannot be read'),
    ],
)
def test_reasons_tell_nothing_of_the_patient(text: str, plain: str) -> None:
    assert plain_reason(text) == plain


def test_every_loaded_picture_is_watched() -> None:
    load, key, crop = dict(type='LoadImage'), dict(type='usmm.KeyFrames', modality='c'), dict(type='CropLesion')
    split, pack = dict(type='SplitPanels', source='a', into=('a', 'b')), dict(type='PackCase')
    assert watched([load, key, crop, pack], 'W') == [load, key, 'W', crop, pack]
    assert watched([load, crop, key], 'W') == [load, 'W', crop, key, 'W']
    assert watched([load, split, crop], 'W') == [load, split, 'W', crop]
    inner = dict(type='Cached', transforms=[load, crop])
    assert watched([inner, pack], 'W') == [{**inner, 'transforms': [load, 'W', crop]}, pack]


def test_the_parent_imports_no_preload() -> None:
    code = 'import sys, usmm.server.engine; print("usmm.server.decode.preload" in sys.modules)'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == 'False'


def test_numbers_of_a_workbook_keep_their_value_under_another_decimal_mark(decoder: Decoder, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (['case_id', 'size', 'sum'], ['c1', 1.234, None], ['c2', '1.234,5', 3]):
        book.active.append(row)
    book.active['C2'] = '=B2*2'
    book.save(tmp_path / 'a.xlsx')
    form = TableFormat(decimal=',', thousands='.')
    facts, _ = decoder.run(TableJob(tmp_path / 'a.xlsx', form))
    assert facts['rows'][0] == ['c1', '1,234', 'formula without a stored value in C2']
    assert [form.number(row[1]) for row in facts['rows']] == [1.234, 1234.5]


def forkserver_pid() -> int:
    return int(multiprocessing.forkserver._forkserver._forkserver_pid)  # type: ignore[attr-defined]


def test_a_server_of_forks_that_is_killed_is_started_again(decoder: Decoder, tmp_path: Path) -> None:
    picture(tmp_path / '0.png')
    before = forkserver_pid()
    os.kill(before, signal.SIGKILL)
    facts, _ = decoder.run(FileJob(tmp_path / '0.png', False))
    assert facts['previews'] and forkserver_pid() != before
    assert decoder.problem() is None


def test_one_that_is_killed_while_a_file_is_read_is_not_the_fault_of_the_file(decoder: Decoder) -> None:
    before = forkserver_pid()
    killer = threading.Timer(0.7, os.kill, (before, signal.SIGKILL))
    killer.start()
    error = refused(decoder, hostile_step('signal.pause'))
    killer.join()
    assert (error.code, error.status, error.message) == ('unavailable', 503, LOST)
    decoder.run(StepsJob([]))


@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_a_process_that_is_ended_from_outside_is_not_the_fault_of_the_file(
    decoder: Decoder, number: signal.Signals
) -> None:
    errors: list[RequestError] = []
    thread = threading.Thread(target=lambda: errors.append(refused(decoder, hostile_step('signal.pause'))))
    thread.start()
    while not decoder._running:
        time.sleep(0.01)
    time.sleep(0.3)  # it has started, and pauses
    (process,) = decoder._running
    assert process.pid is not None
    os.kill(process.pid, number)
    thread.join()
    assert [(error.code, error.status, error.message) for error in errors] == [('unavailable', 503, LOST)]
    decoder.run(StepsJob([]))


def test_one_that_does_not_answer_is_killed_and_started_again() -> None:
    decoder = Decoder(Limits(decode_seconds=2, decode_bytes=384 * MIB), start_seconds=15)
    decoder.run(StepsJob([]))
    decoder.start_seconds = 1.0
    before = forkserver_pid()
    os.kill(before, signal.SIGSTOP)
    error = refused(decoder, StepsJob([]))
    assert (error.code, error.message) == ('unavailable', LOST)
    decoder.start_seconds = 15.0
    assert decoder.problem() is None  # which starts one
    assert forkserver_pid() != before
    decoder.run(StepsJob([]))
    decoder.close()
    assert decoder.problem() is None  # being stopped is no problem


def test_where_no_process_can_be_started_it_says_so(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(process: Any) -> None:
        raise BlockingIOError(11, 'injected')

    with monkeypatch.context() as patch:
        patch.setattr(multiprocessing.context.ForkServerProcess, 'start', fails)
        error = refused(decoder, StepsJob([]))
        assert (error.code, error.message) == ('unavailable', NO_START)
        assert decoder.problem() == NO_START
    assert decoder.problem() is None
