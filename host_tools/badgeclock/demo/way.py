"""The result of each tap, from the clock's own events and the bridge's list of punches, by pure functions.

A tap is over when the display has shown its result: the reception number, a refusal, or an unknown badge. The firmware
is not queried; only the clock's display is read.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from badgeclock.demo.cast import Badge, EndState
from badgeclock.virtual.events import Event

# The display's texts for each result (firmware/app/ui/words.py, English).
END_WORDS = {
    EndState.REGISTERED: ("Confirmed by", "NSSO"),
    EndState.UNASSIGNED: ("Unknown badge",),
    EndState.REFUSED: ("Refused",),
}
# States of the store that are the same result for a worker: the content check comes seconds after the reception number.
END_STATES = {
    EndState.REGISTERED: ("REGISTERED", "VALIDATED", "REMARKS"),
    EndState.UNASSIGNED: ("UNASSIGNED",),
    EndState.REFUSED: ("REFUSED",),
}

_SEQ = re.compile(r"#(\d+)\b")


@dataclass(frozen=True, slots=True)
class Tap:
    """A badge that was held to the clock at `t_field_ms` on the board's monotonic clock."""

    badge: Badge
    t_field_ms: float


@dataclass(frozen=True, slots=True)
class Way:
    """The progress of a tap. Times are milliseconds from the badge's entry into the field; None: not seen yet.

    `display` is the display's last text on this punch; `state` the bridge's state, or TAPPED or KEPT.
    """

    badge: Badge
    seq: int | None
    tap_to_signal_ms: float | None
    tap_to_registered_ms: float | None
    display: tuple[str, ...]
    state: str
    reception_number: int | None

    @property
    def ended_on_display(self) -> bool:
        """Whether the display has shown this badge's expected result, with the last digits of its number if any."""
        text = " ".join(self.display)
        if not all(word in text for word in END_WORDS[self.badge.end]):
            return False
        return self.reception_number is None or str(self.reception_number)[-6:] in text

    @property
    def ended(self) -> bool:
        """Whether display and store both show the expected result."""
        numbered = (self.reception_number is not None) == (self.badge.end is EndState.REGISTERED)
        return self.ended_on_display and self.state in END_STATES[self.badge.end] and numbered

    def as_json(self) -> dict[str, Any]:
        """The line that `badgeclock demo --once --json` prints."""
        return {
            "badge": self.badge.key,
            "seq": self.seq,
            "state": self.state,
            "reception_number": self.reception_number,
            "tap_to_signal_ms": self.tap_to_signal_ms,
            "tap_to_registered_ms": self.tap_to_registered_ms,
            "display": list(self.display),
        }


def follow(taps: Sequence[Tap], events: Iterable[Event], punches: Iterable[Mapping[str, Any]]) -> list[Way]:
    """The progress of each tap, in order.

    `taps` ascending in time; `events` the clock's, ascending; `punches` of this one clock, as the bridge's /api/punches
    gives them. The first tone after a tap is its signal; the first "#seq" that the display shows after it and not
    before is its punch.
    """
    events = list(events)
    by_seq = {int(punch["seq"]): punch for punch in punches}
    taken: set[int] = set()
    ways = []
    for index, tap in enumerate(taps):
        until = taps[index + 1].t_field_ms if index + 1 < len(taps) else float("inf")
        own = [event for event in events if event["t_ms"] >= tap.t_field_ms]
        signal = next((event for event in own if event["kind"] == "tone_on" and event["t_ms"] < until), None)
        seq = next(
            (found for event in own if event["t_ms"] < until for found in _seqs(event) if found not in taken), None
        )
        if seq is not None:
            taken.add(seq)
        about = [event for event in own if seq is not None and seq in _seqs(event)]
        punch = by_seq.get(seq) if seq is not None else None
        number = punch["reception_number"] if punch else None
        end = next((event for event in about if number is not None and str(number)[-6:] in _text(event)), None)
        ways.append(
            Way(
                badge=tap.badge,
                seq=seq,
                tap_to_signal_ms=round(signal["t_ms"] - tap.t_field_ms, 1) if signal else None,
                tap_to_registered_ms=round(end["t_ms"] - tap.t_field_ms, 1) if end else None,
                display=tuple(line.strip() for line in about[-1]["lines"] if line.strip()) if about else (),
                state=str(punch["state"]) if punch else ("KEPT" if seq is not None else "TAPPED"),
                reception_number=number,
            )
        )
    return ways


def _text(event: Event) -> str:
    return " ".join(event.get("lines", ()))


def _seqs(event: Event) -> list[int]:
    """The record numbers a display event shows; none for other events."""
    return [int(number) for number in _SEQ.findall(_text(event))] if event["kind"] == "display" else []
