from __future__ import annotations

import dataclasses
import hashlib
import json
import multiprocessing
import pickle
from pathlib import Path

import av
import cv2
import numpy as np
import pandas as pd
import pydicom
import pytest

from usmm.phantoms import PRESETS, aligned_modality, generate, make_phantom, write

QUICK = {'clip_seconds': 1.0, 'fps': 10.0, 'workers': 1}


def digests(folder: Path) -> dict[str, str]:
    """Relative path -> content of all files but the workbook, which holds the time of writing."""
    files = [p for p in sorted(folder.rglob('*')) if p.is_file() and p.suffix not in ('.xlsx', '.txt')]
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture(scope='module')
def one(tmp_path_factory) -> Path:
    return make_phantom(tmp_path_factory.mktemp('one') / 'p', 4, seed=5, **QUICK)


def test_workers_do_not_matter(one, tmp_path):
    two = make_phantom(tmp_path / 'p', 4, seed=5, **{**QUICK, 'workers': 3})
    assert digests(one) == digests(two)
    assert pd.read_excel(one / 'cases.xlsx').equals(pd.read_excel(two / 'cases.xlsx'))


@pytest.mark.parametrize('preset', sorted(PRESETS))
def test_workers_do_not_matter_to_any_preset(preset, tmp_path):
    # what a preset holds crosses to the workers: functions of modules, no closures
    one, two = (make_phantom(tmp_path / str(n), 2, seed=8, preset=preset, **{**QUICK, 'workers': n}) for n in (1, 2))
    assert digests(one) == digests(two)
    assert pd.read_excel(one / 'cases.xlsx').equals(pd.read_excel(two / 'cases.xlsx'))
    assert pickle.loads(pickle.dumps(PRESETS[preset])).name == preset


def test_number_of_cases_and_modalities_do_not_matter(one, tmp_path):
    part = make_phantom(tmp_path / 'p', 2, seed=5, modalities=['clinical', 'ue'], **QUICK)
    few, all_ = digests(part), digests(one)
    assert all(all_[name] == digest for name, digest in few.items() if name != 'truth.json')
    table = pd.read_excel(part / 'cases.xlsx')
    assert list(table)[:6] == ['case_id', 'patient_id', 'label', 'ue', 'ue_mask', 'age']
    assert table.equals(pd.read_excel(one / 'cases.xlsx')[list(table)].head(2))
    truth = json.loads((part / 'truth.json').read_text())
    assert list(truth['best_auc']) == ['ue', 'clinical', 'ue+clinical']
    assert truth['key_frame_step'] == {}
    whole = json.loads((one / 'truth.json').read_text())
    assert truth['latents']['C0002']['ue'] == whole['latents']['C0002']['ue']


def test_seed_and_strength_matter(one, tmp_path):
    options = {**QUICK, 'modalities': ['bus', 'clinical']}
    other = make_phantom(tmp_path / 'a', 1, seed=6, **options)
    strong = make_phantom(tmp_path / 'b', 1, seed=5, strength=2, **options)
    name = 'bus/C0001.png'
    assert len({digests(folder)[name] for folder in (one, other, strong)}) == 3
    # the anatomy, hence the mask, knows nothing of the class
    assert digests(one)['bus_mask/C0001.png'] == digests(strong)['bus_mask/C0001.png']
    d = [json.loads((f / 'truth.json').read_text())['d']['bus'] for f in (one, strong)]
    assert d[1] == pytest.approx(2 * d[0])


def test_split_and_shared(tmp_path):
    out = make_phantom(tmp_path / 'p', 3, test_cases=2, shared='bus,ue', modalities=('bus', 'ue'), **QUICK)
    assert pd.read_excel(out / 'cases.xlsx')['split'].tolist() == ['train'] * 3 + ['test'] * 2
    truth = json.loads((out / 'truth.json').read_text())
    assert truth['shared'] == [['bus', 'ue']]
    assert truth['best_auc']['bus+ue'] == pytest.approx(0.64)
    assert (truth['cases'], truth['test_cases']) == (3, 2)


def test_dicom(one, tmp_path):
    out = make_phantom(tmp_path / 'p', 1, seed=5, dicom=True, **QUICK)
    row = pd.read_excel(out / 'cases.xlsx').iloc[0]
    for name in ('bus', 'cdfi', 'ue'):
        still = pydicom.dcmread(out / row[name])
        png = cv2.imread(str(one / name / 'C0001.png'))[..., ::-1]
        assert np.array_equal(still.pixel_array, png)
        assert still.PatientID == 'P0001'
        region = still.SequenceOfUltrasoundRegions[0]
        # cm in the region, mm in the pixel spacing
        assert region.PhysicalDeltaY * 10 == pytest.approx(float(still.PixelSpacing[0]), rel=1e-4)
        assert 0 < region.RegionLocationMinX0 < region.RegionLocationMaxX1 < still.Columns
    kinds = [r.RegionDataType for r in pydicom.dcmread(out / row['cdfi']).SequenceOfUltrasoundRegions]
    assert kinds == [1, 2]
    clip = pydicom.dcmread(out / row['dceus'])
    assert (int(clip.NumberOfFrames), float(clip.FrameTime)) == (10, 100.0)
    frames = clip.pixel_array
    assert frames.shape == (10, 440, 360, 3)
    with av.open(str(one / 'dceus/C0001.mp4')) as video:
        decoded = np.stack([frame.to_ndarray(format='rgb24') for frame in video.decode(video=0)])
    assert np.abs(frames.mean((1, 2)) - decoded.mean((1, 2))).max() < 4


def test_mpeg4_where_x264_is_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(write, 'clip_encoder', lambda: 'mpeg4')
    frames = [np.full((64, 48), grey, np.uint8) for grey in (20, 120, 220)]
    write.write_clip(tmp_path / 'c.mp4', frames, 22, None)
    with av.open(str(tmp_path / 'c.mp4')) as clip:
        assert clip.streams.video[0].codec_context.name == 'mpeg4'
        means = [frame.to_ndarray(format='gray').mean() for frame in clip.decode(video=0)]
    assert means == pytest.approx([20, 120, 220], abs=22)  # studio range


def test_colours_survive_the_clip(tmp_path):
    palette = next(iter(PRESETS['cla'].clips)).palette
    grey = np.repeat(np.arange(0, 256, 32, dtype=np.uint8), 8)[None].repeat(64, 0)
    write.write_clip(tmp_path / 'c.mp4', [grey], 22, palette)
    with av.open(str(tmp_path / 'c.mp4')) as clip:
        decoded = next(clip.decode(video=0)).to_ndarray(format='rgb24').astype(float)
    assert np.abs(decoded - palette[grey])[:, 4::8].max() < 16


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'preset': 'mri'}, "no preset 'mri'; valid names are cla, fibrosis, liver_blood, liver_mr, lymph"),
        ({'preset': 'limph'}, "no preset 'limph'; did you mean 'lymph'?"),
        ({'cases': 0}, 'cases must be at least 1, got 0'),
        ({'test_cases': -1}, 'test_cases must be at least 0, got -1'),
        ({'seed': -1}, 'seed must be at least 0'),
        ({'workers': 0}, 'workers must be at least 1'),
        ({'strength': -0.1}, 'strength must be from 0 to 4'),
        ({'strength': float('nan')}, 'strength must be from 0 to 4'),
        ({'fps': 0}, 'fps must be from 1 to 120'),
        ({'clip_seconds': 0.5}, 'clip_seconds must be from 1 to 600'),
        (
            {'modalities': ['bus', 'mri']},
            r"modalities of .*, got \['bus', 'mri'\]; 'mri': valid names are bus,",
        ),
        ({'modalities': ['clincal']}, "got .*'clincal'.*; 'clincal': did you mean 'clinical'"),
        ({'modalities': []}, r'expected modalities of .*, got \[\]$'),
        ({'shared': 'bus,mri'}, 'unknown modalities'),
        ({'modalities': ['bus'], 'shared': 'bus,ue'}, 'unknown modalities'),
    ],
)
def test_bad_options_leave_nothing(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        make_phantom(tmp_path / 'p', **{'cases': 1, **QUICK, **options})
    assert not list(tmp_path.iterdir())


def test_what_is_there_is_kept(tmp_path):
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine' / 'thesis.txt').write_text('years of work')
    (tmp_path / 'file').write_text('')
    with pytest.raises(FileExistsError, match='is not empty'):
        make_phantom(tmp_path / 'mine', 1, **QUICK)
    with pytest.raises(FileExistsError, match='not a phantom, so it is not replaced'):
        make_phantom(tmp_path / 'mine', 1, force=True, **QUICK)
    with pytest.raises(FileExistsError, match='is a file'):
        make_phantom(tmp_path / 'file', 1, **QUICK)
    assert (tmp_path / 'mine' / 'thesis.txt').read_text() == 'years of work'


def test_force_replaces_a_phantom_and_an_empty_folder_is_filled(tmp_path):
    options = {**QUICK, 'modalities': ['clinical']}
    (tmp_path / 'p').mkdir()
    make_phantom(tmp_path / 'p', 3, **options)
    make_phantom(tmp_path / 'p', 2, force=True, **options)
    assert len(pd.read_excel(tmp_path / 'p' / 'cases.xlsx')) == 2
    assert [p.name for p in tmp_path.iterdir()] == ['p']


@pytest.mark.parametrize('workers', [1, 2])
def test_a_failure_leaves_nothing_and_keeps_the_old(tmp_path, monkeypatch, workers):
    if workers > 1 and multiprocessing.get_start_method(allow_none=True) == 'spawn':
        pytest.skip('the break does not reach spawned workers')
    make_phantom(tmp_path / 'p', 1, modalities=['clinical'], **QUICK)
    before = digests(tmp_path / 'p')

    def fail(*_: object) -> None:
        raise OSError('disk full')

    monkeypatch.setattr(aligned_modality, 'write_png', fail)
    with pytest.raises(OSError, match='disk full'):
        make_phantom(tmp_path / 'p', 3, modalities=['bus'], force=True, **{**QUICK, 'workers': workers})
    assert digests(tmp_path / 'p') == before
    assert [p.name for p in tmp_path.iterdir()] == ['p']


def test_progress_and_a_preset_of_ones_own(tmp_path):
    strong = dataclasses.replace(PRESETS['cla'].clinical, auc=0.9)
    own = dataclasses.replace(PRESETS['cla'], name='own', counts=(1, 1), clinical=strong)
    seen: list[tuple[int, int]] = []
    options = {**QUICK, 'modalities': ['clinical']}
    out = make_phantom(tmp_path / 'p', 14, preset=own, progress=lambda i, n: seen.append((i, n)), **options)
    assert seen == [(i + 1, 14) for i in range(14)]
    assert (pd.read_excel(out / 'cases.xlsx')['label'] == 'SCC').sum() == 7
    assert json.loads((out / 'truth.json').read_text())['best_auc'] == {'clinical': pytest.approx(0.9)}


def test_all_cpus_are_used_by_default(monkeypatch, tmp_path):
    asked: list[int] = []
    monkeypatch.setattr(generate, '_run', lambda job, total, workers: asked.append(workers) or iter_none())
    make_phantom(tmp_path / 'p', 1)
    assert asked == [generate._cpus()]


def iter_none():
    yield from ()
