"""Active learning: rounds of training, predicting the pool, and asking for labels; every round on disk."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
from mmengine.logging import print_log

from usmm.config import load_config, source_text
from usmm.config.stage_spec import RunOptions
from usmm.datasets import CaseDataset
from usmm.engine.active import STRATEGIES
from usmm.engine.active.active_query import (
    Question,
    campaign_parts,
    first_samples,
    known_labels,
    pool_dataset,
    questions,
)
from usmm.engine.active.active_state import (
    answers_of,
    check_sheet,
    read_labelled,
    read_rows,
    write_labelled,
    write_rows,
    write_sheet,
)
from usmm.engine.launched import start_launched
from usmm.engine.studies.fold_task import FoldTask, run_fold
from usmm.engine.workdir.data_record import keep_record
from usmm.engine.workdir.folder_contents import ACTIVE_LEARNING, check_contents
from usmm.engine.workdir.kept_config import changed_settings
from usmm.engine.workdir.outputs import write_json
from usmm.engine.workdir.ownership import Ownership
from usmm.structures import Settings
from usmm.utils import work_files
from usmm.utils.atomic_files import write_text

TRAINING = ('anew', 'fine-tune')
ReadSheet = Callable[[Path], Sequence[Mapping[str, object]]]


class AnswersMissing(Exception):
    """Labels were asked for in a sheet, and are not all there: fill it in, and run again."""


@dataclass(frozen=True)
class ActiveLearning:
    """Learning curves of query strategies.

    The first labelled set and the network trained on it are shared by the strategies of a seed. The patients of the
    test part are never in the pool.

    Args:
        config: Path or name of the config.
        work_dir: Where everything is written: `seed_<s>/start`, `seed_<s>/full`, `seed_<s>/<strategy>/round_<k>`.
        strategies: Keys of `usmm.engine.active.STRATEGIES`.
        seeds: Each deals the patients anew, unless `fold_seed` is given, and trains anew.
        rounds: Queries after the first labelled set.
        count: Units that a round asks for.
        start: Units of the first labelled set; None: as many as `count`.
        unit: `'sample'` (a pair), `'image'` or `'patient'`.
        how: A unit's score from its samples': `'mean'`, `'max'` or `'sum'`.
        training: Each round `'anew'`, or `'fine-tune'` the network of the round before.
        passes: Passes with dropout of the strategies that need them.
        full: Also train on the whole pool, as the score to reach.
        fold_seed: One seed for the split of all seeds.
        sheet: Ask a person: questions are written to this CSV or XLSX file, and read back from it. None: the labels of
            the table answer.
        options: Overrides of the config.

    Raises:
        ValueError: A setting that cannot be.
    """

    config: str
    work_dir: Path
    strategies: tuple[str, ...]
    seeds: tuple[int, ...]
    rounds: int
    count: int
    start: int | None = None
    unit: str = 'sample'
    how: str = 'mean'
    training: str = 'anew'
    passes: int = 10
    full: bool = True
    fold_seed: int | None = None
    sheet: Path | None = None
    options: Settings | None = None

    def __post_init__(self) -> None:
        for name, valid in (('training', TRAINING), ('how', ('mean', 'max', 'sum'))):
            if getattr(self, name) not in valid:
                raise ValueError(f'{name} must be one of {list(valid)}, got {getattr(self, name)!r}')
        unknown = [s for s in self.strategies if s not in STRATEGIES]
        if unknown or not self.strategies:
            raise ValueError(f'strategies must be some of {sorted(STRATEGIES)}, got {list(self.strategies)}')
        for name in ('rounds', 'count', 'passes', 'start'):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ValueError(f'{name} must be 1 or more, got {getattr(self, name)}')
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f'seeds must be one or more different numbers, got {list(self.seeds)}')
        if self.sheet is not None:
            check_sheet(self.sheet)
            if len(self.strategies) > 1 or len(self.seeds) > 1:
                raise ValueError('a person answers one strategy and one seed, not several')

    def run(self, flags: RunOptions | None = None, read_sheet: ReadSheet | None = None) -> None:
        """Run what is not done; after a kill, the round that was running goes on from its last checkpoint.

        Args:
            flags: The flags of a run.
            read_sheet: Reads a sheet back as rows; needed with `sheet`.

        Raises:
            AnswersMissing: The sheet of questions waits for labels.
            ValueError: The folder holds a run with other settings, of another config or on other data, or a label is
                not known.
            OSError: Another process works in the folder; or files cannot be written.
        """
        check_contents(self.work_dir, ACTIVE_LEARNING)
        start_launched((flags or RunOptions()).launcher, load_config(self.config, dict(self.options or {})))
        with Ownership(self.work_dir).held():
            self._run(flags or RunOptions(), read_sheet)

    def _run(self, flags: RunOptions, read_sheet: ReadSheet | None) -> None:
        self._check_settings()
        for seed in self.seeds:
            first = self._folder(seed)
            first.mkdir(parents=True, exist_ok=True)
            pool = self.pool(seed)
            config = self._task(first, seed).load()
            # of the first round; compared by each later one, and when answers are read
            keep_record(first.parent, campaign_parts(config, pool), config.classes, first.parent)
            self._begin(first, seed, pool, read_sheet)
            self._train(first, seed, pool, flags)
            if self.full and self.sheet is None:
                whole = self.work_dir / work_files.seed_folder(seed) / 'full'
                if not (whole / work_files.LABELLED).is_file():
                    names = pool.sample_ids()
                    write_labelled(whole / work_files.LABELLED, names, known_labels(pool, names))
                self._train(whole, seed, pool, flags)
            for strategy in self.strategies:
                self._run_strategy(seed, strategy, pool, flags, read_sheet)

    def pool(self, seed: int) -> CaseDataset:
        """Every sample of the training part, labelled or not, seen as in a test."""
        config = self._task(self._folder(seed), seed).load()
        data = pool_dataset(config)
        data.verify(config.num_workers)
        return data

    def finished(self) -> list[Path]:
        """Folders of the rounds that are done, the first and the full one among them."""
        names = ['start', 'full', *[f'{s}/round_{k}' for s in self.strategies for k in range(1, self.rounds + 1)]]
        folders = [self.work_dir / work_files.seed_folder(seed) / name for seed in self.seeds for name in names]
        return [folder for folder in folders if (folder / work_files.ROUND).is_file()]

    def _run_strategy(
        self, seed: int, strategy: str, pool: CaseDataset, flags: RunOptions, read_sheet: ReadSheet | None
    ) -> None:
        before = self._folder(seed)
        for k in range(1, self.rounds + 1):
            folder = self._folder(seed, strategy, k)
            if not (folder / work_files.ROUND).is_file():
                if not (folder / work_files.LABELLED).is_file() and not self._ask(
                    before, folder, seed, strategy, k, pool, read_sheet
                ):
                    return  # everything is labelled
                self._train(folder, seed, pool, flags, before)
                if k > 1:  # its weights have done their work
                    (before / work_files.WEIGHTS).unlink(missing_ok=True)
            before = folder

    def _begin(self, folder: Path, seed: int, pool: CaseDataset, read_sheet: ReadSheet | None) -> None:
        """Label the first samples: those that the table knows where a person answers, else drawn at random."""
        if (folder / work_files.LABELLED).is_file():
            return
        known = {n: c for n, c in zip(pool.sample_ids(), pool.labels.tolist()) if c >= 0}
        rng = self._rng(seed, 'start', 0)
        size = self.start or self.count
        if self.sheet is None:
            names = first_samples(pool, self.unit, size, rng)
            write_labelled(folder / work_files.LABELLED, names, known_labels(pool, names))
        elif known:
            write_labelled(folder / work_files.LABELLED, [*known], {n: pool.table.classes[c] for n, c in known.items()})
        else:
            units = list(dict.fromkeys(pool.units(self.unit)))
            chosen = [units[i] for i in rng.permutation(len(units))[:size]]
            self._answered(folder, chosen, pool, {}, read_sheet)

    def _ask(
        self,
        before: Path,
        folder: Path,
        seed: int,
        strategy: str,
        k: int,
        pool: CaseDataset,
        read_sheet: ReadSheet | None,
    ) -> bool:
        """Choose units with the model of the round before and write what is labelled now; False: nothing is left."""
        labelled = read_labelled(before / work_files.LABELLED)
        units = dict(zip(pool.sample_ids(), pool.units(self.unit)))
        rest = [n for n in units if n not in labelled]
        if not rest:
            return False
        if (folder / work_files.ASKED).is_file():
            asked = [row['unit'] for row in read_rows(folder / work_files.ASKED)]
        else:
            ask = Question(strategy, self.count, self.unit, self.how, self.passes, crc32(f'{seed}/{k}'.encode()))
            config = self._task(before, seed).load()
            asked = ask.units(config, before / work_files.WEIGHTS, labelled, rest, self._rng(seed, strategy, k))
            write_rows(folder / work_files.ASKED, ('unit',), [{'unit': u} for u in asked])
        if self.sheet is not None:
            self._answered(folder, asked, pool, labelled, read_sheet)
            return True
        wanted = set(asked)
        new = [n for n in rest if units[n] in wanted]
        write_labelled(folder / work_files.LABELLED, [*labelled, *new], {**labelled, **known_labels(pool, new)})
        return True

    def _answered(
        self,
        folder: Path,
        asked: Sequence[str],
        pool: CaseDataset,
        labelled: Mapping[str, str],
        read_sheet: ReadSheet | None,
    ) -> None:
        """Write the sheet of questions, or take the answers in it.

        Raises:
            AnswersMissing: It was just written, or some labels are not filled in.
        """
        sheet = self.sheet or Path()
        write_rows(folder / work_files.ASKED, ('unit',), [{'unit': u} for u in asked])
        if not (folder / 'sheet_written').is_file():
            write_sheet(sheet, questions(pool, asked, self.unit))
            (folder / 'sheet_written').touch()
            raise AnswersMissing(f'{len(asked)} labels are asked for in {sheet}: fill in the column label, run again')
        if read_sheet is None or not sheet.is_file():
            raise AnswersMissing(f'{sheet} is gone; remove {folder / "sheet_written"} to have it written again')
        answers = answers_of(read_sheet(sheet), asked, pool.table.classes)
        if len(answers) < len(asked):
            raise AnswersMissing(f'{len(asked) - len(answers)} of {len(asked)} labels are missing in {sheet}')
        new = {n: answers[u] for n, u in zip(pool.sample_ids(), pool.units(self.unit)) if u in answers}
        merged = {**labelled, **{n: label for n, label in new.items() if n not in labelled}}
        write_labelled(folder / work_files.LABELLED, [*merged], merged)

    def _train(self, folder: Path, seed: int, pool: CaseDataset, flags: RunOptions, before: Path | None = None) -> None:
        """Train and test a round unless it is done."""
        if (folder / work_files.ROUND).is_file():
            return
        run_fold(self._task(folder, seed, before), flags, resume=True)
        metrics = json.loads((folder / work_files.METRICS).read_text(encoding='utf-8'))
        names = set(read_labelled(folder / work_files.LABELLED))
        rows = [i for i, n in enumerate(pool.sample_ids()) if n in names]
        files = pool.sample_files()
        patients, units = pool.units('patient'), pool.units(self.unit)
        content = {
            'labelled': len(rows),
            'pool': len(pool.sample_ids()),
            'share': len(rows) / len(pool.sample_ids()),
            'units': len({units[i] for i in rows}),
            'patients': len({patients[i] for i in rows}),
            'images': len({f for i in rows for group in files[i].values() for f in group}),
            'metrics': metrics.get('test', {}),
            'seconds': metrics['seconds'],
        }
        write_json(folder / work_files.ROUND, content)

    def _task(self, folder: Path, seed: int, before: Path | None = None) -> FoldTask:
        """A round as a run of its own: the config, trained on what is labelled."""
        up = '..' if folder.name in ('start', 'full') else '../..'
        options = {
            **(self.options or {}),
            'dataset.only': f'${{work_dir}}/{work_files.LABELLED}',
            'split.file': f'${{work_dir}}/{up}/{work_files.FOLDS}',
        }
        if self.fold_seed is not None:
            options['split.seed'] = self.fold_seed
        if self.sheet is not None:
            options['dataset.require_labels'] = False
        if before is not None and self.training == 'fine-tune':
            root = up if before.name == 'start' else '..'
            options['load_from'] = f'${{work_dir}}/{root}/{before.name}/{work_files.WEIGHTS}'
        return FoldTask(self.config, folder, seed, 0, options)

    def _folder(self, seed: int, strategy: str | None = None, k: int = 0) -> Path:
        root = self.work_dir / work_files.seed_folder(seed)
        return root / 'start' if strategy is None else root / strategy / f'round_{k}'

    def _rng(self, seed: int, name: str, k: int) -> np.random.Generator:
        return np.random.default_rng([seed, k, crc32(name.encode())])

    def _check_settings(self) -> None:
        """More rounds, seeds and strategies may join a run; everything else must stay.

        Raises:
            ValueError: Names what differs.
        """
        free = ('work_dir', 'strategies', 'seeds', 'rounds', 'full')
        now = json.loads(json.dumps({k: v for k, v in asdict(self).items() if k not in free}, default=str))
        config = source_text(load_config(self.config, dict(self.options or {})))  # before anything is written
        path = self.work_dir / work_files.SETTINGS
        if path.is_file():
            old = json.loads(path.read_text(encoding='utf-8'))
            changed = sorted(k for k in {*old, *now} if old.get(k) != now.get(k))
            if changed:
                raise ValueError(f'{self.work_dir} holds a run with other settings ({", ".join(changed)})')
            if differing := changed_settings(self.work_dir, config):
                raise ValueError(
                    f'{self.work_dir} was begun with another config (it differs in {", ".join(differing)}): go on with '
                    f'the one that is kept there ({work_files.CONFIG}), or start anew in another work_dir'
                )
            if not (self.work_dir / work_files.CONFIG).is_file():
                text = f'{self.work_dir} keeps no {work_files.CONFIG}: its rounds until now may be of another config'
                print_log(text, 'current', logging.WARNING)
        else:
            write_json(path, now)
        write_text(self.work_dir / work_files.CONFIG, config)
