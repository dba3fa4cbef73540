"""Where code can be changed by one small fault, and the changed code: cosmic-ray's operators, and forgotten calls."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

# Operators whose mutants mostly mean the same as the code, or cannot be told from it by a test.
LEFT_OUT = ('no-op', 'VariableInserter', 'VariableReplacer', 'RemoveDecorator', 'ExceptionReplacer')


@dataclass(frozen=True)
class Point:
    """One possible fault.

    Args:
        file: The module, relative to the project.
        operator: Name of the operator.
        occurrence: Which of the places of this operator in the module.
        line: Line of the place, from 1.
    """

    file: str
    operator: str
    occurrence: int
    line: int


def operators() -> dict[str, Any]:
    """Name -> an operator, of those that are used."""
    from cosmic_ray.plugins import get_operator, operator_names

    names = [name for name in operator_names() if not any(word in name for word in LEFT_OUT)]
    return {**{name: get_operator(name)() for name in sorted(names)}, 'usmm/remove-call': remove_call()}


def remove_call() -> Any:
    """An operator that leaves out a statement that only calls something, as a forgotten line does."""
    from cosmic_ray.operators.operator import Operator
    from parso.python.tree import Keyword

    class RemoveCall(Operator):
        """`f(x)` as a statement becomes `pass`."""

        def mutation_positions(self, node: Any) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
            """The statement, where it is a call and nothing else."""
            if node.type == 'simple_stmt':
                first = node.children[0]
                called = first.type in ('atom_expr', 'power') and str(first.children[-1].get_code()).endswith(')')
                if called:
                    yield first.start_pos, first.end_pos

        def mutate(self, node: Any, index: int) -> Any:
            """The statement `pass`, with the same indentation."""
            first = node.children[0].get_first_leaf()
            node.children[0] = Keyword('pass', first.start_pos, first.prefix)
            return node

        @classmethod
        def examples(cls) -> tuple[()]:
            """None: the tests have them."""
            return ()

    return RemoveCall()


def points(root: Path, files: Sequence[str]) -> list[Point]:
    """All points of modules, in a fixed order.

    Args:
        root: The project.
        files: The modules, relative to it.
    """
    from cosmic_ray.ast import ast_nodes, get_ast

    found = []
    for file in files:
        text = (root / file).read_text(encoding='utf-8')
        same = _without_effect(ast.parse(text))
        tree = get_ast(text)
        for name, operator in operators().items():
            occurrence = 0
            for node in ast_nodes(tree):
                for (line, column), _ in operator.mutation_positions(node):
                    if not any(start <= (line, column) <= end for start, end in same):
                        found.append(Point(file, name, occurrence, line))
                    occurrence += 1
    return found


def mutant(root: Path, point: Point) -> str | None:
    """The code of a module with the fault; None where the operator changes nothing, or makes what is no Python."""
    from cosmic_ray.mutating import mutate_code

    text = (root / point.file).read_text(encoding='utf-8')
    changed = mutate_code(text, operators()[point.operator], point.occurrence)
    if changed is None:
        return None
    try:
        same = ast.dump(ast.parse(changed)) == ast.dump(ast.parse(text))
    except SyntaxError:  # some changes of an operator are no Python: the import would fail, and prove nothing
        return None
    return None if same else str(changed)


def _without_effect(tree: ast.Module) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Spans of code that nothing depends on when it runs: annotations, types, what only a type checker reads."""
    nodes: list[ast.AST] = []
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            arguments = [
                *node.args.posonlyargs,
                *node.args.args,
                *node.args.kwonlyargs,
                node.args.vararg,
                node.args.kwarg,
            ]
            nodes += [a.annotation for a in arguments if a is not None and a.annotation is not None]
            nodes += [node.returns] if node.returns is not None else []
        elif isinstance(node, ast.ClassDef) and {'TypedDict', 'Protocol'} & {ast.unparse(base) for base in node.bases}:
            nodes.append(node)
        elif isinstance(node, ast.AnnAssign):
            nodes.append(node.annotation)
        elif isinstance(node, ast.If) and 'TYPE_CHECKING' in ast.unparse(node.test):
            nodes.append(node)
        elif (
            isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp) and isinstance(node.value.op, ast.BitOr)
        ):
            nodes += [node] if any(isinstance(t, ast.Name) and t.id[:1].isupper() for t in node.targets) else []
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == 'cast':
            nodes += node.args[:1]
    return [((n.lineno, n.col_offset), (n.end_lineno, n.end_col_offset)) for n in nodes]  # type: ignore[attr-defined]
