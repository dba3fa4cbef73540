"""Masks that mark nothing, nearly everything, another picture's size, or the lesion of another patient."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from usmm.datasets.checks.file_facts import FileFacts
from usmm.datasets.table_problem import Problem
from usmm.structures import Case

FULL = 0.95  # share of its pixels from which on a mask marks no lesion


def mask_problems(case: Case, facts: Mapping[tuple[Path, str], FileFacts], masked: set[str]) -> Iterator[Problem]:
    """Problems of the masks of a case, and masks that are absent where other cases have one.

    Args:
        case: The case.
        facts: What was found in every file, by (file, role).
        masked: Modalities of which a case has a mask.

    Yields:
        `no_mask`, `mask_empty`, `mask_full`, and `mask_size` where no picture of the modality has the size of the mask.
    """
    for modality, paths in case.files.items():
        masks = case.mask_files.get(modality, ())
        if modality in masked and not masks:
            yield Problem('no_mask', case.case_id, None, modality, 'no mask; other cases have one')
        found = [facts[path, role] for path in paths for role in ('image', 'clip') if (path, role) in facts]
        sizes = {(fact.width, fact.height) for fact in found if fact.error is None}
        for mask in (facts[path, 'mask'] for path in masks if (path, 'mask') in facts):
            if mask.error is not None:
                continue
            if not mask.lesion:
                yield Problem('mask_empty', case.case_id, mask.path, modality, 'the mask marks no lesion')
            elif (message := _full(mask, found)) is not None:
                yield Problem('mask_full', case.case_id, mask.path, modality, message)
            if sizes and (mask.width, mask.height) not in sizes:
                size = ' or '.join(f'{w}x{h}' for w, h in sorted(sizes))
                message = f'the mask is {mask.width}x{mask.height}, its picture {size}'
                yield Problem('mask_size', case.case_id, mask.path, modality, message)


def same_masks(cases: Sequence[Case], facts: Mapping[tuple[Path, str], FileFacts]) -> Iterator[Problem]:
    """Modalities in which several patients have equal masks, as files or by their content; empty masks may be equal.

    Args:
        cases: The cases of a table.
        facts: What was found in every file, by (file, role).

    Yields:
        `same_mask`, once for each modality, with an example.
    """
    # modality -> what a mask marks -> case and file of every mask that marks it
    owners: dict[str, dict[str, list[tuple[Case, Path]]]] = defaultdict(lambda: defaultdict(list))
    for case in cases:
        for modality, paths in case.mask_files.items():
            for path in paths:
                fact = facts.get((path, 'mask'))
                if fact is not None and fact.error is None and fact.lesion:
                    owners[modality][fact.marked].append((case, path))
    for modality, by_content in owners.items():
        groups = [group for group in by_content.values() if len({case.patient_id for case, _ in group}) > 1]
        if not groups:
            continue
        case, path = groups[0][0]
        other, other_path = next(pair for pair in groups[0] if pair[0].patient_id != case.patient_id)
        patients = {owner.patient_id for group in groups for owner, _ in group}
        message = (
            f'{sum(map(len, groups))} masks of {len(patients)} patients are equal to a mask of another patient, such '
            f'as {path.name} of case {case.case_id} and {other_path.name} of case {other.case_id}'
        )
        yield Problem('same_mask', None, other_path, modality, message)


def _full(mask: FileFacts, pictures: Sequence[FileFacts]) -> str | None:
    """Why a mask cannot be that of a lesion because of how much it marks, or None."""
    for picture in pictures:
        if mask.sha256 == picture.sha256 or mask.content in {digest.pixels for _, digest in picture.pictures}:
            return f'the mask is the picture {picture.path.name} itself'
    share = mask.lesion / (mask.width * mask.height)
    return f'the mask marks {100 * share:.1f} % of its pixels' if share > FULL else None
