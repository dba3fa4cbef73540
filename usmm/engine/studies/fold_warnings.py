"""What the folds of a cross-validation state about their data and training, as sentences for the pooled results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

Content: TypeAlias = Mapping[str, object]  # of a metrics.json
SHOWN = 10  # cases or categories named in a sentence


def fold_warnings(contents: Sequence[Content]) -> list[str]:
    """One sentence for each fact that the folds state, with the number of folds that state it.

    Args:
        contents: The metrics.json of every fold.

    Example:
        >>> fold_warnings([{'near_duplicates': 2}, {}])
        ['pictures of two patients in two parts look nearly the same, up to 2 pairs (1 of 2 folds)']
    """
    sentences = [*_sentences(contents)]
    return [f'{text} ({count} of {len(contents)} folds)' for text, count in sentences]


def _sentences(contents: Sequence[Content]) -> Iterator[tuple[str, int]]:
    for name, reasons in _by_key(contents, 'label_leaks').items():
        yield f'clinical variable {name!r} seems to contain the label: {reasons[0]}', len(reasons)
    for modality, entries in _by_key(contents, 'files_not_read').items():
        counts = [entry for entry in entries if isinstance(entry, Mapping)]
        largest = max(counts, key=lambda entry: entry['files'], default={'files': 0, 'total': 0})
        text = f'{modality}: {largest["files"]} of {largest["total"]} files were not read (one is read for each case)'
        yield text, len(entries)
    pairs = [n for content in contents if isinstance(n := content.get('near_duplicates'), int) and n]
    if pairs:
        text = f'pictures of two patients in two parts look nearly the same, up to {max(pairs)} pairs'
        yield text, len(pairs)
    for variable, lists in _by_key(contents, 'unseen_categories').items():
        names = sorted({str(name) for names in lists if isinstance(names, list) for name in names})
        yield f'no training case has the categories {names[:SHOWN]} of {variable!r}', len(lists)
    for key, start in (('outlines', ''), ('data_changes', 'the data have changed since the training: ')):
        for part, lists in _by_key(contents, key).items():
            texts = [str(text) for texts in lists if isinstance(texts, list) for text in texts]
            for text in dict.fromkeys(texts):
                yield f'{part} part: {start}{text}', texts.count(text)
    yield from _skipped(contents)
    for stage, results in _by_key(contents, 'stages').items():
        early = sum(_stopped_early(result) for result in results)
        if early:
            yield f'stage {stage} stopped early', early


def _skipped(contents: Sequence[Content]) -> Iterator[tuple[str, int]]:
    by_fold = [
        {str(case) for part in skipped.values() for case in part}
        for content in contents
        if isinstance(skipped := content.get('skipped'), Mapping)
    ]
    cases = sorted(set().union(*by_fold))
    if cases:
        more = ', ...' if len(cases) > SHOWN else ''
        text = f'{len(cases)} cases were skipped because their files cannot be used: {", ".join(cases[:SHOWN])}{more}'
        yield text, sum(bool(cases) for cases in by_fold)


def _by_key(contents: Sequence[Content], key: str) -> dict[str, list[object]]:
    """The entries below a key of all folds: name -> the values of the folds that have it."""
    found: dict[str, list[object]] = {}
    for content in contents:
        entries = content.get(key)
        if isinstance(entries, Mapping):
            for name, value in entries.items():
                found.setdefault(str(name), []).append(value)
    return found


def _stopped_early(result: object) -> bool:
    if not isinstance(result, Mapping):
        return False
    done, total = result.get('epochs'), result.get('of')
    return isinstance(done, int) and isinstance(total, int) and done < total
