"""Values of arguments that no component can take: a text for a number, a size of zero."""

from __future__ import annotations

import re

from usmm.config.kinds import is_bool, is_whole

NUMBERS = frozenset({'int', 'float', 'bool'})
# names in an annotation that do not limit the kind of a value
OPEN = frozenset({'typing', 'collections', 'abc', 'torch', 'Optional', 'Union', 'None', 'NoneType', 'Tensor'})
SEQUENCES = frozenset({'tuple', 'list', 'Tuple', 'List', 'Sequence'})
# Arguments of components of usmm that count or measure, of which zero leaves nothing
SIZES = frozenset(
    {
        'base_channels', 'batch_size', 'channels', 'depth', 'embed_dims', 'groups', 'hidden_channels', 'in_channels',
        'input_size', 'interval', 'mid_channels', 'mlp_dims', 'num_classes', 'num_convs', 'num_frames', 'num_heads',
        'num_layers', 'num_modalities', 'num_stages', 'out_channels', 'reduction', 'repeats', 'size',
    }
)  # fmt: skip


def problem_of(name: str, value: object, annotation: str, own: bool) -> str | None:
    """What an argument must be, where its value cannot be that.

    Args:
        name: Name of the argument.
        value: Its value in a config.
        annotation: The type that the component states for it.
        own: Whether the component is of usmm, whose types are exact; of other packages only a text in the place of
            numbers is refused.

    Returns:
        The end of the sentence "must be ...", or None where nothing speaks against the value.

    Example:
        >>> problem_of('size', '[32', 'int | Sequence[int]', True), problem_of('num_layers', 0, 'int', True)
        ('a whole number, or a list of them', 'a whole number of 1 or more')
        >>> problem_of('lr', '1e-3', 'Union[float, Tensor]', False), problem_of('lr', 1e-3, 'float', False)
        ('a number', None)
    """
    names = re.findall(r'[A-Za-z_]\w*', annotation)
    kinds = frozenset(names) - OPEN
    if not kinds & NUMBERS or not kinds <= NUMBERS | SEQUENCES:
        return None
    if isinstance(value, str):
        return _expected(kinds)
    nested = len([word for word in names if word in SEQUENCES]) > 1
    if not own or nested or (value is None and 'None' in names):
        return None
    is_list = isinstance(value, (list, tuple))
    if is_list and not kinds & SEQUENCES:
        return _expected(kinds)
    for item in value if isinstance(value, (list, tuple)) else [value]:
        if not _fits(item, kinds):
            return _expected(kinds)
        if name in SIZES and isinstance(item, int) and item < 1:
            return _expected(kinds, ' of 1 or more')
    return None


def _fits(value: object, kinds: frozenset[str]) -> bool:
    """Whether a single value is of one of the kinds."""
    if is_bool(value):
        return 'bool' in kinds
    return isinstance(value, (int, float)) if 'float' in kinds else is_whole(value) and 'int' in kinds


def _expected(kinds: frozenset[str], least: str = '') -> str:
    only_bool = kinds & NUMBERS == {'bool'}
    single = 'True or False' if only_bool else 'a number' if 'float' in kinds else 'a whole number'
    return f'{single}{least}, or a list of them' if kinds & SEQUENCES else single + least
