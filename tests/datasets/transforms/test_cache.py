"""The cached beginning of a pipeline: run once, the same result, nothing random inside."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom.examples
import pytest
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from usmm.datasets.transforms import Cached, CropLesion, LoadImage, LoadMask, RandomFlip, Resize
from usmm.datasets.transforms import cache as module
from usmm.datasets.transforms.base_transform import Transform
from usmm.readers import Region
from usmm.registry import TRANSFORMS
from usmm.structures import Case


class Count(Transform):
    """Notes each run in a file, so that runs in other processes count too."""

    def __init__(self, log: str, facts: object = None) -> None:
        self.log, self._facts = log, facts

    def __call__(self, case: Case) -> Case:
        with Path(self.log).open('a') as file:
            file.write(f'{case.case_id}\n')
        if self._facts is not None:
            case.info['bus']['facts'] = self._facts
        return case


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return make_case(tmp_path, 0)


def make_case(folder: Path, n: int) -> Case:
    rng = np.random.default_rng(n)
    image, mask = folder / f'{n}.png', folder / f'{n}m.png'
    Image.fromarray(rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(image)
    lesion = np.zeros((20, 30), np.uint8)
    lesion[5:12, 8:20] = 255
    Image.fromarray(lesion).save(mask)
    return Case(f'c{n}', f'p{n}', 1, files={'bus': (image,)}, mask_files={'bus': (mask,)}, clinical={'age': 3.0})


def transforms(log: Path, facts: object = None) -> list:
    return [LoadImage('bus'), LoadMask(), CropLesion(), Resize(8), Count(str(log), facts)]


def fresh(case: Case, **other: object) -> Case:
    return Case(**{**vars(case), 'data': {}, 'masks': {}, 'info': {}, **other})


def runs(log: Path) -> int:
    return len(log.read_text().splitlines()) if log.exists() else 0


def assert_same(one: Case, other: Case) -> None:
    assert list(one.data) == list(other.data)
    assert all((one.data[m] == other.data[m]).all() for m in one.data)
    assert all((one.masks[m] == other.masks[m]).all() and other.masks[m].dtype == bool for m in one.masks)
    assert one.info == other.info
    assert (one.case_id, one.label, one.clinical, one.epoch) == (
        other.case_id,
        other.label,
        other.clinical,
        other.epoch,
    )


@pytest.mark.parametrize('where', ['disk', 'memory', 'both', 'none'])
def test_the_result_is_that_of_the_transforms(case: Case, tmp_path: Path, where: str) -> None:
    log = tmp_path / 'log'
    plain = fresh(case, epoch=3)
    for t in transforms(tmp_path / 'other'):
        plain = t(plain)
    options = dict(
        cache_dir=tmp_path / 'cache' if where in ('disk', 'both') else None, memory=where in ('memory', 'both')
    )
    cached = Cached(transforms(log), **options)
    for _ in range(3):
        found = cached(fresh(case, epoch=3))
        assert_same(plain, found)
        found.data['bus'][:] = 0  # later transforms may write
    assert runs(log) == (3 if where == 'none' else 1)
    assert type(found) is Case


def test_another_process_or_run_finds_it(case: Case, tmp_path: Path) -> None:
    log = tmp_path / 'log'
    for seed in (0, 1):
        Cached(transforms(log), cache_dir=tmp_path / 'cache')(fresh(case, seed=seed, epoch=seed))
    assert runs(log) == 1


def test_info_of_before_is_kept_and_the_place_of_the_file_is_the_present_one(case: Case, tmp_path: Path) -> None:
    cached = Cached([LoadImage('bus')], cache_dir=tmp_path / 'cache')
    cached(fresh(case, info={'table': {'modalities': ('bus', 'ue')}}))
    moved = tmp_path / 'moved.png'
    moved.write_bytes(case.files['bus'][0].read_bytes())
    info = cached(fresh(case, files={'bus': (moved,)}, info={'table': {'modalities': ('bus',)}})).info
    assert info['table'] == {'modalities': ('bus',)}
    assert info['bus']['file'] == str(moved)


def test_a_change_of_anything_makes_it_anew(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [Cached(transforms(tmp_path / 'log'), cache_dir=tmp_path)]
    keys.append(Cached([*transforms(tmp_path / 'log'), Resize(9)], cache_dir=tmp_path))
    keys.append(Cached(transforms(tmp_path / 'log')[:-1], cache_dir=tmp_path))
    monkeypatch.setattr(module, 'made_by', lambda: 'other code')
    keys.append(Cached(transforms(tmp_path / 'log'), cache_dir=tmp_path))
    assert len({cached.key(case) for cached in keys}) == 4
    old = keys[0].key(case)
    no_mask = fresh(case, mask_files={})
    as_clip = fresh(case, info={'table': {'clips': ('bus',)}})
    assert len({old, keys[0].key(no_mask), keys[0].key(as_clip)}) == 3
    case.mask_files['bus'][0].write_bytes(case.files['bus'][0].read_bytes())
    assert keys[0].key(case) != old
    assert keys[0].key(fresh(case, case_id='other', epoch=9, seed=9, label=0)) == keys[0].key(case)


def test_a_damaged_entry_is_made_anew(case: Case, tmp_path: Path) -> None:
    log = tmp_path / 'log'
    cached = Cached(transforms(log), cache_dir=tmp_path / 'cache')
    first = cached(fresh(case))
    entry = next((tmp_path / 'cache').rglob('*.npz'))
    entry.write_bytes(entry.read_bytes()[:200])
    assert_same(first, cached(fresh(case)))
    assert_same(first, cached(fresh(case)))
    assert runs(log) == 2


def test_facts_of_many_kinds_survive(case: Case, tmp_path: Path) -> None:
    region = Region(1, 2, 3, 4, 'tissue', (0.1, 0.2))
    facts = dict(
        times=np.array([0.0, 1.5]), spacing=(0.5, 0.25), regions=(region,), box=[1, (2, 3)], none=None,
        flag=True, number=np.float64(2.5), text='ä', nested={'tuple': {'array': 1}},
    )  # fmt: skip
    cached = Cached(transforms(tmp_path / 'log', facts), cache_dir=tmp_path / 'cache')
    cached(fresh(case))
    found = cached(fresh(case)).info['bus']['facts']
    assert found.pop('times').tolist() == [0.0, 1.5]
    assert isinstance(found['number'], np.float64)
    assert found == {k: v for k, v in facts.items() if k != 'times'}
    assert isinstance(found['spacing'], tuple)
    assert isinstance(found['box'][1], tuple)


def test_dicom_facts_survive(tmp_path: Path) -> None:
    def load() -> Case:
        return Case('1', 'p', files={'bus': (Path(pydicom.examples.get_path('rgb_color')),)})

    cached = Cached([LoadImage()], cache_dir=tmp_path)
    cached(load())
    assert_same(LoadImage()(load()), cached(load()))


def test_what_cannot_be_kept_is_refused(case: Case, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match='info/bus/facts holds a set'):
        Cached(transforms(tmp_path / 'log', {1, 2}), cache_dir=tmp_path / 'cache')(fresh(case))


def test_random_transforms_are_refused(case: Case, tmp_path: Path) -> None:
    for random in (RandomFlip(), LoadImage('bus', pick='random')):
        with pytest.raises(ValueError, match='draws random numbers: put it after Cached'):
            Cached([LoadImage('bus'), random])

    class Sly(Transform):
        def __call__(self, case: Case) -> Case:
            case.rng('sly')
            return case

    for options in ({}, dict(cache_dir=tmp_path)):
        with pytest.raises(TypeError, match=r'drew random numbers .*put it after Cached'):
            Cached([Sly()], **options)(fresh(case))


def test_a_transform_must_name_its_options() -> None:
    with pytest.raises(ValueError, match='Plain needs a __repr__'):

        class Plain:
            pass

        Cached([Plain()])


def test_it_is_built_from_a_config(case: Case, tmp_path: Path) -> None:
    config = dict(
        type='Cached', transforms=[dict(type='LoadImage'), dict(type='Resize', size=4)], cache_dir=str(tmp_path)
    )
    assert TRANSFORMS.build(config)(fresh(case)).data['bus'].shape == (4, 4, 3)


@dataclass
class Cases(Dataset):
    cases: list[Case]
    cached: Cached

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int) -> int:
        return int(self.cached(fresh(self.cases[index])).data['bus'].sum())


def test_workers_share_the_folder(tmp_path: Path) -> None:
    log = tmp_path / 'log'
    dataset = Cases([make_case(tmp_path, n) for n in range(6)], Cached(transforms(log), cache_dir=tmp_path / 'cache'))
    sums = [[int(x) for x in DataLoader(dataset, num_workers=w, multiprocessing_context='fork')] for w in (2, 2)]
    assert sums[0] == sums[1] == [dataset[i] for i in range(6)]
    assert sorted(log.read_text().split()) == [f'c{n}' for n in range(6)]


def test_a_helper_module_of_a_transform_is_part_of_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / 'hosp_helper.py').write_text('def change(a):\n    return a\n')
    lines = [
        'from hosp_helper import change',
        'from usmm.datasets.transforms.base_transform import Transform',
        'class Own(Transform):',
        '    def __call__(self, case):',
        '        return case',
    ]
    (tmp_path / 'hosp_parts.py').write_text('\n'.join(lines))
    own = importlib.import_module('hosp_parts').Own()
    first = module._source(own)
    assert module._source(own) == first
    (tmp_path / 'hosp_helper.py').write_text('def change(a):\n    return 255 - a\n')
    assert module._source(own) != first
