"""A study: variants of one config, each cross-validated on the same folds, and compared with one of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from pathlib import Path

from mmengine.config import Config

from usmm.config.failure import failures_told, parsed
from usmm.engine.specs import Difference, StudyRow
from usmm.engine.studies.comparison import RETRAINED, TESTS, PairedCases
from usmm.engine.studies.cross_validation import CrossValidation, read_folds_of
from usmm.engine.studies.fold_task import FoldTask
from usmm.engine.workdir.fold_record import check_same_flags
from usmm.engine.workdir.folder_contents import STUDY, check_contents
from usmm.engine.workdir.predictions import read_predictions
from usmm.evaluation.stats import holm
from usmm.structures import Settings
from usmm.utils import work_files
from usmm.utils.locations import find_config
from usmm.utils.suggestions import suggestion

KEYS = ('title', 'config', 'folds', 'seeds', 'fold_seed', 'reference', 'variants', 'published', 'pairs', 'test')
PAIRS = ('reference', 'all', 'steps')
VARIANT_KEYS = ('name', 'options', 'config', 'published')


@dataclass(frozen=True)
class Variant:
    """A row of a study.

    Args:
        name: As it stands in the table.
        options: Overrides of the config, `dotted.key -> value`; a dict with `_delete_=True` takes the old one's place.
        config: Another config than the study's.
        published: Numbers of a paper for this row, metric -> text.
    """

    name: str
    options: Settings = field(default_factory=dict)
    config: str | None = None
    published: Mapping[str, str] = field(default_factory=dict)

    @property
    def slug(self) -> str:
        """The name as a folder's."""
        return re.sub(r'[^A-Za-z0-9.]+', '_', self.name.replace('+', ' and ')).strip('_')


@dataclass(frozen=True)
class StudySpec:
    """What a study file says.

    Args:
        title: Heading of the report.
        config: Path or name of the config that all variants start from.
        variants: The rows.
        reference: Name of the row that the others are compared with.
        folds, seeds, fold_seed: As in `CrossValidation`.
        published: Where the published numbers come from.
        pairs: Which rows are tested against each other: `reference` (each with the reference alone), also `all` pairs,
            or also `steps` (each with the row above it, for models that grow), or also those of a list of (first,
            second) names.
    """

    title: str
    config: str
    variants: tuple[Variant, ...]
    reference: str
    folds: int | None = None
    seeds: tuple[int, ...] | None = None
    fold_seed: int | None = None
    published: str = ''
    pairs: str | Sequence[Sequence[str]] = 'reference'
    test: str = RETRAINED

    @classmethod
    def read(cls, path: str | Path) -> StudySpec:
        """Read a study file: Python text with the keys of this class; `variants` is a list of dicts.

        Raises:
            ConfigError: The file is not Python, or its own code fails.
            ValueError: An unknown or a missing key, two rows of one name, a reference that is no row, or unknown pairs.
        """
        file = find_config(path)
        parsed(file)  # a file that is not Python text is one clear error
        with failures_told([file]):
            content = Config.fromfile(file, format_python_code=False)._cfg_dict.to_dict()
        content = {k: v for k, v in content.items() if not k.startswith('_')}  # helpers of the file's own text
        _check_keys(content, KEYS, ('config', 'variants', 'reference'), str(file))
        variants = []
        for i, given in enumerate(content['variants']):
            _check_keys(given, VARIANT_KEYS, ('name',), f'{file}, variant {i}')
            variants.append(Variant(**{**given, 'config': _beside(file, given.get('config'))}))
        settings = {**content, 'variants': tuple(variants), 'config': _beside(file, content['config'])}
        if content.get('seeds') is not None:
            settings['seeds'] = tuple(content['seeds'])
        settings.setdefault('title', file.stem)
        spec = cls(**settings)
        slugs = [v.slug for v in variants]
        twice = sorted({v.name for v in variants if slugs.count(v.slug) > 1})
        if twice:
            raise ValueError(f'{file}: these rows have one name (or folder): {twice}')
        if spec.reference not in [v.name for v in variants]:
            raise ValueError(
                f'{file}: the reference {spec.reference!r} is no row; rows are {[v.name for v in variants]}'
            )
        if spec.test not in TESTS:
            raise ValueError(f'{file}: test must be one of {list(TESTS)}, got {spec.test!r}')
        if isinstance(spec.pairs, str):
            if spec.pairs not in PAIRS:
                raise ValueError(f'{file}: pairs must be one of {list(PAIRS)}, got {spec.pairs!r}')
        elif wrong := [pair for pair in spec.pairs if len(set(pair) & {v.name for v in variants}) != 2]:
            raise ValueError(f'{file}: each of pairs must be the names of two rows, got {wrong[0]!r}')
        return spec


class Study:
    """The cross-validations of a study.

    Args:
        spec: What the study file says.
        work_dir: Where everything is written; each row in `rows/<name>/`.
        options: Overrides for all rows; a variant's own come after them.
        rows: Only these rows (the reference is added).
        keep_checkpoints: As in `FoldTask`.

    Raises:
        ValueError: A row that is not in the study, or a work_dir that holds other work.
    """

    def __init__(
        self,
        spec: StudySpec,
        work_dir: str | Path,
        options: Settings | None = None,
        rows: Sequence[str] | None = None,
        keep_checkpoints: bool = False,
    ) -> None:
        self.spec, self.work_dir = spec, Path(work_dir)
        check_contents(self.work_dir, STUDY)
        names = [v.name for v in spec.variants]
        unknown = [name for name in rows or () if name not in names]
        if unknown:
            hint = suggestion(unknown[0], names, cutoff=0.3)
            raise ValueError(f'the study has no row {unknown[0]!r}; rows are {names}{hint}')
        chosen = [v for v in spec.variants if rows is None or v.name in rows or v.name == spec.reference]
        folder = self.work_dir / work_files.ROWS
        self.plans = {
            v.name: CrossValidation(
                v.config or spec.config, folder / v.slug, spec.folds, spec.seeds, spec.fold_seed,
                {**(options or {}), **v.options}, keep_checkpoints,
            )
            for v in chosen
        }  # fmt: skip

    def tasks(self, fold: int | None = None) -> list[FoldTask]:
        """The folds of all rows."""
        return [task for plan in self.plans.values() for task in plan.tasks(fold)]

    def gather(self, known_best: Mapping[str, float | None] | None = None) -> list[StudyRow]:
        """Pool every row and compare it with the reference.

        Args:
            known_best: Row -> the best AUC that is possible, where it is known.

        Returns:
            A dict a row: name, metrics, difference (None for the reference), cases, patients, seconds, published,
            known_best, warnings.

        Raises:
            ValueError: A fold is not done, or two rows were tested on different folds or trained with different flags.
        """
        check_same_flags([task.folder for task in self.tasks()])
        summaries = {name: plan.gather() for name, plan in self.plans.items()}
        self._check_folds()
        classes = summaries[self.spec.reference]['classes']
        for name, summary in summaries.items():
            if summary['classes'] != classes:
                raise ValueError(f'row {name!r} has the classes {summary["classes"]}, the reference {classes}')
        tests = self._tests()
        differences = {b: found for (a, b), found in tests.items() if a == self.spec.reference}
        by_name = {v.name: v for v in self.spec.variants}
        return [
            {
                'name': name,
                'slug': by_name[name].slug,
                'metrics': summary['metrics'],
                'difference': differences.get(name),
                'cases': summary['cases'],
                'patients': summary['patients'],
                'seconds': summary['seconds'],
                'modalities': summary['modalities'],
                'published': dict(by_name[name].published) or None,
                'known_best': (known_best or {}).get(name),
                'warnings': summary['warnings'],
            }
            for name, summary in summaries.items()
        ]

    def pairs(self) -> list[Difference]:
        """Paired tests among the rows, as the study file's `pairs` says; none for `reference`. After `gather`.

        Returns:
            A dict a pair: first, second, estimate (AUC of the second less that of the first), ci95, pvalue, p_holm
            (corrected for all tests of the page), test, question, cases.
        """
        tests = self._tests()
        return [Difference(first=a, second=b, **tests[a, b]) for a, b in self._pairs()]

    def _pairs(self) -> list[tuple[str, str]]:
        names, asked = list(self.plans), self.spec.pairs
        if isinstance(asked, str):
            return list({'all': combinations(names, 2), 'steps': pairwise(names)}.get(asked, ()))
        return [(first, second) for first, second in asked if {first, second} <= set(names)]  # some may not be run

    def _tests(self) -> dict[tuple[str, str], Difference]:
        """(first, second) -> their test; Holm's correction is for all of them, each pair of rows counted once."""
        reference = self.spec.reference
        summary = json.loads((self.plans[reference].work_dir / work_files.SUMMARY).read_text(encoding='utf-8'))
        classes, positive = summary['classes'], summary['positive']
        tables = {name: read_predictions(plan.work_dir / work_files.PREDICTIONS) for name, plan in self.plans.items()}
        wanted = dict.fromkeys([*((reference, name) for name in self.plans if name != reference), *self._pairs()])
        found = {}
        for a, b in wanted:
            paired = PairedCases.of(tables[b], tables[a], classes, positive, f'rows {b!r} and {a!r}')
            found[a, b] = paired.difference(self.spec.test)
        once = {frozenset(pair): pair for pair in found}
        of_pair = {}
        if once:
            adjusted = holm([found[pair]['pvalue'] for pair in once.values()])
            of_pair = dict(zip(once, adjusted.tolist(), strict=True))
        for pair, difference in found.items():
            difference['p_holm'] = of_pair[frozenset(pair)]
            difference['family'] = len(once)
        return found

    def _check_folds(self) -> None:
        """The same case is in the same fold in every row, or a paired test says nothing."""
        first = self.plans[self.spec.reference]
        for plan in self.plans.values():
            for one, other in zip(first.tasks(0), plan.tasks(0), strict=True):
                folds, others = (read_folds_of(t.folder.parent / work_files.FOLDS) for t in (one, other))
                moved = sorted(case for case in folds.keys() & others.keys() if folds[case] != others[case])
                if moved:
                    raise ValueError(
                        f'{other.folder.parent}: {len(moved)} cases are in another fold than in '
                        f'{one.folder.parent}, such as {moved[:3]}; remove that row and run it again'
                    )


def _beside(file: Path, name: str | None) -> str | None:
    """A config that a study names: relative to the study's file, else anywhere that configs are found."""
    if name is None:
        return None
    near = file.parent / name
    return str(near) if near.is_file() else name


def _check_keys(found: Iterable[str], known: Sequence[str], needed: Sequence[str], where: str) -> None:
    for key in found:
        if key not in known:
            hint = suggestion(key, known, cutoff=0.3)
            raise ValueError(f'{where}: unknown key {key!r}; keys are {list(known)}{hint}')
    missing = [key for key in needed if key not in found]
    if missing:
        raise ValueError(f'{where}: {missing} must be given')
