"""The registries of usmm: children of mmengine's roots, scope `usmm`.

A registry imports the rooms named in `locations` when it is first asked for a component, and no others, so a config
names a component and the component is there. Components of other OpenMMLab packages are reached by their scope
(`mmpretrain.ResNet`).
"""

from mmengine.registry import DATA_SAMPLERS as ROOT_DATA_SAMPLERS
from mmengine.registry import DATASETS as ROOT_DATASETS
from mmengine.registry import FUNCTIONS as ROOT_FUNCTIONS
from mmengine.registry import HOOKS as ROOT_HOOKS
from mmengine.registry import METRICS as ROOT_METRICS
from mmengine.registry import MODELS as ROOT_MODELS
from mmengine.registry import TRANSFORMS as ROOT_TRANSFORMS
from mmengine.registry import Registry

SCOPE = 'usmm'

MODELS = Registry('model', parent=ROOT_MODELS, scope=SCOPE, locations=['usmm.models', 'usmm.losses'])
DATASETS = Registry('dataset', parent=ROOT_DATASETS, scope=SCOPE, locations=['usmm.datasets'])
DATA_SAMPLERS = Registry('data sampler', parent=ROOT_DATA_SAMPLERS, scope=SCOPE, locations=['usmm.datasets'])
TRANSFORMS = Registry('transform', parent=ROOT_TRANSFORMS, scope=SCOPE, locations=['usmm.transforms'])
FUNCTIONS = Registry('function', parent=ROOT_FUNCTIONS, scope=SCOPE, locations=['usmm.transforms'])
METRICS = Registry('metric', parent=ROOT_METRICS, scope=SCOPE, locations=['usmm.metrics'])
HOOKS = Registry('hook', parent=ROOT_HOOKS, scope=SCOPE, locations=['usmm.engine'])
