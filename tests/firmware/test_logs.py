"""The golden logs: the clock's own code makes the same bytes. The attacks: it stops where the vectors say."""

# logs.json alone is 200 KB.
# heapsize: 4m

import json
import os
import struct
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

from app.log import record, seal, unpacked
from app.errors import ClockError
from app.log.provisioning import provision
from app.log.journal import HEADER_BYTES, RECORDS_A_SECTOR
from app.log.keystore import KeyState, KeyStore
from app.log.sealed_log import SealedLog
from nor import Nor

SECTORS = 4
TORN = b"\x01" + b"\x00" * 63


def vectors():
    with open(os.getenv("BADGECLOCK_ROOT") + "/tests/vectors/logs.json") as file:
        return json.load(file)


def unhex(slots):
    return [bytes.fromhex(text) if text else None for text in slots]


def stamp_of(told):
    stamp = record.Stamp()
    stamp.utc_s, stamp.ms, stamp.source, stamp.bound, stamp.uptime_ms = told[5:10]
    return stamp


class Replay:
    """A clock on two partitions that is told to do what a golden log tells."""

    def __init__(self, golden, slots):
        self.golden = golden
        self.slots = slots
        self.journal, self.seal = Nor(SECTORS), Nor(4)
        self.log = None

    def run(self):
        for seq, raw in enumerate(self.slots):
            if raw is not None:
                self.make(seq, unpacked.unpack(raw))

    def make(self, seq, told):
        stamp = stamp_of(told)
        if told.kind == record.KIND_GENESIS:
            e0, nonce = bytes.fromhex(self.golden["e0"]), bytes.fromhex(self.golden["nonce"])
            provision(self.journal, self.seal, self.golden["clock_id"], e0, nonce, stamp)
        elif told.kind == record.KIND_BOOT:
            self.start(seq, told, stamp)
        elif told.kind == record.KIND_EPOCH:
            self.log.set_beacon(told.beacon)
            for _ in range(20):
                if self.log.head > seq:
                    break
                self.log.idle(stamp)
        elif told.kind == record.KIND_RETIRE:
            self.check_last(told, stamp)
        else:
            self.log.set_beacon(told.beacon)
            self.log.append(told.kind, told.flags, told.token, told.detail, stamp)

    def start(self, seq, told, stamp):
        """A start after as many torn writes as the BOOT record declares."""
        burnt = told.detail[1]
        for number in range(seq - burnt, seq):
            place, at = number // RECORDS_A_SECTOR % SECTORS, HEADER_BYTES + number % RECORDS_A_SECTOR * 64
            self.journal.corrupt(place, at, TORN)
        self.log = SealedLog(self.journal, self.seal, self.golden["clock_id"], bytes.fromhex(self.golden["firmware"]))
        for _ in range(burnt + 1):
            try:
                self.log.open(told.detail[0], stamp)
                break
            except (ClockError, ValueError):
                pass  # the next torn slot is in BOOT's way, and the flash says so: the start after that burns it
        assert self.log.tears == burnt, (self.log.tears, burnt)

    def check_last(self, told, stamp):
        """RETIRE ends the chain: its bytes from the key that the clock holds then."""
        state, ratchet = KeyState(), seal.Ratchet()
        assert KeyStore(self.seal).load(state)
        buf = bytearray(record.RECORD_BYTES)
        eights = (told.token, told.beacon, told.detail)
        record.pack_into(buf, told.kind, told.flags, state.seq, state.boot, state.epoch, stamp, *eights)
        ratchet.load(state.r)
        assert ratchet.tag(state.tag, memoryview(buf)[:48])[:16] == told.tag

    def kept(self, seq):
        content = self.journal.sector(seq // RECORDS_A_SECTOR % SECTORS)
        at = HEADER_BYTES + seq % RECORDS_A_SECTOR * 64
        return bytes(content[at : at + 64])


def replayed(name):
    golden = vectors()
    told = [log for log in golden["logs"] if log["name"] == name][0]
    replay = Replay(golden, unhex(told["slots"]))
    replay.run()
    ends_retired = told["end"]["r"] == ""
    for seq, raw in enumerate(replay.slots[: len(replay.slots) - ends_retired]):
        assert replay.kept(seq) == (raw or bytes(64)), (name, seq)
    if not ends_retired:
        state = KeyState()
        assert KeyStore(replay.seal).load(state)
        end = told["end"]
        assert (state.seq, state.boot, state.epoch, state.records, state.day) == (
            end["next_seq"],
            end["boot"],
            end["epoch"],
            end["records"],
            end["day"],
        )
        assert (bytes(state.r).hex(), bytes(state.e_next).hex(), bytes(state.tag).hex()) == (
            end["r"],
            end["e_next"],
            end["tag"],
        )


def test_the_clock_makes_the_log_of_a_working_week():
    replayed("a working week")


def test_the_clock_makes_the_log_with_power_cuts():
    replayed("power cuts")


def test_the_clock_makes_the_log_without_a_time():
    replayed("a clock without time")


def test_the_clock_makes_the_log_of_several_days_in_one_epoch():
    replayed("several days in one epoch")


def test_the_clock_makes_the_log_whose_times_claim_little():
    replayed("times that claim little")


def test_the_clock_makes_the_log_that_ends_with_retire():
    replayed("retired")


class Walker:
    """Follows a log with the clock's own record and seal code, by docs/protocol.md §3."""

    def __init__(self, golden):
        self.e0 = bytes.fromhex(golden["e0"])
        self.nonce = bytes.fromhex(golden["nonce"])
        self.tag = seal.first_tag(golden["clock_id"])
        self.seq = self.boot = self.epoch = self.records = 0
        self.ratchet = seal.Ratchet()
        self.r, self.e_next = seal.epoch_start(self.e0, 0)

    def follows(self, raw):
        """Whether the record is the chain's next one; if so, it is taken."""
        try:
            told = unpacked.unpack(raw)
        except ValueError:
            return False
        burnt = told.detail[1] if told.kind == record.KIND_BOOT else 0
        if told.flags & record.FLAG_UNSEALED or self.r is None or told.seq != self.seq + burnt:
            return False
        r = self.r
        for _ in range(burnt):
            self.ratchet.load(r)
            r = self.ratchet.step(seal.BURNT_TAG)
        self.ratchet.load(r)
        if self.ratchet.tag(self.tag, raw[:48])[:16] != told.tag:
            return False
        if (told.kind == record.KIND_GENESIS) != (told.seq == 0) or told.epoch != self.epoch:
            return False
        if told.boot != self.boot + (told.kind == record.KIND_BOOT):
            return False
        if told.kind == record.KIND_GENESIS and (told.token, told.detail) != (self.nonce, seal.commitment(self.e0)):
            return False
        self.seq, self.boot, self.tag, self.r = told.seq + 1, told.boot, told.tag, self.ratchet.step(told.tag)
        self.records += burnt + 1
        is_over = self.records >= 2048 and told.kind not in (record.KIND_EPOCH, record.KIND_BOOT)
        if is_over or (told.kind == record.KIND_EPOCH and self.records == 1):
            return False
        if told.kind == record.KIND_EPOCH:
            if struct.unpack(">II", told.detail)[0] != self.records:
                return False
            self.epoch += 1
            self.records = 0
            self.r, self.e_next = seal.epoch_start(self.e_next, self.epoch)
        elif told.kind == record.KIND_RETIRE:
            self.r = None
        return True


def test_the_first_record_that_does_not_follow_is_the_one_that_the_vectors_name():
    golden = vectors()
    for case in golden["attacks"] + golden["logs"]:
        walker, broken = Walker(golden), None
        for raw in unhex(case["slots"]):
            if raw is not None and not walker.follows(raw):
                broken = struct.unpack_from(">I", raw, 4)[0]
                break
        assert broken == case.get("expected", {}).get("first_broken"), case["name"]
