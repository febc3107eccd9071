"""Keeps a broker that refuses subscriptions in step with the clocks that the bridge knows.

Such a broker (`badgeclock ca broker --refuse-subscriptions`) knows each clock by name, or takes nothing of it. It is
asked which it knows, once a connection, and those that are missing are added. A retired clock stays known, so that it
gets its last acknowledgement: what takes it out is its certificate. A broker with an access list does not answer, and
is left alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Connection, select

from badgeclock.bridge.downlink.frames_out import Message
from badgeclock.bridge.rounds import Rounds
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.states import ClockState
from badgeclock.protocol import broker_access
from badgeclock.protocol.broker_access import CONTROL, RESPONSE

LOOK_S: Final = 2.0
CHANGES_A_ROUND: Final = 1
"""The broker writes its file anew for every clock, and serves nobody meanwhile: with ten thousand clocks it has 17 MB,
which took 0.5 to 1 s on a machine that was busy."""
_LIST: Final = "listClients"


class BrokerClients(Rounds):
    """Looks in rounds. `connections` says how often the bridge has connected, 0 while it is not."""

    def __init__(self, store: Store, publish: Callable[[Message], None], connections: Callable[[], int]) -> None:
        super().__init__(pause_s=LOOK_S, if_store_fails="the broker is not told of clocks while the store fails")
        self._store = store
        self._publish = publish
        self._connections = connections
        self._connection = 0
        self._known: set[str] | None = None

    def deliver(self, topic: str, payload: bytes) -> bool:
        """Take a message, if it is an answer of the broker's."""
        if topic != RESPONSE:
            return False
        listed = _listed(payload)
        if listed is not None:
            self._known = listed
            self.wake()
        return True

    async def work(self) -> None:
        """Ask on a new connection; else add the clocks that are missing."""
        if self._connections() != self._connection:
            self._connection, self._known = self._connections(), None
            if self._connection:
                self._command({"command": _LIST, "verbose": False, "count": -1, "offset": 0})
            return
        if self._known is None:
            return
        in_use = await self._store.reading(_in_use)
        for name in sorted(in_use - self._known)[:CHANGES_A_ROUND]:
            role, client = broker_access.clock_role(name), broker_access.client(name)
            self._command({"command": "createRole", **role}, {"command": "createClient", **client})
            self._known.add(name)

    def _command(self, *commands: dict[str, Any]) -> None:
        self._publish(Message(CONTROL, json.dumps({"commands": commands}, separators=(",", ":")).encode()))


def _in_use(connection: Connection) -> set[str]:
    """The names of the clocks in use."""
    table = schema.clocks
    return set(connection.execute(select(table.c.name).where(table.c.state != ClockState.RETIRED)).scalars())


def _listed(payload: bytes) -> set[str] | None:
    """The names in an answer to the question; None if it answers another, or is no answer."""
    try:
        said = json.loads(payload)
        answers = [one for one in said["responses"] if one["command"] == _LIST]
        return (
            {name for one in answers for name in one["data"]["clients"] if isinstance(name, str)} if answers else None
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
