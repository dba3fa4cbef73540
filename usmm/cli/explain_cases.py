"""What usmm explain asks of a model: heat, scores and contributions of the cases of a part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from mmengine.config import Config
from mmengine.device import get_device
from torch import Tensor

from usmm.apis.explaining import modality_game
from usmm.apis.model_interface import Network, image_logits, reads_table
from usmm.datasets import CaseDataset
from usmm.datasets.transforms import collate_cases
from usmm.engine import Experiment
from usmm.explain import Contribution, HeatMap, contributions, heat_maps
from usmm.models import MultiModalClassifier
from usmm.models.presence import stream_presence
from usmm.structures import Batch, Case, Settings
from usmm.structures.settings import CLINICAL

BEFORE_REGION = ('KeyFrames', 'SplitPanels')
TRAINING_CASES = 50  # of which the mean picture is made


@dataclass(frozen=True, eq=False)
class Explained:
    """One case with its answers.

    Args:
        case: The case as the network sees it, with masks.
        scores: (K,) probabilities.
        shown: Index of the class that is explained.
        row: Its row in the heat-maps.
        heat: Modality -> heat-maps of its batch.
    """

    case: Case
    scores: np.ndarray
    shown: int
    row: int
    heat: Mapping[str, HeatMap]

    def heat_of(self, modality: str) -> np.ndarray | None:
        """(H, W) or (T, H, W) from 0 to 1, or None where the model did not use the modality."""
        found = self.heat.get(modality)
        if found is None or found.heat is None or found.status[self.row] != 'used':
            return None
        return found.normalised()[self.row]  # type: ignore[index]

    def note_of(self, modality: str) -> str:
        """Why there is no heat; empty where there is."""
        if modality not in self.case.data:
            return 'missing'
        found = self.heat.get(modality)
        status = 'no map' if found is None else found.status[self.row]
        return '' if status == 'used' else status


class Explainer:
    """A trained model, ready to be asked.

    Args:
        experiment: With the weights loaded.
        method, score: Of the heat-maps.
        target: Index of the class to explain; None: the predicted one of each case.
        layers: Modality -> layer, in place of the model's own choice.
    """

    def __init__(
        self, experiment: Experiment, method: str, score: str, target: int | None, layers: Mapping[str, str]
    ) -> None:
        self.experiment = experiment
        # what a table alone does not have, `run_images`, is asked only of models with images
        self.model = cast(Network, experiment.model.to(get_device()).eval())
        self.method, self.score, self.target = method, score, target
        unknown = [m for m in layers if m not in self.model.modalities]
        if unknown:
            raise ValueError(f'the model has no modality {unknown}; it has {list(self.model.modalities)}')
        own = self.model.cam_layers()
        self.layers = {**own, **layers}

    def batches(self, dataset: CaseDataset, indices: Sequence[int]) -> Iterator[tuple[list[Case], Batch]]:
        """The cases with masks, and the batch that the model takes."""
        size = self.experiment.config.batch_size
        for start in range(0, len(indices), size):
            cases = [dataset[i] for i in indices[start : start + size]]
            yield cases, self.model.data_preprocessor(collate_cases(cases))

    def explain(self, cases: Sequence[Case], batch: Batch) -> list[Explained]:
        """Scores and heat of a batch."""
        with torch.no_grad():
            scores = self.model(**batch).logits.float().softmax(1).cpu().numpy()
        shown = [int(s.argmax()) if self.target is None else self.target for s in scores]
        heat = self._heat(batch, shown) if self.layers else {}
        return [Explained(case, scores[i], shown[i], i, heat) for i, case in enumerate(cases)]

    def contribute(
        self, batch: Batch, shown: Sequence[int], baseline: Mapping[str, Tensor] | None, missing: str
    ) -> Contribution:
        """Shapley values of the modalities for each case of a batch; 0 for one that a case cannot use."""
        if all(bool(here.all()) for here in (batch['present'] or {}).values()):
            return self._play(batch, shown, baseline, missing)
        parts = [self._one(batch, i, shown[i], baseline, missing) for i in range(len(shown))]
        players = (*batch['inputs'], *((CLINICAL,) if reads_table(self.model) else ()))
        values = np.array([[dict(zip(p.players, p.values[:, 0])).get(name, 0.0) for p in parts] for name in players])
        ends = ([p.empty for p in parts], [p.full for p in parts])
        empty, full = (np.array([float(end[0]) for end in side]) for side in ends)
        # the sets of cases that lack something are of other players
        return Contribution(players, values, empty, full, np.full((0, len(parts)), np.nan), parts[0].note)

    def _one(
        self, batch: Batch, row: int, shown: int, baseline: Mapping[str, Tensor] | None, missing: str
    ) -> Contribution:
        """Of one case, with the modalities that it has."""
        one: Batch = {
            'inputs': {m: x[row : row + 1] for m, x in batch['inputs'].items()},
            'present': {m: here[row : row + 1] for m, here in (batch['present'] or {}).items()},
            'clinical': None if batch['clinical'] is None else batch['clinical'][row : row + 1],
            'data_samples': None,
        }
        return self._play(one, [shown], baseline, missing)

    def _play(
        self, batch: Batch, shown: Sequence[int], baseline: Mapping[str, Tensor] | None, missing: str
    ) -> Contribution:
        game = modality_game(self.model, batch, shown, baseline, missing)
        return contributions(game.players, game, game.note)

    def mean_pictures(self, dataset: CaseDataset) -> dict[str, Tensor]:
        """Modality -> mean normalised input of cases of a part, spread evenly over it."""
        indices = np.unique(np.linspace(0, len(dataset) - 1, TRAINING_CASES).round().astype(int)).tolist()
        sums: dict[str, Tensor] = {}
        counts: dict[str, int] = {}
        for _, batch in self.batches(dataset, indices):
            for name, x in batch['inputs'].items():
                here = (batch['present'] or {})[name].to(x.device)
                sums[name] = sums.get(name, 0) + x[here].sum(0)
                counts[name] = counts.get(name, 0) + int(here.sum())
        return {name: total / max(counts[name], 1) for name, total in sums.items()}

    def _heat(self, batch: Batch, shown: Sequence[int]) -> dict[str, HeatMap]:
        model = self.model
        if not model.readers:
            return {}  # a table has no map
        if not isinstance(model, MultiModalClassifier):
            raise ValueError(f'heat maps need a MultiModalClassifier, got a {type(model).__name__}')
        present = stream_presence(model.readers, batch['present'])
        rows = None
        if present is not None:
            rows = {m: present[stream] for stream, names in model.readers.items() for m in names}

        def forward(inputs: Mapping[str, Tensor]) -> Tensor:
            return image_logits(self.model, inputs, batch['present'], batch['data_samples'], batch['clinical'])

        return heat_maps(model, batch['inputs'], self.layers, forward, shown, self.method, self.score, rows)


def with_region_only(config: Config) -> Config:
    """The config with a test pipeline that blanks what is not ultrasound, right behind the loading."""
    steps = [dict(step) for step in config.test_pipeline]
    for i, step in enumerate(steps):
        if step.get('transforms') is not None:
            steps[i] = dict(step, transforms=_after_loading(step['transforms']))
            break
    else:
        steps = _after_loading(steps)
    config.test_pipeline = steps
    return config


def _after_loading(steps: Sequence[Settings]) -> list[dict[str, object]]:
    names = [str(step['type']).split('.')[-1] for step in steps]
    last = max((i for i, n in enumerate(names) if n.startswith('Load') or n in BEFORE_REGION), default=-1)
    return [*map(dict, steps[: last + 1]), dict(type='KeepRegion'), *map(dict, steps[last + 1 :])]
