"""What a run does not use, and what its numbers should not be trusted for: it stands in the results."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class StatedFacts:
    """Facts of a run that a reader of its numbers must know; empty ones are left out of the results.

    Args:
        near_duplicates: Pairs of pictures in two parts that look nearly the same.
        files_not_read: Modality -> numbers of files that are not read.
        label_leaks: Clinical variable, or masks and files of a modality -> why it seems to contain the label.
        unseen_categories: Clinical variable -> categories that no training case has.
        outlines: Part -> where its cases are cropped to the lesion in another way than those of the training.
        data_changes: Part -> how its cases differ from what they were in the training.
        left_out: Part -> cases that lack a modality and were left out.
        weights: What has to be said of the weights that were loaded.
    """

    near_duplicates: int = 0
    files_not_read: dict[str, dict[str, int]] = field(default_factory=dict)
    label_leaks: dict[str, str] = field(default_factory=dict)
    unseen_categories: dict[str, list[str]] = field(default_factory=dict)
    outlines: dict[str, list[str]] = field(default_factory=dict)
    data_changes: dict[str, list[str]] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    weights: list[str] = field(default_factory=list)

    def present(self) -> dict[str, object]:
        """Those that hold something.

        Example:
            >>> StatedFacts(near_duplicates=2, outlines={'test': []}).present()
            {'near_duplicates': 2}
        """
        facts: dict[str, object] = {}
        for name, value in vars(self).items():
            kept = {key: item for key, item in value.items() if item} if isinstance(value, dict) else value
            if kept:
                facts[name] = kept
        return facts
