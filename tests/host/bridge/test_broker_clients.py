"""The clocks at a broker that refuses subscriptions: those in use are added, and one that floods is without rights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from tests.host.bridge.world import BOTH, Clock, World

from badgeclock.bridge.broker_clients import EVICTED_MS, BrokerClients
from badgeclock.bridge.downlink.frames_out import Message
from badgeclock.bridge.store import event_log, schema
from badgeclock.bridge.store.event_log import Event, Kind, Severity
from badgeclock.bridge.store.states import ClockState
from badgeclock.protocol import broker_access
from badgeclock.protocol.broker_access import CONTROL, RESPONSE
from badgeclock.protocol.topics import all_of

DATABASES = BOTH
FLOODS = "clock-0002"


class Broker:
    """What the bridge, connected to a broker, asks of it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.published: list[Message] = []
        self.filters: Sequence[str] = ()

    def connect(self) -> BrokerClients:
        """A bridge that has just started."""
        return BrokerClients(
            self.world.store, self.published.append, lambda: 1, lambda: self.world.now_ms, self._read_only
        )

    def _read_only(self, filters: Sequence[str]) -> None:
        self.filters = filters

    async def round(self, clients: BrokerClients) -> list[dict[str, Any]]:
        """The commands of one round."""
        before = len(self.published)
        await clients.work()
        new = self.published[before:]
        assert {message.topic for message in new} <= {CONTROL}
        return [command for message in new for command in json.loads(message.payload)["commands"]]


@pytest.fixture
def broker(world: World) -> Broker:
    """One for three clocks in use and a retired one."""
    for name in (FLOODS, "clock-0003", "clock-0004"):
        world.add_clock(Clock(name))
    clocks = schema.clocks
    with world.store.write() as connection:
        retired = clocks.update().where(clocks.c.name == "clock-0004").values(state=ClockState.RETIRED)
        connection.execute(retired)
    return Broker(world)


def flood(world: World) -> None:
    with world.store.write() as connection:
        event_log.write(connection, [Event(Severity.ALARM, Kind.FLOODED, "a flood", FLOODS)], world.now_ms)


def settle(world: World) -> None:
    with world.store.write() as connection:
        assert event_log.settle(connection, Kind.FLOODED, world.now_ms, clock=FLOODS) == 1


def modified(roles: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"command": "modifyClient", "username": FLOODS, "roles": roles}]


PUT_OUT = modified([])
RESTORED = modified(broker_access.client(FLOODS)["roles"])


async def test_the_clocks_in_use_that_its_list_lacks_are_added_one_a_round(broker: Broker) -> None:
    clients = broker.connect()
    assert [command["command"] for command in await broker.round(clients)] == ["listClients"]
    listed = {"responses": [{"command": "listClients", "data": {"clients": ["clock-0001"]}}]}
    assert clients.deliver(RESPONSE, json.dumps(listed).encode())
    for name in (FLOODS, "clock-0003"):
        role, client = await broker.round(clients)
        assert (role["rolename"], client["username"]) == (name, name)
    assert await broker.round(clients) == []


async def test_a_clock_that_floods_is_without_rights_until_somebody_settles_it(broker: Broker) -> None:
    clients = broker.connect()
    await clients.work()
    assert await broker.round(clients) == []
    flood(broker.world)
    assert await broker.round(clients) == PUT_OUT
    assert broker.filters == [all_of("clock-0001"), all_of("clock-0003")]
    assert await broker.round(clients) == []
    settle(broker.world)
    assert await broker.round(clients) == RESTORED
    assert broker.filters == []
    assert await broker.round(clients) == []


async def test_or_until_some_minutes_after_its_last_flood(broker: Broker) -> None:
    flood(broker.world)
    clients = broker.connect()
    await clients.work()
    assert await broker.round(clients) == PUT_OUT
    broker.world.now_ms += EVICTED_MS - 1
    assert await broker.round(clients) == []
    broker.world.now_ms += 1
    assert await broker.round(clients) == RESTORED


async def test_a_bridge_that_starts_restores_what_an_earlier_one_may_have_put_out(broker: Broker) -> None:
    flood(broker.world)
    settle(broker.world)
    broker.world.now_ms += 100 * EVICTED_MS
    clients = broker.connect()
    await clients.work()
    assert await broker.round(clients) == RESTORED
    assert await broker.round(clients) == []
