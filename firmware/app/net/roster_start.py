"""Finds the valid roster when the clock starts.

A bank is valid if its header is whole and its seal covers every entry. The header's first four bytes are programmed
last, and only after the content was read back and verified; so after any power cut one whole roster is valid, the old
or the new.
"""

from hashlib import sha256

from app.net import roster_bank
from app.net.frames import downward_key
from app.net.roster import ENTRIES_A_SECTOR, HEAD_BYTES, Roster
from app.net.roster_bank import CHUNK_BYTES, MAGIC, MAGIC_BYTES


def load(partition, link_key):
    """The Roster of a clock that starts: of the banks with a valid seal the one with the higher version. partition:
    None on a clock without one.
    """
    roster = Roster(partition)
    if partition is None:
        return roster
    key = roster_bank.roster_key(downward_key(link_key))
    sectors = roster_bank.bank_sectors(partition)
    buf = memoryview(bytearray(CHUNK_BYTES))
    for first in (0, sectors):
        header = bytearray(HEAD_BYTES)
        try:
            is_whole = _is_whole(partition, first, sectors, header, buf, key)
            if is_whole and roster_bank.version_of(header) > roster.version:
                # Once more over itself: half programmed bytes after a power cut may read either way.
                partition.writeblocks(first, MAGIC, 0)
                roster_bank.put_in_use(roster, first, header)
        except OSError:
            print("clock: a bank of the roster cannot be read")
    return roster


def _is_whole(partition, first, sectors, header, buf, key):
    partition.readblocks(first, header, 0)
    entries = roster_bank.entries_of(header)
    if header[:MAGIC_BYTES] != MAGIC or entries > sectors * ENTRIES_A_SECTOR:
        return False
    digest = sha256()
    for part in range(1, roster_bank.parts_of(entries) + 1):
        roster_bank.digest_part(partition, first, part, entries, digest, buf)
    return roster_bank.holds(header, digest.digest(), key)
