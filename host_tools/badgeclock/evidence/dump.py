"""Records as a clock sent them: 64 bytes each in a file, or the lines of `mosquitto_sub -F '%t %x'`.

A clock repeats unacknowledged records, so numbers repeat and go back. A broker's order of delivery is not evidence; the
numbers are. STATUS frames among the lines, authenticated with the clock's own key, show the state of its chain: an
anchor.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass, field
from typing import Final

from badgeclock.errors import EvidenceError
from badgeclock.evidence.findings import Findings, Reason
from badgeclock.evidence.keys import ClockKeys
from badgeclock.evidence.timeline import Run, runs_of
from badgeclock.protocol import frames, topics
from badgeclock.protocol import record as records
from badgeclock.protocol.errors import FrameRefused, RecordRefused, TopicRefused
from badgeclock.protocol.frames import FrameType, Online
from badgeclock.protocol.record import RECORD_BYTES
from badgeclock.protocol.topics import Channel

_TEXT_START: Final = b"badgeclock/"


@dataclass(frozen=True, slots=True)
class Anchor:
    """A known state: when the next number was `next_seq`, the chain's tag was `tag`. `source` for people.

    `from_status`: from a STATUS, which may be ahead of the records sent.
    """

    next_seq: int
    tag: bytes
    source: str
    from_status: bool = False


@dataclass(slots=True)
class Dump:
    """One clock's content of a dump."""

    runs: list[Run] = field(default_factory=list)
    anchors: list[Anchor] = field(default_factory=list)


def read(data: bytes | memoryview, keys: ClockKeys, source: str, findings: Findings) -> Dump:
    """The records of the keys' clock; other clocks' lines are left out.

    Raises EvidenceError, naming `source` and the line but none of its content, if it is not a dump.
    """
    view = memoryview(data)
    if bytes(view[:3]) == codecs.BOM_UTF8:
        view = view[3:]
    if bytes(view[: len(_TEXT_START)]) == _TEXT_START:
        return _read_lines(bytes(view), keys, source, findings)
    if len(view) < RECORD_BYTES or view[0] != records.FORMAT:
        raise EvidenceError(
            what=f"{source} is no dump: it begins neither with a record nor with a topic",
            kept="nothing was judged",
            do="give records of 64 bytes one after another, or lines of `mosquitto_sub -F '%t %x'`",
        )
    whole = len(view) // RECORD_BYTES * RECORD_BYTES
    if whole != len(view):
        findings.add(Reason.LENGTH, None, place=f"end of {source}")
    return Dump(runs_of(view[:whole], source))


def _read_lines(data: bytes, keys: ClockKeys, source: str, findings: Findings) -> Dump:
    dump = Dump()
    raws = bytearray()
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        where = f"{source}, line {number}"
        clock_id, channel, payload = _line(line, where)
        if clock_id != keys.clock_id:
            continue
        if channel is Channel.PUNCHES:
            try:
                records.split(payload)
            except RecordRefused:
                findings.add(Reason.LENGTH, None, place=where)
            else:
                raws += payload
        elif channel is Channel.STATUS and keys.link_key is not None:
            dump.anchors += _anchors(payload, keys, where)
    dump.runs = runs_of(bytes(raws), source)
    return dump


def _line(line: bytes, where: str) -> tuple[str, Channel, bytes]:
    topic, _, payload = line.strip().partition(b" ")
    try:
        clock_id, channel = topics.parse(topic.decode("ascii"))
        return clock_id, channel, bytes.fromhex(payload.decode("ascii"))
    except (ValueError, TopicRefused):
        raise EvidenceError(
            what=f"{where} is no topic with its payload in hexadecimal digits",
            kept="nothing was judged",
            do="write the dump with `mosquitto_sub -F '%t %x'`, whole lines",
        ) from None


def _anchors(payload: bytes, keys: ClockKeys, where: str) -> list[Anchor]:
    """The head and tag in a STATUS of this clock; nothing from any other."""
    assert keys.link_key is not None
    try:
        frame = frames.open_frame(frames.upward_key(keys.link_key), keys.clock_id, frames.NO_SESSION, payload)
        status = frames.unpack_status(frame.body) if frame.type == FrameType.STATUS else None
    except FrameRefused:
        return []
    if not isinstance(status, Online) or not status.head:
        return []
    return [Anchor(status.head, status.tag, f"STATUS in {where}", from_status=True)]
