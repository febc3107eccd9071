"""Keeps a broker that refuses subscriptions in step with the bridge's clocks, and disconnects clocks that flood it.

Such a broker (`badgeclock ca broker --refuse-subscriptions`) has a list of clocks by name, and rejects all others. The
bridge requests that list once a connection, and adds missing clocks. A retired clock stays listed, so that it gets its
last acknowledgement: its revoked certificate locks it out.

A clock that floods (`flood_watch`) loses its connection, and its rights at the broker for a while: it may connect
again, and the broker drops whatever it sends. They are restored after EVICTED_MS, or when an operator settles the
event.

A broker with an access list does not answer, and ignores the requests. While a clock floods there, the bridge
subscribes to each other clock by name, instead of to all: the broker does not deliver the flood.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog
from sqlalchemy import Connection, and_, select

from badgeclock.bridge.downlink.frames_out import Message
from badgeclock.bridge.rounds import Rounds
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.event_log import Kind
from badgeclock.bridge.store.states import ClockState
from badgeclock.protocol import broker_access
from badgeclock.protocol.broker_access import CONTROL, RESPONSE
from badgeclock.protocol.topics import all_of

LOOK_S: Final = 2.0
CHANGES_A_ROUND: Final = 1
"""The broker rewrites its file for every clock, and serves no client while it does: with ten thousand clocks the file
has 17 MB, which took 0.5 to 1 s on a busy machine."""
EVICTED_MS: Final = 600_000
"""How long a clock stays without rights after its last flood that reached the bridge."""
UNANSWERED_LOOKS: Final = 15
"""After this many rounds without an answer the request is repeated: a flood may have displaced the answer."""
_LIST: Final = "listClients"

log = structlog.get_logger("badgeclock.bridge.broker")


class BrokerClients(Rounds):
    """Works in rounds. `connections` says how often the bridge has connected, 0 while it is not."""

    def __init__(
        self,
        store: Store,
        publish: Callable[[Message], None],
        connections: Callable[[], int],
        now_ms: Callable[[], int],
        read_only: Callable[[Sequence[str]], None],
    ) -> None:
        """`read_only(filters)` restricts deliveries to these filters; without any, everything is delivered."""
        super().__init__(pause_s=LOOK_S, if_store_fails="no clocks are added at the broker while the store fails")
        self._store = store
        self._publish = publish
        self._connections = connections
        self._now_ms = now_ms
        self._read_only = read_only
        self._connection = 0
        self._known: set[str] | None = None
        self._unanswered = 0
        self._out: set[str] | None = None
        """The clocks that may be without rights; None before the first look of this process."""
        self._told: set[str] = set()
        """The clocks that were added at the broker on this connection."""

    def deliver(self, topic: str, payload: bytes) -> bool:
        """Handle a message if it is an answer of the broker."""
        if topic != RESPONSE:
            return False
        listed = _listed(payload)
        if listed is not None:
            self._known = listed
            self.wake()
        return True

    async def work(self) -> None:
        """On a new connection, request the list; otherwise remove and restore rights, and add missing clocks."""
        if self._connections() != self._connection:
            self._connection = self._connections()
            self._told.clear()
            self._ask()
            return
        if not self._connection:
            return
        await self._evict()
        if self._known is None:
            self._unanswered += 1
            if not self._unanswered % UNANSWERED_LOOKS:
                self._ask()
            return
        in_use = await self._store.reading(_in_use)
        for name in sorted(in_use - self._known)[:CHANGES_A_ROUND]:
            role, client = broker_access.clock_role(name), broker_access.client(name)
            self._command({"command": "createRole", **role}, {"command": "createClient", **client})
            self._known.add(name)

    @property
    def waits(self) -> bool:
        """Whether the connection is new, an answer is awaited, or a clock is without rights until its time is over."""
        return self._connections() != self._connection or self._known is None or bool(self._out)

    def _ask(self) -> None:
        self._known, self._unanswered = None, 0
        if self._connection:
            self._command({"command": _LIST, "verbose": False, "count": -1, "offset": 0})

    async def _evict(self) -> None:
        """Remove the rights of clocks that flood, and restore those whose time is over."""
        if self._out is None:  # an earlier process may have removed them
            self._out = await self._store.reading(_flooding, 0)
        flooding = await self._store.reading(_flooding, self._now_ms() - EVICTED_MS)
        for name in sorted(flooding - self._told):
            self._command({"command": "modifyClient", "username": name, "roles": []})
            log.warning("a clock that floods is put out at the broker", clock=name)
        self._told |= flooding
        self._out |= flooding
        others = await self._store.reading(_in_use) - flooding if flooding and self._known is None else set()
        self._read_only([all_of(name) for name in sorted(others)])
        for name in sorted(self._out - flooding)[:CHANGES_A_ROUND]:
            self._command({"command": "modifyClient", **broker_access.client(name)})
            self._out.discard(name)
            self._told.discard(name)

    def _command(self, *commands: dict[str, Any]) -> None:
        self._publish(Message(CONTROL, json.dumps({"commands": commands}, separators=(",", ":")).encode()))


def _in_use(connection: Connection) -> set[str]:
    """The names of the clocks in use."""
    table = schema.clocks
    return set(connection.execute(select(table.c.name).where(table.c.state != ClockState.RETIRED)).scalars())


def _flooding(connection: Connection, since_ms: int) -> set[str]:
    """The names of clocks that flooded the bridge since `since_ms` and whose event is not settled yet; with 0, of all
    that ever did.
    """
    table = schema.events
    which = and_(table.c.kind == Kind.FLOODED, table.c.clock.is_not(None), table.c.last_ms > since_ms)
    if since_ms:
        which = and_(which, table.c.settled_ms.is_(None))
    return set(connection.execute(select(table.c.clock).distinct().where(which)).scalars())


def _listed(payload: bytes) -> set[str] | None:
    """The names in an answer to the request; None for an answer to another request, or anything else."""
    try:
        said = json.loads(payload)
        answers = [one for one in said["responses"] if one["command"] == _LIST]
        return (
            {name for one in answers for name in one["data"]["clients"] if isinstance(name, str)} if answers else None
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
