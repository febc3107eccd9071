"""That the places where statements are executed are found in the code and known again when they run."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest
from tests import statement_places
from tests.statement_places import PACKAGE, Position, faults, places, places_of

FILE = "bridge/invented.py"
CODE = """
def one_line(connection):
    connection.execute("a").scalar_one()

class Some:
    async def several_lines(self, connection):
        return [
            row
            for row in connection.execute(
                "b"
            ).scalars()
        ]

def two(connection, either):
    connection.exec_driver_sql("c") if either else connection.exec_driver_sql("d")

def unlisted(connection):
    connection.ask("e")
"""
LISTED = {place.position: place for place in places_of(FILE, CODE)}


class Asked:
    """Stands for a connection that is asked: keeps the position of each call."""

    def __init__(self) -> None:
        self.found: set[Position] = set()

    def __getattr__(self, _name: str) -> Any:
        return self._ask

    def _ask(self, *_statement: str) -> Any:
        if not _statement:  # what came of it is read
            return self
        frame: FrameType = sys._getframe(1)
        self.found.add(statement_places._position(frame.f_code, frame.f_lasti))
        return self

    def __iter__(self) -> Any:
        return iter(())


@pytest.fixture
def asked() -> Asked:
    """A connection, and nothing asked yet."""
    return Asked()


@pytest.fixture
def product() -> dict[str, Any]:
    """The functions of the code, as if it were a file of the product."""
    names: dict[str, Any] = {}
    exec(compile(CODE, str(PACKAGE / FILE), "exec"), names)  # noqa: S102 - the code above
    return names


def test_each_call_is_a_place_of_its_function() -> None:
    assert [(place.function, place.line) for place in LISTED.values()] == [
        ("one_line", 3),
        ("several_lines", 9),
        ("two", 15),
        ("two", 15),
    ]


async def test_a_place_that_ran_is_known_by_its_position(asked: Asked, product: dict[str, Any]) -> None:
    product["one_line"](asked)
    product["two"](asked, either=True)
    product["two"](asked, either=False)
    await product["Some"]().several_lines(asked)
    assert faults(LISTED, asked.found) == []


def test_one_that_did_not_run_is_a_fault_even_beside_one_that_did(asked: Asked, product: dict[str, Any]) -> None:
    product["one_line"](asked)
    product["two"](asked, either=True)
    assert faults(LISTED, asked.found) == [
        f"no test runs the statement at {FILE}:9 (several_lines)",
        f"no test runs the statement at {FILE}:15 (two)",
    ]


def test_so_is_a_statement_that_another_call_executed(asked: Asked, product: dict[str, Any]) -> None:
    product["unlisted"](asked)
    (fault,) = faults({}, asked.found)
    assert fault.startswith(f"a statement is executed at {FILE}:18 ")


def test_the_product_has_hundreds_and_none_where_the_watch_does_not_look() -> None:
    files = {position[0] for position in places()}
    assert len(places()) > 400
    assert not [file for file in files if file.startswith(tuple(statement_places.ELSEWHERE))]
