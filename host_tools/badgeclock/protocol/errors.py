"""Errors for bytes that violate docs/protocol.md, or whose seal is not valid."""

from __future__ import annotations

from badgeclock.errors import ProtocolError


class TopicRefused(ProtocolError):
    """A name that is not a topic, or not a clock id, of this protocol."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(
            what=f"{text[:80]!r} is no clock id or topic of badgeclock/v1",
            kept="nothing of the message; the clock keeps its records",
            do="use a clock id of 3 to 23 characters of a-z, 0-9 and -, and the broker's access list as generated",
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (TopicRefused, (self.text,))


class RecordRefused(ProtocolError):
    """Bytes that are not a record. `reason` is a stable word for events and metrics."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            what=f"these bytes are no record of format 1: {reason}",
            kept="nothing is acknowledged, so the clock keeps its records",
            do="look at the clock that sent them; if others send the same, compare the versions of bridge and firmware",
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (RecordRefused, (self.reason,))


class SealFailed(ProtocolError):
    """A record without a valid seal of the clock. `reason` is a stable word for events and metrics."""

    def __init__(self, reason: str, seq: int) -> None:
        self.reason = reason
        self.seq = seq
        super().__init__(
            what=f"record {seq} fails its seal: {reason}",
            kept="the records before it; this one is not acknowledged, so the clock sends it again",
            do="if it fails again, take the clock out of service and keep it: its flash is evidence",
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.reason, self.seq))


class SealGap(SealFailed):
    """A record after the expected one, without a burnt slot to explain the gap."""


class FrameRefused(ProtocolError):
    """Bytes that are not a frame of this clock, or a body that does not fit its type. `reason` is a stable word."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            what=f"a frame is refused: {reason}",
            kept="everything as it was before the frame",
            do="if it goes on, check that clock and bridge hold the same link key and who else may write to the broker",
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (FrameRefused, (self.reason,))
