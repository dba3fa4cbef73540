"""Which parts of a model learn in a stage; the others are frozen for good: no gradient, no moving statistics."""

from __future__ import annotations

from collections.abc import Sequence
from logging import FileHandler
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from mmengine.logging import MMLogger
from mmengine.model import BaseDataPreprocessor, BaseModel
from torch import nn

from usmm.models.building import build
from usmm.registry import MODELS
from usmm.structures.protocols import Classifier, missing_members
from usmm.structures.settings import CLINICAL, TRAIN_ALL, TRAIN_CLINICAL, TRAIN_WORDS, Settings

if TYPE_CHECKING:
    from typing_extensions import Self


class StagedModel(BaseModel):
    """A model whose parts can be frozen by name.

    A frozen part stays in eval mode whatever `train()` is called: a part whose batch norm and dropout keep moving is
    not frozen.
    """

    data_preprocessor: BaseDataPreprocessor

    def __init__(self, data_preprocessor: nn.Module | None = None, init_cfg: dict | list[dict] | None = None) -> None:
        super().__init__(data_preprocessor, init_cfg)  # type: ignore[arg-type]  # lists work upstream too
        self._learning: tuple[str, ...] | None = None
        self._frozen: tuple[str, ...] = ()
        self._wanted: dict[str, bool] = {}

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the top-level parts that have parameters."""
        return tuple(name for name, module in self.named_children() if any(True for _ in module.parameters()))

    def resolve(self, spec: str | Sequence[str]) -> tuple[str, ...]:
        """The parts that a stage's `train` means, of those that this model has; empty where it has none of them.

        Args:
            spec: `'all'`, `'clinical'`, `'all but clinical'`, or names of parts (`'fusion'`, `'encoder.static'`).

        Raises:
            ValueError: If the spec is not known, or a name in a list is not one of this model.
        """
        if not isinstance(spec, str):
            self._check(spec)
            return tuple(spec)
        if spec not in TRAIN_WORDS:
            raise ValueError(f'what to train must be one of {TRAIN_WORDS} or a list of parts, got {spec!r}')
        return tuple(p for p in self.parts if spec == TRAIN_ALL or (p == CLINICAL) == (spec == TRAIN_CLINICAL))

    def trainable(self, spec: str | Sequence[str]) -> None:
        """Let these parts learn and freeze all others, see `resolve`.

        Raises:
            ValueError: If nothing would learn.
        """
        names = self.resolve(spec)
        if not names:
            raise ValueError(f'nothing to train: {spec!r} names no part of this model; its parts are {self.parts}')
        self._learning, self._frozen = names, ()
        self._apply_stage()

    def freeze(self, names: Sequence[str]) -> None:
        """Freeze these parts, and leave the others as they are.

        Raises:
            ValueError: If a name is not a part of this model.
        """
        self._check(names)
        self._learning = self.parts if self._learning is None else self._learning
        self._frozen = (*self._frozen, *names)
        self._apply_stage()

    def freeze_unfitted(self) -> None:
        """Freeze a part that was never fitted and would decide; as a rule a model has none."""

    def learns(self, part: str) -> bool:
        """Whether anything of a part learns; False for a part that this model does not have."""
        module = dict(self.named_children()).get(part)
        return module is not None and any(p.requires_grad for p in module.parameters())

    def to(self, *args: object, **kwargs: object) -> Self:
        """Move to a device or a type, as `torch.nn.Module.to`; upstream's loses the class."""
        super().to(*args, **kwargs)
        return self

    def train(self, mode: bool = True) -> Self:
        """Training mode for the parts that learn, eval mode for the frozen ones."""
        super().train(mode)
        if mode and self._learning is not None:
            for part in self.parts:
                getattr(self, part).eval()
            for name in self._learning:
                self.get_submodule(name).train()
            for name in self._frozen:
                self.get_submodule(name).eval()
        return self

    def _dump_init_info(self) -> None:
        """How each parameter was initialised goes to the log file; upstream prints it where there is none."""
        if any(isinstance(handler, FileHandler) for handler in MMLogger.get_current_instance().handlers):
            super()._dump_init_info()

    def _check(self, names: Sequence[str]) -> None:
        known = {name for name, _ in self.named_modules() if name}
        wrong = [n for n in names if n not in known]
        if wrong:
            raise ValueError(f'this model has no part {wrong}; its parts are {self.parts}')

    def _apply_stage(self) -> None:
        learning = self._learning or ()
        # A backbone may have frozen parameters of its own: remember who wanted a gradient before the first stage.
        for name, parameter in self.named_parameters():
            self._wanted.setdefault(name, parameter.requires_grad)
            learns = _within(name, learning) and not _within(name, self._frozen)
            parameter.requires_grad_(learns and self._wanted[name])
            if not parameter.requires_grad:
                parameter.grad = None
        self.train(self.training)


@runtime_checkable
class Initialised(Protocol):
    """A model that draws its weights when it is asked to."""

    def init_weights(self) -> None:
        """Draw the weights."""


@MODELS.register_module(name='StageModel')
def build_stage_model(
    model: Settings, train: str | Sequence[str] | None = None, data_preprocessor: Settings | None = None
) -> nn.Module:
    """A model as a stage of a config trains it: built, initialised, and with the other parts frozen.

    In a plain config of mmengine, `model=dict(type='StageModel', model=dict(...), train='clinical')`. The weights are
    drawn when it is built, on the CPU, from the seed that the Runner has just set; so they do not depend on what else
    the Runner builds. The parts are frozen before the Runner wraps the model for several processes.

    Args:
        model: Config of the model.
        train: What learns, see `StagedModel.resolve`; None: everything.
        data_preprocessor: That of the Runner's config, for a model without one.

    Returns:
        The model itself; it has no wrapper, so its weights keep their names.

    Raises:
        TypeError: With `train`: the model is not a classifier, whose parts can be frozen.

    Example:
        >>> encoder = dict(static=dict(type='GuidedEncoder', guided=(), depth=18, base_channels=4))
        >>> described = dict(type='MultiModalClassifier', modalities=('bus',), classes=('A', 'B'), encoder=encoder)
        >>> model = build_stage_model(described, train=['head'])
        >>> sorted({name.split('.')[0] for name, p in model.named_parameters() if p.requires_grad})
        ['head']
    """
    settings = dict(model)
    if data_preprocessor is not None:
        settings.setdefault('data_preprocessor', data_preprocessor)
    built = build(settings)
    if isinstance(built, Initialised):
        built.init_weights()
    if train is not None:
        if not isinstance(built, Classifier):
            lacks = missing_members(built, Classifier)
            raise TypeError(f'StageModel can freeze parts of a classifier, a {type(built).__name__} lacks {lacks}')
        built.trainable(train)
    return built


def _within(name: str, parts: Sequence[str]) -> bool:
    return any(name == p or name.startswith(f'{p}.') for p in parts)
