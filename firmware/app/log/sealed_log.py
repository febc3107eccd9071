"""The sealed log: writes every record of the clock, and none that was signalled is ever lost or rewritten.

For one record, in this order: all allocations; the record is programmed; the next key slot is programmed; the old one
is programmed to zero; `append` returns, and only then may the clock signal. Three page programs, no erase.

States after power loss, and their recovery by `open`:

    no record               nothing happened
    a whole record          it is programmed again over itself, the key advances, nothing is reported: no signal was
                            given
    a torn record           its slot is programmed to zero, the seq is burnt, the BOOT record says so
    no readable key slot    the log continues unsealed; every verifier fails those records, which shows the fault.
                            This remains even if the key can be read at a later start
    RETIRE, and a key       the key is programmed to zero: the log has ended
    RETIRE, and no key      the log has ended

Only `idle` erases: sectors in advance, spent key sectors; it also closes the epoch and stores the acknowledged
position. A sector that is not wholly acknowledged is never erased.
"""

import struct

from micropython import const

from app import on_demand
from app.errors import JournalError, JournalFull, JournalRetired
from app.log import record, seal
from app.log.journal import BURNT_RECORD, RECORDS_A_SECTOR, Journal
from app.log.keystore import KeyState, KeyStore
from app.log.record import NOTHING, RECORD_BYTES, SEALED_BYTES, TAG_BYTES

_UNPACKED = "app.log.unpacked"

RESET_OTHER = const(0)
RESET_POWER_ON = const(1)
RESET_HARD = const(2)
RESET_WATCHDOG = const(3)
RESET_DEEP_SLEEP = const(4)
RESET_SOFT = const(5)

EPOCH_RECORDS = const(2048)  # the EPOCH record included
SPARE_RECORDS = const(8)  # the last slots before "full", kept for the log's own BOOT and EPOCH records

_LAST_RECORDS = const(2)  # a BOOT and an EPOCH record that may be due before RETIRE
_LAST_COUNT = const(0xFFFF)  # of boots and epochs
_DAY_S = const(86400)


def first_unsent(first_unmarked, acked, head):
    """First seq to send, from the first sector without acked mark and the key slot's acked field."""
    return min(max(acked, first_unmarked * RECORDS_A_SECTOR), head)


class SealedLog:
    """The records of one clock on its two partitions (esp32.Partition's block interface).

    `firmware_hash` is 8 bytes. Call `open` first. `late` counts sectors of the journal for which a record had to wait,
    because `idle` could not prepare them in time; `tears` is the number of burnt seqs that this boot found and
    declares; `retired`: the log has ended with RETIRE, and has no key and no room left.
    """

    def __init__(self, journal, seal_partition, clock_id, firmware_hash):
        self._journal = Journal(journal)
        self._keys = KeyStore(seal_partition)
        self._clock_id = clock_id
        self._firmware_hash = firmware_hash
        self._state = KeyState()
        self._next = KeyState()
        self._ratchet = seal.Ratchet()
        self._record = bytearray(RECORD_BYTES)
        self._body = memoryview(self._record)[:SEALED_BYTES]
        self._tag = memoryview(self._record)[SEALED_BYTES:]
        self._detail = bytearray(8)
        self._beacon = bytearray(8)
        self._tail = 0
        self._marked = 0  # every sector below has its acked mark, or is gone
        self._sealed = False
        self._sound = False  # memory and flash are equal
        self._boot_due = False
        self._cause = RESET_OTHER
        self.late = 0
        self.tears = 0
        self.retired = False

    # --- for the clock and its status ---

    @property
    def head(self):
        """Seq of the next record."""
        return self._state.seq

    @property
    def tail(self):
        """First seq without an ack."""
        return self._tail

    @property
    def unsent(self):
        """Records without an ack, burnt ones counted."""
        return self._state.seq - self._tail

    @property
    def capacity(self):
        """Records that the partition holds."""
        return self._journal.capacity

    @property
    def free(self):
        """Records that still fit before `append` raises JournalFull."""
        return max(self._room() - SPARE_RECORDS, 0)

    @property
    def nearly_full(self):
        """Whether 80 % or more of the records' places are blocked until the bridge acknowledges."""
        return (self.capacity - self.free) * 5 >= self.capacity * 4

    @property
    def sealed(self):
        """Whether there is a key; if not, records carry FLAG_UNSEALED."""
        return self._sealed

    @property
    def boot(self):
        """Boot count of this boot."""
        return self._state.boot + self._boot_due

    @property
    def tag(self):
        """Tag of the chain, 16 bytes."""
        return bytes(self._state.tag)

    @property
    def wear(self):
        """The highest erase count of a journal sector that this boot has seen."""
        return self._journal.erases

    def desk(self):
        """K_job, 32 bytes, from the key of the next record, which is erased from flash as soon as that record is
        written. Requires a key (`sealed`).
        """
        self._ratchet.load(self._state.r)
        return self._ratchet.desk()

    # --- the life of the log ---

    def open(self, reset_cause, stamp):
        """Recover from power loss and write the BOOT record, reset cause RESET_*.

        In a full journal BOOT waits for the first room. Raises JournalError if the clock was never founded, or has used
        up its 65,535 boots. May be called again after an error: it then reads everything again.
        """
        self._sound = self.retired = False
        state = self._state
        self._sealed = self._keys.load(state)
        if self._sealed:
            self._journal.mount(state.seq)
            self._sealed = not self._went_on_without_key()
        if not self._sealed:
            state.acked = state.records = 0
            state.seq = self._journal.find_head()
            if state.seq <= 1:
                raise JournalError("this clock was never founded, or only half; provision it")
        self._marked = self._journal.first_unmarked(state.seq)
        self._tail = first_unsent(self._marked, state.acked, state.seq)
        if self._sealed:
            self._settle_sealed()
        else:
            self._settle_unsealed()
        if self._state.boot == _LAST_COUNT:
            raise JournalError("this clock has started 65,535 times; its records are kept. Provision again.")
        self.tears = self._journal.burnt_before(self._state.seq)
        self._cause = reset_cause
        self._boot_due = True
        self._sound = True
        if stamp:
            self.begin(stamp)

    def begin(self, stamp):
        """Write this start's BOOT, if there is room and `open` had no stamp for it: the log may have to be read before
        the time is known.
        """
        if self._room():
            self._write_boot(stamp)

    def append(self, kind, flags, token, detail, stamp):
        """Write a record and return its seq; when this returns, the record is safe and the clock may signal.

        `token` and `detail` are 8 bytes. Raises JournalFull, with nothing written, when the bridge must acknowledge
        first; JournalRetired after RETIRE; KeyStoreError or JournalError when the flash failed: then `open` again.
        """
        if kind in (record.KIND_GENESIS, record.KIND_BOOT, record.KIND_EPOCH):
            raise ValueError("the log writes this kind itself")
        self._check_sound()
        if self.retired:
            raise JournalRetired("this clock was retired; its records are kept. Provision again.")
        if self._room() <= (_LAST_RECORDS if kind == record.KIND_RETIRE else SPARE_RECORDS):
            raise JournalFull("%d records wait for the bridge and none is lost; reconnect the clock" % self.unsent)
        if self._boot_due:
            self._write_boot(stamp)
        if self._sealed and self._state.records >= EPOCH_RECORDS - 1 and self._state.epoch < _LAST_COUNT:
            self._close_epoch(stamp)
        return self._write(kind, flags, token, detail, stamp)

    def punch(self, flags, token, stamp, detail=NOTHING):
        """Write a PUNCH and return its seq; see `append`."""
        return self.append(record.KIND_PUNCH, flags, token, detail, stamp)

    def retire(self, stamp):
        """End the log with RETIRE and return its seq: no key is left, unacknowledged records are still sent."""
        return self.append(record.KIND_RETIRE, 0, NOTHING, NOTHING, stamp)

    def idle(self, stamp):
        """Do one bounded piece of housekeeping, at most one erase; False if nothing is due."""
        self._check_sound()
        if self._prepare_up_to(0) or self._keys.tidy():
            pass
        elif self._boot_due and self._room():
            self._write_boot(stamp)
        elif self._epoch_is_due(stamp):
            self._close_epoch(stamp)
        elif self._is_mark_due():
            self._mark_acked()
        elif self._prepare_up_to(self._journal.ahead):
            pass
        elif self._sealed and self._state.acked < self._tail == self._state.seq:
            self._state.acked = self._tail
            self.save()
        elif self.retired and self._tail == self._state.seq and self._keys.secrets:
            # It has ended: it needs neither bridge nor network.
            on_demand.load("app.log.secret_slot").forget(self._keys)
        else:
            return False
        return True

    def is_short(self):
        """Whether `idle` should erase soon, or a record may have to wait for an erase: 32 may follow at least."""
        return self._journal.ready * RECORDS_A_SECTOR <= self._state.seq or (self._sealed and self._keys.is_short())

    def ack(self, next_seq):
        """Every record below `next_seq` is in the bridge's store. Ignored if it is outdated or beyond the head."""
        if self._tail < next_seq <= self._state.seq:
            self._tail = next_seq

    def set_beacon(self, beacon):
        """The newest checkpoint from the bridge, 8 bytes; in every record from now on."""
        self._beacon[:] = beacon

    def read_into(self, buf, seq, limit):
        """Copy at most `limit` records from `seq` up into `buf`, ascending, burnt ones left out.

        Returns (records copied, seq to continue from). One call stays within one sector; 0 records only at the head.
        Records below the tail are returned while the ring still has them.
        """
        seq = max(seq, self._journal.oldest * RECORDS_A_SECTOR)
        view = memoryview(buf)
        limit = min(limit, len(view) // RECORD_BYTES)
        count = 0
        while not count and seq < self._state.seq and limit:
            run = min(limit, self._state.seq - seq, RECORDS_A_SECTOR - seq % RECORDS_A_SECTOR)
            self._journal.read(seq, view[: run * RECORD_BYTES])
            for index in range(run):
                at = index * RECORD_BYTES
                if self._is_told(view, at, seq + index):
                    if count < index:
                        view[count * RECORD_BYTES : (count + 1) * RECORD_BYTES] = view[at : at + RECORD_BYTES]
                    count += 1
            seq += run
        return count, seq

    # --- recovery ---

    def _went_on_without_key(self):
        """Whether unsealed records follow on the key's chain: an earlier start could not read the key. Then it is
        useless now: its place in the chain is taken.
        """
        state, seq = self._state, self._state.seq
        self._record[:] = BURNT_RECORD
        while self._record == BURNT_RECORD:
            if self._journal.is_erased(seq):
                return False
            self._journal.read(seq, self._record)
            seq += 1
        try:
            kept = on_demand.load(_UNPACKED).unpack(self._record)
        except ValueError:
            return False
        unsealed = kept.flags & record.FLAG_UNSEALED
        return unsealed and seal.unsealed_tag(state.tag, self._body)[:TAG_BYTES] == self._tag

    def _settle_sealed(self):
        """Synchronise the slot at the key's seq with the key: empty, a whole record, or a torn one."""
        state = self._state
        self._ratchet.load(state.r)
        if self._journal.is_erased(state.seq):
            return
        self._keys.make_room()
        self._journal.read(state.seq, self._record)
        if self._ratchet.tag(state.tag, self._body)[:TAG_BYTES] == self._tag:
            kept = on_demand.load(_UNPACKED).unpack(self._record)
            self._stage(kept.kind, kept.boot, kept.utc_s)
            self._journal.write(state.seq, self._record)
            self._commit(kept.kind)
        else:
            self._stage_burnt()
            self._journal.burn(state.seq)
            self._commit(0)

    def _settle_unsealed(self):
        """Without a key, continue after the newest whole record; a torn one after it is burnt."""
        state = self._state
        newest = state.seq - 1 - self._journal.burnt_before(state.seq)
        seq, last = self._record_below(newest + 1)
        if last and last.flags & record.FLAG_UNSEALED:
            # Its tag needs no key, so a torn one shows.
            _, before = self._record_below(seq)
            self._journal.read(seq, self._record)
            if before and seal.unsealed_tag(before.tag, self._body)[:TAG_BYTES] != last.tag:
                seq, last = seq - 1, before
        if seq != newest:
            self._journal.burn(newest)
        if last:
            state.epoch = last.epoch + (last.kind == record.KIND_EPOCH)
            state.boot = last.boot
            self.retired = last.kind == record.KIND_RETIRE
            state.tag[:] = last.tag
        else:
            state.epoch = state.boot = 0
            state.tag[:] = seal.first_tag(self._clock_id)

    def _record_below(self, seq):
        """(seq, Record) of the nearest of 63 slots below `seq` that reads as a record; or (seq, None)."""
        for below in range(seq - 1, max(seq - RECORDS_A_SECTOR, 0) - 1, -1):
            self._journal.read(below, self._record)
            try:
                return below, on_demand.load(_UNPACKED).unpack(self._record)
            except ValueError:
                continue
        return seq, None

    # --- writing ---

    def _check_sound(self):
        if not self._sound:
            raise JournalError("the log is not open; records on the flash are kept. Restart the clock.")

    def _room(self):
        """Records that fit before a sector would be needed that is not wholly acknowledged; none after RETIRE."""
        if self.retired:
            return 0
        return (self._tail // RECORDS_A_SECTOR + self._journal.sectors) * RECORDS_A_SECTOR - self._state.seq

    def _prepare_up_to(self, ahead):
        """Prepare the next sector if it is within `ahead` of the head's and free to be erased; whether it was."""
        if self.retired:
            return False
        k = self._journal.ready + 1
        first_unacked = self._tail // RECORDS_A_SECTOR
        if k > self._state.seq // RECORDS_A_SECTOR + ahead or k >= first_unacked + self._journal.sectors:
            return False
        # The mark goes first, so that half an erase differs from a sector whose header has rotted.
        while self._marked <= k - self._journal.sectors:
            self._mark_acked()
        self._journal.prepare(k)
        return True

    def _is_mark_due(self):
        """Whether a whole sector is acknowledged and not yet marked; after RETIRE the head's counts as whole."""
        if self.retired and self._tail == self._state.seq:
            return self._marked * RECORDS_A_SECTOR < self._tail
        return (self._marked + 1) * RECORDS_A_SECTOR <= self._tail

    def _mark_acked(self):
        self._journal.mark_acked(self._marked)
        self._marked += 1

    def _epoch_is_due(self, stamp):
        state = self._state
        if not self._sealed or not state.records or state.epoch == _LAST_COUNT or not self._room():
            return False
        if state.records >= EPOCH_RECORDS - 1:
            return True
        return stamp.source != record.SOURCE_NONE and stamp.utc_s // _DAY_S != state.day

    def _write_boot(self, stamp):
        struct.pack_into(">BBH4s", self._detail, 0, self._cause, self.tears, 0, self._firmware_hash)
        self._write(record.KIND_BOOT, 0, NOTHING, self._detail, stamp)

    def _close_epoch(self, stamp):
        struct.pack_into(">II", self._detail, 0, self._state.records + 1, self._state.day)
        self._write(record.KIND_EPOCH, 0, NOTHING, self._detail, stamp)

    def save(self):
        """Write the present state to flash: the same key again, in the next slot."""
        self._keys.make_room()
        self._keys.stage(self._state)
        self._sound = False
        self._keys.commit()
        self._sound = True

    def _write(self, kind, flags, token, detail, stamp):
        """Pack, seal and program one record, then step the key; its seq. There must be room."""
        state = self._state
        seq = state.seq
        if self._prepare_up_to(0):
            self.late += 1
        if self._sealed:
            self._keys.make_room()
            self._ratchet.load(state.r)
        boot = state.boot + (kind == record.KIND_BOOT)
        if not self._sealed:
            flags |= record.FLAG_UNSEALED
        record.pack_into(self._record, kind, flags, seq, boot, state.epoch, stamp, token, self._beacon, detail)
        if self._sealed:
            tag = self._ratchet.tag(state.tag, self._body)
        else:
            tag = seal.unsealed_tag(state.tag, self._body)
        struct.pack_into("16s", self._record, SEALED_BYTES, tag)
        self._stage(kind, boot, stamp.utc_s)
        self._sound = False
        self._journal.write(seq, self._record)
        self._commit(kind)
        if kind == record.KIND_BOOT:
            self._boot_due = False
        self._sound = True
        return seq

    def _stage(self, kind, boot, utc_s):
        """Work out the state after the record in `_record`, in memory only."""
        now, after = self._state, self._next
        self._stage_step(boot)
        struct.pack_into("16s", after.tag, 0, self._tag)
        if not now.records:
            after.day = utc_s // _DAY_S
        if not self._sealed or kind == record.KIND_RETIRE:
            return
        if kind == record.KIND_EPOCH:
            after.epoch += 1
            after.records = 0
            after.day = utc_s // _DAY_S
            after.r, after.e_next = seal.epoch_start(now.e_next, after.epoch)
        else:
            after.r = self._ratchet.step(self._tag)
        self._keys.stage(after)

    def _stage_burnt(self):
        """Work out the state after a burnt seq: the key steps, the chain's tag stays."""
        self._stage_step(self._state.boot)
        self._next.tag[:] = self._state.tag
        self._next.r = self._ratchet.step(seal.BURNT_TAG)
        self._keys.stage(self._next)

    def _stage_step(self, boot):
        now, after = self._state, self._next
        after.seq = now.seq + 1
        after.boot = boot
        after.epoch = now.epoch
        after.records = now.records + 1
        after.acked = self._tail
        after.day = now.day
        after.e_next = now.e_next
        after.connections = 0  # a full log accepts nothing before its BOOT

    def _commit(self, kind):
        """Make the staged state the log's: next key slot, old slot to zero; after a record of RETIRE no next slot."""
        if kind == record.KIND_RETIRE:
            self._keys.end()
            self._sealed = False
            self.retired = True
        elif self._sealed:
            self._keys.commit()
        self._state, self._next = self._next, self._state

    def _is_told(self, view, at, seq):
        """Whether the slot at `at` is sent to the bridge: not if it is burnt or, below the tail, half erased."""
        if not view[at] and view[at : at + RECORD_BYTES] == BURNT_RECORD:
            return False
        return seq >= self._tail or struct.unpack_from(">I", view, at + 4)[0] == seq


def is_open(*_):
    """Replaces the functions for opening, once they are out of memory."""
    raise JournalError("the log is open, and opened once a start; its records are kept. Restart the clock.")
