"""A run: every stage of a config in order, then the test part; what stands in the work directory at the end."""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import barrier, is_main_process
from mmengine.logging import print_log

from usmm.config import source_text
from usmm.config.categories import settle_categories
from usmm.config.runner import is_frozen, runner_config, runner_text
from usmm.config.runner_settings import epochs_of, stages_before
from usmm.config.stage_spec import RunOptions, Stages, StageSpec
from usmm.datasets import CaseDataset
from usmm.engine.going_on import check_origin, origin_of
from usmm.engine.launched import start_launched
from usmm.engine.loaded_weights import UNTRAINED, LoadedWeights, use_folds_of
from usmm.engine.preconditions import (
    check_classes,
    check_files,
    check_missing,
    check_stages,
    check_unseen,
    outlined_share,
    report_copies,
    report_last_batch,
    report_leaks,
    report_outlines,
    report_unread,
    report_unseen,
)
from usmm.engine.pretraining import pretrain
from usmm.engine.run_model import build_model
from usmm.engine.run_parts import build_part, fold_of, marks_validation, parts_of, selection_of
from usmm.engine.scores import ScoreDataset, collect_scores
from usmm.engine.shared_memory import check_shared_memory
from usmm.engine.specs import Checkpoint, Finished, PredictionRecord, Results, Samples
from usmm.engine.stages import build_test_runner, run_stage
from usmm.engine.stated_facts import StatedFacts
from usmm.engine.studies.out_of_fold import out_of_fold_scores
from usmm.engine.table_fit import clinical_table, fit_before, fit_stage
from usmm.engine.workdir.data_record import keep_record, report_changes
from usmm.engine.workdir.fold_record import keep_flags
from usmm.engine.workdir.outputs import (
    check_folder,
    check_no_folds,
    check_unused,
    load_weights,
    save_checkpoint,
    write_json,
)
from usmm.engine.workdir.ownership import Ownership
from usmm.engine.workdir.predictions import prediction_rows, write_predictions
from usmm.engine.workdir.progress import Progress
from usmm.engine.workdir.run_facts import run_facts
from usmm.structures import CLINICAL, MEANING, TRAINED_ON, ModelMeaning, Schema, tokens
from usmm.structures.preparation import PREPARATION, preparation_of
from usmm.structures.protocols import KeepsRows, WeightedHead
from usmm.utils import work_files
from usmm.utils.atomic_files import write_text
from usmm.weights import load_state


class Experiment:
    """Datasets, model and stages of one resolved config.

    Args:
        config: A config as `usmm.config.load_config` returns it.
        work_dir: Where everything is written; default `config.work_dir`.
        options: The flags of a run.
        parts: The parts that are built: of `train`, `val`, `test` and `all` (every case of the table); default: the
            first three, as far as the split has them.
        checkpoint: Weights to load; its categories take the place of `'auto'`.
        ownership: The lock of the work directory, where it is held already.

    Raises:
        DataError: The case table cannot be used; raised when built, before any training.
        ValueError: The config asks for something that the model or the data cannot do.
    """

    def __init__(
        self,
        config: Config,
        work_dir: str | Path | None = None,
        options: RunOptions | None = None,
        parts: Sequence[str] | None = None,
        checkpoint: str | Path | None = None,
        ownership: Ownership | None = None,
    ) -> None:
        self.options = options or RunOptions()
        self.source = source_text(config)
        self.config = copy.deepcopy(config)
        self.work_dir = Path(work_dir or config.work_dir)
        self.ownership = ownership or Ownership(self.work_dir)
        self.skipped: dict[str, dict[str, str]] = {}  # part -> case -> why its files cannot be used
        self.weights = LoadedWeights()  # that were loaded to be tested
        self.stated = StatedFacts()
        start_launched(self.options.launcher, config)
        # settled before anything else is built: from the weights, else from the training part alone
        meta = load_weights(Path(checkpoint)).get('meta', {}) if checkpoint is not None else {}
        if checkpoint is not None:
            use_folds_of(self.config, Path(checkpoint))
        self.categories = settle_categories(self.config, meta.get('categories'))
        parts = parts_of(self.config) if parts is None else parts
        self.parts = {part: self._dataset(part, 'test_pipeline') for part in parts}
        self.parts = {part: data for part, data in self.parts.items() if len(data)}
        self.model = build_model(self.config, self.options.amp)
        self.selection = selection_of(self.config, self.options.validate, marks_validation(self.parts))
        self.trained_on: frozenset[str] = frozenset()
        if self.config.get('load_from'):  # those patients are known to the weights that come out, too
            start = Path(self.config.load_from)
            self.weights = LoadedWeights.of(start, load_weights(start).get('meta', {}), self.config)
            self.weights, self.trained_on = replace(self.weights, folder=None), self.weights.trained_on
        check_missing(self.model, self.parts)
        if checkpoint is not None:
            self.load(checkpoint)

    @property
    def is_main(self) -> bool:
        """Whether this process writes files."""
        return is_main_process()

    @property
    def meaning(self) -> ModelMeaning:
        """What the inputs and outputs of the model stand for; stored in every checkpoint."""
        return ModelMeaning.of_settings(self.config)

    def train(self, resume: str | bool = False, stage: str | None = None, overwrite: bool = False) -> Results:
        """Run the stages that are not done, evaluate, and write the work directory.

        Args:
            resume: True: go on where the work directory stands; a path: go on from that checkpoint of a stage.
            stage: Run this stage alone; the ones before it must be done.
            overwrite: Start over where the work directory holds a run.

        Returns:
            The content of metrics.json.

        Raises:
            OSError: Another process is training in the work directory, or it cannot be written.
            ValueError: The work directory holds a run, which is neither to go on nor to be overwritten.
        """
        check_folder(self.work_dir)
        check_no_folds(self.work_dir)
        Progress(self.work_dir, self._epochs).check(resume, stage)
        if not resume and not overwrite:
            check_unused(self.work_dir, [spec['name'] for spec in self.config.stages], stage)
        with self.ownership.held():
            return self._train(resume, stage)

    def _train(self, resume: str | bool, stage: str | None) -> Results:
        start = time.monotonic()
        names = [*self._epochs]
        origin = origin_of(self.work_dir, names, resume, stage)
        if origin is not None:
            check_origin(origin, self.source, None if stage is None else names[: names.index(stage)])
        if isinstance(resume, str):
            meta = load_weights(Path(resume)).get('meta', {})
            self.meaning.check(meta, resume, self.config.name)
            self.trained_on |= frozenset(meta.get(TRAINED_ON, ()))
        split = self.config.get('split') or {}
        for part in self.parts:
            check_unseen(part, self.parts[part], self.trained_on, True, split.get('seen_patients', 'error'))
        self.weights = replace(self.weights, outlined=outlined_share(self.parts['train']))
        check_stages(self.config, self.model, self.options.validate and 'val' in self.parts)
        train_set = self._dataset('train', 'train_pipeline')
        self.skipped = check_files(self.parts, train_set, self.config.num_workers, self.options.progress)
        check_shared_memory(self.config, [train_set, *self.parts.values()])
        near = split.get('near_duplicates', 'warn')  # in all processes: all of them stop, or none does
        self.stated.near_duplicates = report_copies(self.parts, near, self.config.test_pipeline)
        self.stated.files_not_read = report_unread(self.parts, train_set)
        self.stated.label_leaks = report_leaks(self._schema, self.parts['train'])
        if CLINICAL in self.config.modalities:
            self.stated.unseen_categories = report_unseen(self._schema, self.parts['train'])
        check_classes(self.config.classes, self.parts['train'])
        report_last_batch(len(train_set), self.config.batch_size)
        keep_record(self.work_dir, self.parts, self.config.classes, origin)
        self.weights = self.weights.with_notes(keep_flags(self.work_dir, self.options, origin is not None))
        self._write_config()
        done = self.run_stages(self.config.stages, resume, stage)
        return self._finish(done, time.monotonic() - start)

    def run_stages(self, stages: Stages, resume: str | bool = False, stage: str | None = None) -> Finished:
        """Run those of these stages that are not done; arguments as those of `train`.

        Returns:
            Name of a stage -> what it gave.
        """
        progress = Progress(self.work_dir, self._epochs)
        done = progress.start(resume, stage)
        if done:
            self._fill(self.work_dir / [*done][-1] / work_files.SELECTED)
        for spec in stages:
            name = spec['name']
            if name in done or stage not in (None, name):
                continue
            # a checkpoint given by its path is that of the first stage that runs
            done[name] = self._run_stage(spec, resume)
            resume = bool(resume)
            if is_main_process():
                # the clock left out, so that a stage that is run again ends with the same file
                result = {key: value for key, value in done[name].items() if key != 'seconds'}
                meta = {'stage': name, 'result': result, **self._weights_facts()}
                save_checkpoint(self.work_dir / name / work_files.SELECTED, self.model.state_dict(), meta)
            progress.add(done)
        return done

    def verify(self) -> None:
        """Before weights are measured: see that results can be written, and read every case once.

        Raises:
            DataError: Cases cannot be read, and `bad_cases` is `'error'`: lists them.
            OSError: The work directory cannot be written.
        """
        check_folder(self.work_dir)
        self.skipped = check_files(self.parts, None, self.config.num_workers, self.options.progress)
        check_shared_memory(self.config, self.parts.values())
        self.stated.files_not_read = report_unread(self.parts)

    def evaluate(self, parts: Sequence[str] = ('test',)) -> tuple[Results, list[PredictionRecord]]:
        """Metrics and prediction rows of the model as it stands, for each of these parts.

        Raises:
            ValueError: A part that has no cases, or one with patients that trained the weights that were loaded.
        """
        metrics: Results = {}
        rows: list[PredictionRecord] = []
        for part in parts:
            if part not in self.parts:
                raise ValueError(f'there is no {part!r} part; the parts with cases are {list(self.parts)}')
            check_unseen(part, self.parts[part], frozenset() if self.weights.folder is None else self.trained_on)
            if part != 'train':
                self.stated.outlines[part] = report_outlines(self.weights.outlined, self.parts[part])
            if self.weights.folder is not None:
                changes = report_changes(self.weights.folder, self.parts[part], self.config.classes)
                self.stated.data_changes[part] = changes
            runner = build_test_runner(self.config, self.model, part, self.parts[part], self.work_dir, self.options)
            metrics[part] = runner.test()
            fold = fold_of(self.config, part)
            kept = next((m.last_rows for m in runner.test_evaluator.metrics if isinstance(m, KeepsRows)), None)
            if kept is None:
                text = f'no metric of the evaluator keeps rows, so there are no predictions of the {part} part'
                print_log(text, 'current', logging.WARNING)
            rows += prediction_rows(kept or (), part, fold, self.config.seed, self.config.classes)
            runner.close()
        return metrics, rows

    def load(self, checkpoint: str | Path) -> None:
        """Load weights into the model.

        Raises:
            ValueError: The file cannot be loaded safely, or its tensors do not fit the model.
        """
        meta = self._fill(checkpoint).get('meta', {})
        if meta.get('categories') and (found := meta['categories']) != {k: list(v) for k, v in self.categories.items()}:
            text = f'{checkpoint} was trained with the categories {found}, these data have {self.categories}'
            raise ValueError(f'{text}: name them in the schema (values=...)')
        self.weights = LoadedWeights.of(checkpoint, meta, self.config)
        self.trained_on = self.weights.trained_on
        self.selection = meta.get('selection', self.selection)
        self.model.freeze_unfitted()

    def write_results(self, metrics: Mapping[str, object], rows: Sequence[PredictionRecord]) -> None:
        """Write metrics.json and predictions.csv (main process only)."""
        if is_main_process():
            write_json(self.work_dir / work_files.METRICS, metrics)
            write_predictions(self.work_dir / work_files.PREDICTIONS, rows, self.config.classes)
        barrier()

    def facts(self) -> Results:
        """What a reader of the numbers must know: data counts, selection practice, seed, versions."""
        left_out = {part: data.dropped for part, data in self.parts.items() if isinstance(data, CaseDataset)}
        self.stated = replace(self.stated, left_out=left_out, weights=list(self.weights.notes))
        return {**run_facts(self.config, self.parts, self.selection), **self.stated.present()}

    def close(self) -> None:
        """Leave the process group together; a process that just ends takes the others down with it."""
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            barrier()
            torch.distributed.destroy_process_group()

    def _dataset(self, part: str, pipeline: str) -> CaseDataset:
        data = build_part(self.config, part, pipeline)
        if self.skipped.get(part):
            data.leave_out(self.skipped[part])
        return data

    def _fill(self, checkpoint: str | Path) -> Checkpoint:
        """Load a checkpoint's weights, and return all of its content."""
        content = load_weights(Path(checkpoint))
        self.meaning.check(content.get('meta', {}), checkpoint, self.config.name)
        load_state(self.model, content['state_dict'], checkpoint, self.config.name)
        return content

    def _run_stage(self, spec: StageSpec, resume: str | bool) -> Results:
        if not spec.get('fit') and (spec.get('model') or self.model.resolve(spec['train'])):
            self._write_runner(spec)
        if spec.get('model'):
            return pretrain(self.config, spec, self.model, self.work_dir / spec['name'], self.options, resume)
        learning = self.model.resolve(spec['train'])
        if not learning:
            return {'skipped': f'nothing to train for modalities {list(self.config.modalities)}'}
        if spec.get('fit'):
            return self._fit(spec, bool(resume))
        self.model.trainable(spec['train'])
        chosen = fit_before(self.model, spec['train'], self._schema, self.parts['train'].cases)
        # a stage that keeps the image part frozen sees each case the same way every time: no augmentation
        frozen = is_frozen(learning)
        train_set: Samples = self.parts['train'] if frozen else self._dataset('train', 'train_pipeline')
        validated = self.parts.get('val') if self.options.validate else None
        val_set: Samples | None = validated
        if frozen and spec.get('cache') and self.model.encoder is not None:
            train_set = self._scored(self.parts['train'])
            val_set = None if validated is None else self._scored(validated)
        folder = self.work_dir / spec['name']
        # in full precision, as the cached scores are and those of a test: cached or not, the weights come out the same
        options = replace(self.options, amp=self.options.amp and not frozen)
        return {**run_stage(self.config, spec, self.model, train_set, val_set, folder, options, resume), **chosen}

    def _scored(self, dataset: CaseDataset) -> ScoreDataset:
        self.model.to(get_device())  # after a resume no runner has moved it yet
        return collect_scores(self.model, dataset, self.config.batch_size, self.config.num_workers)

    def _clinical_table(self) -> torch.Tensor:
        """The clinical rows of the training part (N, K), the only ones that anything is fitted on."""
        return clinical_table(self._schema, self.parts['train'].cases)

    @property
    def _schema(self) -> Schema:
        return Schema.of(self.config.schema.to_dict())

    def _fit(self, spec: StageSpec, resume: bool) -> Results:
        """A stage that is fitted once, on the table and, where it asks for them, on out-of-fold scores."""
        cases, folds, scores = self.parts['train'].cases, spec.get('out_of_fold'), None
        start = time.monotonic()
        if folds is not None and self.model.encoder is not None:
            before = stages_before(self.config.stages, spec)
            scores = out_of_fold_scores(self, before, folds, self.work_dir / spec['name'], resume)
        result = fit_stage(self.model, self._clinical_table(), cases, self.config.seed, scores)
        more = {} if scores is None else {'out_of_fold': folds}
        return {**result, **more, 'seconds': round(time.monotonic() - start, 1)}

    def _finish(self, stages: Finished, seconds: float) -> Results:
        metrics, rows = self.evaluate([part for part in ('val', 'test') if part in self.parts])
        content: Results = {**metrics, 'stages': dict(stages), 'seconds': round(seconds, 1), **self.facts()}
        if any(self.skipped.values()):
            content['skipped'] = self.skipped
        weights = self.clinical_weights()
        if weights is not None:
            content['clinical_weights'] = weights
        self.write_results(content, rows)
        if is_main_process():
            meta = {**self.facts(), 'config_text': self.source, 'categories': self.categories}
            meta |= {**self._weights_facts(), 'outlined': self.weights.outlined}
            meta[UNTRAINED] = [name for name in self._epochs if name not in stages]
            save_checkpoint(self.work_dir / work_files.WEIGHTS, self.model.state_dict(), meta)
        barrier()
        return content

    @property
    def _epochs(self) -> dict[str, int]:  # of each stage
        return {spec['name']: epochs_of(self.config, spec) for spec in self.config.stages}

    def _weights_facts(self) -> dict[str, object]:
        """What every file of weights of a training states of itself."""
        return {
            MEANING: self.meaning.to_dict(),
            PREPARATION: preparation_of(self.config),
            TRAINED_ON: sorted({*tokens(self.parts['train'].cases), *self.trained_on}),
        }

    def clinical_weights(self) -> dict[str, float] | None:
        """Weights of the clinical stage's last layer by indicator (MSMFN, Fig. 3); None without such a stage."""
        clinical = self.model.clinical
        return clinical.weights() if isinstance(clinical, WeightedHead) and bool(clinical.fitted) else None

    def _write_runner(self, spec: StageSpec) -> None:
        """Keep the plain config of a stage, with which mmengine alone trains the same weights."""
        if is_main_process():
            config = copy.deepcopy(self.config)
            config.work_dir = str(self.work_dir)
            options = replace(self.options, validate=self.options.validate and 'val' in self.parts)
            plain = runner_config(config, spec['name'], options, self.model)
            text = runner_text(plain, self.config.name, spec['name'])
            write_text(self.work_dir / spec['name'] / work_files.RUNNER, text)
        barrier()

    def _write_config(self) -> None:
        if is_main_process():
            write_text(self.work_dir / work_files.CONFIG, self.source)
        barrier()
