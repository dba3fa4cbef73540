"""What a schema refuses."""

from __future__ import annotations

import pytest

from usmm.structures import Schema


@pytest.mark.parametrize('images', [3, ['bus'], {'bus': ['a', 'b']}, {'bus': None}])
def test_columns_are_texts(images: object) -> None:
    with pytest.raises(ValueError, match='images of the schema must map each modality to a column, got'):
        Schema(images=images)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match='clips of the schema must map each modality to a column, got'):
        Schema(clips=images)  # type: ignore[arg-type]


@pytest.mark.parametrize('pattern', ['{modality:>9}', '{modality.upper}', '{other}', '{modality}_{', '}'])
def test_a_pattern_has_the_modality_in_braces_and_nothing_else(pattern: str) -> None:
    with pytest.raises(ValueError, match=r'masks of the schema may have \{modality\} in braces and nothing else'):
        Schema(images={'bus': 'bus'}, masks=pattern)
