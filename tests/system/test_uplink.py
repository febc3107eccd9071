"""The uplink in the real MicroPython against a real broker with mutual TLS and access rules.

The clock keeps its records in the real sealed log, and the bridge's end judges each with the host's own seal. How late
the clock's other task was is printed, not asserted: it is a figure of this machine. Networks and brokers that fail are
in test_chaos.py.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from badgeclock.chaos.proxy import ChaosProxy
from badgeclock.protocol import frames
from badgeclock.protocol.frames import Ack, Command, FrameType, Offline, Online, Verdict
from badgeclock.protocol.record import Kind
from badgeclock.protocol.topics import Channel
from badgeclock.technician import certificates
from badgeclock.toolchain.programs import Arch
from tests.system.uplink_rig import (
    CLOCK_ID,
    Bridge,
    ClockProcess,
    Keys,
    Site,
    running,
    wait_until,
)

NO_WIFI, NO_BROKER, ONLINE = 0, 1, 2
FIRST_RECORDS = 2
"""GENESIS and BOOT, before the first punch."""


@pytest.fixture(scope="module")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One broker for the tests that leave it alone."""
    site = Site(tmp_path_factory.mktemp("site"))
    site.start()
    yield site
    site.kill()


@pytest.fixture
def own_site(tmp_path: Path) -> Iterator[Site]:
    """A broker for a test that kills it."""
    site = Site(tmp_path / "site")
    site.start()
    yield site
    site.kill()


def other_authority() -> certificates.Identity:
    return certificates.make_authority()


def everything_arrived(bridge: Bridge, clock: ClockProcess) -> None:
    """Wait until the clock has nothing left to send, then check that the bridge has each record, once and sealed."""
    state = clock.wait_state("an empty journal", lambda said: not said["wanted"] and said["tail"] == said["head"])
    heard = bridge.heard[CLOCK_ID]
    assert sorted(heard.records) == list(range(state["head"]))
    assert not bridge.faults
    punches = [said["seq"] for said in clock.of("punch")]
    assert [seq for seq in punches if heard.records[seq].kind != Kind.PUNCH] == []
    print(
        f"{state['head']} records, {heard.repeated} of them twice; the ticker was at most {state['latest_ms']} ms late"
    )


# --- the way up and the way back ---


@pytest.mark.parametrize(("arch", "umqtt"), [("amd64", "1.3.4"), ("i386", "1.3.4"), ("i386", "1.8")])
def test_punches_reach_the_bridge_and_their_receipts_come_back(
    shared_site: Site, tmp_path: Path, arch: Arch, umqtt: str
) -> None:
    keys = Keys.of(shared_site.shop, CLOCK_ID)
    clock_process = ClockProcess(shared_site, tmp_path, arch, keys=keys, umqtt=umqtt)
    with Bridge(shared_site, keys) as bridge, running(clock_process) as clock:
        clock.wait("link", state=ONLINE)
        for _ in range(5):
            mark = len(clock.events)
            clock.do("punch", count=1)
            seq = clock.wait("punch", after=mark)["seq"]
            receipt = clock.wait("receipt", after=mark, seq=seq)
            assert (receipt["state"], receipt["number"]) == (1, 10**6 + seq)
        everything_arrived(bridge, clock)
        assert clock.state()["failures"] == {}
        first = bridge.heard[CLOCK_ID].statuses[0]
        assert isinstance(first, Online)
        assert (first.boot, first.connection, first.reader, first.sealed) == (1, 1, "92", True)


def test_a_backlog_drains_in_whole_batches_while_punching_goes_on(shared_site: Site, tmp_path: Path) -> None:
    keys = Keys.of(shared_site.shop, CLOCK_ID)
    with running(ClockProcess(shared_site, tmp_path, keys=keys)) as clock:
        clock.do("punch", count=1000, pace=20)
        clock.wait_state("a backlog", lambda said: not said["wanted"])
        with Bridge(shared_site, keys) as bridge:
            clock.do("punch", count=50)
            everything_arrived(bridge, clock)
            batches = bridge.heard[CLOCK_ID].batches
            assert sum(batches) >= 1000
            assert batches.count(16) > 50, batches


def test_the_bridge_sets_a_wrong_clock_and_the_step_is_in_the_chain(shared_site: Site, tmp_path: Path) -> None:
    keys = Keys.of(shared_site.shop, CLOCK_ID)
    late = ClockProcess(shared_site, tmp_path, keys=keys, rtc_offset_s=-3600)
    with Bridge(shared_site, keys) as bridge, running(late) as clock:
        clock.wait_state("the bridge's time", lambda said: said["source"] == 3)
        everything_arrived(bridge, clock)
        record = bridge.heard[CLOCK_ID].records[FIRST_RECORDS]
        assert record.kind == Kind.TIME_SET
        before = int.from_bytes(record.detail[:4], "big")
        assert record.utc_ms / 1000 - before > 3590
        assert record.utc_ms <= time.time() * 1000 + 1000


def test_a_clock_that_never_had_a_time_connects_as_strictly_as_any_and_gets_one(
    shared_site: Site, tmp_path: Path
) -> None:
    keys = Keys.of(shared_site.shop, CLOCK_ID)
    timeless = ClockProcess(shared_site, tmp_path, keys=keys, rtc_offset_s=None)
    with Bridge(shared_site, keys) as bridge, running(timeless) as clock:
        clock.wait_state("the bridge's time", lambda said: said["source"] == 3)
        everything_arrived(bridge, clock)
        records = bridge.heard[CLOCK_ID].records
        assert records[0].utc_ms == 0
        assert records[FIRST_RECORDS].kind == Kind.TIME_SET


def test_a_clock_that_loses_power_leaves_its_last_will(shared_site: Site, tmp_path: Path) -> None:
    keys = Keys.of(shared_site.shop, CLOCK_ID)
    with Bridge(shared_site, keys) as bridge:
        with running(ClockProcess(shared_site, tmp_path, keys=keys)) as clock:
            clock.wait("link", state=ONLINE)
        statuses = bridge.heard[CLOCK_ID].statuses
        wait_until(lambda: bool(statuses) and statuses[-1] == Offline(boot=1, connection=1), "the last will")
        with running(ClockProcess(shared_site, tmp_path, keys=keys)) as clock:
            clock.wait("link", state=ONLINE)
            wait_until(lambda: isinstance(statuses[-1], Online) and statuses[-1].boot == 2, "the next boot's status")
            everything_arrived(bridge, clock)


def test_identify_reaches_the_clock(shared_site: Site, tmp_path: Path) -> None:
    keys = Keys.of(shared_site.shop, CLOCK_ID)
    with Bridge(shared_site, keys) as bridge, running(ClockProcess(shared_site, tmp_path, keys=keys)) as clock:
        everything_arrived(bridge, clock)
        body = frames.pack_command(Command.IDENTIFY, frames.pack_order(1))
        bridge.publish(CLOCK_ID, Channel.COMMAND, bridge.frame(CLOCK_ID, FrameType.COMMAND, body))
        clock.wait("identify")


# --- failures, and recovery ---


def test_a_broker_killed_again_and_again_loses_no_record(own_site: Site, tmp_path: Path) -> None:
    keys = Keys.of(own_site.shop, CLOCK_ID)
    with Bridge(own_site, keys) as bridge, running(ClockProcess(own_site, tmp_path, keys=keys)) as clock:
        clock.wait("link", state=ONLINE)
        for _ in range(3):
            clock.do("punch", count=60)
            clock.wait_state("some of them", lambda said: said["wanted"] < 40)
            mark = len(clock.events)
            own_site.kill()
            clock.wait("link", after=mark, state=NO_BROKER)
            clock.do("punch", count=30)
            clock.wait_state("punches without a broker", lambda said: not said["wanted"])
            own_site.start()
            clock.wait("link", after=mark, state=ONLINE)
        everything_arrived(bridge, clock)
        assert clock.state()["failures"].get("closed", 0) >= 3


def test_a_bridge_that_stops_and_starts_again_gets_every_record(shared_site: Site, tmp_path: Path) -> None:
    keys = Keys.of(shared_site.shop, CLOCK_ID)
    with Bridge(shared_site, keys) as bridge, running(ClockProcess(shared_site, tmp_path, keys=keys)) as clock:
        clock.wait("link", state=ONLINE)
        clock.do("punch", count=10)
        everything_arrived(bridge, clock)
        bridge.acknowledges = False
        clock.do("punch", count=100, pace=5)
        state = clock.wait_state("all of them kept", lambda said: not said["wanted"])
        assert state["head"] - state["tail"] == 100
        bridge.acknowledges = True
        everything_arrived(bridge, clock)


def test_batches_that_are_lost_on_the_way_are_sent_again(shared_site: Site, tmp_path: Path) -> None:
    keys = Keys.of(shared_site.shop, CLOCK_ID)
    with Bridge(shared_site, keys) as bridge, running(ClockProcess(shared_site, tmp_path, keys=keys)) as clock:
        clock.wait("link", state=ONLINE)
        for _ in range(5):
            bridge.lose_batches = 1
            clock.do("punch", count=100, pace=10)
            everything_arrived(bridge, clock)


def test_a_clock_that_loses_power_with_a_backlog_sends_it_after_the_next_start(
    shared_site: Site, tmp_path: Path
) -> None:
    keys = Keys.of(shared_site.shop, CLOCK_ID)
    with running(ClockProcess(shared_site, tmp_path, keys=keys)) as clock:
        clock.do("punch", count=200, pace=5)
        head = clock.wait_state("a backlog", lambda said: not said["wanted"])["head"]
    with Bridge(shared_site, keys) as bridge, running(ClockProcess(shared_site, tmp_path, keys=keys)) as clock:
        everything_arrived(bridge, clock)
        assert len(bridge.heard[CLOCK_ID].records) == head + 1, "and the second BOOT"


def test_wifi_that_goes_and_comes_is_noticed(shared_site: Site, tmp_path: Path) -> None:
    keys = Keys.of(shared_site.shop, CLOCK_ID)
    with Bridge(shared_site, keys) as bridge, running(ClockProcess(shared_site, tmp_path, keys=keys)) as clock:
        clock.wait("link", state=ONLINE)
        mark = len(clock.events)
        clock.do("wifi", up=False)
        clock.wait("link", after=mark, state=NO_WIFI)
        clock.do("punch", count=20)
        clock.wait_state("punches without Wi-Fi", lambda said: not said["wanted"])
        clock.do("wifi", up=True)
        clock.wait("link", after=mark, state=ONLINE)
        everything_arrived(bridge, clock)


# --- who is not believed ---


def test_a_broker_of_another_authority_is_refused(shared_site: Site, tmp_path: Path) -> None:
    keys = Keys.of(shared_site.shop, CLOCK_ID)
    stranger = other_authority().certificate_der
    clock_process = ClockProcess(shared_site, tmp_path, keys=keys, authority=stranger)
    with Bridge(shared_site, keys) as bridge, running(clock_process) as clock:
        state = clock.wait_state("a refusal", lambda said: said["failures"].get("certificate", 0) >= 2)
        assert set(state["failures"]) == {"certificate"}
        assert state["tail"] == 0
        assert {said["state"] for said in clock.of("link")} == {NO_BROKER}
        assert not bridge.heard[CLOCK_ID].statuses


def test_a_broker_under_another_name_is_refused(shared_site: Site, tmp_path: Path) -> None:
    with ChaosProxy(shared_site.address, listen=("127.0.0.2", 0)) as elsewhere:
        clock_process = ClockProcess(shared_site, tmp_path, host="127.0.0.2", port=elsewhere.port)
        with running(clock_process) as clock:
            state = clock.wait_state("a refusal", lambda said: said["failures"].get("certificate", 0) >= 2)
            assert set(state["failures"]) == {"certificate"}
            assert elsewhere.accepted >= 2


def test_a_broker_by_its_address_needs_no_name_but_must_have_the_address_in_its_certificate(
    shared_site: Site, tmp_path: Path
) -> None:
    keys = Keys.of(shared_site.shop, CLOCK_ID)
    numeric = ClockProcess(shared_site, tmp_path, keys=keys, host="127.0.0.1")
    with Bridge(shared_site, keys) as bridge, running(numeric) as clock:
        clock.wait("link", state=ONLINE)
        everything_arrived(bridge, clock)


def test_a_broker_with_a_certificate_that_ran_out_is_refused(shared_site: Site, tmp_path: Path) -> None:
    expired = certificates.issue_broker(shared_site.shop.authority(), now=datetime(2020, 1, 1, tzinfo=UTC))
    with ChaosProxy(shared_site.address, workshop=shared_site.shop, identity=expired) as broker:
        clock_process = ClockProcess(shared_site, tmp_path, port=broker.port)
        with running(clock_process) as clock:
            state = clock.wait_state("a refusal", lambda said: said["failures"].get("certificate", 0) >= 2)
            assert "expired" in state["last_failure"]


def test_the_broker_refuses_a_clock_of_another_authority(shared_site: Site, tmp_path: Path) -> None:
    keys = Keys.of(shared_site.shop, CLOCK_ID)
    stranger = certificates.issue_clock(other_authority(), CLOCK_ID)
    clock_process = ClockProcess(shared_site, tmp_path, keys=keys, identity=stranger)
    with Bridge(shared_site, keys) as bridge, running(clock_process) as clock:
        state = clock.wait_state("a refusal", lambda said: said["failures"].get("tls", 0) >= 2)
        assert state["tail"] == 0
        assert {said["state"] for said in clock.of("link")} == {NO_BROKER}
        assert not bridge.heard[CLOCK_ID].statuses


def test_a_clock_cannot_speak_or_listen_as_another(shared_site: Site, tmp_path: Path) -> None:
    """A thief has the keys of clock-0002 and the certificate of clock-0001: the broker's access rules stop it.

    Mosquitto accepts such a subscription and publication, and drops what they would carry.
    """
    keys = Keys.of(shared_site.shop, "clock-0002")
    identity = shared_site.shop.clock(CLOCK_ID)
    with Bridge(shared_site, keys) as bridge:
        with running(ClockProcess(shared_site, tmp_path, keys=keys, identity=identity)) as clock:
            clock.wait("link", state=ONLINE)
            for channel in (Channel.ACK, Channel.RECEIPTS, Channel.COMMAND):
                bridge.publish("clock-0002", channel, b"would be counted as rejected")
            clock.do("fresh")
            state = clock.wait_state("a second", lambda said: said["ticks"] >= 100)
            assert (state["rejected"], state["tail"]) == (0, 0)
        assert not bridge.heard["clock-0002"].statuses
        assert not bridge.heard["clock-0002"].batches


def test_thousands_of_random_frames_are_ignored_and_counted(shared_site: Site, tmp_path: Path) -> None:
    keys = Keys.of(shared_site.shop, CLOCK_ID)
    chance = random.Random(7)
    count = 3000
    with Bridge(shared_site, keys) as bridge, running(ClockProcess(shared_site, tmp_path, keys=keys)) as clock:
        clock.wait("link", state=ONLINE)
        before = clock.wait_state("the first ack", lambda said: said["tail"] == said["head"])
        for _ in range(count):
            channel = chance.choice([Channel.ACK, Channel.RECEIPTS, Channel.COMMAND])
            bridge.publish(CLOCK_ID, channel, chance.randbytes(chance.choice([0, 1, 25, 26, 39, 44, 200, 600])))
        state = clock.wait_state("all of them", lambda said: said["rejected"] >= count)
        assert state["rejected"] == count
        assert (state["head"], state["tail"], state["failures"]) == (before["head"], before["tail"], {})
        clock.do("punch", count=3)
        everything_arrived(bridge, clock)


def test_replayed_reordered_and_foreign_frames_are_ignored(shared_site: Site, tmp_path: Path) -> None:
    keys = Keys.of(shared_site.shop, CLOCK_ID)
    with Bridge(shared_site, keys) as bridge, running(ClockProcess(shared_site, tmp_path, keys=keys)) as clock:
        clock.wait("link", state=ONLINE)
        everything_arrived(bridge, clock)
        bridge.acknowledges = False
        clock.do("punch", count=10)
        clock.wait_state("punches", lambda said: not said["wanted"])
        heard = bridge.heard[CLOCK_ID]
        tail = clock.state()["tail"]
        ack = frames.pack_ack(Ack(tail + 4, Verdict.IN_ORDER))
        earlier = bridge.frame(CLOCK_ID, FrameType.ACK, frames.pack_ack(Ack(tail + 9, Verdict.IN_ORDER)))
        later = bridge.frame(CLOCK_ID, FrameType.ACK, ack)
        own_session, heard.session = heard.session, secrets.token_bytes(8)
        foreign = bridge.frame(CLOCK_ID, FrameType.ACK, frames.pack_ack(Ack(tail + 9, Verdict.IN_ORDER)))
        heard.session = own_session
        for frame in (later, later, earlier, foreign):
            bridge.publish(CLOCK_ID, Channel.ACK, frame)
        state = clock.wait_state("three rejections", lambda said: said["rejected"] >= 3)
        assert state["rejected"] == 3
        assert state["tail"] == tail + 4, "only the first of them counted"
