"""Several intakes on one PostgreSQL store: they share clocks, and each clock is in one's hands at a time."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest
from tests.host.bridge.world import STRANGER_UID, World, eventually

from badgeclock.bridge import worker
from badgeclock.bridge.intake.batch import ClockMessage
from badgeclock.bridge.intake.intake import Intake
from badgeclock.bridge.settings import BridgeSettings, HttpSettings, load
from badgeclock.bridge.wall_clock import wall_clock_ms
from badgeclock.errors import SettingsError
from badgeclock.protocol.frames import Ack, Verdict
from badgeclock.technician import workshop
from badgeclock.technician.certificates import check_clock_id

DATABASES = ("postgresql",)
PATIENCE_MS = 500


def delivered(world: World, *raws: bytes) -> list[ClockMessage]:
    return [ClockMessage(world.clock.topic("punches"), raw, world.now_ms) for raw in raws]


def unmarked(delivery: ClockMessage) -> ClockMessage:
    return delivery._replace(early_ms=0)


def one_of_several(world: World) -> Intake:
    return Intake(world.vault, None, PATIENCE_MS)


def settings_for(folder: Path, url: str, count: int) -> BridgeSettings:
    (folder / "bridge.toml").write_text(
        f"""
        [store]
        url = "{url}"
        [broker]
        ca = "ca.pem"
        certificate = "bridge/certificate.pem"
        key = "bridge/key.pem"
        [secrets]
        data_key_file = "data.key"
        [authority]
        endpoint = "http://127.0.0.1:9/"
        [http]
        port = 9100
        [intake]
        workers = {count}
        """
    )
    return load(folder / "bridge.toml")


def test_a_message_that_overtook_another_waits_for_it_and_is_no_gap(world: World) -> None:
    raws = [*world.clock.start(), *(world.clock.punch(STRANGER_UID) for _ in range(3))]
    world.punches(*raws[:2])
    one, other = one_of_several(world), one_of_several(world)
    late, early = delivered(world, raws[2]), delivered(world, raws[3], raws[4])
    with world.store.write() as connection:
        taken = other.handle(connection, early, world.now_ms)
    assert ([*map(unmarked, taken.early)], taken.acks) == (early, {})
    with world.store.write() as connection:
        one.handle(connection, late, world.now_ms)
    with world.store.write() as connection:
        taken = other.handle(connection, taken.early, world.now_ms)
    assert taken.acks == {1: Ack(5, Verdict.IN_ORDER)}
    assert world.stored() == raws
    assert set(world.events()) == {"badge_unknown"}


def test_a_gap_is_asked_for_once_patience_is_over(world: World) -> None:
    raws = [*world.clock.start(), *(world.clock.punch(STRANGER_UID) for _ in range(2))]
    world.punches(*raws[:2])
    early = delivered(world, raws[3])
    with world.store.write() as connection:
        taken = one_of_several(world).handle(connection, early, world.now_ms + 10 * PATIENCE_MS)
    assert taken.acks == {}, "however long it stood in the queue, what it follows may stand right behind it"
    with world.store.write() as connection:
        taken = one_of_several(world).handle(connection, taken.early, world.now_ms + 11 * PATIENCE_MS)
    assert taken.acks == {1: Ack(2, Verdict.GAP)}
    assert taken.early == []


def test_what_a_clock_has_shown_is_known_to_every_worker(world: World) -> None:
    """A clock put back to an earlier state gets no order from another worker to free other numbers' records."""
    raws = [*world.clock.start(), *(world.clock.punch(STRANGER_UID) for _ in range(4))]
    world.punches(*raws)
    world.status(world.clock.online(session=b"sessionB", head=9, tail=2))
    assert world.clock_row().shown == 2
    with world.store.write() as connection:
        taken = one_of_several(world).handle(connection, delivered(world, raws[1]), world.now_ms)
    assert taken.acks == {1: Ack(2, Verdict.IN_ORDER)}


@pytest.mark.parametrize("url", ["sqlite:///bridge.db", "sqlite://"])
def test_one_sqlite_file_has_one_worker(tmp_path: Path, url: str) -> None:
    worker.check(settings_for(tmp_path, url, 1))
    with pytest.raises(SettingsError, match="PostgreSQL"):
        worker.check(settings_for(tmp_path, url, 2))


def test_each_worker_has_a_port_of_its_own(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, "postgresql+psycopg://bridge@/bridge", 3)
    assert [settings.of_worker(number).http.port for number in (1, 2, 3)] == [9100, 9101, 9102]
    assert settings.of_worker(1) == settings


@pytest.mark.parametrize("name", ["bridge", "bridge-2", "bridge-16", "bridge-99"])
def test_no_clock_has_a_name_of_the_bridge(name: str) -> None:
    with pytest.raises(SettingsError, match="no clock id"):
        check_clock_id(name)
    check_clock_id(f"{name}-a")


async def test_a_worker_that_is_cancelled_leaves_nothing_running(database: str, tmp_path: Path) -> None:
    shop = workshop.create(tmp_path / "workshop")
    shop.bridge()
    shutil.copytree(shop.path / "bridge", tmp_path / "bridge")
    shutil.copy(shop.authority_certificate, tmp_path / "ca.pem")
    (tmp_path / "data.key").write_text("00" * 32)
    (tmp_path / "data.key").chmod(0o600)
    settings = settings_for(tmp_path, database, 2)
    settings = settings.model_copy(update={"http": HttpSettings()})
    before = asyncio.all_tasks()
    working = worker.Worker(settings, 2, tmp_path, wall_clock_ms)
    task = asyncio.create_task(working.run(asyncio.Event()))
    await eventually(lambda: len(asyncio.all_tasks() - before) >= 3)
    task.cancel()
    await asyncio.wait([task])
    assert asyncio.all_tasks() == before
