"""The text of a config for a case table: settings, schema, pipelines, a small network, its schedule, and comments."""

from __future__ import annotations

from collections.abc import Sequence

from usmm.apis.config_plan import ConfigPlan
from usmm.datasets.table_inference import PreparedTable, TableRoles
from usmm.datasets.table_inference.table_roles import CLIPS, IMAGES, UNUSED
from usmm.readers import DataError
from usmm.structures import CLINICAL, Schema, Variable

EMBED_DIMS = 64
HERE = '{{fileDirname}}'  # the folder of a config
REFERENCES = ('${', '{{')  # what a config fills in
WIDTH = 108  # of a line of the schema
STAGES = """lr = 1e-3
stages = [
    dict(
        name='joint',
        train='all',
        optimizer=dict(type='AdamW', lr='${lr}', weight_decay=0.05),
        max_epochs='${max_epochs}',
        param_scheduler=[dict(type='CosineAnnealingLR', T_max='${max_epochs}', convert_to_iter_based=True)],
    ),
]"""


def config_text(
    roles: TableRoles, prepared: PreparedTable, plan: ConfigPlan, report: Sequence[str], data_root: str, table: str
) -> str:
    """A config that trains on a table as it is.

    Args:
        roles: Roles of the columns.
        prepared: The cases that take part.
        plan: The settings that were chosen.
        report: What was assumed, for the comments.
        data_root: Folder of the case table, as the config has it.
        table: File name of the case table.

    Raises:
        DataError: The name of a column, a value, or a path would be taken for a reference of the config.
    """
    writer = _Writer(roles, prepared, plan)
    schema = writer.schema()
    _check_references(roles, prepared.schema, table if data_root == HERE else f'{data_root}/{table}')
    parts = [
        writer.head(report),
        writer.settings(data_root, table),
        schema,
        writer.pipelines(),
        writer.model(),
        writer.stages(),
    ]
    return '\n\n'.join(parts) + '\n'


def _check_references(roles: TableRoles, schema: Schema, path: str) -> None:
    """Refuse texts that a config would replace by something else."""
    label, used = roles.label, [c.column for c in roles.columns if c.role != UNUSED]
    texts = [(f'the name of the column {name!r}', name) for name in used]
    texts += [(f'the label {name!r} in the column {label.column!r}', name) for name in (*label.classes, *label.ignored)]
    for variable in schema.clinical:
        values = variable.values or ()
        texts += [(f'the value {value!r} in the column {variable.source!r}', value) for value in values]
        texts += [(f'the unit {variable.unit!r} of the column {variable.source!r}', variable.unit or '')]
    texts.append((f'the path of the table {path!r}', path))
    wrong = [what for what, text in texts if any(mark in text for mark in REFERENCES)]
    if wrong:
        more = f' (and {len(wrong) - 3} more)' if len(wrong) > 3 else ''
        raise DataError(
            f'{"; ".join(wrong[:3])}{more}: a config replaces what follows {" or ".join(REFERENCES)}. Rename it, or '
            'leave a column out with --ignore',
            file=roles.table,
        )


def ignored_labels(roles: TableRoles, prepared: PreparedTable) -> tuple[str, ...]:
    """The labels that a training has to leave out: those of the table, as they stand in it.

    A case table that is written has the cases of the classes alone, so that there are none.

    Args:
        roles: Roles of the columns.
        prepared: The cases that take part.
    """
    return () if prepared.changes else tuple(roles.label.ignored)


class _Writer:
    def __init__(self, roles: TableRoles, prepared: PreparedTable, plan: ConfigPlan) -> None:
        self.roles, self.prepared, self.plan = roles, prepared, plan
        self.images = tuple(m.name for m in roles.modalities if m.kind == IMAGES)
        self.clips = tuple(m.name for m in roles.modalities if m.kind == CLIPS)
        self.clinical = bool(roles.variables)
        self.table_alone = not roles.modalities

    def head(self, report: Sequence[str]) -> str:
        lines = [f'# Written by `usmm init {self.roles.table.name!r}`. Change any setting here, or for one run with']
        lines += [
            '# --cfg-options NAME=VALUE; `usmm init` does not write over this file unless it is asked to (--force).',
            '#',
        ]
        lines += ['# Assumptions:', '#']
        lines += [f'# {line}'.rstrip() for line in report]
        return '\n'.join(lines) + "\n\n_base_ = 'usmm::_base_/runtime'"

    def settings(self, data_root: str, table: str) -> str:
        roles, plan = self.roles, self.plan
        # a config loader pastes the folder into the text, where an apostrophe would end a string in single quotes
        here = data_root == HERE
        root = f'"""{data_root}"""  # the folder of this file' if here else repr(data_root)
        modalities = (*self.images, *self.clips, *([CLINICAL] if self.clinical else []))
        lines = [f'data_root = {root}', f'table = {table!r}']
        lines.append(f'modalities = {modalities!r}  # inputs; without one its branch is not built')
        counts = ', '.join(f'{name} {count}' for name, count in self.prepared.classes.items())
        lines.append(f'classes = {roles.label.classes!r}  # cases: {counts}')
        positive = 'the class for sensitivity and AUC' if roles.label.positive else 'with two classes alone'
        lines.append(f'positive = {roles.label.positive!r}  # {positive}')
        if ignored := ignored_labels(roles, self.prepared):
            lines.append(f'ignore_labels = {ignored!r}  # cases that are left out')
        epochs = 'None  # the model of the table is fitted once' if self.table_alone else '30'
        lines += [f'max_epochs = {epochs}', f'batch_size = {plan.batch_size}', 'num_workers = 2', 'seed = 0']
        lines.append("work_dir = 'work_dirs/${name}'  # name: of this file")
        if not self.table_alone:
            lines.append(
                f"missing = {plan.missing!r}  # a case without a file of a modality: 'error', 'drop' or 'keep'"
            )
        if plan.folds is not None:
            lines.append('# fold k tests; `usmm cross_validate` runs all of them')
            lines.append(f'split = dict(folds={plan.folds}, fold=0, selection={plan.selection!r})')
        else:
            lines.append(f'split = dict(selection={plan.selection!r})  # the parts are those of the table')
        if not self.table_alone:
            weights = 'in the order of the classes' if plan.weights else 'None: all classes count the same'
            lines.append(f'class_weights = {plan.weights!r}  # of the loss; {weights}')
        if self.images:
            lines.append('image_size = 96  # pixels')
        if self.clips:
            lines += ['clip_size = 80  # pixels', 'num_frames = 16  # spread evenly over a clip']
        if not self.table_alone:
            lines.append("cache_dir = 'work_dirs/cache'  # prepared images; runs share them")
        return '\n'.join(lines)

    def schema(self) -> str:
        schema = self.prepared.schema
        lines = ['# which columns make a case']
        lines.append('schema = dict(')
        for name in ('images', 'clips', 'masks', 'boxes'):
            columns = getattr(schema, name)
            if columns or name in ('masks', 'boxes'):
                lines.append(f'    {name}={_mapping(columns)},')
        lines.append(f'    case_id={schema.case_id!r},')
        known = schema.patient_id != Schema.patient_id or any(
            schema.patient_id in row for row in self.prepared.rows[:1]
        )
        note = '' if known else '  # there is no such column: each case is its own patient'
        lines.append(f'    patient_id={schema.patient_id!r},{note}')
        lines.append(f'    label={schema.label!r},')
        if schema.split is not None:
            lines.append(f'    split={schema.split!r},')
        if schema.clinical:
            lines += ['    clinical=[', *(f'        {_variable(v)},' for v in schema.clinical), '    ],']
        return '\n'.join([*lines, ')'])

    def pipelines(self) -> str:
        pack = "dict(type='PackCase', clinical='${schema.clinical}')" if self.clinical else "dict(type='PackCase')"
        if self.table_alone:
            return f'train_pipeline = [{pack}]\ntest_pipeline = [{pack}]'
        load = []
        if self.images:
            load.append("dict(type='LoadImage'),")
        if self.clips:
            step = f', step={self.plan.clip_step:g}' if self.plan.clip_step else ''
            load.append(f"dict(type='LoadClip', num_frames='${{num_frames}}'{step}),")
        load += self._crop()
        if self.plan.crop != 'box':
            if self.images:
                load.append(f"dict(type='Resize', size='${{image_size}}', modalities={self.images!r}),")
            if self.clips:
                load.append(f"dict(type='Resize', size='${{clip_size}}', modalities={self.clips!r}),")
        lines = ['# run once for each case', 'load = [', *(f'    {line}' for line in load), ']']
        cached = "dict(type='Cached', transforms='${load}', cache_dir='${cache_dir}')"
        lines += ['train_pipeline = [', f'    {cached},', "    dict(type='RandomFlip'),"]
        lines += ["    dict(type='RandomRotate', degrees=10),", f'    {pack},', ']']
        return '\n'.join([*lines, 'test_pipeline = [', f'    {cached},', f'    {pack},', ']'])

    def _crop(self) -> list[str]:
        whole = "dict(type='CropLesion'),"
        if self.plan.crop == 'mask':
            return [
                "dict(type='LoadMask'),",
                "dict(type='CropLesion', margin=0.2),  # the square around the mask; else the whole",
            ]
        if self.plan.crop == 'box' and not self.clips:
            return ["dict(type='CropBox', size='${image_size}', margin=0.1),"]
        return [f'{whole}  # no mask is read: the whole picture, made square with black bars']

    def model(self) -> str:
        common = [
            "    modalities='${modalities}',", "    classes='${classes}',", "    positive='${positive}',",
            "    schema='${schema}',",
        ]  # fmt: skip
        if self.table_alone:
            return '\n'.join([
                '# logistic regression; estimator=\'boosting\' is the alternative for many hundred patients',
                'model = dict(', "    type='TableClassifier',", "    estimator='logistic',", *common, ')',
            ])  # fmt: skip
        lines = ['# narrow networks, a stream for each input: a few hundred cases train them from random weights']
        if self.images:
            lines.append("resnet = dict(type='mmpretrain.ResNet', depth=18, base_channels=16, stem_channels=16)")
        if self.clips:
            lines.append("r2plus1d = dict(type='R2Plus1D', depth=10, base_channels=16)")
        lines += ['model = dict(', "    type='MultiModalClassifier',", *common]
        lines += ["    data_preprocessor=dict(type='CasePreprocessor'),", '    encoder=dict(']
        lines += [
            f"        {m}=dict(type='ImageEncoder', modality={m!r}, backbone='${{resnet}}')," for m in self.images
        ]
        lines += [f"        {m}=dict(type='ClipEncoder', clip={m!r}, backbone='${{r2plus1d}}')," for m in self.clips]
        if self.clinical:
            lines.append("        clinical=dict(type='ClinicalEncoder', hidden_channels=32),")
        lines += ['    ),', f'    fusion={self._fusion()},']
        loss = "dict(type='CrossEntropyLoss', class_weight='${class_weights}')"
        lines += [f"    head=dict(type='LinearHead', losses=[{loss}]),", ')']
        return '\n'.join(lines)

    def _fusion(self) -> str:
        if self.plan.missing == 'keep':
            return f"dict(type='AverageFusion', embed_dims={EMBED_DIMS})"
        widths = ', '.join(f'{m}={EMBED_DIMS}' for m in (*self.images, *self.clips))
        return f"dict(type='PoolFusion', project=dict({widths}))"

    def stages(self) -> str:
        if self.table_alone:
            return "stages = [dict(name='table', train='all', fit=True)]"
        return STAGES


def _mapping(columns: object) -> str:
    pairs = dict(columns)  # type: ignore[call-overload]
    return f'dict({", ".join(f"{name}={column!r}" for name, column in pairs.items())})'


def _variable(variable: Variable) -> str:
    """A variable of the schema; many values are wrapped over several lines."""
    parts = [f'name={variable.name!r}']
    if variable.unit is not None:
        parts.append(f'unit={variable.unit!r}')
    if variable.range is not None:
        parts.append(f'range=({variable.range[0]:g}, {variable.range[1]:g})')
    if variable.values is not None:
        parts.append(f'values={variable.values!r}')
    line = f'dict({", ".join(parts)})'
    if len(line) <= WIDTH or variable.values is None:
        return line
    pad = ' ' * 12
    values = ''.join(f'{pad}    {value!r},\n' for value in variable.values)
    return f'dict(\n{pad}name={variable.name!r},\n{pad}values=(\n{values}{pad}),\n        )'
