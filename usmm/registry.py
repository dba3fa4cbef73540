"""The registries of usmm: children of mmengine's roots, scope `usmm`.

A registry imports the rooms named in `locations` when it is first asked for a component, and no others, so a config
names a component and the component is there. Components of other OpenMMLab packages are reached by their scope
(`mmpretrain.ResNet`).
"""

from mmengine.registry import DATA_SAMPLERS as ROOT_DATA_SAMPLERS
from mmengine.registry import DATASETS as ROOT_DATASETS
from mmengine.registry import EVALUATOR as ROOT_EVALUATOR
from mmengine.registry import FUNCTIONS as ROOT_FUNCTIONS
from mmengine.registry import HOOKS as ROOT_HOOKS
from mmengine.registry import LOG_PROCESSORS as ROOT_LOG_PROCESSORS
from mmengine.registry import LOOPS as ROOT_LOOPS
from mmengine.registry import METRICS as ROOT_METRICS
from mmengine.registry import MODELS as ROOT_MODELS
from mmengine.registry import OPTIM_WRAPPER_CONSTRUCTORS as ROOT_OPTIM_WRAPPER_CONSTRUCTORS
from mmengine.registry import OPTIM_WRAPPERS as ROOT_OPTIM_WRAPPERS
from mmengine.registry import OPTIMIZERS as ROOT_OPTIMIZERS
from mmengine.registry import PARAM_SCHEDULERS as ROOT_PARAM_SCHEDULERS
from mmengine.registry import TRANSFORMS as ROOT_TRANSFORMS
from mmengine.registry import VISBACKENDS as ROOT_VISBACKENDS
from mmengine.registry import VISUALIZERS as ROOT_VISUALIZERS
from mmengine.registry import WEIGHT_INITIALIZERS as ROOT_WEIGHT_INITIALIZERS
from mmengine.registry import Registry

SCOPE = 'usmm'

MODELS = Registry('model', parent=ROOT_MODELS, scope=SCOPE, locations=['usmm.models', 'usmm.models.losses'])
DATASETS = Registry('dataset', parent=ROOT_DATASETS, scope=SCOPE, locations=['usmm.datasets'])
DATA_SAMPLERS = Registry('data sampler', parent=ROOT_DATA_SAMPLERS, scope=SCOPE, locations=['usmm.datasets'])
TRANSFORMS = Registry('transform', parent=ROOT_TRANSFORMS, scope=SCOPE, locations=['usmm.datasets.transforms'])
# The transforms of torchvision, of a scope of their own: `torchvision.ColorJitter`, for `ImageTransform`.
TORCHVISION_TRANSFORMS = Registry(
    'transform', parent=ROOT_TRANSFORMS, scope='torchvision', locations=['usmm.datasets.transforms.torchvision_parts']
)
FUNCTIONS = Registry('function', parent=ROOT_FUNCTIONS, scope=SCOPE, locations=['usmm.datasets.transforms'])
METRICS = Registry('metric', parent=ROOT_METRICS, scope=SCOPE, locations=['usmm.evaluation.metrics'])
HOOKS = Registry('hook', parent=ROOT_HOOKS, scope=SCOPE, locations=['usmm.engine'])

# Nothing is registered here by usmm itself: a runner of scope `usmm` looks these up, and users may add their own.
EVALUATOR = Registry('evaluator', parent=ROOT_EVALUATOR, scope=SCOPE)
LOG_PROCESSORS = Registry('log processor', parent=ROOT_LOG_PROCESSORS, scope=SCOPE)
LOOPS = Registry('loop', parent=ROOT_LOOPS, scope=SCOPE)
OPTIM_WRAPPER_CONSTRUCTORS = Registry(
    'optimizer wrapper constructor', parent=ROOT_OPTIM_WRAPPER_CONSTRUCTORS, scope=SCOPE
)
OPTIM_WRAPPERS = Registry('optim_wrapper', parent=ROOT_OPTIM_WRAPPERS, scope=SCOPE)
OPTIMIZERS = Registry('optimizer', parent=ROOT_OPTIMIZERS, scope=SCOPE)
PARAM_SCHEDULERS = Registry('parameter scheduler', parent=ROOT_PARAM_SCHEDULERS, scope=SCOPE)
VISBACKENDS = Registry('vis_backend', parent=ROOT_VISBACKENDS, scope=SCOPE)
VISUALIZERS = Registry('visualizer', parent=ROOT_VISUALIZERS, scope=SCOPE)
WEIGHT_INITIALIZERS = Registry('weight initializer', parent=ROOT_WEIGHT_INITIALIZERS, scope=SCOPE)
