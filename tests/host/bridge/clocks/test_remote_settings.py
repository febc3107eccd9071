"""Settings that operators change from the office: parsed, stored, sent, accepted or refused; and shown."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from tests.host.bridge.world import World
from typer.testing import CliRunner, Result

from badgeclock.bridge.clocks import registry, remote_settings
from badgeclock.bridge.clocks.remote_settings import AGAIN_MS, SETTINGS
from badgeclock.bridge.clocks.settings_sender import SettingsSender
from badgeclock.bridge.downlink.frames_out import Message
from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.store import schema
from badgeclock.cli.main import app
from badgeclock.protocol import frames
from badgeclock.protocol.frames import FrameType

ROOT = Path(__file__).parents[4]
WHY = "settings.json: volume must be a whole number from 0 to 3"


class Bridge:
    """The world's settings on their way to its clock."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.published: list[Message] = []
        self.settings = SettingsSender(world.store, world.downlink, self.published.append, lambda: world.now_ms)

    def order(self, *changes: str) -> int:
        with self.world.store.write() as connection:
            wanted = remote_settings.parse(list(changes))
            name = self.world.clock.name
            return remote_settings.order(connection, name, wanted, by="tests", now_ms=self.world.now_ms).version

    def says(self, session: bytes, **told: Any) -> None:
        self.world.status(self.world.clock.online(session=session, **told))

    async def sent(self) -> list[tuple[int, dict[str, Any]]]:
        """The frames of one round."""
        await self.settings.work()
        messages, self.published[:] = list(self.published), []
        opened = [self.world.clock.hear(message.payload) for message in messages]
        assert all(frame.type == FrameType.SETTINGS for frame in opened)
        return [frames.unpack_settings(frame.body) for frame in opened]

    def shown(self) -> dict[str, Any]:
        with self.world.store.read() as connection:
            (one,) = remote_settings.listing(connection, self.world.clock.name)
        return one


@pytest.fixture
def bridge(world: World) -> Bridge:
    made = Bridge(world)
    world.punches(*world.clock.start())
    made.says(b"sessionA", settings=0)
    return made


def test_the_clocks_firmware_takes_exactly_the_settings_that_are_offered_and_the_page_names_them() -> None:
    tree = ast.parse((ROOT / "firmware" / "app" / "settings.py").read_text())
    (remote,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "REMOTE"
    )
    assert sorted(remote.split()) == sorted(SETTINGS)
    page = (ROOT / "docs" / "protocol.md").read_text()
    assert all(f"| `{name}` |" in page for name in SETTINGS)


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        (["volume=2"], {"volume": 2}),
        (["quiet_hours=22:00-06:00", "language=nl"], {"quiet_hours": "22:00-06:00", "language": "nl"}),
        (["quiet_hours="], {"quiet_hours": ""}),
        (["heartbeat_s=3600", "direction_hours=48"], {"heartbeat_s": 3600, "direction_hours": 48}),
        (["ntp=time.example"], {"ntp": "time.example"}),
        (["ntp="], {"ntp": ""}),
        (["site=North = gate"], {"site": "North = gate"}),
        (["site=École d\u2019été, Gießen"], {"site": "École d\u2019été, Gießen"}),
        (["timezone=Europe/Brussels", "direction=in"], {"timezone": "Europe/Brussels", "direction": "in"}),
    ],
)
def test_settings_are_read_from_words(changes: list[str], wanted: dict[str, Any]) -> None:
    assert remote_settings.parse(changes) == wanted


@pytest.mark.parametrize(
    "change",
    [
        "volume",
        "volume=4",
        "volume=-1",
        "volume=1.5",
        "volume=",
        "site=",
        "site=ł",
        "language=NL",
        "quiet_hours=22:00",
        "quiet_hours=24:00-06:00",
        "timezone=Mars/Base",
        "timezone=../etc/passwd",
        "heartbeat_s=3601",
        "direction_hours=0",
        "direction_hours=49",
        "ntp=time.example:123",
        "ntp=.example",
        f"ntp={'x' * 254}",
        "clock_id=clock-0009",
        "broker=elsewhere:8883",
        "wifi=other",
        "badges=uid",
        "=1",
        "",
    ],
)
def test_what_is_no_setting_or_no_value_is_refused(change: str) -> None:
    with pytest.raises(PeopleError):
        remote_settings.parse([change])


async def test_settings_are_sent_once_and_again_only_after_a_while_until_the_clock_says_it_has_them(
    bridge: Bridge,
) -> None:
    assert await bridge.sent() == []
    assert bridge.order("volume=1") == 1
    assert await bridge.sent() == [(1, {"volume": 1})]
    assert await bridge.sent() == []
    bridge.world.now_ms += AGAIN_MS
    assert await bridge.sent() == [(1, {"volume": 1})]
    assert bridge.shown()["settings_told"] == 0
    bridge.says(b"sessionB", settings=1)
    assert await bridge.sent() == []
    assert (bridge.shown()["settings_told"], bridge.shown()["settings_version"]) == (1, 1)
    assert bridge.order("language=nl") == 2
    assert await bridge.sent() == [(2, {"volume": 1, "language": "nl"})], "what was wanted before stays wanted"


async def test_settings_that_a_clock_refuses_are_not_sent_again_and_the_reason_is_shown_and_an_event(
    bridge: Bridge,
) -> None:
    bridge.order("volume=1")
    await bridge.sent()
    for session in (b"sessionB", b"sessionC"):
        bridge.says(session, settings=0, settings_refused=(1, WHY))
        bridge.world.now_ms += AGAIN_MS
        assert await bridge.sent() == []
    assert bridge.shown()["settings_refused"] == WHY
    assert bridge.world.events() == ["settings_ordered", "settings_refused"]
    with bridge.world.store.read() as connection:
        assert remote_settings.stale(connection) == 1
    assert bridge.order("volume=2") == 2
    assert await bridge.sent() == [(2, {"volume": 2})]
    assert bridge.shown()["settings_refused"] is None


async def test_a_clock_that_was_provisioned_anew_gets_what_is_wanted_of_it(bridge: Bridge) -> None:
    bridge.order("volume=1")
    bridge.says(b"sessionB", settings=1)
    assert await bridge.sent() == []
    bridge.says(b"sessionC", settings=0)
    assert await bridge.sent() == [(1, {"volume": 1})]


async def test_a_clock_whose_version_is_above_the_stores_gets_a_higher_one(bridge: Bridge) -> None:
    bridge.order("volume=1")
    bridge.says(b"sessionB", settings=7)
    assert [version for version, _ in await bridge.sent()] == [1]
    assert await bridge.sent() == [(8, {"volume": 1})]


async def test_retired_and_quarantined_clocks_and_those_that_take_none_get_nothing(bridge: Bridge) -> None:
    bridge.order("volume=1")
    for state in ("RETIRED", "QUARANTINED"):
        with bridge.world.store.write() as connection:
            connection.execute(schema.clocks.update().values(state=state))
        assert await bridge.sent() == []
    with bridge.world.store.write() as connection:
        connection.execute(schema.clocks.update().values(state="ACTIVE"))
    bridge.says(b"sessionB")
    assert await bridge.sent() == []
    bridge.says(b"sessionC", settings=0)
    assert len(await bridge.sent()) == 1


def test_a_clock_that_is_not_in_use_cannot_be_set(world: World) -> None:
    with world.store.write() as connection:
        with pytest.raises(PeopleError, match="in use"):
            remote_settings.order(connection, "clock-0009", {"volume": 1}, by="tests", now_ms=0)
        with pytest.raises(PeopleError, match="in use"):
            remote_settings.listing(connection, "clock-0009")


def test_the_list_of_clocks_tells_what_each_has_and_shall_have(bridge: Bridge) -> None:
    bridge.order("volume=1")
    bridge.says(b"sessionB", settings=0, settings_refused=(1, "volume"), roster=(4, 17))
    with bridge.world.store.read() as connection:
        (clock,) = registry.listing(connection)
    told = bridge.shown()
    assert clock.items() >= told.items()
    assert (told["settings_version"], told["settings_told"], told["settings_refused"]) == (1, 0, "volume")
    assert (told["roster_version"], told["roster_told"], told["roster_entries"]) == (None, 4, 17)
    assert json.loads(json.dumps(clock))["settings_wanted"] == {"volume": 1}


def test_what_is_shown_can_be_told_as_json(bridge: Bridge) -> None:
    assert json.loads(json.dumps(bridge.shown()))["settings_wanted"] == {}


def test_the_command_line_orders_shows_and_refuses(bridge: Bridge, tmp_path: Path) -> None:
    (tmp_path / "data.key").write_text(b"data key of the tests, 32 bytes.".hex())
    (tmp_path / "data.key").chmod(0o600)
    config = tmp_path / "bridge.toml"
    config.write_text(
        f"""
        [store]
        url = "sqlite:///{tmp_path / "bridge.db"}"
        [broker]
        ca = "ca.pem"
        certificate = "certificate.pem"
        key = "key.pem"
        [secrets]
        data_key_file = "data.key"
        [authority]
        endpoint = "http://127.0.0.1:9/"
        """
    )

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["bridge", *arguments, "--config", str(config)])

    name = bridge.world.clock.name
    done = run("clock", "settings", name, "volume=1", "site=North gate")
    assert done.exit_code == 0, done.output
    assert "Settings 1 are sent" in done.output
    assert "it must be" in str(run("clock", "settings", name, "volume=9").exception)
    (told,) = [json.loads(line) for line in run("clock", "settings", "--json").stdout.splitlines()]
    assert (told["settings_wanted"], told["settings_version"]) == ({"volume": 1, "site": "North gate"}, 1)
    shown = run("clock", "settings").stdout
    assert "volume=1 site=North gate" in shown
    assert "takes none" in shown, "it has no place for a roster"
    spoken = ("worker", "set", "--reference", "W-001", "--reason", "asked for it", "--language")
    assert "changed language" in run(*spoken, "nl").output
    assert bridge.world.rows(schema.workers)[0].language == "nl"
    assert "changed language" in run(*spoken, "site").output
    assert bridge.world.rows(schema.workers)[0].language is None
