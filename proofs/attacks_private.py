"""What a patient's file says of the patient: nothing of it may leave the process that reads it."""

from __future__ import annotations

import base64
import io
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import cv2
import numpy as np
from hostile_seeds import dataset, scene, written
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from server_attacks import Attack
from server_process import free_of
from server_target import PREVIEW, Part, Target, part

NAME, NUMBER, FILE = 'Mustermann', 'PID7788990', 'Mustermann_Erika_19570312.dcm'
TAGS = {
    'PatientName': 'Mustermann^Erika', 'PatientID': NUMBER, 'PatientBirthDate': '19570312', 'StudyDate': '20260102',
    'InstitutionName': 'Klinik Nirgendwo', 'ReferringPhysicianName': 'Quacksalber^Q', 'AccessionNumber': 'ACC443322',
    'StudyDescription': 'Mamma links', 'OtherPatientNames': 'Erika', 'PatientAddress': 'Heidestrasse 17',
    'SeriesInstanceUID': '1.2.276.0.7230010.3.1.3.8323329', 'PatientComments': 'nur fuer Mustermann',
}  # fmt: skip
WORDS = (
    NAME, 'Erika', NUMBER, '19570312', '1957', '20260102', 'Nirgendwo', 'Quacksalber', 'ACC443322', 'Mamma',
    'Heidestrasse', '8323329', 'nur fuer', FILE,
)  # fmt: skip
HIGH, WIDE, TOP, LEFT = 240, 320, 40, 40  # the region begins at TOP, LEFT and goes to the far edges less 20


def attacks() -> Iterator[Attack]:
    """All of this kind."""
    yield Attack('patient', 'tags, file name and burnt-in text of a DICOM image', lambda t: _preview(t, 'image'))
    yield Attack('patient', 'the same of a DICOM clip', lambda t: _preview(t, 'clip'))
    yield Attack('patient', 'the same in an answer with heat-maps', _answer)
    yield Attack('patient', 'the same in a batch', _batch)
    yield Attack('patient', 'the same in an error', _error)
    yield Attack('patient', 'names in the spool while a request runs', _spool)
    yield Attack('patient', 'text of a PNG and a place of a JPEG', _texts)


def named_dicom(frames: int = 1) -> bytes:
    """A DICOM file that says who the patient is, in its header and in its pixels outside the region."""
    picture = np.tile(scene(0, WIDE, HIGH)[None], (frames, 1, 1, 1)).copy()
    for frame in picture:
        frame[:TOP] = frame[:, :LEFT] = 0
        cv2.putText(frame, 'MUSTERMANN', (60, 28), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (255, 255, 255), 2)
        cv2.putText(frame, '1957', (2, 120), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1)
    made = dataset(picture, 'RGB')
    item = made.SequenceOfUltrasoundRegions[0]
    item.RegionLocationMinX0, item.RegionLocationMinY0 = LEFT, TOP
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = WIDE - 20, HIGH - 20
    for name, value in TAGS.items():
        setattr(made, name, value)
    if frames == 1:
        del made.NumberOfFrames
    return written(made)


def _told(target: Target, body: bytes, more: str = '') -> str | None:
    for place, text in (('the answer', body.decode('utf-8', 'replace')), ('the log', target.running.written())):
        if word := free_of(text, [*WORDS, *([more] if more else [])]):
            return f'{word!r} stands in {place}'
    return None


def _black(uri: str) -> str | None:
    """Whether a picture of the answer is black outside the region; it may be smaller than the file."""
    encoded = base64.b64decode(uri.partition(',')[2])
    if free_of(encoded.decode('latin-1'), WORDS):
        return 'a picture holds a word'
    picture = np.asarray(Image.open(io.BytesIO(encoded)).convert('RGB')).astype(int)
    down, right = picture.shape[0] / HIGH, picture.shape[1] / WIDE
    bright = max(picture[: int(TOP * down) - 2].max(), picture[:, : int(LEFT * right) - 2].max())
    if bright > 24:  # a lossy picture is not quite black
        return f'text outside the region is shown (brightness {bright})'
    return None if picture.max() > 100 else 'nothing is shown at all'


def _preview(target: Target, kind: str) -> str | None:
    parts = [part('file', named_dicom(3 if kind == 'clip' else 1), FILE), part('kind', kind), part('blank', 'stated')]
    reply = target.post(PREVIEW, parts)
    if reply.status != 200 or reply.json['blanked'] != 'stated':
        return f'answered {reply.status}: {reply.body[:200]!r}'
    problems = [_black(uri) for uri in reply.json['pictures']]
    return _told(target, reply.body) or next((problem for problem in problems if problem), None)


def _first_image(target: Target) -> str:
    told = target.ask('GET', f'/api/v1/models/{target.model}').json['inputs']
    return next(given['name'] for given in told if given['kind'] == 'image')


def _changed(target: Target) -> tuple[str, list[Part]]:
    name = _first_image(target)
    kept = [one for one in target.parts if f'name="{name}"'.encode() not in one[0]]
    return name, [*kept, part(name, named_dicom(), FILE)]


def _answer(target: Target) -> str | None:
    name, parts = _changed(target)
    reply = target.post(target.predict, parts)
    if reply.status != 200:
        return f'answered {reply.status}: {reply.body[:200]!r}'
    shown = next(one for one in reply.json['inputs'] if one['name'] == name)
    problems = [_black(uri) for uri in shown['pictures']]
    return _told(target, reply.body) or next((problem for problem in problems if problem), None)


def _batch(target: Target) -> str | None:
    name, parts = _changed(target)
    files = {one[0].split(b'"')[1].decode(): one for one in parts if b'filename=' in one[0]}
    names = {field: FILE if field == name else f'{field}.bin' for field in files}
    cells = ','.join(names.values())
    table = f'case_id,patient_id,{",".join(names)}\nA1,P,{cells}\nA2,P,{cells}.missing\n'
    sent = [part('files', files[field][1], names[field]) for field in files]
    parts = [part('table', table, f'{NAME}.csv'), *sent]
    plain, saved = target.post(target.batch, parts), target.post(target.batch, parts, ['Accept: text/csv'])
    if plain.status != 200 or plain.json['rows'][0]['error'] is not None:
        return f'answered {plain.status}: {plain.body[:200]!r}'
    return _told(target, plain.body) or _told(target, saved.body)


def _error(target: Target) -> str | None:
    whole = named_dicom()
    bodies = [
        target.upload(whole[: len(whole) // 2], FILE).body,
        target.upload(whole.replace(b'\x28\0\x10\0US\x02\0\xf0\0', b'\x28\0\x10\0US\x02\0\xff\xff'), FILE).body,
        target.upload(f'{NAME} {NUMBER} is no file'.encode(), FILE).body,
        target.post(f'/api/v1/{NAME}', [part(NAME, whole, FILE)]).body,
        target.post(target.predict, [part(NAME, whole, FILE)]).body,
    ]
    return next((problem for problem in (_told(target, body) for body in bodies) if problem), None)


def _spool(target: Target) -> str | None:
    """Names of files, and of nothing else, are looked at all the while."""
    seen: set[str] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            with suppress(OSError):  # folders come and go
                seen.update(path.name for path in target.running.spool.rglob('*'))
            time.sleep(0.002)

    thread = threading.Thread(target=watch)
    thread.start()
    reply = target.post(target.predict, _changed(target)[1])
    done.set()
    thread.join()
    if reply.status != 200 or not any(name.endswith('.dcm') for name in seen):
        return f'the upload was not seen in the spool (answered {reply.status})'
    word = free_of(' '.join(seen), WORDS)
    return f'{word!r} is the name of a file' if word else None


def _texts(target: Target) -> str | None:
    image, words, png, jpg = Image.fromarray(scene(0, WIDE, HIGH)), PngInfo(), io.BytesIO(), io.BytesIO()
    words.add_text('Patient', NAME)
    image.save(png, 'PNG', pnginfo=words)
    exif = Image.Exif()
    exif[0x010E], exif[0x013B] = NAME, NUMBER
    image.save(jpg, 'JPEG', exif=exif)
    for file in (png, jpg):
        reply = target.upload(file.getvalue(), FILE)
        if reply.status != 200:
            return f'answered {reply.status}'
        inside = b''.join(base64.b64decode(uri.partition(',')[2]) for uri in reply.json['pictures'])
        if problem := _told(target, reply.body + inside):
            return problem
    return None
