"""Multi-task pre-training: one backbone, and an MLP head for each labelled data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from mmengine.model import ModuleDict
from torch import Tensor, nn
from torch.nn import functional as F

from usmm.models.learners.backbone_learner import BackboneLearner
from usmm.registry import MODELS
from usmm.structures import Case, Settings
from usmm.structures.prediction_row import TaskRow


@MODELS.register_module()
class MultiTaskLearner(BackboneLearner):
    """Classify images of several data sets, each by a head of its own on the vector of the shared backbone.

    Args:
        tasks: Task -> names of its classes; a stage fills it in from its data set.
        backbone: Config of the backbone; `init_cfg=dict(type='Pretrained', ...)` starts it from a checkpoint.
        hidden_channels: Width of the heads' hidden layer.
        data_preprocessor: Config of the preprocessor; None: `PairPreprocessor`, which normalises each image by its
            own modality.
        input_size: Side in pixels of the image that the backbone's width is found with.
        init_cfg: Initialisation.

    Raises:
        ValueError: No task, a name that is no word, or fewer than two classes; in `forward`, images of no task or of
            an unknown one.

    References:
        Section "Multi-task pre-training" of the lymph node paper: two fully connected layers a task, ReLU, 256 hidden.

    Example:
        >>> tasks = dict(breast=('benign', 'malignant'), organs=('liver', 'kidney', 'spleen'))
        >>> backbone = dict(type='mmpretrain.ResNet', depth=18, base_channels=4, stem_channels=4)
        >>> learner = MultiTaskLearner(tasks, backbone)
        >>> batch = [Case(f'c{i}', f'p{i}', label=i, info=dict(task=dict(name='organs'))) for i in range(3)]
        >>> found = learner(dict(image=torch.rand(3, 3, 64, 64)), batch, mode='predict')
        >>> found[0]['task'], found[0]['scores'].shape
        ('organs', (3,))
    """

    # what a stage selects the epoch by, and how it is measured
    monitor: str = 'loss'
    evaluator: Sequence[Settings] = (dict(type='TaskMetrics'),)

    def __init__(
        self,
        tasks: Mapping[str, Sequence[str]],
        backbone: Settings | None = None,
        hidden_channels: int = 256,
        data_preprocessor: Settings | nn.Module | None = None,
        input_size: int = 64,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        backbone = backbone or dict(type='mmpretrain.ResNet', depth=152)
        super().__init__(backbone, data_preprocessor, input_size, init_cfg)
        self.tasks = {name: tuple(classes) for name, classes in tasks.items()}
        wrong = [name for name in self.tasks if not name.isidentifier() or hasattr(nn.ModuleDict, name)]
        if not self.tasks or wrong:
            raise ValueError(f'MultiTaskLearner needs tasks whose names are words, got {list(self.tasks)}')
        few = [name for name, classes in self.tasks.items() if len(classes) < 2]
        if few:
            raise ValueError(f'tasks {few} have fewer than two classes')
        heads = {name: _mlp(self.width, hidden_channels, len(classes)) for name, classes in self.tasks.items()}
        self.heads = ModuleDict(heads)

    def forward(  # type: ignore[override]  # mmengine's models take one tensor
        self, inputs: Mapping[str, Tensor], data_samples: Sequence[Case] | None = None, mode: str = 'tensor'
    ) -> dict[str, Tensor] | list[TaskRow]:
        """Run the network.

        Args:
            inputs: `image` -> normalised images (B, 3, H, W).
            data_samples: The cases, whose `info` names their task; they may be of several.
            mode: `'loss'`: the cross entropy, and `TASK_ce` of each task; `'predict'`: a dict a case (case_id, task,
                label, scores); else task -> logits (rows of that task, K).
        """
        names = [str(case.info.get('task', {}).get('name')) for case in data_samples or ()]
        unknown = sorted({name for name in names if name not in self.tasks})
        if unknown or not names or 'image' not in inputs:
            raise ValueError(
                f'MultiTaskLearner expects a batch of MultiTaskDataset with the tasks {list(self.tasks)}, got the '
                f'tasks {unknown or sorted(set(names))} and the inputs {[*inputs]}'
            )
        vector = self.vector(inputs['image'])
        rows = {task: [i for i, name in enumerate(names) if name == task] for task in self.tasks if task in names}
        logits = {task: self.heads[task](vector[chosen]).float() for task, chosen in rows.items()}
        if mode == 'loss':
            return self._loss(logits, rows, data_samples or ())
        return self._predictions(logits, rows, data_samples or ()) if mode == 'predict' else logits

    def _loss(
        self, logits: Mapping[str, Tensor], rows: Mapping[str, list[int]], cases: Sequence[Case]
    ) -> dict[str, Tensor]:
        each = {}
        for task, chosen in rows.items():
            target = torch.tensor([cases[i].label for i in chosen], device=logits[task].device)
            each[task] = F.cross_entropy(logits[task], target, reduction='none')
        # heads of other tasks take part with nothing, so that distributed training sees every parameter
        idle = [p.sum() * 0 for task, head in self.heads.items() if task not in rows for p in head.parameters()]
        loss = torch.cat(list(each.values())).mean() + sum(idle)
        return {'loss': loss, **{f'{task}_ce': values.detach().mean() for task, values in each.items()}}

    def _predictions(
        self, logits: Mapping[str, Tensor], rows: Mapping[str, list[int]], cases: Sequence[Case]
    ) -> list[TaskRow]:
        found: dict[int, TaskRow] = {}
        for task, chosen in rows.items():
            scores = logits[task].softmax(1).detach().cpu().numpy()
            for i, row in zip(chosen, scores, strict=True):
                found[i] = dict(case_id=cases[i].case_id, task=task, label=cases[i].label, scores=row)
        return [found[i] for i in sorted(found)]


def _mlp(in_channels: int, hidden_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(in_channels, hidden_channels), nn.ReLU(), nn.Linear(hidden_channels, out_channels))
