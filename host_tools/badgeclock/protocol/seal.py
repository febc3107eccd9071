"""The seal: a two-level forward-secure ratchet, one per clock (docs/protocol.md §3).

`found` makes the state to judge record 0; `advance` judges one record and returns the state for the next, `verify_run`
a run of them; `seal` is the clock's side and exists for tests, vectors and virtual fleets. All of it is pure: a state
is a value, so a verifier that fails keeps its state. The rules are in one place, `_judge_each`.

Sources: RFC 2104 and RFC 6234 (HMAC-SHA-256), RFC 5869 (HKDF), Bellare and Yee 1997, Schneier and Kelsey 1999.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Iterable
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Final, NamedTuple

from badgeclock.protocol import record as records
from badgeclock.protocol.errors import RecordRefused, SealFailed, SealGap
from badgeclock.protocol.record import RECORD_BYTES, SEALED_BYTES, TAG_BYTES, Flag, Kind, Record

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 8
COMMITMENT_BYTES: Final = 8
BURNT_TAG: Final = bytes(TAG_BYTES)
"""Replaces the tag of a burnt sequence number when the key steps past it."""
EPOCH_RECORDS: Final = 2048
"""Records of an epoch, the closing one included; only BOOT may make it longer (§3)."""
EPOCH_LAST: Final = 0xFFFF
"""The epoch that is never closed: the next one would have no number."""

_SHA256: Final = "sha256"
_RAISED: Final = b"\x03"
_HASH_BYTES: Final = 32
_BLOCK_BYTES: Final = 64
_INNER_PAD: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER_PAD: Final = bytes(byte ^ 0x5C for byte in range(256))
_KEY_FILL: Final = bytes(_BLOCK_BYTES - KEY_BYTES)

# Looking up a member of an enum class costs as much as a hash.
_GENESIS: Final = int(Kind.GENESIS)
_BOOT: Final = int(Kind.BOOT)
_EPOCH: Final = int(Kind.EPOCH)
_RETIRE: Final = int(Kind.RETIRE)
_UNSEALED: Final = int(Flag.UNSEALED)
_LONGER: Final = (_EPOCH, _BOOT)


class SealState(NamedTuple):
    """The state that a verifier needs to judge record `next_seq`, and a clock to seal it.

    `boot` and `epoch` are those of the record before; `records` counts the epoch's records so far, burnt ones included;
    `r` is R of `next_seq`; `e_next` is E of the next epoch, both empty after RETIRE; `tag` is the chain's last tag;
    `genesis` is nonce ‖ commitment, which record 0 must contain.
    """

    next_seq: int
    boot: int
    epoch: int
    records: int
    r: bytes
    e_next: bytes
    tag: bytes
    genesis: bytes


def hkdf_sha256(key_material: bytes, *, salt: bytes, info: bytes, length: int) -> bytes:
    """HKDF of RFC 5869 with SHA-256; `length` at most 8160 bytes."""
    pseudorandom_key = hmac.digest(salt, key_material, _SHA256)
    block, output = b"", b""
    for counter in range(1, -(-length // _HASH_BYTES) + 1):
        block = hmac.digest(pseudorandom_key, block + info + bytes([counter]), _SHA256)
        output += block
    return output[:length]


def clock_key(fleet_key: bytes, clock_id: str, founding: bytes = b"") -> bytes:
    """K_dev of a clock's chain, 32 bytes. `founding` is the chain's founding secret, 32 bytes that only the workshop
    has; chains of version 0.1.0 have none.
    """
    secret = fleet_key + founding
    return hkdf_sha256(secret, salt=clock_id.encode("ascii"), info=b"badgeclock/v1/clock", length=KEY_BYTES)


def first_epoch_key(k_dev: bytes, clock_id: str, nonce: bytes) -> bytes:
    """E_0, 32 bytes, for a genesis nonce of 8 bytes."""
    return hmac.digest(k_dev, b"E0" + clock_id.encode("ascii") + nonce, _SHA256)


def link_key(k_dev: bytes, clock_id: str, nonce: bytes) -> bytes:
    """K_link, 32 bytes: authenticates the clock's frames (§6)."""
    return hmac.digest(k_dev, b"L" + clock_id.encode("ascii") + nonce, _SHA256)


def first_tag(clock_id: str) -> bytes:
    """tag_(-1), 16 bytes: where the clock's chain starts."""
    return sha256(b"badgeclock/v1/genesis" + clock_id.encode("ascii")).digest()[:TAG_BYTES]


def commitment(e0: bytes) -> bytes:
    """8 bytes by which GENESIS commits to E_0 without revealing it."""
    return hmac.digest(e0, b"C", _SHA256)[:COMMITMENT_BYTES]


def badge_token(site_keys: bytes, badge_type: int, badge_id: bytes) -> bytes:
    """The token of a badge at a site, 8 bytes (§1). Type 1: from the UID; type 2: from the number that the badge
    proved.

    `site_keys` are 32 bytes for each key of the site so far, the first one first.
    """
    first, *later = (site_keys[at : at + KEY_BYTES] for at in range(0, len(site_keys), KEY_BYTES))
    token = hmac.digest(first, bytes([badge_type]) + badge_id, _SHA256)[: records.TOKEN_BYTES]
    for key in later:
        token = raised_token(key, token)
    return token


def raised_token(next_key: bytes, token: bytes) -> bytes:
    """The token (8 bytes) of the same badge after its site got one more key than the token was made with."""
    return hmac.digest(next_key, _RAISED + token, _SHA256)[: records.TOKEN_BYTES]


def epoch_start(epoch_key: bytes, epoch: int) -> tuple[bytes, bytes]:
    """R_(d,0) and E_(d+1) from E_d."""
    number = struct.pack(">H", epoch)
    return hmac.digest(epoch_key, b"R" + number, _SHA256), hmac.digest(epoch_key, b"E" + number, _SHA256)


def found(clock_id: str, e0: bytes, nonce: bytes) -> SealState:
    """The state before GENESIS of a clock provisioned with E_0 (32 bytes) and a genesis nonce (8 bytes)."""
    r, e_next = epoch_start(e0, 0)
    return SealState(0, 0, 0, 0, r, e_next, first_tag(clock_id), nonce + commitment(e0))


def mac_key(r: bytes) -> bytes:
    """mac_i from R_i."""
    return hmac.digest(r, b"M", _SHA256)


def record_tag(r: bytes, previous_tag: bytes, body: bytes) -> bytes:
    """tag_i over the first 48 bytes of record i, sealed under R_i."""
    return hmac.digest(hmac.digest(r, b"M", _SHA256), previous_tag + body, _SHA256)[:TAG_BYTES]


def step(r: bytes, tag: bytes) -> bytes:
    """R_(i+1) from R_i and tag_i; with `BURNT_TAG` for a burnt sequence number."""
    return hmac.digest(r, b"r" + tag, _SHA256)


def unsealed_tag(previous_tag: bytes, body: bytes) -> bytes:
    """What an unsealed record has instead of a tag: a chain without a key."""
    return sha256(previous_tag + body).digest()[:TAG_BYTES]


def burn(state: SealState, count: int) -> SealState:
    """The state after `count` burnt sequence numbers: the key advances, the chain's tag stays."""
    return state._replace(next_seq=state.next_seq + count, records=state.records + count, r=_step_over(state.r, count))


def _step_over(r: bytes, burnt: int) -> bytes:
    for _ in range(burnt):
        r = step(r, BURNT_TAG)
    return r


def advance(state: SealState, raw: bytes) -> tuple[Record, SealState]:
    """Judge the next record (64 bytes) of a clock: `unpack` and `judge` in one.

    Returns the record and the state for the one after it. Raises RecordRefused, SealGap and SealFailed.
    """
    record = records.unpack(raw)
    return record, judge(state, record, raw)


def judge(state: SealState, record: Record, raw: bytes) -> SealState:
    """Judge the next record of a clock, unpacked and as its 64 bytes; returns the state for the one after it.

    Raises SealGap if records before it are missing, and SealFailed if anything contradicts it: tag, chain, boot count,
    epoch, its length and count, a second GENESIS, a record after RETIRE, or the clock itself (an unsealed record always
    fails).
    """
    after, _, refused = _judge_each(state, (record,), raw)
    if refused is not None:
        raise refused
    return after


class VerifiedRun(NamedTuple):
    """The genuine part of a run of records: the state after its last one, how many, and why not the next one."""

    state: SealState
    taken: int
    refused: SealFailed | RecordRefused | None


def verify_run(state: SealState, raws: bytes | memoryview) -> VerifiedRun:
    """Judge the concatenated records of `raws` up to the first that fails. Never raises.

    The same rules as `unpack` and `judge`, a third faster per record.
    """
    return VerifiedRun(*_judge_each(state, records.iter_unpack(raws), raws))


def _judge_each(
    state: SealState, run: Iterable[tuple[Any, ...]], raws: bytes | memoryview
) -> tuple[SealState, int, SealFailed | RecordRefused | None]:
    """Judge records, given as their fields and as their bytes: the fields of a `VerifiedRun`.

    The state is kept in local variables: a verifier of a million records has no time to make a tuple for each.
    """
    next_seq, boot, epoch, in_epoch, r, e_next, tag, genesis = state
    at = 0
    why: SealFailed | RecordRefused | None = None
    try:
        for _, kind, flags, seq, its_boot, its_epoch, _, _, _, _, _, token, _, detail, its_tag in run:
            if not r:
                why = SealFailed("retired", seq)
                break
            if flags & _UNSEALED:
                why = SealFailed("unsealed", seq)
                break
            burnt = detail[1] if kind == _BOOT else 0
            if seq != next_seq + burnt:
                why = SealGap("gap", seq) if seq > next_seq else SealFailed("sequence", seq)
                break
            r_of_seq = _step_over(r, burnt) if burnt else r
            made_tag, next_r = _tag_and_step(r_of_seq, tag, raws[at : at + SEALED_BYTES])
            if not compare_digest(made_tag, its_tag):
                why = SealFailed("tag", seq)
                break
            if (kind == _GENESIS) != (seq == 0):
                why = SealFailed("genesis", seq)
                break
            if kind == _GENESIS and token + detail != genesis:
                why = SealFailed("commitment", seq)
                break
            if its_boot != boot + (kind == _BOOT):
                why = SealFailed("boot count", seq)
                break
            if its_epoch != epoch:
                why = SealFailed("epoch", seq)
                break
            its_place = in_epoch + burnt + 1
            if its_place >= EPOCH_RECORDS and kind not in _LONGER and epoch != EPOCH_LAST:
                why = SealFailed("epoch length", seq)
                break
            if kind == _EPOCH and (int.from_bytes(detail[:4], "big") != its_place or its_place == 1):
                why = SealFailed("epoch count", seq)
                break
            at += RECORD_BYTES
            next_seq, boot, in_epoch, tag, r = seq + 1, its_boot, its_place, made_tag, next_r
            if kind == _EPOCH:
                epoch, in_epoch = epoch + 1, 0
                r, e_next = epoch_start(e_next, epoch)
            elif kind == _RETIRE:
                r = e_next = b""
    except RecordRefused as refused:
        why = refused
    # As SealState(…), at half the cost: the bridge judges each record by itself.
    after = tuple.__new__(SealState, (next_seq, boot, epoch, in_epoch, r, e_next, tag, genesis))
    return after, at // RECORD_BYTES, why


def _tag_and_step(r: bytes, previous_tag: bytes, body: bytes | memoryview) -> tuple[bytes, bytes]:
    """`record_tag` and `step` in one, with HMAC spelled out (RFC 2104).

    R's pads serve twice, and OpenSSL's own HMAC costs twice as much as two hashes for messages this short.
    """
    block = r + _KEY_FILL
    inner, outer = block.translate(_INNER_PAD), block.translate(_OUTER_PAD)
    block = sha256(outer + sha256(inner + b"M").digest()).digest() + _KEY_FILL
    message = block.translate(_INNER_PAD) + previous_tag + body
    tag = sha256(block.translate(_OUTER_PAD) + sha256(message).digest()).digest()[:TAG_BYTES]
    return tag, sha256(outer + sha256(inner + b"r" + tag).digest()).digest()


def seal(state: SealState, record: Record) -> tuple[bytes, SealState]:
    """Seal a record as a clock does: `tag` is computed, everything else is used as given.

    Returns the 64 bytes and the state for the next record. Raises as `advance` if a verifier would reject it.
    """
    burnt = records.burnt_slots(record) if record.kind == Kind.BOOT else 0
    body = records.pack(record._replace(tag=BURNT_TAG))[:SEALED_BYTES]
    raw = body + record_tag(burn(state, burnt).r, state.tag, body)
    assert len(raw) == RECORD_BYTES
    return raw, advance(state, raw)[1]
