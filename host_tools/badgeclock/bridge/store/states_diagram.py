"""Draws the states of a presence from the table of its steps.

`python -m badgeclock.bridge.store.states_diagram > docs/states.md` writes the page.
"""

from __future__ import annotations

import sys

from badgeclock.bridge.store.states import SETTLED, STEPS, PresenceState

_MEANING = {
    PresenceState.QUEUED: "waits to be sent",
    PresenceState.SENT: "sent, no answer yet",
    PresenceState.UNKNOWN: "sent, and the answer was lost: the authority is asked before anything is sent again",
    PresenceState.REGISTERED: "it has a reception number; the content check follows",
    PresenceState.VALIDATED: "the content check found nothing",
    PresenceState.REMARKS: "registered, but the content check left remarks",
    PresenceState.REFUSED: "the authority refused it",
    PresenceState.WAITING: "a person must decide",
    PresenceState.CANCELLING: "a person asked to cancel it; the authority has not confirmed yet",
    PresenceState.CANCELLED: "cancelled at the authority",
    PresenceState.CLOSED: "a person says that it is not to be declared, or was by other means",
}

_HEAD = """\
# The way of a presence

Made from the table in `host_tools/badgeclock/bridge/store/states.py`, which the bridge keeps to; do not edit.
What an operator does about each state is in the [reference](operating-reference.md#states-of-a-punch).
"""


def page() -> str:
    """docs/states.md: the drawing in Mermaid, every state and every step."""
    lines = [_HEAD, "```mermaid", "stateDiagram-v2"]
    lines += [f"    {_node(step.old)} --> {step.new}: {step.cause}" for step in STEPS]
    lines += [f"    {state} --> [*]" for state in PresenceState if state in SETTLED]
    lines += ["```", "", "| state | meaning |", "|---|---|"]
    lines += [f"| {state} | {_MEANING[state]} |" for state in PresenceState]
    lines += ["", "| from | to | when |", "|---|---|---|"]
    lines += [f"| {step.old or ''} | {step.new} | {step.cause} |" for step in STEPS]
    return "\n".join(lines) + "\n"


def _node(state: PresenceState | None) -> str:
    return "[*]" if state is None else str(state)


if __name__ == "__main__":
    sys.stdout.write(page())
