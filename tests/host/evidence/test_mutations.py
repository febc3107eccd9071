"""Removes each check of the verifier, one at a time: some false evidence must then be judged differently.

The checks are found in the source, not listed: every condition under which something is refused or found, each part of
such a condition or of one that lets something pass, and every finding. A mutant that nothing notices is a rule that no
test holds.
"""

from __future__ import annotations

import ast
import copy
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from tests.host.evidence.negatives import all_cases, judged
from tests.host.evidence.world import NAMES, REAL, made_with, source_of

CASES = all_cases()
ORDER = deque((case, judged(case, REAL)) for case in CASES)

Change = Callable[[Any], None]


class Mutant(NamedTuple):
    """A module without one of its checks: its place, and what was removed."""

    module: str
    line: int
    taken_out: str
    tree: ast.Module

    def __str__(self) -> str:
        return f"{self.module}:{self.line}: without `{self.taken_out}`"


def mutants_of(name: str) -> Iterator[Mutant]:
    """Every mutant of a module."""
    tree = ast.parse(source_of(name).read_text())
    for number, node in enumerate(ast.walk(tree)):
        for taken_out, change in changes(node):
            mutated = copy.deepcopy(tree)
            change(next(other for at, other in enumerate(ast.walk(mutated)) if at == number))
            yield Mutant(name, getattr(node, "lineno", 0), taken_out, ast.fix_missing_locations(mutated))


def changes(node: ast.AST) -> Iterator[tuple[str, Change]]:
    """How a check that this node is can be taken out: what goes, and the change of the same node in another tree."""
    if isinstance(node, ast.If) and any(decides(statement) for statement in node.body):
        yield ast.unparse(node.test), _never
        yield from _parts(node.test, lambda other: other.test)
    elif isinstance(node, ast.If) and isinstance(node.body[0], ast.Continue):
        yield from _parts(node.test, lambda other: other.test)
    elif isinstance(node, ast.Return) and isinstance(node.value, ast.BoolOp | ast.Compare):
        yield from _parts(node.value, lambda other: other.value)
    elif isinstance(node, ast.Expr) and decides(node):
        yield ast.unparse(node), _nothing


def decides(statement: ast.stmt) -> bool:
    """Whether a statement reports a fault."""
    if isinstance(statement, ast.Raise):
        return True
    if isinstance(statement, ast.Return):
        value = statement.value
        return isinstance(value, ast.Constant) and (isinstance(value.value, str) or value.value is False)
    if isinstance(statement, ast.Assign):
        return [ast.unparse(target) for target in statement.targets] == ["why"]
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        return ast.unparse(statement.value.func).endswith("findings.add")
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Yield)
        and "Reason." in ast.unparse(statement)
    )


def _parts(test: ast.expr, find: Callable[[Any], Any]) -> Iterator[tuple[str, Change]]:
    """Each operand of `and` or `or`, and each element of tuples that are compared."""
    if isinstance(test, ast.BoolOp):
        for index, operand in enumerate(test.values):

            def drop(other: Any, index: int = index) -> None:
                whole = find(other)
                whole.values[index] = ast.Constant(value=isinstance(whole.op, ast.And))

            yield ast.unparse(operand), drop
    elif isinstance(test, ast.Compare) and isinstance(test.left, ast.Tuple):
        for index, element in enumerate(test.left.elts):

            def drop_both(other: Any, index: int = index) -> None:
                compare = find(other)
                del compare.left.elts[index]
                del compare.comparators[0].elts[index]

            yield ast.unparse(element), drop_both


def _never(node: Any) -> None:
    node.test = ast.Constant(value=False)


def _nothing(node: Any) -> None:
    node.value = ast.Constant(value=None)


def is_noticed(mutant: Mutant) -> bool:
    """Whether any evidence is judged otherwise than by the verifier as it is."""
    with made_with(mutant.module, mutant.tree) as world:
        for at, (case, said) in enumerate(ORDER):
            try:
                noticed = judged(case, world) != said
            except Exception:  # noqa: BLE001 - a verifier that breaks down has noticed, too
                noticed = True
            if noticed:
                # Checks that stand together are noticed by cases that stand together: begin there next time.
                ORDER.rotate(-at)
                return True
    return False


@pytest.mark.parametrize("name", [name for name in NAMES if not name.endswith((".findings", ".keys"))])
def test_no_check_can_be_taken_out_unnoticed(name: str) -> None:
    mutants = list(mutants_of(name))
    survivors = [str(mutant) for mutant in mutants if not is_noticed(mutant)]
    assert not survivors, f"{len(survivors)} of {len(mutants)} checks:\n" + "\n".join(survivors)


def test_the_world_without_a_change_judges_as_the_package_does() -> None:
    name = NAMES[0]
    assert not is_noticed(Mutant(name, 0, "nothing", ast.parse(source_of(name).read_text())))
