"""Weights whose settings reach for files, addresses, code or memory: refused, and nothing of it happens."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch

from usmm.apis import Predictor, get_model, guarded_building, open_bundle
from usmm.apis.network import build_network
from usmm.apis.pipeline import build_pipeline
from usmm.config import load_config
from usmm.weights import read_tensors, write_tensors

Edit = Callable[[dict[str, Any]], Any]
Change = Callable[[Edit], Path]


def head(**settings: object) -> Edit:
    return lambda meta: meta['settings']['model'].update(head=settings)


def step(**settings: object) -> Edit:
    return lambda meta: meta['settings']['test_pipeline'].append(settings)


def into(*keys: str | int, **settings: object) -> Edit:
    def edit(meta: dict[str, Any]) -> None:
        node: Any = meta['settings']
        for key in keys:
            node = node[key]
        node.update(settings)

    return edit


NOT_ALLOWED = 'not a component that weights may name: it is not built'
HOSTILE: dict[str, tuple[Edit, str]] = {
    'a command': (head(type='os.system', command='touch hacked'), NOT_ALLOWED),
    'in place of the model': (
        lambda meta: meta['settings'].update(model=dict(type='builtins.exec', object='open("hacked", "w")')),
        NOT_ALLOWED,
    ),
    'in the pipeline': (step(type='os.mkdir', path='hacked'), NOT_ALLOWED),
    'by its scope': (into('model', 'head', _scope_='subprocess', type='run'), NOT_ALLOWED),
    'upstream functions': (into('model', 'head', type='mmengine.dump'), NOT_ALLOWED),
    'no text': (into('model', 'head', type=['x']), NOT_ALLOWED),
    'a pickle of an address': (
        head(type='mmpretrain.VQAGenerationHead', inference_method='rank', answer_list_path='http://HOST/a.pkl'),
        'model.head.answer_list_path is an address',
    ),
    'a pickle of a file': (
        head(type='mmpretrain.VQAGenerationHead', inference_method='rank', answer_list_path='a.pkl'),
        'model.head.answer_list_path names a file of this machine',
    ),
    'a pickle of no file': (
        head(type='mmpretrain.VQAGenerationHead', inference_method='rank', answer_list_path='b.pkl'), NOT_ALLOWED,
    ),
    'a start of an address': (
        into('model', init_cfg=dict(type='Pretrained', checkpoint='http://HOST/a.pkl')), 'asks for weights of another',
    ),
    'a start of torchvision': (
        into('model', init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet18')), 'weights of another',
    ),
    'a start without a place': (into('model', init_cfg=dict(type='Pretrained')), NOT_ALLOWED),
    'a hub': (head(type='mmpretrain.TIMMBackbone', model_name='hf-hub:a/b', pretrained=False), NOT_ALLOWED),
    'a hub by default': (head(type='mmaction.UniFormerV2'), NOT_ALLOWED),
    'a module of a hub': (head(type='mmpretrain.AutoModelForCausalLM', name_or_path='a/b'), NOT_ALLOWED),
}  # fmt: skip


class Asked(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    found = HTTPServer(('127.0.0.1', 0), Asked)
    found.asked = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=found.serve_forever)
    thread.start()
    yield found
    found.shutdown()
    thread.join()
    found.server_close()


@pytest.mark.parametrize('kind', HOSTILE)
def test_settings_that_reach_out_are_refused(
    kind: str, published: Path, change: Change, tmp_path: Path, server: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit, message = HOSTILE[kind]
    text = (published / 'tiny' / 'model.safetensors').read_bytes()
    path = change(edit)
    state, meta = read_tensors(path)
    write_tensors(path, state, replaced(meta, 'HOST', f'127.0.0.1:{server.server_port}'))
    here = tmp_path / 'here'
    here.mkdir()
    (here / 'a.pkl').write_bytes(b"cos\nsystem\n(S'touch hacked'\ntR.")
    monkeypatch.chdir(here)
    for opened in (lambda: Predictor(path, device='cpu'), lambda: get_model(str(path)), lambda: open_bundle(path)):
        with pytest.raises(ValueError, match=rf'^{path}.*{message}'):
            opened()
    assert [p.name for p in here.iterdir()] == ['a.pkl']
    assert server.asked == []  # type: ignore[attr-defined]
    assert text == (published / 'tiny' / 'model.safetensors').read_bytes()


def replaced(node: Any, old: str, new: str) -> Any:
    if isinstance(node, dict):
        return {key: replaced(value, old, new) for key, value in node.items()}
    if isinstance(node, list):
        return [replaced(value, old, new) for value in node]
    return node.replace(old, new) if isinstance(node, str) else node


BUILT: dict[str, tuple[Edit, str]] = {
    'unknown arguments': (into('model', 'head', no_such_argument=1), 'TypeError: .*no_such_argument'),
    'what is not a classifier': (
        lambda meta: meta['settings'].update(model=dict(type='BN', num_features=4)), 'BatchNorm2d is not a classifier',
    ),
}  # fmt: skip


@pytest.mark.parametrize('kind', BUILT)
def test_settings_that_cannot_be_built(kind: str, change: Change) -> None:
    edit, message = BUILT[kind]
    path = change(edit)
    with pytest.raises(ValueError, match=rf'^{path}: what its settings describe cannot be built: .*{message}'):
        Predictor(path, device='cpu')
    with pytest.raises(ValueError, match='cannot be built'):
        build_network(open_bundle(path))


def test_memory_and_time_are_bounded(change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    path = change(into('model', head=dict(type='MLPHead', hidden_channels=900_000)))
    monkeypatch.setattr(guarded_building, 'SPARE_BYTES', 2**20)
    with pytest.raises(
        ValueError, match=r'cannot be built: MemoryError: it takes more than \d+ bytes, which is too much'
    ):
        Predictor(path, device='cpu')
    monkeypatch.setattr(guarded_building, 'MAX_OPERATIONS', 20)
    with pytest.raises(ValueError, match='cannot be built: MemoryError: it takes more than 20 operations'):
        Predictor(change(lambda meta: None), device='cpu')


@pytest.mark.parametrize(
    'make',
    [lambda: torch.zeros(2**20), lambda: torch.empty(2**10, 2**10), lambda: torch.eye(2**10),
     lambda: torch.arange(2**20, dtype=torch.float32), lambda: [torch.zeros(2**17) for _ in range(8)]],
)  # fmt: skip
def test_memory_of_tensors_is_counted(make: Callable[[], object]) -> None:
    with guarded_building._MemoryLimit(2**23):  # each makes 2**22 bytes
        make()
    with pytest.raises(MemoryError, match='it takes more than 4194300 bytes'), guarded_building._MemoryLimit(2**22 - 4):
        make()


def test_views_are_not_counted_twice() -> None:
    with guarded_building._MemoryLimit(2**21):
        tensor = torch.zeros(2**18)  # 1 MiB
        for _ in range(10):
            tensor.view(2, -1).add_(1).t()
    assert tensor.sum() == 10 * 2**18


def test_a_file_of_weights_is_not_a_config(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'model.safetensors').write_text('open("hacked", "w").close()')
    (tmp_path / 'config.txt').write_text('open("hacked", "w").close()')
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match='no checkpoint that can be loaded'):
        get_model('model.safetensors')
    with pytest.raises(ValueError, match='no checkpoint that can be loaded'):
        get_model('./model.safetensors', pretrained=True)
    for name in ('model.safetensors', 'config.txt'):
        with pytest.raises(ValueError, match=f'{name} is not a config: a config is a .py file'):
            load_config(name)
    assert not (tmp_path / 'hacked').exists()
    assert get_model(str(published / 'tiny' / 'model.safetensors')).classes == ('ADC', 'SCC')


def test_a_step_that_cannot_be_built(change: Change) -> None:
    path = change(step(type='Resize', size='x', no_such=1))
    with pytest.raises(ValueError, match='what its settings describe cannot be built: TypeError'):
        build_pipeline(open_bundle(path))


WRONG: dict[str, Edit] = {
    'classes': lambda meta: meta['settings']['model'].update(classes=3),
    'classes of dicts': lambda meta: meta['settings']['model'].update(classes=[{}, {}]),
    'modalities': lambda meta: meta['settings']['model'].update(modalities=['other']),
    'schema': lambda meta: meta['settings'].update(schema=dict(images=3)),
    'columns in a list': lambda meta: meta['settings']['schema']['images'].update(bus=['a', 'a']),
    'schema of an unknown key': lambda meta: meta['settings'].update(schema=dict(no=3)),
    'variables': lambda meta: meta['settings']['schema'].update(clinical=[3]),
    'a variable without a name': lambda meta: meta['settings']['schema'].update(clinical=[dict(unit='a')]),
    'batch size': lambda meta: meta['settings'].update(batch_size='x'),
    'batch size below one': lambda meta: meta['settings'].update(batch_size=0),
    'a huge batch': lambda meta: meta['settings'].update(batch_size=10**30),
    'seed': lambda meta: meta['settings'].update(seed={}),
    'dataset': lambda meta: meta['settings'].update(dataset=[1]),
    'clinical': lambda meta: meta['settings'].update(dataset=dict(clinical=5)),
    'categories': lambda meta: meta.update(categories=[1]),
    'categories of a number': lambda meta: meta.update(categories=dict(side=5)),
    'calibration': lambda meta: meta.update(calibration=dict(kind='x')),
    'calibration of a list': lambda meta: meta.update(calibration=[1]),
    'trained on': lambda meta: meta.update(trained_on=5),
    'outlined': lambda meta: meta.update(outlined=[5]),
    'outlined by text': lambda meta: meta.update(outlined=dict(bus='x')),
    'untrained': lambda meta: meta.update(untrained=5),
    'meaning': lambda meta: meta.update(meaning=5),
    'meaning of a list': lambda meta: meta.update(meaning=dict(classes=5)),
    'preparation': lambda meta: meta.update(preparation=5),
    'no model': lambda meta: meta['settings'].update(model=None),
    'a pattern that fills': lambda meta: meta['settings']['schema'].update(masks='{modality:>99999999999}'),
    'no pipeline': lambda meta: meta['settings'].update(test_pipeline=[]),
    'settings': lambda meta: meta.update(settings=[1]),
}


@pytest.mark.parametrize('kind', WRONG)
def test_metadata_of_a_wrong_kind_are_one_error(kind: str, change: Change) -> None:
    path = change(WRONG[kind])
    with pytest.raises(ValueError, match=str(path)):
        Predictor(path, device='cpu')
