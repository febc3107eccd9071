"""Founds and ends a clock's sealed log: for a technician, never loaded on a running clock."""

from micropython import const

from app.errors import JournalError
from app.log import record, seal
from app.log.journal import Journal
from app.log.keystore import KeyState, KeyStore
from app.log.record import NOTHING, RECORD_BYTES, SEALED_BYTES, TAG_BYTES
from app.log.sealed_log import first_unsent

_DAY_S = const(86400)


def provision(journal, seal_partition, clock_id, e0, nonce, stamp):
    """Format both partitions and write GENESIS for a clock whose E_0 is `e0` (32 bytes) and genesis nonce 8 bytes.

    Raises JournalError, with their number in `unsent`, if unacknowledged records are there: send them, or give them up
    with `wipe`. Power loss in between leaves a clock that must, and can, be provisioned again.
    """
    if len(e0) != seal.KEY_BYTES or len(nonce) != seal.NONCE_BYTES:
        raise ValueError("E_0 is 32 bytes and the genesis nonce 8")
    waiting = unsent(journal, seal_partition)
    if waiting:
        raise JournalError(
            "%d records wait for the bridge; nothing was changed. Let the clock send them." % waiting, waiting
        )
    wipe(journal, seal_partition)
    records, keys, state, ratchet = Journal(journal), KeyStore(seal_partition), KeyState(), seal.Ratchet()
    first = bytearray(RECORD_BYTES)
    record.pack_into(first, record.KIND_GENESIS, 0, 0, 0, 0, stamp, nonce, NOTHING, seal.commitment(e0))
    r, state.e_next = seal.epoch_start(e0, 0)
    ratchet.load(r)
    tag = ratchet.tag(seal.first_tag(clock_id), memoryview(first)[:SEALED_BYTES])[:TAG_BYTES]
    first[SEALED_BYTES:] = tag
    state.tag[:] = tag
    state.r = ratchet.step(tag)
    state.seq = state.records = 1
    state.day = stamp.utc_s // _DAY_S
    keys.stage(state)
    records.prepare(0)
    records.write(0, first)
    keys.commit()


def wipe(journal, seal_partition):
    """Erase every record and every key, acknowledged or not."""
    # Keys last: before that, power loss leaves a clock that still has its acknowledged position.
    Journal(journal).format()
    KeyStore(seal_partition).format()


def unsent(journal, seal_partition):
    """How many unacknowledged records are there, from the flash alone; a GENESIS alone counts as none."""
    records, state = Journal(journal), KeyState()
    if KeyStore(seal_partition).load(state):
        head = state.seq
        records.mount(head)
    else:
        head = records.find_head()
    return head - first_unsent(records.first_unmarked(head), state.acked, head) if head > 1 else 0
