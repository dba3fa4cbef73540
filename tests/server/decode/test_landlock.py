"""Every right that a decoding process gives up: the operation works before, and is refused after."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from usmm.server.decode import landlock

# Run in a process of its own: what it gives up, it gives up for good.
PROGRAM = """
import array, ctypes, errno, fcntl, json, os, pathlib, socket, stat, sys, threading

folder, confined = pathlib.Path(sys.argv[1]), sys.argv[2] == 'confined'
inside, other = folder / 'inside', folder / 'other'
for place in (inside, other, other / 'empty'):
    place.mkdir()
for name in ('allowed', 'read', 'write', 'cut', 'gone', 'moved'):
    (other / name).write_text('#!/bin/true\\n')
listener = socket.create_server(('127.0.0.1', 0))
free = socket.socket()

def executes():
    number = os.fork()
    if number == 0:
        try:
            os.execv(os.path.realpath('/usr/bin/true'), ['true'])  # which may be read
        except OSError as error:
            os._exit(error.errno)
    code = os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])
    if code:
        raise OSError(code, 'exec')

def device_control():
    with open('/dev/urandom', 'rb', buffering=0) as file:  # which may be read
        fcntl.ioctl(file, 0x80045200, array.array('i', [0]))  # RNDGETENTCNT

def signals():
    os.kill(os.getppid(), 0)

def abstract_socket():
    with socket.socket(socket.AF_UNIX) as client:
        client.connect('\\0' + sys.argv[3])

OPERATIONS = {
    'execute': executes,
    'write_file': lambda: os.close(os.open(other / 'write', os.O_WRONLY)),
    'read_file': lambda: (other / 'read').read_text(),
    'read_dir': lambda: os.listdir(other),
    'remove_dir': lambda: (other / 'empty').rmdir(),
    'remove_file': lambda: (other / 'gone').unlink(),
    'make_char': lambda: os.mknod(other / 'null', stat.S_IFCHR | 0o600, os.makedev(1, 3)),
    'make_dir': lambda: (other / 'new').mkdir(),
    'make_reg': lambda: os.mknod(other / 'file', stat.S_IFREG | 0o600),
    'make_sock': lambda: socket.socket(socket.AF_UNIX).bind(str(other / 'sock')),
    'make_fifo': lambda: os.mkfifo(other / 'fifo'),
    'make_block': lambda: os.mknod(other / 'block', stat.S_IFBLK | 0o600, os.makedev(7, 200)),
    'make_sym': lambda: (other / 'link').symlink_to('read'),
    # refused by every ruleset, with or without this right
    'refer': lambda: (other / 'moved').rename(inside / 'moved'),
    'truncate': lambda: os.truncate(other / 'cut', 0),
    'ioctl_dev': device_control,
    'bind_tcp': lambda: free.bind(('127.0.0.1', 0)),
    'connect_tcp': lambda: socket.create_connection(listener.getsockname(), 2).close(),
    'abstract_socket': abstract_socket,
    'signal': signals,
}
if confined:
    from usmm.server.decode.landlock import keep_only

    ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)
    assert keep_only([other / 'allowed'])
    assert (other / 'allowed').read_text()  # a file that it may read
found = {}
for name, operation in OPERATIONS.items():
    try:
        operation()
        found[name] = 0
    except OSError as error:
        found[name] = error.errno or -1
print(json.dumps(found))
"""
SINCE = dict(refer=2, truncate=3, ioctl_dev=5, bind_tcp=4, connect_tcp=4, abstract_socket=6, signal=6)
ABSTRACT = f'usmm-landlock-{os.getpid()}'
DEVICES = ('make_char', 'make_block')  # which only root may make at all


def operations(folder: Path, how: str) -> dict[str, int]:
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as outside:  # an abstract socket of another process
        outside.bind(f'\0{ABSTRACT}')
        outside.listen()
        command = [sys.executable, '-c', PROGRAM, str(folder), how, ABSTRACT]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found: dict[str, int] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(not landlock.version(), reason='this system has no Landlock')
def test_every_right_is_given_up(tmp_path: Path) -> None:
    before, after = operations(tmp_path / 'before', 'free'), operations(tmp_path / 'after', 'confined')
    works = [name for name, number in before.items() if number == 0]
    assert {*before} - {*works} <= {*DEVICES}
    expected = [name for name in works if landlock.version() >= SINCE.get(name, 1)]
    assert {name: after[name] for name in expected if after[name] == 0} == {}
    assert len(expected) >= 11
