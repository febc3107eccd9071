"""The pages of the status interface, on both databases."""

from __future__ import annotations

from typing import Any

from fastapi.testclient import TestClient
from tests.host.bridge.world import BOTH, STRANGER_UID, World

from badgeclock.bridge.store import schema
from badgeclock.bridge.web import status_views

DATABASES = BOTH


def test_events_come_a_page_at_a_time_oldest_first(world: World) -> None:
    world.punches(*world.clock.start(), *(world.clock.punch(STRANGER_UID[:3] + bytes([n])) for n in range(5)))
    client = TestClient(status_views.create_app(world.store, world.vault, lambda: world.now_ms))
    written = world.rows(schema.events)
    assert len(written) >= 5
    told: list[dict[str, Any]] = []
    for _ in range(0, len(written), 2):
        page = client.get(f"/events?after={told[-1]['id'] if told else 0}&limit=2").json()
        assert len(page) <= 2
        told += page
    assert [(one["id"], one["kind"], one["detail"]) for one in told] == [(e.id, e.kind, e.detail) for e in written]
    assert client.get(f"/events?after={told[-1]['id']}").json() == []
