"""List what a config may name: configs, models of the zoo, components with their arguments, presets of phantoms.

Components of other packages are reached by scope (mmpretrain.ResNet) and are not listed.
"""

from __future__ import annotations

import argparse
import ast
import fnmatch
import inspect
from collections.abc import Callable, Iterator

from usmm.cli.command import Command
from usmm.utils.command_parser import CommandParser
from usmm.utils.locations import folder
from usmm.utils.suggestions import suggestion

# Kind -> the package whose registered classes it is.
ROOMS = {
    'encoders': 'usmm.models.encoders',
    'fusions': 'usmm.models.fusions',
    'heads': 'usmm.models.heads',
    'losses': 'usmm.models.losses',
    'learners': 'usmm.models.learners',
    'transforms': 'usmm.datasets.transforms',
    'metrics': 'usmm.evaluation.metrics',
}
# Kind -> what it is.
KINDS = {
    'configs': 'configs that come with usmm',
    'models': 'trained models of the zoo, see usmm download',
    'encoders': 'networks of one or several modalities',
    'fusions': 'ways to join the streams of the encoders',
    'heads': 'classifiers on top of a fusion, and of the clinical table',
    'losses': 'losses of heads and learners',
    'learners': 'models of a pre-training',
    'transforms': 'steps of a pipeline',
    'metrics': 'what a validation or test measures',
    'presets': 'kinds of synthetic patients, see usmm make_phantom',
}


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument('kind', choices=KINDS, metavar='KIND', help='one of the kinds above')
    parser.add_argument('pattern', nargs='?', default='*', help="names that match it ('*', '?'), or that contain it")


def matches(name: str, pattern: str) -> bool:
    """Whether a name matches a pattern, or contains a word that is not a pattern; upper and lower case are alike.

    Example:
        >>> matches('RandomFlip', 'random*'), matches('RandomFlip', 'flip'), matches('RandomFlip', 'f*')
        (True, True, False)
    """
    name, pattern = name.lower(), pattern.lower()
    return fnmatch.fnmatchcase(name, pattern) if any(sign in pattern for sign in '*?[') else pattern in name


def rows_of(kind: str) -> Iterator[tuple[str, str, str]]:
    """Name, arguments, and first line of the description, of everything of a kind, sorted by name."""
    if kind == 'configs':
        root = folder('configs')
        for path in sorted(root.rglob('*.py')):
            if '_base_' not in path.parts:
                name = path.relative_to(root).with_suffix('').as_posix()
                yield name, '', first_line(ast.get_docstring(ast.parse(path.read_text(encoding='utf-8'))))
    elif kind == 'models':
        from usmm.zoo import Zoo

        zoo = Zoo()
        for name in zoo.list_models():
            yield name, '', f'{zoo.entry(name).size / 2**20:.1f} MiB'
    elif kind == 'presets':
        from usmm.phantoms import PRESETS

        for name, preset in sorted(PRESETS.items()):
            yield name, '', f'{", ".join(preset.classes)}: {", ".join(preset.modalities)}'
    else:
        yield from components(ROOMS[kind])


def components(room: str) -> Iterator[tuple[str, str, str]]:
    """Name, arguments and first line of the registered classes that a package defines."""
    from usmm.registry import METRICS, MODELS, TRANSFORMS

    for registry in (MODELS, TRANSFORMS, METRICS):
        registry.import_from_location()
        for name, component in sorted(registry.module_dict.items()):
            if component.__module__.startswith(f'{room}.'):
                yield name, arguments(component), first_line(inspect.getdoc(component))


def arguments(component: Callable[..., object]) -> str:
    """The arguments of a component as a config writes them.

    Example:
        >>> class Loss:
        ...     def __init__(self, weights, gamma: float = 2.0, *, name='x'): ...
        >>> arguments(Loss)
        "weights, gamma=2.0, name='x'"
    """
    found = []
    for parameter in inspect.signature(component).parameters.values():
        stars = '*' * (parameter.kind is parameter.VAR_POSITIONAL) + '**' * (parameter.kind is parameter.VAR_KEYWORD)
        default = '' if parameter.default is parameter.empty else f'={parameter.default!r}'
        found.append(f'{stars}{parameter.name}{default}')
    return ', '.join(found)


def first_line(text: str | None) -> str:
    """The first line of a description."""
    return (text or '').strip().partition('\n')[0]


def run(args: argparse.Namespace) -> int:
    found = [*rows_of(args.kind)]
    rows = [row for row in found if matches(row[0], args.pattern)]
    if not rows:
        near = suggestion(args.pattern, [name for name, _, _ in found])
        raise ValueError(f'no {args.kind} match {args.pattern!r}{near}; usmm list {args.kind} lists all')
    width = max(len(name) for name, _, _ in rows)
    for name, given, text in rows:
        if given or args.kind in ROOMS:
            print(f'{name}({given})\n    {text}')
        else:
            print(f'{name:<{width}}  {text}'.rstrip())
    return 0


KINDS_TEXT = '\n'.join(f'  {name:<11} {text}' for name, text in KINDS.items())

main = Command(
    __name__,
    f'{__doc__}\nkinds:\n{KINDS_TEXT}\n',
    add_arguments,
    run,
    examples=(
        'usmm list losses    # every loss: its arguments with their defaults, and what it is',
        "usmm list transforms 'Random*'    # those whose name matches",
        'usmm list configs msmfn    # those whose name contains the word',
    ),
)
