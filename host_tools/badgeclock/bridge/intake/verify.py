"""Checks a clock's records against the running state of its seal. Pure: the store is only read, through `stored`.

A message is judged record by record, in its order, up to the first that cannot be accepted:

* number below the next one: the same bytes as before are a repetition; other bytes an equivocation, kept apart.
* record 0 under another nonce: the clock was founded again, which the bridge has not learned yet. Nothing else of the
  message belongs to the chain that is known here.
* the next one, seal right: accepted, and the state moves on.
* the next one, unsealed, from a clock whose authenticated STATUS reports that it lost its seal: accepted
  as evidence. From any other clock it is refused: anyone between clock and bridge could have written it.
* anything after RETIRE: refused, and never requested again.
* the next one by its seal, but of a format or a kind that only a newer firmware makes: it stays in the clock, and is
  asked for again.
* anything else: refused, and the clock is asked to send again from the next one.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple

from badgeclock.protocol import seal
from badgeclock.protocol.errors import RecordRefused, SealFailed, SealGap
from badgeclock.protocol.frames import Verdict
from badgeclock.protocol.record import SEALED_BYTES, Flag, Kind, Record, burnt_slots, unpack
from badgeclock.protocol.seal import SealState

_UNSEALED: Final = int(Flag.UNSEALED)


class Fault(Enum):
    """Why a record was not accepted."""

    MALFORMED = "malformed"
    NEWER = "newer"
    SEAL = "seal"
    GAP = "gap"
    EQUIVOCATION = "equivocation"
    UNSEALED = "unsealed"
    RETIRED = "retired"
    FOUNDED_ANEW = "founded_anew"


_FAULTS: Final = {"unsealed": Fault.UNSEALED, "retired": Fault.RETIRED}


class Finding(NamedTuple):
    """One record that was not accepted. `seq` is None if the bytes are no record; `reason` is a stable word."""

    fault: Fault
    seq: int | None
    raw: bytes
    reason: str


class Accepted(NamedTuple):
    """One record that was accepted: parsed, as bytes, and whether its seal holds."""

    record: Record
    raw: bytes
    sealed: bool


@dataclass(slots=True)
class Judgement:
    """The verdict on one message, and the clock's state after it.

    `repeated_to` is the seq after the last record that was stored already, 0 if none was. `unjudged` are the records
    after the one at which judging stopped.
    """

    state: SealState
    verdict: Verdict = Verdict.IN_ORDER
    accepted: list[Accepted] = field(default_factory=list)
    repeated: int = 0
    repeated_to: int = 0
    findings: list[Finding] = field(default_factory=list)
    unjudged: Sequence[bytes] = ()


def judge(
    state: SealState,
    raws: Sequence[bytes],
    stored: Callable[[int], bytes | None],
    *,
    seal_lost: bool,
) -> Judgement:
    """Judge one message of a clock whose next record is `state.next_seq`.

    `stored(seq)` gives the bytes accepted earlier under a number below that, None for a burnt one. `seal_lost` comes
    from the clock's newest authenticated STATUS. Never raises, whatever the bytes.
    """
    judged = Judgement(state)
    for at, raw in enumerate(raws):
        judged.unjudged = raws[at + 1 :]
        try:
            record = unpack(raw)
        except RecordRefused as refused:
            fault = Fault.NEWER if _continues(judged.state, raw) else Fault.MALFORMED
            judged.findings.append(Finding(fault, None, raw, refused.reason))
            judged.verdict = Verdict.GAP
            break
        if not record.seq and _is_another_beginning(judged.state, record):
            judged.findings.append(Finding(Fault.FOUNDED_ANEW, 0, raw, "another GENESIS"))
            break
        if record.seq < judged.state.next_seq:
            known = stored(record.seq) or _accepted_now(judged, record.seq)
            if known is not None and hmac.compare_digest(known, raw):
                judged.repeated += 1
                judged.repeated_to = record.seq + 1
                continue
            reason = "burnt number used" if known is None else "other bytes under the same number"
            judged.findings.append(Finding(Fault.EQUIVOCATION, record.seq, raw, reason))
            continue
        try:
            if record.flags & _UNSEALED:
                if judged.state.r and not seal_lost:
                    raise SealFailed("unsealed", record.seq)
                judged.state = _advance_unsealed(judged.state, record, raw)
                judged.accepted.append(Accepted(record, raw, sealed=False))
            else:
                judged.state = seal.judge(judged.state, record, raw)
                judged.accepted.append(Accepted(record, raw, sealed=True))
        except SealFailed as failed:
            fault = Fault.GAP if isinstance(failed, SealGap) else _FAULTS.get(failed.reason, Fault.SEAL)
            judged.findings.append(Finding(fault, failed.seq, raw, failed.reason))
            judged.verdict = Verdict.IN_ORDER if fault is Fault.RETIRED else Verdict.GAP
            break
    return judged


def _continues(state: SealState, raw: bytes) -> bool:
    """Whether the clock's own key sealed these bytes as its next record; their content is not checked."""
    tag = seal.record_tag(state.r, state.tag, raw[:SEALED_BYTES]) if state.r else b""
    return hmac.compare_digest(tag, raw[SEALED_BYTES:])


def _accepted_now(judged: Judgement, seq: int) -> bytes | None:
    return next((one.raw for one in judged.accepted if one.record.seq == seq), None)


def _is_another_beginning(state: SealState, record: Record) -> bool:
    return record.kind == Kind.GENESIS and record.token + record.detail != state.genesis


def _advance_unsealed(state: SealState, record: Record, raw: bytes) -> SealState:
    """The state after an unsealed record: number, boot count, epoch and chain advance, the keys do not.

    After an unsealed RETIRE there are no keys: it ends the chain as a sealed one does.
    """
    if not state.r:
        raise SealFailed("retired", record.seq)
    burnt = burnt_slots(record) if record.kind == Kind.BOOT else 0
    if record.seq > state.next_seq + burnt:
        raise SealGap("gap", record.seq)
    if record.seq != state.next_seq + burnt:
        raise SealFailed("sequence", record.seq)
    if not hmac.compare_digest(seal.unsealed_tag(state.tag, raw[:SEALED_BYTES]), record.tag):
        raise SealFailed("unsealed chain", record.seq)
    if record.kind == Kind.RETIRE:
        state = state._replace(r=b"", e_next=b"")
    return state._replace(
        next_seq=record.seq + 1,
        boot=record.boot,
        epoch=record.epoch,
        records=state.records + burnt + 1,
        tag=record.tag,
    )
