"""Settings that every system shares. `'${name}'` refers to a top-level setting after all overrides."""

default_scope = 'usmm'
table = 'cases.csv'  # below data_root
missing = 'error'  # a case without one of the modalities: 'error', 'drop' or 'keep'
bad_cases = 'error'  # cases that cannot be read: 'error' stops before the first epoch, 'skip' leaves them out
ignore_labels = ()  # cases with these labels are left out
positive = None  # for two classes: the one that sensitivity speaks of
batch_size = 16
num_workers = 2
seed = 0
max_epochs = None  # caps every stage
work_dir = 'work_dirs/${name}'
monitor = 'auc'  # the validation metric that selects the epoch

# fold k is the test part; `selection`: 'inner' cuts a validation part from the rest by patient, 'last' takes the last
# epoch, 'test' selects on the test part, as much published work does (reports then say so)
split = dict(folds=3, fold=0, seed='${seed}', val_ratio=0.2, selection='inner', file='${work_dir}/folds.csv')
dataset = dict(
    type='CaseDataset', table='${data_root}/${table}', schema='${schema}', classes='${classes}',
    modalities='${modalities}', split='${split}', seed='${seed}', missing='${missing}', bad_cases='${bad_cases}',
    ignore_labels='${ignore_labels}')
evaluator = [dict(type='CaseMetrics', classes='${classes}', positive='${positive}')]
custom_hooks = []
