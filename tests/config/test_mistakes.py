"""Mistakes in a config, and the one message of each: file, line of the key, key, and what is valid."""

from __future__ import annotations

from pathlib import Path

import pytest

from usmm.config import ConfigError, load_config, parse_options, source_text

HEAD = "_base_ = 'usmm::msmfn_small_phantom'\n\n"
STAGE = "stages = [dict(name='a', train={train}, optimizer=dict(type='Adam', lr=1e-3), max_epochs=1{more})]"
LOAD = "train_pipeline = [dict(type='LoadImage'), {}]"


def stage(more: str = '', train: str = "'all'") -> str:
    return STAGE.format(more=f', {more}' if more else '', train=train)


IN_FILE = [
    # modalities that nothing has
    (LOAD.format("dict(type='Resize', size=32, modalities=('bmod', 'bus'))"),
     "train_pipeline.1.modalities: unknown name 'bmod'"),
    (LOAD.format("dict(type='Resize', size=32, modalities='cdfii')"), "unknown name 'cdfii'; did you mean 'cdfi'"),
    (LOAD.format("dict(type='Resize', size=32, modalities=())"),
     r'modalities must be one or more modalities, or None .* got \(\)'),
    ("model = dict(encoder=dict(static=dict(guide='buss')))",
     "model.encoder.static.guide: unknown name 'buss'; did you mean 'bus'"),
    # values that no constructor can take
    ('model = dict(fusion=dict(num_layers=0))',
     r'fusion.num_layers \(TransformerFusion\) must be a whole number of 1 or more, got 0'),
    ("model = dict(fusion=dict(num_layers='2'))", "num_layers .TransformerFusion. must be a whole number, got '2'"),
    ('model = dict(fusion=dict(num_layers=None))', 'must be a whole number, got None'),
    ('model = dict(fusion=dict(num_layers=[2]))', r'must be a whole number, got \[2\]'),
    ('model = dict(fusion=dict(num_layers=2.5))', 'must be a whole number, got 2.5'),
    (LOAD.format("dict(type='Resize', size=(32, 0))"),
     r'size \(Resize\) must be a whole number of 1 or more, or a list of them'),
    ("model = dict(head=dict(losses=[dict(type='FocalLoss', gamma='x')]))",
     "gamma .FocalLoss. must be a number, got 'x'"),
    (stage().replace('1e-3', "'1e-3'"), "stages.0.optimizer.lr .Adam. must be a number, got '1e-3'"),
    # standard keys of mmengine
    ("auto_scale_lr = dict(enable='False', base_batch_size=1)",
     "auto_scale_lr.enable must be True or False, got 'False'"),
    ("randomness = dict(deterministic='no')", "deterministic must be True or False, got 'no'"),
    ("env_cfg = dict(mp_cfg=dict(mp_start_method='frok'))",
     r"env_cfg.mp_cfg.mp_start_method must be one of \['fork', 'spawn', 'forkserver'\], got 'frok'"),
    ("custom_hooks = [dict(type='EMAHook', momentun=0.1)]",
     r"custom_hooks.0 \(EMAHook\): unknown name 'momentun'; did you mean 'momentum'"),
    ("visualizer = dict(type='Visualiser')", "visualizer.type: unknown name 'Visualiser'; did you mean 'Visualizer'"),
    ('log_processor = dict(window_sise=10)', "unknown name 'window_sise'; did you mean 'window_size'"),
    ("launcher = 'pytorch'", "launcher must be none in a config, got 'pytorch': start with tools/dist_train.sh"),
    ("default_hooks = dict(loger=dict(type='LoggerHook'))",
     "default_hooks: unknown name 'loger'; did you mean 'logger'"),
    ("optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1))",
     "a config with stages has no 'optim_wrapper'; put it into a stage"),
    ('train_cfg = dict(max_epochs=3)', "has no 'train_cfg'; loops are made from max_epochs and val_interval"),
    ('test_dataloader = dict(batch_size=3)', "has no 'test_dataloader'; loaders are made from dataset, "),
    ("monitor = 'aucc'", "monitor: unknown name 'aucc'; did you mean 'auc'"),
    # one setting in two places
    ("dataset = dict(classes=('SCC', 'ADC'))",
     r"dataset.classes is \('SCC', 'ADC'\), but classes of the config is \('ADC', 'SCC'\)"),
    ('dataset = dict(seed=99)', 'dataset.seed is 99, but seed of the config is 0: set it at the top'),
    ("model = dict(positive='ADC')", "model.positive is 'ADC', but positive of the config is 'SCC'"),
    ("evaluator = [dict(type='CaseMetrics', classes=('a', 'b'))]",
     r'evaluator.0.classes is .* but classes of the config'),
    ('seed = 1; randomness = dict(seed=2)', 'randomness.seed is 2 and seed is 1: set one of them'),
    ("ignore_labels = ('ADC',)", r"ignore_labels \['ADC'\] are classes: their cases would be left out"),
    # what is checked before torch now
    ("evaluator = [dict(type='mmpretrain.Accuracy')]",
     'evaluator.0: mmpretrain.Accuracy reads results of its own package'),
    ("monitor = 'acc'; split = dict(selection='inner')",
     "monitor: unknown name 'acc'; did you mean 'mcc' or 'auc' or 'accuracy'"),
    ("split = dict(selection='inner'); " + stage("monitor='f2'"), "stages.0.monitor: unknown name 'f2'; did you mean"),
    ('classes = ()', r'classes must be two or more different names, got \(\)'),
    ("classes = ('SCC',)", r"classes must be two or more different names, got \('SCC',\)"),
    ('missing = None', r"missing must be one of \['error', 'drop', 'keep'\], got None"),
    ('batch_size = None', 'batch_size must be a whole number of 1 or more, got None'),
    (stage().replace('max_epochs=1', 'max_epochs=None'),
     'stages.0.max_epochs must be a whole number of 1 or more, got None'),
    (stage(train="['fusoin']"), "stages.0.train: unknown name 'fusoin'; did you mean 'fusion'"),
    (stage('cache=True', "'all but clinical'"), 'scores are cached where only the clinical part learns'),
    (stage('out_of_fold=3'), 'out_of_fold is a number of folds, of a stage with fit=True; got 3'),
    (stage('early_stop=dict(patience=2)'),
     "early_stop needs a validation part, which split.selection='last' does not cut"),
    ('resume = True', 'resume must be False in a config, got True: go on with usmm train CONFIG --resume'),
    # wording
    ('schema = None', r"reference \$\{schema.clinical\}: schema must be a dict that has 'clinical', got None"),
    ("schema = dict(clinical=['age'])", r"schema.clinical.0 must be a dict such as dict\(name='age'\), got 'age'"),
    ("schema = dict(clinical=dict(name='age'))",
     'clinical is a list in the base, and a dict here; write a list, or put _delete_=True'),
    ("schema = dict(clinical=[dict(name='age', range='0-120')])",
     r"clinical.0.range must be two numbers, .* such as \(0, 120\); got '0-120'"),
    ("schema = dict(clinical=[dict(name='age', range=(120, 0))])", "schema.clinical.0: range of 'age' must rise"),
    ("schema = dict(clinical=[dict(name='age', unit='year', other_units=3)])", 'schema.clinical.0: '),
    ("schema = dict(clinical=[dict(column='age')])", 'schema.clinical.0: a variable needs a name, a text; got'),
    ("schema = dict(clinical=3)", 'schema.clinical must be a list of variables, .* got 3'),
    ("custom_imports = dict(imprts=['os'])", "custom_imports: unknown name 'imprts'; did you mean 'imports'"),
    ("model = dict(encoder=dict(static=dict(_delete_=True, type='mmpretian.ResNet')))",
     "'mmpretian.ResNet'; did you mean 'mmpretrain.ResNet'"),
    ("from no_such_package import Thing", "the config imports 'no_such_package', which is not installed"),
    ("import no_such_package", "the config imports 'no_such_package', which is not installed"),
]  # fmt: skip


@pytest.mark.parametrize(('text', 'message'), IN_FILE)
def test_a_mistake_in_a_file(tmp_path: Path, text: str, message: str) -> None:
    config = tmp_path / 'mine.py'
    config.write_text(f'{HEAD}{text}\n')
    with pytest.raises(ConfigError, match=rf'mine\.py:3: .*{message}') as caught:
        load_config(config)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['seed=abc'],
         "on the command line, --cfg-options seed=abc: seed must be a whole number of 0 or more, got 'abc'"),
        (['image_size=[32'], r'--cfg-options image_size=\[32: its brackets are not closed'),
        (['modalities=[bus'], r'--cfg-options modalities=\[bus: its brackets are not closed'),
        (['image_size=abc'],
         r'--cfg-options image_size=abc: .*size \(Resize\) must be a whole number, or a list of them'),
        (['image_size=0'], '--cfg-options image_size=0: .*size .Resize. must be a whole number of 1 or more'),
        (['stages.0=3'], r'--cfg-options stages.0: expected a dict, got 3; set its parts one by one, stages.0.name='),
        (['stages.0=None'], 'stages.0: expected a dict, got None'),
        (['model.fusion=3'], 'model.fusion: expected a dict, got 3'),
        (['stages.0.optimizer.lr=abc'], "stages.0.optimizer.lr .AdamW. must be a number, got 'abc'"),
        (['stages.0.param_scheduler.type=StepLR'],
         "'type' is not an index of .*, a list of 1; write stages.0.param_scheduler.0.type"),
        (['stages.0.early_stp.patience=2'], "unknown name 'early_stp'; did you mean 'early_stop'"),
        (['stages.0.early_stop.patience=0', 'split.selection=inner'],
         r'on the command line, --cfg-options stages.0.early_stop.patience=0: '),
        (['model.encoder.statc.depth=18'], "unknown name 'statc'; did you mean 'static'"),
        (['model.encoder.static.norm_cgf.type=GN'], "GuidedEncoder.: unknown name 'norm_cgf'; did you mean 'norm_cfg'"),
        (['randomness.seed=3', 'seed=4'], 'randomness.seed is 3 and seed is 4: set one of them'),
        (['classes.0=A'], '--cfg-options classes.0: classes is set as a whole: classes=A,B'),
        (['classes=SCC'], r'--cfg-options classes=SCC: classes must be two or more'),
        (['seed=${nope}'], r'--cfg-options seed=\$\{nope\}: reference \$\{nope\}: unknown name'),
    ],
)  # fmt: skip
def test_a_mistake_on_the_command_line(words: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config('msmfn_small_phantom', parse_options(words))


def test_the_line_is_that_of_the_key_itself(tmp_path: Path) -> None:
    """Not of the first place in any file that spells it."""
    text = f"{HEAD}dataset = dict(seed='${{seed}}')\nsplit = dict(seed='${{seed}}')\nseed = -1\n"
    (tmp_path / 'base.py').write_text(text)
    child = tmp_path / 'child.py'
    child.write_text("_base_ = './base.py'\nsplit = dict(seed='${seed}')\n")
    with pytest.raises(ConfigError, match=r'base\.py:5: seed must be a whole number'):
        load_config(child)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ("_base_ = './absent.py'", r"mine\.py:1: _base_: there is no file './absent.py' beside this one \("),
        ("_base_ = './mien_base.py'", r"mine\.py:1: _base_: there is no file .*, did you mean 'mine_base.py'\?"),
        ("_base_ = ''", r"mine\.py:1: _base_ must be a path, .* got ''"),
        ("_base_ = '.'", r"mine\.py:1: _base_ must be a path of a file, '\.' is a folder"),
        ('_base_ = 3', r'mine\.py:1: _base_ must be a path, .* got 3'),
        ("_base_ = f'./{1}.py'", r'mine\.py:1: _base_ must be a path, .* got the expression f'),
        ("x = 1\nif x:\n    _base_ = './mine_base.py'", r'mine\.py:3: _base_ must stand at the top level of the file'),
        ("_base_ = 'nopkg::x.py'",
         r"mine\.py:1: _base_: a config of an installed package is written .* got 'nopkg::x.py'"),
        ("_base_ = 'usmm::msmfn_smal_phantom'", r"mine\.py:1: _base_: no config .* did you mean 'msmfn_small_phantom'"),
        ("_base_ = ['./mine_base.py', './other_base.py']",
         r'mine\.py:1: _base_: two of the bases have the same settings: seed;'),
        ('seed = 1\0', r'mine\.py: a config must be Python: source code string cannot contain null bytes'),
    ],
)  # fmt: skip
def test_a_base_that_cannot_be_read(tmp_path: Path, text: str, message: str) -> None:
    for name in ('mine_base.py', 'other_base.py'):
        (tmp_path / name).write_text('seed = 1\n')
    config = tmp_path / 'mine.py'
    config.write_text(text + '\n')
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(config)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ("a = [dict(type='LoadImage')]\nb = [[dict(type='RandomFlip')]]\n"
         "train_pipeline = [a, *b, dict(type='PackCase')]",
         []),
        ('evaluator = dict()', []),
        ('resume = False\nload_from = None', []),
        ("from pathlib import Path\ndata_root = Path('ph')\nschema = dict(masks=Path('{modality}_mask'))", []),
        ("default_hooks = dict(param_scheduler=dict(type='ParamSchedulerHook'), timer=dict(type='IterTimerHook'))", []),
        ('randomness = dict(seed=4, deterministic=True)', []),
        ("log_processor = dict(by_epoch=True, window_size=10)\nlauncher = 'none'", []),
        ("visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend')])", []),
        ("custom_hooks = [dict(type='EMAHook', momentum=0.1, update_buffers=True)]", []),
        ("env_cfg = dict(cudnn_benchmark=False, mp_cfg=dict(mp_start_method='spawn'))", []),
        ("split = dict(selection='inner')", ['stages.0.early_stop.patience=3', 'stages.1.param_scheduler.type=StepLR',
                                            'stages.1.param_scheduler.step_size=2']),
        ('', ['model.encoder.static.norm_cfg.type=GN', 'stages.0.optim_wrapper.clip_grad.max_norm=1']),
        ('modalities = ("bus",)\nschema = dict(images=dict(_delete_=True, bus="bus"), clips=dict(_delete_=True))', []),
    ],
)  # fmt: skip
def test_what_is_valid_is_not_refused(tmp_path: Path, text: str, words: list[str]) -> None:
    config = tmp_path / 'mine.py'
    config.write_text(f'{HEAD}{text}\n')
    loaded = load_config(config, parse_options(words))
    assert loaded.evaluator[0].type == 'CaseMetrics'
    if 'LoadImage' in text:
        assert [step['type'] for step in loaded.train_pipeline] == ['LoadImage', 'RandomFlip', 'PackCase']
    if 'Path' in text:
        assert loaded.dataset.table == 'ph/cases.xlsx' and loaded.data_root == 'ph'
    if 'randomness' in text:
        assert loaded.seed == loaded.split.seed == 4 and loaded.deterministic is True
    if words and 'early' in words[0]:
        assert loaded.stages[0].early_stop == {'patience': 3} and loaded.stages[1].param_scheduler.step_size == 2


def test_the_whole_config_of_a_run_may_name_modalities_that_it_removed(tmp_path: Path) -> None:
    """A transform that a base has for them does nothing, which the base allows for; in the copy there is no base."""
    child = tmp_path / 'child.py'
    child.write_text(
        "_base_ = 'usmm::msmfn_bus_clinical_breast'\nmodalities = ('us', 'clinical')\n"
        "schema = dict(_delete_=True, images=dict(us='image'), clinical=[dict(name='age')])\n"
        'model = dict(encoder=dict(_delete_=True, '
        "static=dict(type='GuidedEncoder', guide='us', guided=(), depth=18)))\n"
    )
    kept = tmp_path / 'config.py'
    kept.write_text(source_text(load_config(child)))
    assert load_config(kept).modalities == ('us', 'clinical')
    lines = kept.read_text().splitlines()
    kept.write_text('\n'.join(lines[1:]) + '\n')  # as earlier versions wrote it
    assert load_config(kept).modalities == ('us', 'clinical')
    whole = kept.read_text().replace("guide='us'", "guide='image2'").replace("'us'", "'image'").replace('us=', 'image=')
    kept.write_text(whole)
    with pytest.raises(ConfigError, match="guide: unknown name 'image2'; did you mean 'image'"):
        load_config(kept)
