"""The table of steps, and that the drawing, the code and the table are one."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection
from tests.host.bridge.world import World

from badgeclock.bridge.registrar import transitions
from badgeclock.bridge.store import schema, states_diagram
from badgeclock.bridge.store.states import ENDED, MAY, RECEIPT_OF, STEPS, PresenceState
from badgeclock.errors import StoreError

ROOT = Path(__file__).resolve().parents[4]
BRIDGE = ROOT / "host_tools" / "badgeclock" / "bridge"


def test_the_drawing_in_the_docs_is_that_of_the_table() -> None:
    assert (ROOT / "docs" / "states.md").read_text() == states_diagram.page(), (
        "make it again: python -m badgeclock.bridge.store.states_diagram > docs/states.md"
    )


def test_every_state_is_reached_and_only_the_ended_lead_nowhere() -> None:
    reached = {step.new for step in STEPS}
    leads_on = {step.old for step in STEPS}
    assert reached == set(PresenceState)
    assert set(PresenceState) - leads_on == ENDED


def test_causes_can_be_drawn() -> None:
    """Mermaid takes a semicolon for the end of a line, and a second colon for a mistake."""
    assert not [step for step in STEPS if set(step.cause) & set(";:\n")]


def test_no_step_stands_twice_and_none_stays_where_it_is() -> None:
    assert len(MAY) == len(STEPS)
    assert all(step.old is not step.new for step in STEPS)


def test_from_every_state_a_presence_can_end_registered_or_with_a_person() -> None:
    goals = {PresenceState.VALIDATED, PresenceState.REMARKS, PresenceState.WAITING, PresenceState.REFUSED, *ENDED}
    good = set(goals)
    while more := {step.old for step in STEPS if step.new in good and step.old is not None} - good:
        good |= more
    assert good == set(PresenceState)


def test_a_presence_that_may_have_been_sent_is_sent_again_only_when_the_authority_surely_has_not_got_it() -> None:
    assert {step.old for step in STEPS if step.new is PresenceState.SENT} == {PresenceState.QUEUED}
    back = {step.old for step in STEPS if step.new is PresenceState.QUEUED}
    numbered = {PresenceState.REGISTERED, PresenceState.VALIDATED, PresenceState.REMARKS, PresenceState.CANCELLING}
    assert back.isdisjoint(numbered | ENDED)


def test_the_code_takes_no_step_that_the_table_does_not_have(world: World) -> None:
    with world.store.write() as connection:
        for old, new in itertools.product(PresenceState, PresenceState):
            for take in (lambda *step: transitions.move(connection, [1], *step, {}), _move_each(connection)):
                if (old, new) in MAY:
                    take(old, new)
                else:
                    with pytest.raises(AssertionError, match="does not go"):
                        take(old, new)


def _move_each(connection: Connection) -> Callable[..., object]:
    return lambda *step: transitions.move_each(connection, *step, {1: {"error_code": 0}})


def test_the_tests_own_store_refuses_a_step_that_went_round_the_code(world: World) -> None:
    world.punches(*world.clock.start(), world.clock.punch())
    with pytest.raises(StoreError, match="no presence takes"), world.store.write() as connection:
        connection.execute(schema.presences.update().values(state=PresenceState.VALIDATED))


def test_only_the_outbox_changes_a_presences_state() -> None:
    """No other statement that updates presences may name the column."""
    for path in sorted(BRIDGE.glob("*.py")):
        if path.name == "outbox.py":
            continue
        for call in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "values"):
                continue
            names = {keyword.arg for keyword in call.keywords}
            of = ast.unparse(call.func.value)
            if "state" in names and "update" in of:
                assert "PresenceState" not in ast.unparse(call), f"{path.name}:{call.lineno}"


def test_every_state_that_a_worker_should_hear_of_has_its_receipt() -> None:
    silent = {PresenceState.QUEUED, PresenceState.SENT, PresenceState.UNKNOWN, PresenceState.CANCELLING}
    assert set(PresenceState) - set(RECEIPT_OF) == silent
