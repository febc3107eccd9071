"""Frames: all messages between a clock and the bridge except records (docs/protocol.md §6 and §7).

`seal_frame` and `open_frame` are the envelope, the rest are bodies. For any bytes a reader returns a value or raises
`FrameRefused`, never another exception.
"""

from __future__ import annotations

import hmac
import json
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, NamedTuple

from badgeclock.protocol.errors import FrameRefused
from badgeclock.protocol.record import NO_BEACON, TAG_BYTES

FRAME_FORMAT: Final = 1
FRAME_BYTES_MAX: Final = 1024
SESSION_BYTES: Final = 8
NO_SESSION: Final = bytes(SESSION_BYTES)
"""The session of every upward frame."""
RECEIPTS_MAX: Final = 32
LAST_WILL_NUMBER: Final = 0xFFFF_FFFF
DESK_PAYLOAD_MAX: Final = 255
REASON_MAX: Final = 120

_HEAD: Final = struct.Struct(">BBQ")
_ACK: Final = struct.Struct(">IB8s")
_RECEIPT: Final = struct.Struct(">IIBBQ")
_TIME: Final = struct.Struct(">QQ")
_DESK: Final = struct.Struct(">IHB")
_ROSTER: Final = struct.Struct(">IHH")
_ROSTER_ANSWER: Final = struct.Struct(">IHB")
_SETTINGS: Final = struct.Struct(">I")
_DESK_BLOCK: Final = 32
_DESK_SEQ_BYTES: Final = 4
_U16: Final = 0xFFFF
_U32: Final = 0xFFFF_FFFF
_U64: Final = 0xFFFF_FFFF_FFFF_FFFF


class FrameType(IntEnum):
    """Second byte of a frame."""

    STATUS = 0x01
    DESK_ANSWER = 0x02
    SEALED_DESK_ANSWER = 0x05
    REPORT = 0x03
    ROSTER_ANSWER = 0x04
    ACK = 0x11
    RECEIPTS = 0x12
    TIME = 0x13
    COMMAND = 0x14
    DESK = 0x15
    SEALED_DESK = 0x18
    ROSTER = 0x16
    SETTINGS = 0x17


class Verdict(IntEnum):
    """An ACK's verdict on received records."""

    IN_ORDER = 0
    GAP = 1
    QUARANTINE = 2


class ReceiptState(IntEnum):
    """A receipt's state of one punch. A later receipt for the same seq replaces an earlier one."""

    REGISTERED = 1
    REFUSED = 2
    UNKNOWN_BADGE = 3
    VALIDATED = 4
    REMARKS = 5
    OPERATOR = 6
    OF_DAY = 7
    """The punch belongs to a day whose number this is; the error code says how many days before the punch's own."""


class Command(IntEnum):
    """The commands to a clock."""

    IDENTIFY = 1
    SELF_TEST = 2
    RESTART = 3
    CAPTURE = 4
    RETIRE = 5


_REPORTED: Final = (Command.IDENTIFY, Command.SELF_TEST, Command.CAPTURE)
"""The commands that a clock answers with a REPORT."""


class DeskStep(IntEnum):
    """The steps of the badge desk for a clock."""

    OPEN = 1
    BADGE = 2
    APDU = 3
    CLOSE = 4


class DeskEnd(IntEnum):
    """What a clock shows at the end of a job of the badge desk."""

    NOTHING = 0
    DONE = 1
    FAILED = 2


class DeskResult(IntEnum):
    """The results of a step of the badge desk."""

    DONE = 1
    BADGE = 2
    ANSWER = 3
    SEVERAL = 4
    UNFIT = 5
    GONE = 6
    ENDED = 7


class RosterResult(IntEnum):
    """A clock's answers to a part of a roster."""

    NEXT = 0
    IN_USE = 1
    TOO_LONG = 2
    SEAL = 3
    FLASH = 4


class Frame(NamedTuple):
    """An authenticated frame: its type as sent, its counter (64 bits) and its body."""

    type: int
    counter: int
    body: bytes


class Ack(NamedTuple):
    """Every record with seq < `next_seq` is committed."""

    next_seq: int
    verdict: Verdict
    beacon: bytes = NO_BEACON


class Receipt(NamedTuple):
    """One entry of RECEIPTS; `reception_number` is 0 if there is none."""

    number: int
    seq: int
    state: ReceiptState
    error_code: int
    reception_number: int


class Time(NamedTuple):
    """The bridge's time in ms since 1970-01-01 UTC, in answer to the STATUS with that counter."""

    utc_ms: int
    answers: int


class Desk(NamedTuple):
    """A step of the badge desk or its result: `word` is a DeskStep or a DeskResult, depending on the direction."""

    job: int
    step: int
    word: int
    payload: bytes = b""


class DeskKeys(NamedTuple):
    """The keys of a job of the badge desk, 32 bytes each: for frames from the clock, and for frames to it. `seq` is the
    number of the record from whose key they were derived; None: they are the same for every job.
    """

    up: bytes
    down: bytes
    seq: int | None


class RosterPart(NamedTuple):
    """Part `part` of `parts` of a roster; part 0 is the header."""

    version: int
    part: int
    parts: int
    content: bytes


class RosterAnswer(NamedTuple):
    """The clock's answer: for NEXT the requested part."""

    version: int
    part: int
    result: RosterResult


@dataclass(frozen=True, slots=True)
class Online:
    """A running clock's STATUS; fields as in §7, `session` 8 bytes, `tag` 16.

    Those with a default may be missing: without a statement of its end, a clock has not ended.
    """

    boot: int
    connection: int
    session: bytes
    head: int
    tail: int
    tag: bytes
    free: int
    capacity: int
    sealed: bool
    receipt: int
    firmware: str
    utc_ms: int
    source: int
    bound_ms: int | None
    uptime_ms: int
    heap_free: int
    reset: int | str
    reader: str | None
    rejected: int
    retired: bool = False
    wear: int | None = None
    reader_fault: str | None = None
    reader_resets: int | None = None
    tears: int | None = None
    heartbeat_s: int | None = None
    cert_until: int | None = None
    temperature: int | None = None
    rssi: int | None = None
    case_open: bool | None = None
    display_faults: int | None = None
    rtc_faults: int | None = None
    roster: tuple[int, int] | None = None
    """Version and entries of the roster in use, (0, 0) without one; None: the clock has no space for one."""
    settings: int | None = None
    """Version of the bridge's settings, 0 without any; None: the clock does not support them."""
    settings_refused: tuple[int, str] | None = None
    """The last refused version, and the reason."""
    receipts: int | None = None
    """The highest state of a receipt that the clock supports; None: 6."""
    badges: int | None = None
    """The highest form of a badge's keys that the clock reads (docs/badges.md §4); None: 1."""
    desk: int | None = None
    """The highest form of the badge desk's frames that it supports; 2: a job has its own keys. None: 1."""
    site_keys: int | None = None
    """How many keys of its site it uses for tokens (§1); None: 1."""


class Report(NamedTuple):
    """The result of the order with that number: `facts` are the JSON of `told`, by command (§6)."""

    order: int
    command: Command
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Offline:
    """The last will of a connection."""

    boot: int
    connection: int


def upward_key(k_link: bytes) -> bytes:
    """K_up, 32 bytes: authenticates the clock's frames."""
    return hmac.digest(k_link, b"up", "sha256")


def downward_key(k_link: bytes) -> bytes:
    """K_down, 32 bytes: authenticates the bridge's frames."""
    return hmac.digest(k_link, b"down", "sha256")


def upward_counter(boot: int, connection: int, number: int) -> int:
    """The counter of an upward frame: boot count u16 ‖ connection of this boot u16 ‖ number in this connection u32."""
    return boot << 48 | connection << 32 | number


def _frame_tag(key: bytes, clock_id: str, session: bytes, content: bytes) -> bytes:
    name = clock_id.encode("ascii")
    return hmac.digest(key, b"badgeclock/v1" + bytes([len(name)]) + name + session + content, "sha256")[:TAG_BYTES]


def seal_frame(key: bytes, clock_id: str, session: bytes, frame: Frame) -> bytes:
    """The bytes of a frame under K_up (session `NO_SESSION`) or K_down (the clock's session, 8 bytes).

    Raises FrameRefused if it would be longer than 1,024 bytes or a number does not fit.
    """
    try:
        content = _HEAD.pack(FRAME_FORMAT, frame.type, frame.counter) + frame.body
    except struct.error as error:
        raise FrameRefused("field range") from error
    if len(content) + TAG_BYTES > FRAME_BYTES_MAX:
        raise FrameRefused("length")
    return content + _frame_tag(key, clock_id, session, content)


def open_frame(key: bytes, clock_id: str, session: bytes, raw: bytes) -> Frame:
    """The frame in these bytes, if its tag is valid; the caller checks whether its counter is fresh."""
    if not _HEAD.size + TAG_BYTES <= len(raw) <= FRAME_BYTES_MAX:
        raise FrameRefused("length")
    content, tag = raw[:-TAG_BYTES], raw[-TAG_BYTES:]
    if not hmac.compare_digest(_frame_tag(key, clock_id, session, content), tag):
        raise FrameRefused("tag")
    version, frame_type, counter = _HEAD.unpack_from(content)
    if version != FRAME_FORMAT:
        raise FrameRefused("format")
    return Frame(frame_type, counter, content[_HEAD.size :])


def pack_ack(ack: Ack) -> bytes:
    """Body of an ACK."""
    return _ACK.pack(*ack)


def unpack_ack(body: bytes) -> Ack:
    """The ACK in a body; raises FrameRefused."""
    if len(body) != _ACK.size:
        raise FrameRefused("ack length")
    next_seq, verdict, beacon = _ACK.unpack(body)
    if verdict > Verdict.QUARANTINE:
        raise FrameRefused("ack verdict")
    return Ack(next_seq, Verdict(verdict), beacon)


def pack_receipts(receipts: Sequence[Receipt]) -> bytes:
    """Body of RECEIPTS, 1 to 32 entries; raises FrameRefused for more, or fewer."""
    if not 1 <= len(receipts) <= RECEIPTS_MAX:
        raise FrameRefused("receipts count")
    return b"".join(_RECEIPT.pack(*receipt) for receipt in receipts)


def unpack_receipts(body: bytes) -> list[Receipt]:
    """The receipts in a body, without those of a state that is not in §6; raises FrameRefused."""
    if not body or len(body) % _RECEIPT.size or len(body) > RECEIPTS_MAX * _RECEIPT.size:
        raise FrameRefused("receipts length")
    receipts = []
    for number, seq, state, error_code, reception_number in _RECEIPT.iter_unpack(body):
        if ReceiptState.REGISTERED <= state <= ReceiptState.OF_DAY:
            receipts.append(Receipt(number, seq, ReceiptState(state), error_code, reception_number))
    return receipts


def pack_time(time: Time) -> bytes:
    """Body of TIME."""
    return _TIME.pack(*time)


def unpack_time(body: bytes) -> Time:
    """The TIME in a body; raises FrameRefused."""
    if len(body) != _TIME.size:
        raise FrameRefused("time length")
    return Time(*_TIME.unpack(body))


def pack_command(command: Command, arguments: bytes = b"") -> bytes:
    """Body of COMMAND."""
    return bytes([command]) + arguments


def pack_order(number: int) -> bytes:
    """Arguments of an order's COMMAND: its number, 32 bits."""
    return number.to_bytes(4, "big")


def pack_report(report: Report) -> bytes:
    """Body of a REPORT."""
    fields = {"v": 1, "order": report.order, "command": int(report.command), "told": report.facts}
    return json.dumps(fields, separators=(",", ":")).encode()


def unpack_report(body: bytes) -> Report:
    """The REPORT in a body; raises FrameRefused."""
    fields = _json_object(body, "report")
    order = fields.get("order")
    if not isinstance(order, int) or isinstance(order, bool) or not 0 <= order <= _U32:
        raise FrameRefused("report order")
    command = fields.get("command")
    if isinstance(command, bool) or command not in _REPORTED:
        raise FrameRefused("report command")
    facts = fields.get("told")
    if not isinstance(facts, dict):
        raise FrameRefused("report told")
    return Report(order, Command(command), facts)


def unpack_command(body: bytes) -> tuple[Command, bytes]:
    """Command and arguments in a body; raises FrameRefused."""
    if not body or not Command.IDENTIFY <= body[0] <= Command.RETIRE:
        raise FrameRefused("command")
    return Command(body[0]), body[1:]


def pack_roster(part: RosterPart) -> bytes:
    """Body of ROSTER; raises FrameRefused if a number does not fit."""
    if not 0 <= part.part < part.parts <= _U16 or not 0 < part.version <= _U32:
        raise FrameRefused("roster part")
    return _ROSTER.pack(part.version, part.part, part.parts) + part.content


def unpack_roster(body: bytes) -> RosterPart:
    """The part in a body of ROSTER; raises FrameRefused."""
    if len(body) < _ROSTER.size:
        raise FrameRefused("roster length")
    version, part, parts = _ROSTER.unpack_from(body)
    if not version or part >= parts:
        raise FrameRefused("roster part")
    return RosterPart(version, part, parts, body[_ROSTER.size :])


def pack_roster_answer(answer: RosterAnswer) -> bytes:
    """Body of ROSTER_ANSWER."""
    return _ROSTER_ANSWER.pack(*answer)


def unpack_roster_answer(body: bytes) -> RosterAnswer:
    """The clock's answer in a body; raises FrameRefused."""
    if len(body) != _ROSTER_ANSWER.size:
        raise FrameRefused("roster answer length")
    version, part, result = _ROSTER_ANSWER.unpack(body)
    if result > RosterResult.FLASH:
        raise FrameRefused("roster result")
    return RosterAnswer(version, part, RosterResult(result))


def pack_settings(version: int, wanted: Mapping[str, Any]) -> bytes:
    """Body of SETTINGS; raises FrameRefused if it is too long for a frame, or the version does not fit."""
    body = json.dumps(wanted, separators=(",", ":")).encode()
    if not 0 < version <= _U32 or len(body) > FRAME_BYTES_MAX - _HEAD.size - TAG_BYTES - _SETTINGS.size:
        raise FrameRefused("settings length")
    return _SETTINGS.pack(version) + body


def unpack_settings(body: bytes) -> tuple[int, dict[str, Any]]:
    """(version, settings) of a body of SETTINGS; raises FrameRefused."""
    try:
        (version,) = _SETTINGS.unpack_from(body)
        wanted = json.loads(body[_SETTINGS.size :].decode("utf-8"), parse_constant=_refuse_constant)
    except (struct.error, ValueError, RecursionError) as error:
        raise FrameRefused("settings json") from error
    if not isinstance(wanted, dict):
        raise FrameRefused("settings json")
    return version, wanted


def desk_key(key: bytes) -> bytes:
    """K_desk, 32 bytes, of K_up or K_down: encrypts the bodies of DESK in that direction."""
    return hmac.digest(key, b"desk", "sha256")


def desk_keys(k_link: bytes) -> DeskKeys:
    """The keys of every job of a clock without support for keys per job."""
    return DeskKeys(desk_key(upward_key(k_link)), desk_key(downward_key(k_link)), None)


def sealed_desk_keys(r: bytes, seq: int) -> DeskKeys:
    """The keys of a job that begins before record `seq`, whose key R is `r`; the seal then steps past that key."""
    key = hmac.digest(r, b"D", "sha256")
    return DeskKeys(hmac.digest(key, b"up", "sha256"), hmac.digest(key, b"down", "sha256"), seq)


def pack_desk_seq(keys: DeskKeys) -> bytes:
    """The plain prefix of a body: the number of the record, if the job has its own keys."""
    return b"" if keys.seq is None else keys.seq.to_bytes(4, "big")


def unpack_desk_seq(body: bytes) -> tuple[int, bytes]:
    """(seq, the encrypted part, empty if the clock only reports its next record); raises FrameRefused."""
    if len(body) < _DESK_SEQ_BYTES:
        raise FrameRefused("desk length")
    return int.from_bytes(body[:_DESK_SEQ_BYTES], "big"), body[_DESK_SEQ_BYTES:]


def _desk_stream(k_desk: bytes, session: bytes, counter: int, length: int) -> bytes:
    place = session + counter.to_bytes(8, "big")
    blocks = -(-length // _DESK_BLOCK)
    return b"".join(hmac.digest(k_desk, place + bytes([block]), "sha256") for block in range(blocks))[:length]


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def pack_desk(k_desk: bytes, session: bytes, counter: int, desk: Desk) -> bytes:
    """Encrypted body of DESK in the frame with that counter; raises FrameRefused for more than 255 bytes."""
    if len(desk.payload) > DESK_PAYLOAD_MAX:
        raise FrameRefused("desk length")
    plain = _DESK.pack(desk.job, desk.step, desk.word) + desk.payload
    return _xor(plain, _desk_stream(k_desk, session, counter, len(plain)))


def unpack_desk(k_desk: bytes, session: bytes, counter: int, body: bytes) -> Desk:
    """The DESK in a body, decrypted; raises FrameRefused. Only for a frame with a valid tag."""
    if not _DESK.size <= len(body) <= _DESK.size + DESK_PAYLOAD_MAX:
        raise FrameRefused("desk length")
    plain = _xor(body, _desk_stream(k_desk, session, counter, len(body)))
    job, step, word = _DESK.unpack_from(plain)
    return Desk(job, step, word, plain[_DESK.size :])


def pack_status(status: Online | Offline) -> bytes:
    """Body of STATUS: UTF-8 JSON without spaces."""
    fields: dict[str, object] = {"v": 1, "boot": status.boot, "connection": status.connection}
    if isinstance(status, Offline):
        fields["state"] = "offline"
    else:
        fields["state"] = "online"
        fields.update({name: getattr(status, name) for name in Online.__slots__})
        fields.update(session=status.session.hex(), tag=status.tag.hex())
    return json.dumps(fields, separators=(",", ":")).encode()


def unpack_status(body: bytes) -> Online | Offline:
    """The STATUS in a body; keys that are not in §7 are ignored. Raises FrameRefused."""
    fields = _json_object(body, "status")
    boot, connection = _integer(fields, "boot", _U16), _integer(fields, "connection", _U16)
    if fields.get("state") == "offline":
        return Offline(boot, connection)
    if fields.get("state") != "online":
        raise FrameRefused("status state")
    return Online(
        boot=boot,
        connection=connection,
        session=_hex(fields, "session", SESSION_BYTES),
        head=_integer(fields, "head", _U32),
        tail=_integer(fields, "tail", _U32),
        tag=_hex(fields, "tag", TAG_BYTES),
        free=_integer(fields, "free", _U32),
        capacity=_integer(fields, "capacity", _U32),
        sealed=_boolean(fields, "sealed"),
        receipt=_integer(fields, "receipt", _U32),
        firmware=_hex(fields, "firmware", 8).hex(),
        utc_ms=_integer(fields, "utc_ms", _U64),
        source=_integer(fields, "source", 3),
        bound_ms=None if fields.get("bound_ms") is None else _integer(fields, "bound_ms", _U64),
        uptime_ms=_integer(fields, "uptime_ms", _U64),
        heap_free=_integer(fields, "heap_free", _U32),
        reset=_reset(fields),
        reader=None if fields.get("reader") is None else _hex(fields, "reader", 1).hex(),
        rejected=_integer(fields, "rejected", _U32),
        retired=_boolean(fields, "retired", missing=False),
        wear=None if fields.get("wear") is None else _integer(fields, "wear", _U32),
        reader_fault=_word(fields, "reader_fault"),
        reader_resets=_number(fields, "reader_resets", 0, _U32),
        tears=_number(fields, "tears", 0, _U32),
        heartbeat_s=_number(fields, "heartbeat_s", 1, _U32),
        cert_until=_number(fields, "cert_until", 0, _U64),
        temperature=_number(fields, "temperature", -128, 127),
        rssi=_number(fields, "rssi", -128, 0),
        case_open=fields["case_open"] if isinstance(fields.get("case_open"), bool) else None,
        display_faults=_number(fields, "display_faults", 0, _U32),
        rtc_faults=_number(fields, "rtc_faults", 0, _U32),
        roster=_roster(fields),
        settings=None if fields.get("settings") is None else _integer(fields, "settings", _U32),
        settings_refused=_settings_refused(fields),
        receipts=_number(fields, "receipts", 0, 255),
        badges=_number(fields, "badges", 0, 255),
        desk=_number(fields, "desk", 0, 255),
        site_keys=_number(fields, "site_keys", 1, 255),
    )


def _json_object(body: bytes, what: str) -> dict[str, Any]:
    """The JSON object of version 1 in a body; raises FrameRefused."""
    try:
        fields = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise FrameRefused(f"{what} json") from error
    if not isinstance(fields, dict):
        raise FrameRefused(f"{what} json")
    if fields.get("v") != 1 or isinstance(fields["v"], bool):
        raise FrameRefused(f"{what} version")
    return fields


def _number(fields: dict[str, Any], name: str, least: int, most: int) -> int | None:
    """A figure of the clock's health, None if malformed: no clock is rejected for it."""
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        return None
    return value


def _word(fields: dict[str, Any], name: str) -> str | None:
    """A word of the clock's health, of a-z and hyphens; anything else except null becomes `odd`."""
    value = fields.get(name)
    if value is None:
        return None
    return value if isinstance(value, str) and re.fullmatch(r"[a-z-]{1,32}", value) else "odd"


def _refuse_constant(_: str) -> object:
    raise ValueError("not JSON")


def _integer(fields: dict[str, Any], name: str, most: int) -> int:
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise FrameRefused(f"status {name}")
    return value


def _boolean(fields: dict[str, Any], name: str, *, missing: bool | None = None) -> bool:
    """`missing` is the value of a missing key; without it the key is required."""
    value = fields.get(name, missing)
    if not isinstance(value, bool):
        raise FrameRefused(f"status {name}")
    return value


def _hex(fields: dict[str, Any], name: str, length: int) -> bytes:
    value = fields.get(name)
    if not isinstance(value, str) or len(value) != 2 * length:
        raise FrameRefused(f"status {name}")
    try:
        raw = bytes.fromhex(value)
    except ValueError as error:
        raise FrameRefused(f"status {name}") from error
    if len(raw) != length:  # fromhex skips spaces
        raise FrameRefused(f"status {name}")
    return raw


def _roster(fields: dict[str, Any]) -> tuple[int, int] | None:
    value = fields.get("roster")
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2:
        raise FrameRefused("status roster")
    version, entries = value
    named = {"roster version": version, "roster entries": entries}
    return _integer(named, "roster version", _U32), _integer(named, "roster entries", _U16)


def _settings_refused(fields: dict[str, Any]) -> tuple[int, str] | None:
    value = fields.get("settings_refused")
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[1], str):
        raise FrameRefused("status settings_refused")
    version = _integer({"settings_refused": value[0]}, "settings_refused", _U32)
    return version, "".join(letter for letter in value[1][:REASON_MAX] if letter.isprintable())


def _reset(fields: dict[str, Any]) -> int | str:
    value = fields.get("reset")
    if isinstance(value, bool) or not isinstance(value, int | str) or len(str(value)) > 32:
        raise FrameRefused("status reset")
    return value
