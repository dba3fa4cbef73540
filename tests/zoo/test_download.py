"""Downloads against a server that fails in every way: what is in the cache is right, or is not there."""

from __future__ import annotations

import multiprocessing
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.request import Request

import pytest
import yaml

from usmm.utils.digests import file_digest
from usmm.zoo import FetchError, FetchOptions, Zoo, default_cache
from usmm.zoo import zoo as zoo_module
from usmm.zoo.fetch import _Redirects, fetch, fetch_small, open_url

QUICK = FetchOptions(timeout=0.3, attempts=3, pause=0.01)
WEIGHTS = 'model.safetensors'


@pytest.fixture
def server(serve, zoo_folder: Path) -> Any:
    return serve(zoo_folder)


def models(cache: Path) -> list[Path]:
    return sorted(p for p in (cache / 'models').rglob('*') if p.is_file())


def is_right(folder: Path, zoo_folder: Path) -> bool:
    names = {p.name for p in folder.iterdir()}
    return names == {WEIGHTS, 'config.py'} and all(
        (folder / name).read_bytes() == (zoo_folder / 'small' / name).read_bytes() for name in names
    )


# what passes

FAULTS: list[list[str | int]] = [
    [], [500], [503, 500], [429], ['cut'], ['cut', 'cut'], ['cut', 500], ['cut_without_length'], ['stall'], ['drip'],
    ['wrong'], ['wrong_bit'], ['page'], ['longer'], ['cut', 'from_zero'], ['cut', 'other_range'], ['cut', 'no_range'],
    ['cut', 416], ['cut', 'wrong_bit'], ['nonsense'], ['hang_up'], ['wrong', 'cut'],
]  # fmt: skip


@pytest.mark.parametrize('faults', FAULTS, ids=lambda f: ' '.join(map(str, f)) or 'none')
def test_faults_that_pass(faults: list[str | int], server, cache: Path, zoo_folder: Path, monkeypatch) -> None:
    monkeypatch.setattr('usmm.zoo.fetch.SLOWEST', 10**6)
    server.faults = [*faults]
    zoo = Zoo(server.url, cache, options=QUICK)
    folder = zoo.download('small')
    assert is_right(folder, zoo_folder)
    # one that ignores the range has sent the whole file
    assert len(server.of_weights()) == len(faults) + 1 - faults.count('no_range')
    assert [p for p in (cache / 'partial').iterdir() if p.suffix == '.part'] == []
    asked = len(server.asked)
    assert zoo.download('small') == folder and len(server.asked) == asked  # nothing is asked for twice
    assert zoo.weights('small') == folder / WEIGHTS


def test_what_came_is_not_downloaded_again(server, cache: Path, zoo_folder: Path) -> None:
    server.faults = ['cut', 'cut']
    assert is_right(Zoo(server.url, cache, options=QUICK).download('small'), zoo_folder)
    assert server.of_weights() == [None, 'bytes=150000-', 'bytes=225000-']


def test_another_process_goes_on_where_one_was_cut(server, cache: Path, zoo_folder: Path) -> None:
    server.faults = ['cut']
    with pytest.raises(FetchError, match=r'150000 of 300000 bytes came'):
        Zoo(server.url, cache, options=FetchOptions(0.3, 1, 0)).download('small')
    assert models(cache) == []
    assert is_right(Zoo(server.url, cache, options=QUICK).download('small'), zoo_folder)
    assert server.of_weights() == [None, 'bytes=150000-']


# what does not

LASTING: list[tuple[str | int, str]] = [
    (404, 'HTTP Error 404'), (403, 'HTTP Error 403'), (500, 'HTTP Error 500'), ('cut_without_length', '1000 of 300000'),
    ('stall', 'timed out'), ('drip', r'only \d+ bytes came in|timed out'), ('wrong', 'SHA-256 is not the one'),
    ('wrong_bit', 'SHA-256 is not'), ('page', 'the server states 28 bytes, the index 300000'),
    ('longer', 'more than the expected 300000 bytes'), ('nonsense', 'cannot download'), ('hang_up', 'cannot download'),
    ('from_zero', 'another range|cannot download'), ('redirect_here', 'redirect'),
]  # fmt: skip


@pytest.mark.parametrize(('fault', 'message'), LASTING, ids=lambda v: str(v)[:20])
def test_faults_that_last(fault: str | int, message: str, server, cache: Path, monkeypatch) -> None:
    monkeypatch.setattr('usmm.zoo.fetch.SLOWEST', 10**6)
    server.always = fault
    if fault == 'from_zero':
        server.faults = ['cut', 'from_zero', 'cut']
    with pytest.raises(FetchError, match=message) as caught:
        Zoo(server.url, cache, options=QUICK).download('small')
    assert f'{server.url}/small/{WEIGHTS}' in str(caught.value)
    assert models(cache) == []
    assert len(server.of_weights()) <= (1 if fault in (404, 403) else 40)


def test_redirects(server, serve, zoo_folder: Path, cache: Path) -> None:
    other = serve(zoo_folder)
    server.always, server.elsewhere = 'redirect', f'{other.url}/small/{WEIGHTS}'.replace('127.0.0.1', 'localhost')
    with pytest.raises(FetchError, match=r'redirects to another host, localhost:\d+, which is refused'):
        Zoo(server.url, cache, options=QUICK).download('small')
    assert other.asked == [] and models(cache) == []
    allowed = FetchOptions(0.3, 3, 0.01, hosts=('localhost',))
    assert is_right(Zoo(server.url, cache, options=allowed).download('small'), zoo_folder)


@pytest.mark.parametrize('where', ['file:///etc/passwd', 'ftp://127.0.0.1/x', 'https://127.0.0.1:1/x'])
def test_redirects_to_other_schemes(where: str, server, cache: Path) -> None:
    server.always, server.elsewhere = 'redirect', where
    with pytest.raises(FetchError, match=r'which is refused|not allowed|cannot download'):
        Zoo(server.url, cache, options=QUICK).download('small')
    assert models(cache) == []


def test_a_downgrade_is_refused() -> None:
    request = type('Request', (), {'full_url': 'https://a.org/x'})()
    with pytest.raises(FetchError, match=r'https://a.org/x redirects from https to http, which is refused'):
        _Redirects(()).redirect_request(request, None, 302, '', {}, 'http://a.org/x')


def test_other_addresses_than_http() -> None:
    with pytest.raises(FetchError, match=r'file:///etc/passwd is no http'):
        open_url('file:///etc/passwd', QUICK)


# mirrors


def test_mirrors(serve, new_zoo, tmp_path: Path, cache: Path) -> None:
    good = serve(new_zoo(tmp_path / 'good'))
    bad = serve(new_zoo(tmp_path / 'bad', Mirrors=['http://127.0.0.1:9', good.url]))
    bad.always = 'wrong'
    folder = Zoo(bad.url, cache, options=QUICK).download('small')
    assert is_right(folder, tmp_path / 'good')
    assert len(good.of_weights()) == 1


def test_a_checkout_without_the_weights_asks_the_mirror(serve, new_zoo, tmp_path: Path, cache: Path) -> None:
    server = serve(new_zoo(tmp_path / 'there'))
    here = new_zoo(tmp_path / 'here', Mirrors=[server.url])
    (here / 'small' / WEIGHTS).unlink()
    with pytest.raises(FetchError, match=r'is no file; offline, and small/model.safetensors of small is not in the'):
        Zoo(here, cache, offline=True).download('small')
    assert is_right(Zoo(here, cache, options=QUICK).download('small'), tmp_path / 'there')
    assert is_right(Zoo(here, cache, offline=True).download('small'), tmp_path / 'there')


# offline


def test_offline(server, cache: Path, zoo_folder: Path, monkeypatch) -> None:
    with pytest.raises(FetchError, match=r'offline, and no index of http'):
        Zoo(server.url, cache, offline=True)
    Zoo(server.url, cache, options=QUICK)
    with pytest.raises(FetchError, match=r'offline, and small/config.py|offline, and small/model.safetensors'):
        Zoo(server.url, cache, offline=True).download('small')
    Zoo(server.url, cache, options=QUICK).download('small')
    asked = len(server.asked)
    monkeypatch.setenv('USMM_OFFLINE', '1')
    assert is_right(Zoo(server.url, cache).download('small'), zoo_folder)
    assert len(server.asked) == asked


# the cache


def test_a_damaged_file_of_the_cache_is_replaced(server, cache: Path, zoo_folder: Path) -> None:
    zoo = Zoo(server.url, cache, options=QUICK)
    path = zoo.weights('small')
    path.write_bytes(bytes(300_000))
    assert is_right(zoo.download('small'), zoo_folder)
    path.write_bytes(bytes(300_000))
    with pytest.raises(FetchError, match=r'offline'):
        Zoo(server.url, cache, offline=True).download('small')


def test_another_version_has_another_folder(tmp_path: Path, new_zoo, cache: Path) -> None:
    first = Zoo(new_zoo(tmp_path / 'a'), cache).download('small')
    root = tmp_path / 'a'
    (root / 'small' / 'config.py').write_text('x = 1')
    index = yaml.safe_load((root / 'index.yml').read_text())
    index['Models'][0]['Files'][1].update(Size=5, SHA256=file_digest(root / 'small' / 'config.py'))
    (root / 'index.yml').write_text(yaml.safe_dump(index))
    second = Zoo(root, cache).download('small')
    assert (
        first != second
        and (second / 'config.py').read_text() == 'x = 1'
        and (first / 'config.py').stat().st_size == 900
    )


def test_where_the_cache_is(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv('USMM_CACHE', str(tmp_path))
    assert default_cache() == tmp_path
    monkeypatch.delenv('USMM_CACHE')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'x'))
    for system, end in [('linux', 'x/usmm'), ('darwin', 'Library/Caches/usmm'), ('win32', 'usmm/cache')]:
        monkeypatch.setattr(zoo_module.sys, 'platform', system)
        assert default_cache().as_posix().endswith(end)


def _bring(place: str, cache: str, results: Any) -> None:
    try:
        results.put(str(Zoo(place, cache, options=FetchOptions(5, 3, 0.01)).download('small')))
    except Exception as error:
        results.put(error)


def test_several_processes_at_once(server, cache: Path, zoo_folder: Path) -> None:
    context = multiprocessing.get_context('fork')
    results = context.Queue()
    jobs = [context.Process(target=_bring, args=(server.url, str(cache), results)) for _ in range(4)]
    for job in jobs:
        job.start()
    found = {results.get(timeout=30) for _ in jobs}
    for job in jobs:
        job.join(10)
    assert len(found) == 1 and is_right(Path(found.pop()), zoo_folder)
    assert len(server.of_weights()) == 1  # one brought it, the others waited


def test_a_lock_that_is_held(server, cache: Path, monkeypatch) -> None:
    zoo = Zoo(server.url, cache, options=QUICK)
    file = zoo.entry('small').files[0]
    monkeypatch.setattr(zoo_module, 'LOCK_SECONDS', 0.1)
    (cache / 'partial').mkdir(parents=True)
    with (
        zoo_module.FileLock(cache / 'partial' / f'{file.sha256}.lock'),
        pytest.raises(FetchError, match=r'another process holds .*lock for over 0 s'),
    ):
        zoo.download('small')


def test_a_file_that_changes_behind_the_download(server, cache: Path, monkeypatch) -> None:
    zoo = Zoo(server.url, cache, options=QUICK)
    monkeypatch.setattr(zoo_module, 'fetch', lambda url, part, *_: part.write_bytes(b'other'))
    with pytest.raises(FetchError, match=r'small/model.safetensors changed while it was downloaded'):
        zoo.download('small')
    assert models(cache) == []


# the index of a server


def test_an_index_that_is_none_does_not_replace_the_last(server, cache: Path, zoo_folder: Path) -> None:
    Zoo(server.url, cache, options=QUICK)
    for content, message in [(b'<html>', 'is no index of a model zoo'), (bytes(2**20 + 1), 'has over 1048576 bytes')]:
        (zoo_folder / 'index.yml').write_bytes(content)
        with pytest.raises((ValueError, FetchError), match=message):
            Zoo(server.url, cache, options=QUICK)
        assert Zoo(server.url, cache, offline=True).list_models() == ['small']


def test_an_index_that_cannot_be_had(server, cache: Path, zoo_folder: Path) -> None:
    (zoo_folder / 'index.yml').unlink()
    with pytest.raises(FetchError, match=r'cannot download http.*index.yml: HTTP Error 404'):
        Zoo(server.url, cache, options=QUICK)
    server.always = 'cut'
    with pytest.raises(FetchError, match=r'cannot download .*: 150000 of 300000 bytes came'):
        fetch_small(f'{server.url}/small/{WEIGHTS}', 10**6, QUICK)
    assert len(server.of_weights()) == 3


@pytest.mark.parametrize('options', [dict(attempts=0), dict(timeout=0), dict(pause=-1)])
def test_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r'expected timeout > 0, attempts >= 1 and pause >= 0, got'):
        FetchOptions(**options)


def test_an_index_that_comes_in_drops(server, monkeypatch) -> None:
    monkeypatch.setattr('usmm.zoo.fetch.SLOWEST', 10**9)
    server.always = 'drip'
    with pytest.raises(FetchError, match=r'only \d+ bytes came in 0 s'):
        fetch_small(f'{server.url}/small/{WEIGHTS}', 10**6, FetchOptions(0.3, 1, 0))


@pytest.mark.parametrize(
    ('old', 'new', 'refused'),
    [
        ('http://a.org/x', 'http://a.org/y', None),
        ('http://a.org/x', 'https://a.org/y', None),
        ('http://a.org/x', 'https://a.org:8443/y', None),
        ('http://a.org/x', 'http://a.org:81/y', 'to another host, a.org:81'),
        ('https://a.org/x', 'https://a.org:444/y', 'to another host, a.org:444'),
        ('http://a.org/x', 'http://b.org/y', 'to another host, b.org'),
        ('http://a.org/x', 'http://mirror.org/y', None),
        ('http://a.org/x', 'ftp://a.org/y', 'from http to ftp'),
        ('http://a.org/x', 'file:///etc/passwd', 'from http to file'),
        ('https://a.org/x', 'http://mirror.org/y', 'from https to http'),
    ],
)
def test_where_a_redirect_may_lead(old: str, new: str, refused: str | None) -> None:
    handler = _Redirects(('mirror.org',))

    def redirected() -> Request | None:
        return handler.redirect_request(Request(old), None, 302, '', Message(), new)  # type: ignore[arg-type]

    if refused is None:
        found = redirected()
        assert found is not None and found.full_url == new
    else:
        with pytest.raises(FetchError, match=f'redirects {refused}.*, which is refused'):
            redirected()


def test_pauses_between_attempts_grow_to_half_a_minute(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paused: list[float] = []
    monkeypatch.setattr('usmm.zoo.fetch.time.sleep', paused.append)
    with pytest.raises(FetchError):
        fetch('http://127.0.0.1:1/x', cache / 'x', '0' * 64, 5, FetchOptions(attempts=7, pause=2.0))
    assert paused == [2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
