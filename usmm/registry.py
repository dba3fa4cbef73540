"""The registries of usmm: children of mmengine's roots, scope `usmm`.

A registry imports the rooms named in `locations` when it is first asked for a component, and no others, so a config
names a component and the component is there. Components of other OpenMMLab packages are reached by their scope
(`mmpretrain.ResNet`).
"""

from collections.abc import Mapping
from typing import Any

from mmengine.config.utils import MODULE2PACKAGE
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
ROOT = 'mmengine'  # the scope of the roots, in which mmcv registers its transforms and layers


class ScopedRegistry(Registry):
    """A registry in which a bare name is one of usmm, whatever the default scope is.

    mmengine looks a bare name up in the default scope, which the last Runner of the process has left behind: after a
    training with a config of mmpretrain, `CaseDataset` would be looked for there. And what a component of another scope
    (`mmpretrain.RandAugment`) builds by bare names is of its own scope, not of the default one.
    """

    def build(self, cfg: Any, *args: Any, **kwargs: Any) -> Any:
        """Build the component of a config; see `mmengine.registry.Registry.build`."""
        kind = cfg.get('type') if isinstance(cfg, Mapping) else None
        if isinstance(kind, str):
            scope, dot, name = kind.partition('.')
            scope = ROOT if scope == 'mmcv' else scope
            if not dot:
                cfg = {'_scope_': self.scope, **cfg}
            elif scope in MODULE2PACKAGE or self._get_root_registry()._search_child(scope) is not None:
                cfg = {'_scope_': scope, **cfg, 'type': name}
        return super().build(cfg, *args, **kwargs)


MODELS = ScopedRegistry('model', parent=ROOT_MODELS, scope=SCOPE, locations=['usmm.models', 'usmm.models.losses'])
DATASETS = ScopedRegistry('dataset', parent=ROOT_DATASETS, scope=SCOPE, locations=['usmm.datasets'])
DATA_SAMPLERS = ScopedRegistry('data sampler', parent=ROOT_DATA_SAMPLERS, scope=SCOPE, locations=['usmm.datasets'])
TRANSFORMS = ScopedRegistry('transform', parent=ROOT_TRANSFORMS, scope=SCOPE, locations=['usmm.datasets.transforms'])
# The transforms of torchvision, of a scope of their own: `torchvision.ColorJitter`, for `ImageTransform`.
TORCHVISION_TRANSFORMS = ScopedRegistry(
    'transform', parent=ROOT_TRANSFORMS, scope='torchvision', locations=['usmm.datasets.transforms.torchvision_parts']
)
FUNCTIONS = ScopedRegistry('function', parent=ROOT_FUNCTIONS, scope=SCOPE, locations=['usmm.datasets.transforms'])
METRICS = ScopedRegistry('metric', parent=ROOT_METRICS, scope=SCOPE, locations=['usmm.evaluation.metrics'])
HOOKS = ScopedRegistry('hook', parent=ROOT_HOOKS, scope=SCOPE, locations=['usmm.engine'])

# Nothing is registered here by usmm itself: a runner of scope `usmm` looks these up, and users may add their own.
EVALUATOR = ScopedRegistry('evaluator', parent=ROOT_EVALUATOR, scope=SCOPE)
LOG_PROCESSORS = ScopedRegistry('log processor', parent=ROOT_LOG_PROCESSORS, scope=SCOPE)
LOOPS = ScopedRegistry('loop', parent=ROOT_LOOPS, scope=SCOPE)
OPTIM_WRAPPER_CONSTRUCTORS = ScopedRegistry(
    'optimizer wrapper constructor', parent=ROOT_OPTIM_WRAPPER_CONSTRUCTORS, scope=SCOPE
)
OPTIM_WRAPPERS = ScopedRegistry('optim_wrapper', parent=ROOT_OPTIM_WRAPPERS, scope=SCOPE)
OPTIMIZERS = ScopedRegistry('optimizer', parent=ROOT_OPTIMIZERS, scope=SCOPE)
PARAM_SCHEDULERS = ScopedRegistry('parameter scheduler', parent=ROOT_PARAM_SCHEDULERS, scope=SCOPE)
VISBACKENDS = ScopedRegistry('vis_backend', parent=ROOT_VISBACKENDS, scope=SCOPE)
VISUALIZERS = ScopedRegistry('visualizer', parent=ROOT_VISUALIZERS, scope=SCOPE)
WEIGHT_INITIALIZERS = ScopedRegistry('weight initializer', parent=ROOT_WEIGHT_INITIALIZERS, scope=SCOPE)
