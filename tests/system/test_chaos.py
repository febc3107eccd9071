"""Under every fault of network and broker taps are signalled, no record is lost, nothing false is believed, and the
link comes back by itself.

The clock is the firmware's sealed log and uplink in MicroPython i386, the broker a real Mosquitto,
TLS real. A fault stays until the test lifts it, so a tap that waited for the network would never be signalled: no time
is asserted. How late the badge loop's stand-in was is printed; its figures are the bench's.

The runs wait most of the time, so they run side by side, each with a clock and its own proxy.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from badgeclock.chaos.faults import FAULTS
from badgeclock.chaos.proxy import ChaosProxy
from badgeclock.protocol.record import Kind
from tests.system.uplink_rig import Bridge, ClockProcess, Heard, Keys, Site, compiled_firmware, running, wait_until

NO_WIFI, NO_BROKER, ONLINE = 0, 1, 2
TAPS = 30
SIDE_BY_SIDE = 6

# By which categories of app.errors.LinkError a connection may end under each fault.
ENDS = {
    "refuse": {"connect", "closed", "tls"},
    "black-hole": {"connect", "tls", "silent"},
    "drop": {"closed", "tls"},
    "hang-accept": {"tls", "silent"},
    "slow": {"closed", "tls"},
    "reset-after": {"closed", "tls"},
    "corrupt": {"closed", "tls", "certificate"},
    "split": set(),
    "hang-tls": {"silent"},
    "hang-connect": {"silent"},
    "hang-subscribe": {"silent"},
    "lose": set(),
    "duplicate": set(),
    "reorder": set(),
    "replay": set(),
    "forge": set(),
    "nonsense": {"packet", "oversized", "refused", "closed", "tls", "silent"},
    "takeover": {"closed", "tls"},
}
NO_WIFI_ENDS = {"closed"}
"""The test's own faults: it turns off Wi-Fi to make the clock reconnect."""
DISBELIEVED = {"duplicate", "replay", "forge"}
"""Under these a clock must have ignored frames. It may under others: the bridge may speak in an old session still."""

# A clock's final report of each hang; the longest deadline is twenty seconds.
DEADLINES = {
    "black-hole": "connect: no answer",
    "hang-accept": "tls: no end of the handshake",
    "hang-tls": "silent: no CONNACK",
    "hang-connect": "silent: no SUBACK",
}


class Runs:
    """One run a fault, and one a deadline, side by side over one broker and one bridge."""

    def __init__(self, folder: Path) -> None:
        self.site = Site(folder)
        self.site.start()
        self.folder = folder
        self.keys = {
            name: Keys.of(self.site.shop, f"clock-{name}")
            for name in (*FAULTS, *(f"left-{fault}" for fault in DEADLINES))
        }
        self.bridge = Bridge(self.site, *self.keys.values())
        compiled_firmware()  # once, before all runs need it
        self._pool = ThreadPoolExecutor(SIDE_BY_SIDE)
        self.left = {fault: self._pool.submit(self._until_left, fault) for fault in DEADLINES}
        self.through = {fault: self._pool.submit(self._through, fault) for fault in FAULTS}

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        self.bridge.close()
        self.site.kill()

    def _clock(self, name: str, proxy: ChaosProxy) -> ClockProcess:
        return ClockProcess(self.site, self.folder / name, keys=self.keys[name], port=proxy.port)

    def _through(self, fault: str) -> str:
        """A clock online, the fault, taps on the connection it met and on the next, the end of the fault."""
        heard = self.bridge.heard[f"clock-{fault}"]
        with (
            ChaosProxy(self.site.address, workshop=self.site.shop, seed=1) as proxy,
            running(self._clock(fault, proxy)) as clock,
        ):
            clock.wait("link", state=ONLINE)
            tap(clock, "before the fault")
            proxy.turn(fault)
            clock.do("fresh")
            tap(clock, "on a connection that the fault met")
            clock.do("wifi", up=False)
            clock.wait_state("no Wi-Fi", lambda said: said["link"] == NO_WIFI)
            clock.do("wifi", up=True)
            tap(clock, "while the clock connects through the fault")
            wait_until(lambda: proxy.counts.get(fault, 0) > 0, "the fault to do something")
            tap(clock, "after it did")

            proxy.turn("none")
            clock.wait_state("the link", lambda said: said["link"] == ONLINE)
            everything_arrived(heard, clock)
            state = clock.state()
            assert set(state["failures"]) <= ENDS[fault] | NO_WIFI_ENDS, state["last_failure"]
            assert not clock.of("ended"), "a task of the clock died"
            assert not heard.faults or fault == "forge", heard.faults
            assert state["rejected"] or fault not in DISBELIEVED, state
            return (
                f"{proxy.counts}, ends {state['failures']}, {state['rejected']} frames not believed, {heard.repeated} "
                f"records twice; the ticker was at most {state['latest_ms']} ms late"
            )

    def _until_left(self, fault: str) -> str:
        """A clock under the fault from its start, until it gives up its first try."""
        with (
            ChaosProxy(self.site.address, workshop=self.site.shop, fault=fault) as proxy,
            running(self._clock(f"left-{fault}", proxy)) as clock,
        ):
            tap(clock, f"under {fault}")
            state = clock.wait_state("an end of the try", lambda said: said["failures"])
            assert state["ticks"] >= 300, "it ticked on through at least ten seconds of the try"
            assert state["tail"] == 0
            return str(state["last_failure"])


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    runs = Runs(tmp_path_factory.mktemp("chaos"))
    yield runs
    runs.close()


def tap(clock: ClockProcess, what: str) -> None:
    """TAPS punches, each kept and signalled while the network is as it is."""
    before = len(clock.of("punch"))
    clock.do("punch", count=TAPS)
    clock.wait_state(f"{TAPS} taps {what}", lambda said: not said["wanted"])
    assert len(clock.of("punch")) == before + TAPS


def everything_arrived(heard: Heard, clock: ClockProcess) -> None:
    """Wait until the bridge has everything; then each record once, sealed, and nothing that was said back is false."""
    state = clock.wait_state("an empty journal", lambda said: said["tail"] == said["head"])
    assert sorted(heard.records) == list(range(state["head"]))
    kept = [said["seq"] for said in clock.of("punch")]
    assert kept == [seq for seq, record in sorted(heard.records.items()) if record.kind == Kind.PUNCH]
    assert {(said["state"], said["number"] - said["seq"]) for said in clock.of("receipt")} <= {(1, 10**6)}
    tails = [said["tail"] for said in clock.of("acked")]
    assert tails == sorted(set(tails))


def test_every_fault_is_tried() -> None:
    assert set(ENDS) == set(FAULTS)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_delays_no_tap_loses_no_record_and_is_over_when_it_is_lifted(runs: Runs, fault: str) -> None:
    print(runs.through[fault].result())


@pytest.mark.parametrize("fault", DEADLINES)
def test_a_hang_is_left_at_its_deadline_and_the_badge_loop_turns_all_the_while(runs: Runs, fault: str) -> None:
    assert runs.left[fault].result() == DEADLINES[fault]
