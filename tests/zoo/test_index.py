from __future__ import annotations

from typing import Any

import pytest
import yaml

from usmm.zoo.index import MAX_BYTES, Entry, ZooFile, check_location, check_name, parse_index

DIGEST = 'ab' * 32


def record(**change: Any) -> dict[str, Any]:
    files = [dict(Path='m/model.safetensors', SHA256=DIGEST, Size=10), dict(Path='m/config.py', SHA256=DIGEST, Size=5)]
    return {
        **dict(Name='m', Weights='m/model.safetensors', Files=files, SHA256=DIGEST, Size=10, Licence='MIT'),
        **change,
    }


def text(*records: Any) -> bytes:
    return yaml.safe_dump(dict(Models=[*records])).encode()


def test_an_index() -> None:
    found = parse_index(text(record(Mirrors=['https://a.org/zoo/'])), 'index.yml')
    assert found == {
        'm': Entry(
            'm',
            'm/model.safetensors',
            (ZooFile('m/model.safetensors', DIGEST, 10), ZooFile('m/config.py', DIGEST, 5)),
            ('https://a.org/zoo',),
        )
    }
    assert found['m'].size == 15 and found['m'].files[1].name == 'config.py'
    assert found['m'].record['Licence'] == 'MIT'
    assert parse_index(b'Models: []', 'x') == {}


@pytest.mark.parametrize(
    'path', ['../x', 'a/../b', '/etc/passwd', 'a//b', 'a/./b', '.', '..', '', 'C:/x', 'a\\b', 'http://x/y', 'a/.hidden',
             'a/b\n', '~/x', 'a/b?x', 'a/%2e%2e/b', 'a..b', 'x' * 200, None, 3, ['a'],
             'a/b.', 'con', 'a/NUL.md', 'Com1.x/b'],
)  # fmt: skip
def test_locations_outside_are_refused(path: Any) -> None:
    with pytest.raises(ValueError, match='a location is a relative path below the index'):
        check_location(path)
    files = [dict(Path=path, SHA256=DIGEST, Size=1)]
    with pytest.raises(ValueError, match="i is no index of a model zoo: model 'm': a location is a relative path"):
        parse_index(text(record(Files=files)), 'i')


@pytest.mark.parametrize(
    'name', ['', 'A', '../m', 'a/b', '.m', 'a..b', 'x' * 101, 'm\n', None, 3, 'aux', 'con.1', 'm.', 'index.yml']
)
def test_names_that_are_refused(name: Any) -> None:
    with pytest.raises(ValueError, match='a model name has lower-case letters'):
        check_name(name)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'[]', 'it has no list of Models'),
        (b'\n<!DOCTYPE html>', 'it is a web page, perhaps an error page'),
        (b'\xef\xbb\xbf<html>', 'it is a web page'),
        (
            b'version https://git-lfs.github.com/spec/v1',
            'it is a pointer of git-lfs, not the index itself: run',
        ),
        (b'Models: 3', 'it has no list of Models'),
        (b'', 'it has no list of Models'),
        (b'Models: [a: b: c', 'it is no YAML'),
        (b'\xff\xfe\x00\xd8', 'it is no YAML: it is no UTF-8 text'),
        (
            b'Models: !!python/object/apply:os.system ["touch marker"]',
            r'it has a tag \(tag:yaml.org,2002:python/object/apply:os.system\)',
        ),
        (b'a: &a [1]\nb: [*a, *a]\nModels: []', 'it has an anchor'),
        (b'Models: ' + b'[' * 30 + b']' * 30, 'it is nested deeper than 20'),
        (b' ' * (MAX_BYTES + 1), f'it has {MAX_BYTES + 1} bytes, over the limit'),
        (text('m'), 'a model has no Name'),
        (text(dict(Weights='x')), 'a model has no Name'),
        (text(record(), record()), "model 'm' stands in it twice"),
        (text(record(Weights='m/other.safetensors')), r"its Weights 'm/other.safetensors' are not among its Files"),
        (text(record(Files=[])), 'are not among its Files'),
        (text(record(Files='x')), "model 'm': Files is no list"),
        (text(record(Files=['x'])), 'a file is described by Path, SHA256 and Size'),
        (text(record(Files=[dict(Path='m/a', SHA256='AB' * 32, Size=1)])), 'm/a has no SHA256 of 64'),
        (text(record(Files=[dict(Path='m/a', SHA256=7, Size=1)])), 'm/a has no SHA256 of 64'),
        (text(record(Files=[dict(Path='m/a', SHA256=DIGEST, Size=0)])), 'm/a has no Size in bytes'),
        (text(record(Files=[dict(Path='m/a', SHA256=DIGEST, Size=True)])), 'm/a has no Size in bytes'),
        (text(record(Files=[dict(Path='m/a', SHA256=DIGEST, Size=2**62)])), 'm/a has no Size in bytes'),
        (
            text(record(SHA256='cd' * 32)),
            f"model 'm': its SHA256 is '{'cd' * 32}', but that of m/model.safetensors in its Files is '{DIGEST}'",
        ),
        (text(record(SHA256=7)), "its SHA256 is '7', but that of m/model.safetensors"),
        (text(record(Size=9)), "its Size is '9', but that of m/model.safetensors in its Files is 10"),
        (text(record(Config='../config.py')), 'a location is a relative path below the index'),
        (text(record(Mirrors=['ftp://a.org'])), r"a mirror is an http\(s\) address, got 'ftp://a.org'"),
        (text(record(Mirrors=['https://'])), r'a mirror is an http\(s\) address'),
        (
            text(record(Files=[*record()['Files'], dict(Path='n/CONFIG.py', SHA256=DIGEST, Size=1)])),
            'two of its Files have the same name',
        ),
    ],
)
def test_what_is_no_index(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=f'^index.yml is no index of a model zoo: .*{message}'):
        parse_index(content, 'index.yml')


@pytest.mark.parametrize(
    'path',
    ['/etc/passwd', '../m/README.md', 'm/../README.md', 'n/README.md', 'README.md', 'm/deep/README.md', 'm/config.py',
     'm/model.safetensors', 'index.yml', 'm', '', 7, ['m/README.md']],
)  # fmt: skip
def test_a_model_card_lies_beside_the_weights(path: Any) -> None:
    assert parse_index(text(record(README='m/README.md')), 'i')['m'].page == 'm/README.md'
    assert parse_index(text(record()), 'i')['m'].page == ''
    with pytest.raises(ValueError, match=r"i is no index of a model zoo: model 'm': (its README is|a location is)"):
        parse_index(text(record(README=path)), 'i')


def test_the_digest_of_a_card() -> None:
    change = {'README': 'm/README.md', 'README SHA256': DIGEST}
    assert parse_index(text(record(**change)), 'i')['m'].page_sha256 == DIGEST
    with pytest.raises(ValueError, match="model 'm': README has no SHA256 of 64 hexadecimal digits"):
        parse_index(text(record(**{**change, 'README SHA256': 'x'})), 'i')
