"""Orders to clocks that an operator gives on the command line, while another process, the bridge, holds the connection.

An order stands in the store until it is carried out: the running bridge sends it to its clock whenever that is online,
again after `AGAIN_MS` (the clock does a thing once), and it is done when the clock's own records say so. Who gave it,
why, when it was sent and how it ended stay there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple

import structlog
from sqlalchemy import Connection, insert, select, update

from badgeclock.bridge import schema
from badgeclock.bridge.downlink import Downlink, Message
from badgeclock.bridge.states import ClockState
from badgeclock.bridge.store import Store
from badgeclock.errors import StoreError
from badgeclock.protocol.frames import Command

POLL_S: Final = 1.0
AGAIN_MS: Final = 30_000
ORDERS_A_ROUND: Final = 100

log = structlog.get_logger("badgeclock.bridge.orders")


class Due(NamedTuple):
    """An order whose clock is there to hear it."""

    id: int
    clock_id: int
    command: Command


def give(connection: Connection, clock_id: int, command: Command, *, by: str, reason: str, now_ms: int) -> bool:
    """Order a clock (by its row) to do something; False if the same order is open already."""
    table = schema.orders
    same = (table.c.clock_id == clock_id) & (table.c.command == int(command)) & table.c.done_ms.is_(None)
    if connection.execute(select(table.c.id).where(same)).scalar() is not None:
        return False
    values = {
        "clock_id": clock_id,
        "command": int(command),
        "given_by": by,
        "reason": reason,
        "given_ms": now_ms,
        "times_sent": 0,
    }
    connection.execute(insert(table).values(values))
    return True


def close(connection: Connection, clock_id: int, outcome: str, now_ms: int, *commands: Command) -> None:
    """End the open orders to a clock (by its row), or those for `commands` alone."""
    table = schema.orders
    which = (table.c.clock_id == clock_id) & table.c.done_ms.is_(None)
    if commands:
        which &= table.c.command.in_([int(command) for command in commands])
    connection.execute(update(table).where(which).values(done_ms=now_ms, outcome=outcome))


def due(connection: Connection, now_ms: int) -> list[Due]:
    """Open orders whose clocks are online and have not just been told, oldest first."""
    table, clocks = schema.orders, schema.clocks
    rows = connection.execute(
        select(table.c.id, table.c.clock_id, table.c.command)
        .join(clocks, clocks.c.id == table.c.clock_id)
        .where(
            table.c.done_ms.is_(None),
            table.c.sent_ms.is_(None) | (table.c.sent_ms <= now_ms - AGAIN_MS),
            clocks.c.online,
            clocks.c.state != ClockState.RETIRED,
        )
        .order_by(table.c.id)
        .limit(ORDERS_A_ROUND)
    )
    return [Due(row.id, row.clock_id, Command(row.command)) for row in rows]


class Orders:
    """Sends what is due, for ever."""

    def __init__(
        self, store: Store, downlink: Downlink, publish: Callable[[Message], None], now_ms: Callable[[], int]
    ) -> None:
        self._store = store
        self._downlink = downlink
        self._publish = publish
        self._now_ms = now_ms

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            try:
                await self.send_due()
            except StoreError as error:
                self._downlink.forget_all()
                log.error("orders wait for the store", error=str(error))
            await asyncio.sleep(POLL_S)

    async def send_due(self) -> None:
        """Send each order that is due once. It is written down as sent before it goes out."""
        orders = await self._store.reading(due, self._now_ms())
        if orders:
            await self._store.writing(self._sending, orders, self._now_ms())
        for order in orders:
            for message in self._downlink.command(order.clock_id, order.command):
                self._publish(message)

    def _sending(self, connection: Connection, orders: list[Due], now_ms: int) -> None:
        table = schema.orders
        self._downlink.prepare(connection, [order.clock_id for order in orders])
        for order in orders:
            sent = update(table).where(table.c.id == order.id)
            connection.execute(sent.values(sent_ms=now_ms, times_sent=table.c.times_sent + 1))
