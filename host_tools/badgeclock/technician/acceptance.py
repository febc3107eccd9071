"""Ten minutes with a provisioned board: does this chip behave as docs/chip.md describes? The result is a report.

Over the cable: the image, its memory at each step up to TLS with the clock's own certificates, ten connections to its
broker, reader, clock chip, sealed chain. By hand: badges are held to it and the supply is cut, twice; the records in
its flash must show all of it. The report names no site, network, badge or secret.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from badgeclock import __version__
from badgeclock.technician import image_kind, on_device, reader
from badgeclock.technician.errors import DeviceError
from badgeclock.technician.provision import inspect
from badgeclock.technician.serial_device import SerialDevice, open_device

REPORT_VERSION: Final = 1
CONNECTIONS: Final = 10
PUNCHES: Final = 3
CUTS: Final = 2
JOIN_LIMIT_MS: Final = 30_000
STEADY_BYTES: Final = 2048
"""A loss of memory up to this between the first and the last connection does not count: runs differ by 1 KB."""
IDF_LOW_BYTES: Final = 40 * 1024
"""The least that must stay free in a handshake without the firmware: 58,932 was the lowest seen (docs/chip.md)."""


class Hands(Protocol):
    """The steps for a person beside the clock. Each returns when it is done."""

    def hold_badges(self, count: int) -> None:
        """Wait until the clock is ready, and hold `count` different badges to it."""

    def cut_power(self, number: int) -> None:
        """Cut the supply, restore it, and wait until the clock is ready."""

    def saw_signals(self) -> bool:
        """Whether each badge gave a tone, a green light and its screen."""


@dataclass(frozen=True)
class Step:
    """The memory at a step, in bytes: MicroPython's own heap, then ESP-IDF's; None where there is no ESP-IDF."""

    step: str
    heap_used: int
    heap_free: int
    idf_free: int | None
    idf_largest: int | None
    idf_low: int | None


@dataclass(frozen=True)
class Check:
    """One check, and its result."""

    name: str
    passed: bool
    measured: str


@dataclass
class Report:
    """The results of `run`."""

    micropython: str
    machine: str
    image: str
    firmware: str
    made_at: str
    memory: list[Step] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

    def to_json(self) -> str:
        """The report's text."""
        fields = {"v": REPORT_VERSION, "tools": __version__, "passed": self.passed, **asdict(self)}
        return json.dumps(fields, indent=1) + "\n"


def run(port: str, hands: Hands, say: Callable[[str], None] = lambda _: None) -> Report:
    """Try the clock on `port`. `say` gets a line per check. The clock runs again afterwards.

    Raises DeviceNotFound if nothing answers, ProvisionError if it is not a MicroPython that a clock can use.
    """
    with open_device(port, say) as device:
        report = _begin(device)
        note = _Notes(report, say)
        punches, _ = _chain(device, note)
        _image(device, note)
        if punches is not None:
            _network(device, note)
        device.restart()
    if punches is None:
        return report
    with open_device(port, say) as device:
        found = reader.inspect(device, say)  # restarts it
    note("reader", found.fault is None, found.sentence)
    hands.hold_badges(PUNCHES)
    note("signals", hands.saw_signals(), "tone, green light and screen at each badge, as the person beside it says")
    with open_device(port, say) as device:
        kept, at_cuts = _state(device)
        note("punches", kept - punches >= PUNCHES, f"{kept - punches} kept of {PUNCHES} badges")
        _rtc(device, note)
        device.restart()
    for number in range(CUTS):
        hands.cut_power(number + 1)
    with open_device(port, say) as device:
        after, ended = _state(device)
        starts = ended - at_cuts
        note("power cuts", starts > CUTS and after >= kept, f"{starts} starts since, {kept - after} punches lost")
        device.restart()
    return report


class _Notes:
    def __init__(self, report: Report, say: Callable[[str], None]) -> None:
        self.report = report
        self._say = say

    def __call__(self, name: str, passed: bool, measured: str) -> None:  # noqa: FBT001  the result of a check
        self.report.checks.append(Check(name, passed, measured))
        self._say(f"{'pass' if passed else 'FAIL'}  {name}: {measured}")

    def ask(self, device: SerialDevice, code: str) -> Any:
        """The last answer; the memory at each step goes into the report."""
        answers = [json.loads(line) for line in device.run(code).split("\n") if line.strip() not in {"", "."}]
        self.report.memory += [Step(*answer) for answer in answers if isinstance(answer, list)]
        return answers[-1] if answers else None


def _begin(device: SerialDevice) -> Report:
    measured = device.read("/firmware.json")
    return Report(
        micropython=".".join(map(str, device.info.version)),
        machine=device.info.machine,
        image=device.image().kind.name,
        firmware=json.loads(measured)["hash"] if measured else "",
        made_at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    )


def _chain(device: SerialDevice, note: _Notes) -> tuple[int | None, int]:
    """Punches in the flash and boot count; None without a sealed chain, and then nothing else can be checked."""
    state = inspect(device)
    if not state.has_live_key or state.secrets is None:
        note("chain", False, "there is no clock on this chip: provision it first")  # noqa: FBT003
        return None, 0
    punches, boot = _state(device, inspected=state.has_live_key)
    note("chain", True, f"sealed, {punches} punches in the flash")  # noqa: FBT003
    return punches, boot


def _state(device: SerialDevice, *, inspected: bool = False) -> tuple[int, int]:
    """Punches in the flash, and the boot count."""
    if not inspected:
        device.run(on_device.INSPECT)
    device.run(on_device.ACCEPTANCE)
    slot = device.ask("print(json.dumps(bc_key_slot(bc_partitions()['seal'])))")
    return int(device.ask("bc_punches()")), int(slot[2])


def _image(device: SerialDevice, note: _Notes) -> None:
    image = device.image().kind
    note("image", image is image_kind.Kind.OWN, "; ".join(image_kind.sentences(image)))


def _network(device: SerialDevice, note: _Notes) -> None:
    """Wi-Fi and TLS as the clock would, without its firmware."""
    now = datetime.now(UTC)
    utc = (now.year, now.month, now.day, 0, now.hour, now.minute, now.second, 0)
    try:
        joined = note.ask(device, f"bc_join({utc!r}, {JOIN_LIMIT_MS})")
        note("Wi-Fi", joined is not None, f"{joined} ms" if joined is not None else "no address in 30 s")
        if joined is None:
            return
        note.ask(device, "bc_context()")
        took = [int(note.ask(device, "bc_handshake()")) for _ in range(CONNECTIONS)]
    except DeviceError as error:
        note("connections", False, error.kind)  # noqa: FBT003
        return
    note("connections", True, f"{CONNECTIONS} with mutual TLS, {min(took)} to {max(took)} ms each")  # noqa: FBT003
    closed = [step.idf_free for step in note.report.memory if step.step == "closed" and step.idf_free is not None]
    lows = [step.idf_low for step in note.report.memory if step.idf_low is not None]
    if closed and lows:
        lost = closed[0] - closed[-1]
        note("memory", lost <= STEADY_BYTES and min(lows) >= IDF_LOW_BYTES, f"lowest {min(lows)}, lost {lost} bytes")


def _rtc(device: SerialDevice, note: _Notes) -> None:
    device.run(on_device.RTC)
    try:
        measured = device.ask("bc_time()")
    except DeviceError as error:
        note("RTC", False, error.kind)  # noqa: FBT003
        return
    off = abs(measured - time.time()) if measured is not None else None
    note("RTC", off is not None and off <= 5.0, "never set" if off is None else f"{off:.1f} s off")
