"""The marks of a clock: is it online, does it keep up, does it work. Pure: from known facts to marks with reasons.

A mark names a fault, and what to do; a clock without marks needs no attention. `health_monitor` checks every clock and
writes an event when a mark comes or goes, never for a heartbeat.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

from badgeclock.bridge.intake.status_frame import Memory
from badgeclock.bridge.store.event_log import Severity
from badgeclock.bridge.store.states import ClockState

HEARTBEAT_S: Final = 600
"""For a clock that does not report its own."""
BEATS_MISSED: Final = 3
SILENCE_GRACE_MS: Final = 60_000
OFFLINE_GRACE_MS: Final = 60_000
"""A clock that reconnects within this long does not count as offline: every clock reconnects after a restart of the
broker."""
NEVER_HEARD_MS: Final = 86_400_000
"""A newly added clock must be online by then."""
BEHIND_RECORDS: Final = 500
BEHIND_FEW_MS: Final = 15 * 60_000
"""Nothing arrived for this long, and records are missing here, however few."""
BEHIND_MANY_MS: Final = 2 * 60_000
"""The same for more than BEHIND_RECORDS."""
TIME_ERROR_MS: Final = 2000
"""The step above which a clock records TIME_SET (docs/protocol.md §2)."""
CERTIFICATE_DAYS: Final = 30
WEAR_ERASES: Final = 80_000
"""Four fifths of the endurance of a NOR flash (Winbond W25Q32JV, "More than 100,000 erase/program cycles")."""
STARTS: Final = 5
STARTS_MS: Final = 86_400_000
"""So many starts within a day are not a technician's: it crashes repeatedly, or its plug is loose."""
WATCHDOG: Final = 3
"""The reset cause of a BOOT record (docs/protocol.md §2)."""
TEAR_STARTS: Final = 3
TEAR_DAYS: Final = 7
"""So many starts within so many days that found a torn record: the power fails repeatedly, or the flash does."""
HEAP_BYTES: Final = 4_000
"""A clock on the official image has 6,600 bytes free, growth not counted (docs/chip.md), one on its own image
40,000."""
COLDEST_C: Final = -20
HOTTEST_C: Final = 70
"""An RC522 is specified from -25 to 85 °C, and displays of these kinds from -30 or -40 to 70 (their data sheets)."""
WEAK_DBM: Final = -80

_DAY_MS: Final = 86_400_000
_WORKING: Final = frozenset({"no-reset", "no-irq"})
"""Faults of a reader that reads badges nevertheless."""


class Mark(StrEnum):
    """The kinds of trouble of a clock."""

    OFFLINE = "offline"
    """Its last will arrived: the broker lost the connection."""
    SILENT = "silent"
    """It is connected to the broker, but its heartbeat does not arrive."""
    BEHIND = "behind"
    """It has records that are not in the store, and they do not arrive."""
    UNHEALTHY = "unhealthy"
    """It is online, and reports a fault."""


class Reason(NamedTuple):
    """Why a clock is marked. `cause` is a stable word, one per mark and clock; `severity` of its event, None if another
    event reports it already.
    """

    mark: Mark
    cause: str
    detail: str
    severity: Severity | None = Severity.WARNING


TO_DO: Final[Mapping[str, str]] = {
    "offline": "its power and network; the bottom line of its display says how far it gets",
    "silent": "order a capture; if no report comes, restart it at its plug: it keeps every punch",
    "never-heard": "its power and network; if it is not to come, retire it with --gone",
    "behind": "order a capture and look at its failures; look at the network between it and the broker",
    "reader-broken": "badges are not read: docs/troubleshooting.md has its word",
    "reader": "it works; mend the wire at the next visit (docs/troubleshooting.md)",
    "unsealed": "provision it again, once its records are here",
    "memory": "find out why it does not reach the bridge",
    "time": "order a restart; if it stays, exchange the battery of its RTC",
    "certificate": "badgeclock ca renew clock, then provision it over the cable",
    "wear": "exchange the module at the next visit",
    "watchdog": "order a capture; if it comes again, exchange the module, and report it to us",
    "restarts": "its power supply and plug; its FAULT records say whether it dies by itself",
    "tears": "its power supply; if that is good, exchange the module: its flash fails",
    "display": "its wiring; workers hear the tones and see no words",
    "rtc": "its wiring and battery; the time comes from the bridge meanwhile",
    "heap": "order a restart, and send us what a capture says",
    "temperature": "sun, frost or a heater at the clock",
    "signal": "move the access point or the clock",
    "case": "look at the clock, and at who opened it",
}
"""What to do, by cause."""


def mark_of(cause: str) -> Mark:
    """The mark that a cause belongs to."""
    return _MARKS.get(cause, Mark.UNHEALTHY)


_MARKS: Final[Mapping[str, Mark]] = {
    "offline": Mark.OFFLINE,
    "silent": Mark.SILENT,
    "never-heard": Mark.SILENT,
    "behind": Mark.BEHIND,
}


@dataclass(frozen=True, slots=True)
class Facts:
    """The known facts about one clock.

    `status` is the last accepted STATUS and `status_ms` its time; `missing` counts records that it has and the store
    has not, and `still_ms` is how long none arrived; `heard_from_ms` is since when the bridge has been connected to its
    broker without a break, None while it is not; `started_ms` are the recent starts, and `torn_ms` those that found
    torn records; `added_ms` is when it was added, if known.
    """

    state: ClockState
    online: bool
    status_ms: int | None
    status: Mapping[str, Any] | None
    missing: int
    still_ms: int
    heard_from_ms: int | None
    started_ms: tuple[int, ...] = ()
    torn_ms: tuple[int, ...] = ()
    added_ms: int | None = None


def reasons(facts: Facts, now_ms: int) -> list[Reason]:
    """Every mark of the clock, with its reason. None for a retired clock."""
    if facts.state is ClockState.RETIRED:
        return []
    if facts.status is None or facts.status_ms is None:
        return _never_heard(facts.added_ms, now_ms)
    if facts.status.get("retired"):
        return []
    return [
        *_presence(facts, facts.status, facts.status_ms, now_ms),
        *_parts(facts.status),
        *_starts(facts.status, facts.started_ms, facts.torn_ms, now_ms),
        *_figures(facts.status, now_ms),
    ]


def next_look_ms(facts: Facts, now_ms: int) -> int | None:
    """When the marks may differ by the time alone, if nothing else changes; None if they cannot."""
    if facts.state is ClockState.RETIRED:
        return None
    status, status_ms = facts.status, facts.status_ms
    if status is None or status_ms is None:
        steps = [] if facts.added_ms is None else [facts.added_ms + NEVER_HEARD_MS]
    elif status.get("retired"):
        steps = []
    else:
        steps = [at_ms + STARTS_MS + 1 for at_ms in facts.started_ms]
        steps += [at_ms + TEAR_DAYS * _DAY_MS + 1 for at_ms in facts.torn_ms]
        until_s = status.get("cert_until")
        steps += [] if until_s is None else [until_s * 1000 - CERTIFICATE_DAYS * _DAY_MS + 1]
        if not facts.online:
            steps.append(status_ms + OFFLINE_GRACE_MS)
        elif facts.heard_from_ms is not None:
            steps.append(max(status_ms, facts.heard_from_ms) + _silent_after_ms(status) + 1)
        if facts.missing > 0:
            steps.append(now_ms - facts.still_ms + _patience_ms(facts.missing))
    return min((step for step in steps if step > now_ms), default=None)


def _silent_after_ms(status: Mapping[str, Any]) -> int:
    return BEATS_MISSED * _beat_s(status) * 1000 + SILENCE_GRACE_MS


def _beat_s(status: Mapping[str, Any]) -> int:
    return status.get("heartbeat_s") or HEARTBEAT_S


def _patience_ms(missing: int) -> int:
    return BEHIND_MANY_MS if missing > BEHIND_RECORDS else BEHIND_FEW_MS


def _never_heard(added_ms: int | None, now_ms: int) -> list[Reason]:
    if added_ms is None or now_ms - added_ms < NEVER_HEARD_MS:
        return []
    return [Reason(Mark.SILENT, "never-heard", f"it was added at {_moment(added_ms)}, and nothing of it ever came")]


def _presence(facts: Facts, status: Mapping[str, Any], status_ms: int, now_ms: int) -> list[Reason]:
    if not facts.online:
        if now_ms - status_ms < OFFLINE_GRACE_MS:
            return []
        return [Reason(Mark.OFFLINE, "offline", f"its connection ended at {_moment(status_ms)}")]
    if facts.heard_from_ms is None:
        return []  # the bridge itself has no broker
    if now_ms - max(status_ms, facts.heard_from_ms) > _silent_after_ms(status):
        what = f"no status since {_moment(status_ms)}; one is due every {_beat_s(status)} s"
        return [Reason(Mark.SILENT, "silent", what)]
    if facts.state is ClockState.QUARANTINED:
        return []  # its records are kept aside, which its quarantine reports
    if facts.missing > 0 and facts.still_ms >= _patience_ms(facts.missing):
        what = f"{facts.missing} records are missing here, and none came for {facts.still_ms // 60_000} minutes"
        return [Reason(Mark.BEHIND, "behind", what)]
    return []


def _reason(cause: str, detail: str, severity: Severity | None = Severity.WARNING) -> Reason:
    return Reason(Mark.UNHEALTHY, cause, detail, severity)


def _parts(status: Mapping[str, Any]) -> Iterator[Reason]:
    """Marks from the clock's report on its parts. A figure that it does not report is not a fault."""
    fault = status.get("reader_fault")
    if fault in _WORKING:
        yield _reason("reader", f"its reader says {fault}")
    elif fault is not None or status.get("reader", "") is None:
        yield _reason("reader-broken", f"its reader says {fault or 'nothing'}", Severity.ALARM)
    if status.get("display_faults"):
        yield _reason("display", "its display did not answer")
    if status.get("rtc_faults"):
        yield _reason("rtc", "its RTC chip did not answer, or contradicted the bridge")
    if status.get("case_open"):
        yield _reason("case", "its case is open")
    if (status.get("wear") or 0) >= WEAR_ERASES:
        yield _reason("wear", f"its flash was erased {WEAR_ERASES} times or more")


def _starts(
    status: Mapping[str, Any], started_ms: tuple[int, ...], torn_ms: tuple[int, ...], now_ms: int
) -> Iterator[Reason]:
    """Marks from the clock's starts."""
    if status.get("reset") == WATCHDOG:
        yield _reason("watchdog", "its watchdog restarted it: the badge loop had stopped")
    if len([at for at in started_ms if now_ms - at <= STARTS_MS]) >= STARTS:
        yield _reason("restarts", f"it started {STARTS} times or more within a day")
    if len([at for at in torn_ms if now_ms - at <= TEAR_DAYS * _DAY_MS]) >= TEAR_STARTS:
        yield _reason("tears", f"{TEAR_STARTS} or more starts within {TEAR_DAYS} days found a torn record")


def _figures(status: Mapping[str, Any], now_ms: int) -> Iterator[Reason]:
    """Marks from the clock's report on its key, memory, time, certificate and environment."""
    if not status["sealed"]:
        yield _reason("unsealed", "it cannot read its key", None)
    if Memory.of(status["free"], status["capacity"]) is not Memory.ROOM:
        yield _reason("memory", "80 % or more of its memory wait for the bridge", None)
    bound_ms = status.get("bound_ms")
    if bound_ms is None or bound_ms > TIME_ERROR_MS:
        yield _reason("time", f"its time may be off by more than {TIME_ERROR_MS // 1000} s")
    until_s = status.get("cert_until")
    if until_s is not None and until_s * 1000 - now_ms < CERTIFICATE_DAYS * _DAY_MS:
        severity = Severity.ALARM if until_s * 1000 <= now_ms else Severity.WARNING
        yield _reason("certificate", f"its certificate ends at {_moment(until_s * 1000)}", severity)
    if status["heap_free"] < HEAP_BYTES:
        yield _reason("heap", f"less than {HEAP_BYTES} bytes of its memory are free")
    temperature = status.get("temperature")
    if temperature is not None and not COLDEST_C <= temperature <= HOTTEST_C:
        yield _reason("temperature", f"it is {temperature} °C in its case")
    rssi = status.get("rssi")
    if rssi is not None and rssi <= WEAK_DBM:
        yield _reason("signal", f"its access point's signal is {WEAK_DBM} dBm or less")


class Silence(NamedTuple):
    """A person's acknowledgement of a cause: who and why, and since when (ms UTC). It ends when the cause does."""

    cause: str
    by: str
    why: str
    since_ms: int


class Standing(NamedTuple):
    """What is kept of a clock between checks: reasons and since when, its newest start, when the last few starts were
    seen, those that found torn records, and the silenced causes.
    """

    reasons: tuple[tuple[Reason, int], ...] = ()
    boot: int = -1
    started_ms: tuple[int, ...] = ()
    torn_ms: tuple[int, ...] = ()
    silences: tuple[Silence, ...] = ()

    @classmethod
    def of(cls, kept: Mapping[str, Any] | None) -> Standing:
        """From a clock's row."""
        if kept is None:
            return cls()
        found = tuple(
            (
                Reason(Mark(one["mark"]), one["cause"], one["detail"], one["severity"] and Severity(one["severity"])),
                one["since_ms"],
            )
            for one in kept["reasons"]
        )
        silences = tuple(Silence(**one) for one in kept.get("silences", ()))
        return cls(found, kept["boot"], tuple(kept["started_ms"]), tuple(kept["torn_ms"]), silences)

    def to_json(self) -> dict[str, Any]:
        """For a clock's row."""
        reasons_kept = [{**reason._asdict(), "since_ms": since_ms} for reason, since_ms in self.reasons]
        starts = {"boot": self.boot, "started_ms": list(self.started_ms), "torn_ms": list(self.torn_ms)}
        silences = {"silences": [one._asdict() for one in self.silences]} if self.silences else {}
        return {"reasons": reasons_kept, **starts, **silences}

    @property
    def open(self) -> tuple[tuple[Reason, int], ...]:
        """The reasons that are not silenced, and since when."""
        silenced = {one.cause for one in self.silences}
        return tuple((reason, since_ms) for reason, since_ms in self.reasons if reason.cause not in silenced)

    def with_silences(self, wanted: tuple[Silence, ...]) -> Standing:
        """With these silences, as far as their causes are still present."""
        causes = {reason.cause for reason, _ in self.reasons}
        return self._replace(silences=tuple(one for one in wanted if one.cause in causes))

    def with_start(self, status: Mapping[str, Any] | None, now_ms: int) -> Standing:
        """After a STATUS: each start counts once, including those that only the boot count shows. Starts before the
        first one seen here do not count.
        """
        if status is None or status["boot"] == self.boot:
            return self
        starts = min(max(1, status["boot"] - self.boot), STARTS) if self.boot >= 0 else 0
        return self._replace(
            boot=status["boot"],
            started_ms=(*self.started_ms, *[now_ms] * starts)[-STARTS:],
            torn_ms=(*self.torn_ms, *[now_ms] * bool(status.get("tears")))[-TEAR_STARTS:],
        )

    def with_reasons(self, found: list[Reason], now_ms: int) -> Standing:
        """After a check. A reason that persists keeps its text, its time and its silence."""
        before = {reason.cause: (reason, since_ms) for reason, since_ms in self.reasons}
        after = self._replace(reasons=tuple(before.get(reason.cause, (reason, now_ms)) for reason in found))
        return after.with_silences(self.silences)


def changes(before: Standing, after: Standing) -> tuple[list[Reason], list[Reason]]:
    """The new reasons and those that ended."""
    had, has = {one.cause for one, _ in before.reasons}, {one.cause for one, _ in after.reasons}
    return (
        [reason for reason, _ in after.reasons if reason.cause not in had],
        [reason for reason, _ in before.reasons if reason.cause not in has],
    )


def describe(kept: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """A clock's marks for people and programs, with what to do."""
    return [
        {
            "mark": reason.mark.value,
            "cause": reason.cause,
            "detail": reason.detail,
            "since_ms": since_ms,
            "to_do": TO_DO[reason.cause],
        }
        for reason, since_ms in Standing.of(kept).reasons
    ]


def _moment(ms: int) -> str:
    """UTC, to the minute; a time outside the calendar as a number."""
    try:
        return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M}Z"
    except (ValueError, OverflowError, OSError):
        return f"{ms} ms"
