"""What README and docs say is so: commands are accepted, files exist, code runs, tables agree with the code."""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import json
import re
import runpy
import shlex
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import norm

from usmm.cli import convert
from usmm.cli import main as cli
from usmm.config import ConfigError, load_config, parse_options
from usmm.config.check import KNOWN, SPLIT_KEYS, STAGE_KEYS
from usmm.datasets import CaseTable
from usmm.phantoms import PRESETS, best_aucs, make_phantom, unregister_preset
from usmm.registry import DATASETS, MODELS, TRANSFORMS
from usmm.structures import Case, Schema
from usmm.utils.locations import find_config

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md'))]
FENCE = re.compile(r'^```(\w*)\n(.*?)^```', re.MULTILINE | re.DOTALL)
PLACES = ('usmm/', 'tools/', 'proofs/', 'configs/', 'docs/', 'tests/', 'model_zoo/')


def blocks(page: Path, language: str) -> list[str]:
    return [code for found, code in FENCE.findall(page.read_text(encoding='utf-8')) if found == language]


def section(page: str, heading: str) -> str:
    text = (ROOT / 'docs' / page).read_text(encoding='utf-8')
    return text.partition(f'## {heading}\n')[2].partition('\n## ')[0]


def spans(page: Path) -> list[str]:
    """The inline code of a page."""
    return re.findall(r'`([^`\n]+)`', FENCE.sub('', page.read_text(encoding='utf-8')))


def commands() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        lines = [line.partition(' #')[0].strip() for code in blocks(page, '') for line in code.splitlines()]
        for line in [*lines, *spans(page)]:
            line = re.sub(r'^(\w+=\S+ +)+', '', line)  # PYTHONPATH=. usmm ...
            if re.match(r'(usmm|make|python|tools/\w+\.(py|sh)) +\S', line) and '`' not in line:
                found.append((page.name, line))
    return sorted(set(found))


class Parsed(BaseException):
    """Stops a tool once its arguments are accepted."""


@pytest.fixture
def accepted(monkeypatch: pytest.MonkeyPatch):
    """Run a tool up to the point where its arguments are parsed: (parser, arguments). A wrong one ends in exit 2."""
    parse = argparse.ArgumentParser.parse_args

    def stop(self, args=None, namespace=None):
        raise Parsed(self, parse(self, args, namespace))

    def call(tool: str, words: list[str]) -> None:
        if tool in PROOFS:
            monkeypatch.setattr(sys, 'argv', [tool, *words])
            monkeypatch.syspath_prepend(str(ROOT / 'proofs'))
            runpy.run_path(str(ROOT / 'proofs' / f'{tool}.py'), run_name='__main__')
        elif tool == 'convert' and words[0] in convert.available():
            importlib.import_module(f'usmm.datasets.converters.{words[0]}').main(words[1:])
        else:
            cli.main([tool, *words])

    def run(tool: str, words: list[str]) -> tuple[argparse.ArgumentParser, argparse.Namespace]:
        monkeypatch.setattr(argparse.ArgumentParser, 'parse_args', stop)
        with pytest.raises(Parsed) as parsed:
            call(tool, words)
        return parsed.value.args

    return run


def is_placeholder(word: str) -> bool:
    """CONFIG, SRC, OUT/schema.py, my_config.py: a user's own."""
    return bool(re.match(r'[A-Z]{2,}\b|my_', word))


LAUNCHERS = {
    'dist_train': ('train', 2),
    'dist_test': ('test', 3),
    'slurm_train': ('train', 3),
    'slurm_test': ('test', 4),
}
PROOFS = ('prove',)


@pytest.mark.parametrize(('page', 'command'), commands(), ids=lambda word: word)
def test_commands_are_accepted(page: str, command: str, accepted) -> None:
    program, *words = shlex.split(command)
    if program == 'make':
        targets = re.findall(r'^(\w+):', (ROOT / 'Makefile').read_text(), re.MULTILINE)
        assert words[0] in targets
        return
    name = words.pop(0) if program in ('usmm', 'python') else program
    name = name.removeprefix('tools/').removeprefix('proofs/').removesuffix('.py').removesuffix('.sh')
    if is_placeholder(Path(name).name):
        return
    assert name in (*cli.COMMANDS, *PROOFS)
    if name in LAUNCHERS:
        name, count = LAUNCHERS[name]
        leading, words = words[: count - 1], words[count:]
        words = [*leading, *words]
    if not words:
        return
    _, args = accepted(name, words)
    config = getattr(args, 'config', None)
    if config is not None and not is_placeholder(config):
        assert find_config(config)
        load_config(config, parse_options(args.cfg_options))


def test_there_are_commands_to_check() -> None:
    found = [command for _, command in commands()]
    assert 'make demo' in found and any(c.startswith('tools/dist_train.sh') for c in found)
    assert {c.split()[1] for c in found if c.startswith('usmm ')} >= {'train', 'test', 'check_data', 'make_phantom'}


@pytest.mark.parametrize('page', PAGES, ids=lambda p: p.name)
def test_links_and_pictures_exist(page: Path) -> None:
    links = re.findall(r'\]\(([^)\s]+)\)', FENCE.sub('', page.read_text(encoding='utf-8')))
    files = {link.partition('#')[0] for link in links if '://' not in link and not link.startswith('#')}
    assert [name for name in sorted(files) if not (page.parent / name).exists()] == []


@pytest.mark.parametrize('page', PAGES, ids=lambda p: p.name)
def test_files_that_are_named_exist(page: Path) -> None:
    words = [word for span in spans(page) for word in span.split() if word.startswith(PLACES)]
    words = [word for word in words if not re.search(r'[A-Z]{2,}|[<>*{]', word)]
    assert [word for word in words if not (ROOT / word).exists()] == []


@pytest.mark.parametrize('page', PAGES, ids=lambda p: p.name)
def test_options_that_are_named_exist(page: Path, accepted) -> None:
    named = {match for span in spans(page) for match in re.findall(r'(?:^|\s)(--[a-z][\w-]*)', span)}
    if not named:
        return
    known = set()
    for command in (
        'train c', 'test c p', 'check_data c', 'browse_dataset c', 'print_config c', 'make_phantom o --cases 1',
        'convert us3m s o', 'convert ddti s o', 'convert echonet_dynamic s o', 'benchmark', 'prove', 'demo',
        'cross_validate c', 'study s', 'patient_table s --out o', 'active_learn c --query 1', 'explain c p',
        'time_intensity c --out o', 'predict m --inputs', 'calibrate ./r --predictions p', 'export c',
        'compare_maps a=b c=d', 'probe_latents t a=b', 'importance c p', 'region_agreement a', 'serve m', 'init t',
        'power auc --prevalence .3', 'compare a b --positive c', 'readers t --positive c --readers A',
    ):  # fmt: skip
        name, *words = command.split()
        known |= set(accepted(name, words)[0]._option_string_actions)
    assert named - known == set()


def components() -> list[tuple[str, str]]:
    """`Name(argument=...)` in the pages."""
    found = [re.fullmatch(r'([A-Z]\w+)\((\w+)=.*\)', span) for page in PAGES for span in spans(page)]
    return sorted({(match[1], match[2]) for match in found if match})


@pytest.mark.parametrize(('name', 'argument'), components())
def test_components_take_the_arguments_that_are_named(name: str, argument: str) -> None:
    found = next(r.get(name) for r in (MODELS, TRANSFORMS, DATASETS) if r.get(name) is not None)
    assert argument in inspect.signature(found).parameters


SETTING = re.compile(r'[a-z]\w*(\.\w+)*=[^.\s]+')


@pytest.mark.parametrize('setting', [s for s in spans(ROOT / 'docs' / 'choices.md') if SETTING.fullmatch(s)])
def test_settings_of_the_choices_are_accepted(setting: str) -> None:
    assert load_config('msmfn_r50_r2plus1d', parse_options([setting]))


# configs.md


def test_settings_that_are_described_are_those_that_are_read() -> None:
    rows = [line.split('|')[1] for line in section('configs.md', 'Settings at the top').splitlines() if '|' in line]
    described = {name for row in rows for name in re.findall(r'`(\w+)`', row)}
    assert described <= set(KNOWN)
    # `name` and `num_classes` are made, the scope is set by the base config
    assert set(KNOWN) - described == {'name', 'num_classes', 'default_scope'}
    line = next(row for row in section('configs.md', 'Settings at the top').splitlines() if row.startswith('| `split`'))
    assert set(re.findall(r'`(\w+)`', line)) == {'split', *SPLIT_KEYS}


def test_keys_of_a_stage_are_described() -> None:
    text = section('configs.md', 'Stages')
    missing = {key for key in STAGE_KEYS if f'`{key}`' not in text and f'{key}=' not in text}
    assert missing == set()


def test_stages_of_the_page_are_stages(tiny_config: Path) -> None:
    (code,) = re.findall(r'^```python\n(.*?)^```', section('configs.md', 'Stages'), re.MULTILINE | re.DOTALL)
    tiny_config.write_text(f'{tiny_config.read_text()}\n{code}')
    config = load_config(tiny_config)
    assert [stage['name'] for stage in config.stages] == ['image', 'clinical']
    model = MODELS.build(config.model.to_dict() | {'schema': dict(clinical=[dict(name='age')])})
    for train in [stage['train'] for stage in config.stages] + ['all', ['fusion', 'head']]:
        assert model.resolve(train)


def test_the_error_that_is_shown_is_the_one_that_comes(tmp_path: Path) -> None:
    text = section('configs.md', 'Mistakes are found before training')
    shown = re.search(r"^error: (.*'max_epoch'.*)$", text, re.MULTILINE)
    assert shown is not None
    (tmp_path / 'my.py').write_text("classes = ('A', 'B')\nseed = 0\nmax_epoch = 5\n")
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / 'my.py')
    assert str(caught.value) == f'{tmp_path}/{shown[1]}'


def test_a_config_of_any_folder_inherits_a_shipped_one(tmp_path: Path) -> None:
    (code,) = re.findall(r'^```python\n(.*?)^```', section('configs.md', 'Inheritance'), re.MULTILINE | re.DOTALL)
    (tmp_path / 'mine.py').write_text(code)
    mine, shipped = load_config(tmp_path / 'mine.py'), load_config('msmfn_small_phantom')
    assert (mine.data_root, mine.model.encoder) == ('data/mine', shipped.model.encoder)
    assert mine.stages != shipped.stages and [s['name'] for s in mine.stages] == ['image', 'clinical']


# case_table.md


def test_the_table_and_the_schema_of_the_page_fit_each_other(tmp_path: Path) -> None:
    page = ROOT / 'docs' / 'case_table.md'
    lines = [line for line in page.read_text().partition('The schema')[0].splitlines() if line.startswith('|')]
    header, _, *rows = [[cell.strip() for cell in line.strip('|').split('|')] for line in lines]
    table = pd.DataFrame(rows, columns=header)
    for cell in table[['bus', 'bus_mask', 'dceus']].to_numpy().ravel():
        for name in filter(None, cell.split(';')):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).touch()
    table.to_csv(tmp_path / 'cases.csv', index=False)
    scope: dict = {}
    exec(blocks(page, 'python')[0], scope)
    read = CaseTable.read(tmp_path / 'cases.csv', Schema.of(scope['schema']), ('ADC', 'SCC'))
    assert read.problems == []
    assert [(c.case_id, c.patient_id, c.label) for c in read.cases] == [
        ('001-a', '001', 1), ('001-b', '001', 1), ('002-a', '002', 0),
    ]  # fmt: skip
    assert [c.clinical['age'] for c in read.cases] == [61, 61, None]
    assert [c.clinical['gender'] for c in read.cases] == ['F', 'F', 'M']
    assert [len(c.mask_files.get('bus', ())) for c in read.cases] == [1, 0, 2]
    assert 'dceus' not in read.cases[2].files


@pytest.mark.parametrize('values', re.findall(r'`split=(dict\(.*?\))`', section('case_table.md', 'Folds')))
def test_splits_of_the_page_are_splits(tiny_config: Path, values: str) -> None:
    config = load_config(tiny_config, {'split': eval(values)})
    assert len(DATASETS.build(config.dataset | dict(part='test'))) == 6


# data_sets.md


def test_aucs_of_the_page() -> None:
    header, *rows = [
        [cell.strip(' `') for cell in line.strip('|').split('|')]
        for line in section('data_sets.md', 'Phantoms').partition('| strength')[2].partition('\n\n')[0].splitlines()
        if '---' not in line
    ]
    preset = PRESETS['cla']
    assert header == ['', *preset.modalities, 'all']
    for strength, *shown in rows:
        best = best_aucs(preset.separations(float(strength), preset.modalities))
        wanted = [*[best[name] for name in preset.modalities], best['+'.join(preset.modalities)]]
        assert [float(value) for value in shown] == pytest.approx(wanted, abs=5e-4)


def first_column(text: str, heading: str) -> set[str]:
    rows = text.partition(heading)[2].partition('\n\n')[0].splitlines()[1:]
    return {name for row in rows for name in re.findall(r'`([^`]+)`', row.split('|')[1])}


def test_options_of_the_phantom(accepted) -> None:
    parser, _ = accepted('make_phantom', ['out', '--cases', '1'])
    described = first_column(section('data_sets.md', 'Phantoms'), '| option |')
    assert described == {o for o in parser._option_string_actions if o not in ('-h', '--help')}


def test_keys_of_the_truth(tmp_path: Path) -> None:
    make_phantom(tmp_path / 'p', 1, modalities=['clinical'], workers=1)
    written = pd.read_json(tmp_path / 'p' / 'truth.json', typ='series')
    assert first_column(section('data_sets.md', 'Phantoms'), '| key |') == set(written.index)


def test_every_converter_has_its_row() -> None:
    described = first_column(section('data_sets.md', 'Converters'), '| converter |')
    assert described == set(convert.available())


# extending.md


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The parts of the page in a file `my_parts.py`, as the page says; forgotten afterwards."""
    code = [b for b in blocks(ROOT / 'docs' / 'extending.md', 'python') if 'register_module' in b]
    names = re.findall(r'^class (\w+)', '\n'.join(code), re.MULTILINE)
    assert names == ['Invert', 'TinyEncoder', 'MaxFusion', 'SmoothCrossEntropy']
    (tmp_path / 'my_parts.py').write_text('\n\n'.join(code))
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop('my_parts', None)
    for registry in (MODELS, TRANSFORMS):
        for name in names:
            registry._module_dict.pop(name, None)


def test_parts_of_the_page_work_when_a_config_names_them(parts: Path, tiny_config: Path) -> None:
    page = (ROOT / 'docs' / 'extending.md').read_text()
    given = re.findall(r'`((?:encoder|fusion|head)=dict\(.*\))`', page)
    settings = {k: v for text in given for k, v in eval(f'dict({text})').items()}
    assert set(settings) == {'encoder', 'fusion', 'head'}
    importing = next(b for b in blocks(ROOT / 'docs' / 'extending.md', 'python') if b.startswith('custom_imports'))
    text = tiny_config.read_text().replace("dict(type='RandomFlip')", "dict(type='Invert')")
    text = text.replace("type='GuidedEncoder', guide='bus', guided=('ue',), depth=10, base_channels=4",
                        ', '.join(f'{k}={v!r}' for k, v in settings['encoder']['static'].items()))  # fmt: skip
    text = text.replace("type='TransformerFusion', embed_dims=16, num_layers=1, num_heads=2", "type='MaxFusion'")
    text = re.sub(r'losses=\[.*?\]\)', f'losses={settings["head"]["losses"]!r})', text, flags=re.DOTALL)
    text = text.replace("values='auto'", "values=('left', 'right')")
    text = text.replace("modalities = ('bus', 'ue', 'clip', 'clinical')", "modalities = ('bus', 'clip')")
    tiny_config.write_text(importing + text)
    config = load_config(tiny_config)
    train = DATASETS.build(config.dataset | dict(part='train', pipeline=config.train_pipeline))
    plain = DATASETS.build(config.dataset | dict(part='train', pipeline=config.test_pipeline))
    assert torch.equal(train[0].data['bus'], 255 - plain[0].data['bus'])
    assert torch.equal(train[0].data['clip'], plain[0].data['clip'])
    assert repr(train.pipeline[-2]) == "Invert(modalities=('bus',))"

    model = MODELS.build(config.model.to_dict())
    assert [type(m).__name__ for m in (model.encoder['static'], model.fusion)] == ['TinyEncoder', 'MaxFusion']
    inputs = dict(bus=torch.rand(4, 3, 32, 32), clip=torch.rand(4, 3, 4, 32, 32))
    samples = [Case(f'c{i}', f'p{i}', label=i % 2) for i in range(4)]
    out = model(inputs)
    torch.testing.assert_close(out.vector, torch.maximum(out.vectors['static'], out.vectors['dynamic']))
    losses = model(inputs, data_samples=samples, mode='loss')
    assert list(losses) == ['loss_smooth_cross_entropy']
    losses['loss_smooth_cross_entropy'].backward()
    assert model.encoder['static'].conv.weight.grad.abs().sum() > 0

    # smoothing s: (1 - s) of the label's own term, s of the mean over classes
    loss = MODELS.build(settings['head']['losses'][0])
    terms = torch.tensor([[2.0, 0.0]]).log_softmax(1)[0]
    expected = -(0.8 * terms[1] + 0.2 * terms.mean())
    assert loss(torch.tensor([[2.0, 0.0]]), torch.tensor([1])).item() == pytest.approx(expected.item())


def test_image_transforms_of_the_page_can_be_built() -> None:
    shown = re.findall(
        r"^- `(dict\(type='ImageTransform'.*)`$", (ROOT / 'docs' / 'extending.md').read_text(), re.MULTILINE
    )
    case = Case('c', 'p', data={'bus': np.full((8, 8, 3), 90, np.uint8)}, masks={'bus': np.ones((8, 8), bool)})
    assert [type(TRANSFORMS.build(eval(text))(case)).__name__ for text in shown] == ['Case'] * 3


def test_the_encoder_of_the_page_is_dropped_with_its_modality(parts: Path) -> None:
    importlib.import_module('my_parts')
    encoder = dict(static=dict(type='TinyEncoder'), other=dict(type='TinyEncoder', modality='ue'))
    model = MODELS.build(
        dict(type='MultiModalClassifier', modalities=('ue',), classes=('A', 'B'), encoder=encoder,
             fusion=dict(type='MaxFusion', embed_dims=8))
    )  # fmt: skip
    assert list(model.encoder) == ['other'] and type(model.fusion).__name__ == 'SingleStream'


def test_the_preset_of_the_page_is_made_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = blocks(ROOT / 'docs' / 'extending.md', 'python')
    (tmp_path / 'my_preset.py').write_text(next(b for b in code if 'register_preset(' in b))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    use = next(b for b in code if b.startswith('import my_preset'))
    try:
        exec(use.replace('cases=200', 'cases=8, workers=1'), {})
        truth = json.loads((tmp_path / 'data' / 'mine' / 'truth.json').read_text())
        table = pd.read_excel(tmp_path / 'data' / 'mine' / 'cases.xlsx')
    finally:
        unregister_preset('mine')
        sys.modules.pop('my_preset', None)
    # Phi(sqrt(a^2 + b^2)), where a and b are the normal quantiles of the AUCs alone
    both = norm.cdf(np.hypot(norm.ppf(0.8), norm.ppf(0.7)))
    assert truth['best_auc'] == pytest.approx({'bus': 0.8, 'clinical': 0.7, 'bus+clinical': both})
    assert list(table) == ['case_id', 'patient_id', 'label', 'bus', 'bus_mask', 'age', 'sex', 'split']
    assert table['label'].value_counts().to_dict() == {'benign': 6, 'malignant': 2}


def test_a_modality_needs_the_config_alone() -> None:
    scope: dict = {}
    exec(next(b for b in blocks(ROOT / 'docs' / 'extending.md', 'python') if b.startswith('modalities')), scope)
    assert Schema.of(scope['schema']).column('swe') == 'swe_file'
    narrow = {'static': scope['encoder']['static'] | dict(depth=10, base_channels=4)}
    given = dict(modalities=scope['modalities'], classes=('A', 'B'), schema=scope['schema'])
    model = MODELS.build(dict(type='MultiModalClassifier', **given, encoder=narrow))
    images = {name: torch.rand(2, 3, 64, 64) for name in scope['modalities']}
    assert model(images).logits.shape == (2, 2)


# first_training.md


def test_the_python_of_the_first_training_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f'{i},{["benign", "malignant"][i % 2]},{40 + i * 7 % 13}' for i in range(24)]
    Path('hospital.csv').write_text('\n'.join(['id,histology,age', *rows]))
    (code,) = blocks(ROOT / 'docs' / 'first_training.md', 'python')
    exec(code, {})
    out = capsys.readouterr().out
    assert 'age clinical: number' in out and "{'benign': 12, 'malignant': 12} {} my_config.py" in out
    assert load_config('my_config.py').positive == 'malignant'


def test_flags_of_the_first_training_are_all_described(accepted) -> None:
    text = (ROOT / 'docs' / 'first_training.md').read_text(encoding='utf-8')
    flags = {o for o in accepted('init', ['t'])[0]._option_string_actions if o.startswith('--')}
    assert {flag for flag in flags if flag not in text} == {'--help'}


# architecture.md


def test_the_walk_names_definitions_that_exist() -> None:
    text = (ROOT / 'docs' / 'architecture.md').read_text(encoding='utf-8')
    named = re.findall(r'`(usmm/[\w/]+\.py)`: `(\w+)`', text)
    assert len(named) > 15
    for file, name in named:
        tree = ast.parse((ROOT / file).read_text(encoding='utf-8'))
        assert name in {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}, file


def test_the_layers_are_those_of_the_import_test() -> None:
    source = (ROOT / 'tests' / 'test_imports.py').read_text(encoding='utf-8')
    layers = [set(re.findall(r"'([\w.]+)'", line)) for line in re.findall(r'frozenset\(\{(.*?)\}\)', source)]
    rows = [line for line in section('architecture.md', 'Layers').splitlines() if re.match(r'\| \d', line)]
    described = [set(re.findall(r'`([\w/.]+)`', row)) for row in reversed(rows)]
    plain = [{name.replace('/', '.').removesuffix('.py') for name in row} for row in described]
    assert plain == [layer - {'__main__'} for layer in layers[1:]]


def test_the_plain_config_of_the_page_trains(tiny_data: Path, tmp_path: Path) -> None:
    (code,) = re.findall(
        r'^```python\n(.*?)^```', section('configs.md', 'Plain mmengine configs'), re.MULTILINE | re.DOTALL
    )
    code = code.replace("'data/mine/cases.csv'", repr(str(tiny_data / 'cases.csv')))
    code = code.replace("('benign', 'malignant')", "('ADC', 'SCC')").replace('size=224', 'size=32')
    (tmp_path / 'mine.py').write_text(code)
    options = ['train_cfg.max_epochs=1', 'train_dataloader.batch_size=4', 'train_dataloader.num_workers=0']
    words = ['train', str(tmp_path / 'mine.py'), '--work-dir', str(tmp_path / 'work'), '--cfg-options', *options]
    assert cli.main([*words, 'val_dataloader.num_workers=0']) == 0
    assert (tmp_path / 'work' / 'epoch_1.pth').is_file()
