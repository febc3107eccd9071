"""The handling of data of a newer clock, bridge or tool by this bridge, verifier and store (docs/protocol.md §11)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from tests.host.bridge.world import ANNA_UID, BOTH, SITE, Clock, World
from typer.testing import CliRunner

from badgeclock.bridge.clocks import enrolment, remote_settings
from badgeclock.bridge.downlink.order_sender import OrderSender
from badgeclock.bridge.downlink.roster_sender import RosterSender
from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.operations import backup
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.audit_log import Operator
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.states import ClockState
from badgeclock.bundle import Bundle
from badgeclock.cli.main import app
from badgeclock.errors import SettingsError, StoreError
from badgeclock.evidence.findings import Reason
from badgeclock.protocol import frames, seal
from badgeclock.protocol import record as records
from badgeclock.protocol.errors import FrameRefused
from badgeclock.protocol.frames import NO_SESSION, Frame, FrameType, Verdict
from badgeclock.protocol.record import SEALED_BYTES, Kind

KIND_TO_COME = 11
FORM_TO_COME = "9999_to_come"
OFTEN = 5
"""More often than a record may fail before its clock comes under quarantine."""


def sealed(clock: Clock, **bytes_at: int) -> bytes:
    """A punch as the clock's own key seals it, with other bytes at some places: of a firmware to come."""
    body = bytearray(records.pack(clock.record(Kind.PUNCH))[:SEALED_BYTES])
    for place, value in bytes_at.items():
        body[int(place.removeprefix("at_"))] = value
    return bytes(body) + seal.record_tag(clock.state.r, clock.state.tag, bytes(body))


def upward(clock: Clock, kind: int, body: bytes) -> bytes:
    """A frame of the clock's present connection."""
    clock.number += 1
    counter = frames.upward_counter(clock.state.boot, clock.connection, clock.number)
    return frames.seal_frame(frames.upward_key(clock.link_key), clock.name, NO_SESSION, Frame(kind, counter, body))


def everything(world: World, but: str = "") -> dict[str, list[Any]]:
    """Every row of every table but one."""
    return {table.name: world.rows(table) for table in schema.metadata.sorted_tables if table.name != but}


@pytest.mark.parametrize(
    ("reason", "bytes_at"),
    [
        ("format", {"at_0": 2}),
        ("kind", {"at_1": KIND_TO_COME}),
        ("flags", {"at_2": 1}),
        ("direction", {"at_3": 5}),
        ("clock source", {"at_18": 4}),
    ],
)
def test_a_record_that_only_a_newer_firmware_seals_stays_in_the_clock_and_is_no_alarm(
    world: World, reason: str, bytes_at: dict[str, int]
) -> None:
    clock = world.clock
    world.punches(*clock.start(), clock.punch(ANNA_UID))
    for _ in range(OFTEN):
        taken = world.punches(sealed(clock, **bytes_at))
        assert taken.acks[1] == (3, Verdict.GAP, bytes(8)), "it is asked for again and not freed"
    (event,) = [row for row in world.rows(schema.events) if row.kind == "newer_record"]
    assert (event.severity, event.times) == ("warning", OFTEN)
    assert reason in event.detail
    assert world.clock_row().state == ClockState.ACTIVE
    # The chain stands where it stood: what an updated bridge is sent next, it takes.
    world.punches(clock.punch(ANNA_UID))
    assert world.stored() == clock.sent


def test_the_same_bytes_under_another_seal_are_no_record_and_in_the_end_an_alarm(world: World) -> None:
    clock = world.clock
    world.punches(*clock.start())
    forged = sealed(clock, at_1=KIND_TO_COME)[:-1] + b"x"
    for _ in range(OFTEN):
        world.punches(forged)
    assert {"malformed_frame", "seal_failed_repeatedly"} <= set(world.events())
    assert "newer_record" not in world.events()
    assert world.clock_row().state == ClockState.QUARANTINED


def test_a_status_with_keys_to_come_is_taken_and_one_of_another_version_is_refused_while_records_are_kept(
    world: World,
) -> None:
    clock = world.clock
    known = json.loads(frames.open_frame(*_opened(clock, clock.online(session=b"session1"))).body)
    world.status(upward(clock, FrameType.STATUS, json.dumps({**known, "later": {"a": [1]}}).encode()))
    assert world.clock_row().online
    before = world.clock_row().status_counter
    clock.session = b"session2"
    newer = json.dumps({**known, "v": 2, "session": clock.session.hex()}).encode()
    taken = world.status(upward(clock, FrameType.STATUS, newer))
    assert (taken.acks, taken.times) == ({}, {})
    assert world.clock_row().status_counter == before
    (event,) = [row for row in world.rows(schema.events) if row.kind == "status_refused"]
    assert "version" in event.detail
    taken = world.punches(*clock.start())
    assert world.stored() == clock.sent
    with pytest.raises(FrameRefused, match="tag"):
        clock.hear(world.downlink.ack(1, taken.acks[1])[0].payload)


def _opened(clock: Clock, frame: bytes) -> tuple[bytes, str, bytes, bytes]:
    return frames.upward_key(clock.link_key), clock.name, NO_SESSION, frame


async def test_an_upward_frame_of_a_type_to_come_is_refused_and_changes_nothing(world: World) -> None:
    clock = world.clock
    world.punches(*clock.start())
    world.status(clock.online(session=b"session1", roster=(0, 0), settings=0))
    before = everything(world, but="events")
    sent: list[Any] = []
    orders = OrderSender(world.store, world.vault, world.downlink, sent.append, lambda: world.now_ms)
    rosters = RosterSender(world.store, world.vault, world.downlink, sent.append, lambda: world.now_ms)
    for kind in (0x00, 0x05, 0x7F):
        world.status(upward(clock, kind, b"{}"))
        assert orders.deliver(clock.topic("report"), upward(clock, kind, b'{"v":1}'))
        rosters.deliver(clock.topic("roster"), upward(clock, kind, bytes(7)))
    assert orders.deliver(clock.topic("report"), upward(clock, FrameType.REPORT, b'{"v":2,"order":1,"command":1}'))
    await orders.work()
    assert orders.results == {"not a report": 3, "report version": 1}
    assert before == everything(world, but="events")
    assert {row.kind for row in world.rows(schema.events)} == {"badge_assigned", "status_refused"}


def test_a_verifier_proves_what_comes_before_a_record_to_come_and_fails_it_by_its_word(
    tmp_path: Path, world: World
) -> None:
    clock = world.clock
    clock.start()
    clock.punch(ANNA_UID)
    (tmp_path / "bundle.json").write_text(json.dumps(clock.bundle()))
    (tmp_path / "dump").write_bytes(b"".join([*clock.sent, sealed(clock, at_1=KIND_TO_COME)]))
    arguments = ["journal", "verify", "--dump", tmp_path / "dump", "--bundle", tmp_path / "bundle.json", "--json"]
    done = CliRunner().invoke(app, list(map(str, arguments)))
    summary = json.loads(done.stdout.splitlines()[-1])
    assert (summary["verdict"], summary["ok"]) == ("failed", 3)
    (finding,) = [finding for finding in summary["findings"] if finding["reason"] == "kind"]
    assert finding["first"] == 3
    assert "firmware is newer" in Reason.KIND.meaning


def bring_to_a_form_to_come(store: Store) -> None:
    with store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :form"), {"form": FORM_TO_COME})


def test_a_bundle_of_a_version_to_come_is_refused_by_bridge_and_verifier(world: World) -> None:
    bundle = {**Clock("clock-0002").bundle(), "v": 2}
    with world.store.write() as connection, pytest.raises(PeopleError, match="version 1"):
        enrolment.add(connection, world.vault, bundle, site=SITE, now_ms=world.now_ms)
    with pytest.raises(SettingsError, match="version 1"):
        Bundle.from_json(json.dumps(bundle).encode(), "bundle.json")


def test_a_setting_of_clocks_to_come_is_not_sent() -> None:
    with pytest.raises(PeopleError, match="no setting"):
        remote_settings.parse(["a_setting_to_come=1"])


@pytest.mark.parametrize("kind", BOTH)
def test_a_store_of_a_form_to_come_is_neither_used_nor_changed(kind: str, empty_database: Callable[[str], str]) -> None:
    url = empty_database(kind)
    store = Store(url)
    store.migrate()
    world = World(url)
    bring_to_a_form_to_come(store)
    before = everything(world)
    for use in (store.check, store.migrate):
        with pytest.raises(StoreError, match="newer version") as raised:
            use()
        assert FORM_TO_COME in raised.value.what
        assert "bridge init" not in raised.value.do, "which could not help"
    assert before == everything(world)
    with store.read() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == FORM_TO_COME
    world.close()
    store.close()


def test_a_backup_of_a_form_to_come_is_put_nowhere(tmp_path: Path) -> None:
    world = World(tmp_path)
    bring_to_a_form_to_come(world.store)
    who = Operator("anna", "before the update")
    backup.make(f"sqlite:///{tmp_path / 'bridge.db'}", world.store, world.vault, tmp_path / "monday", who, world.now_ms)
    place = tmp_path / "restored.db"
    with pytest.raises(StoreError, match="newer version"):
        backup.restore(tmp_path / "monday", f"sqlite:///{place}", world.vault, who, world.now_ms)
    assert not place.exists()
    world.close()


def test_the_commands_say_so_and_leave_the_store_alone(tmp_path: Path) -> None:
    (tmp_path / "bridge.toml").write_text(
        '[broker]\nhost = "localhost"\nca = "ca.pem"\ncertificate = "c.pem"\nkey = "k.pem"\n'
        '[secrets]\ndata_key_file = "data.key"\n[authority]\nkind = "file"\npath = "out"\n'
    )
    config = ["--config", str(tmp_path / "bridge.toml")]
    assert CliRunner().invoke(app, ["bridge", "init", *config]).exit_code == 0
    store = Store(f"sqlite:///{tmp_path / 'bridge.db'}")
    bring_to_a_form_to_come(store)
    store.close()
    for command in (["init"], ["clock", "list"], ["run"], ["audit", "list"]):
        done = CliRunner().invoke(app, ["bridge", *command, *config])
        assert isinstance(done.exception, StoreError), (command, done.output, done.exception)
        assert "newer version" in done.exception.what
