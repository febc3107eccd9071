"""A verifier of a clock's records and of what its flash may hold, from docs/protocol.md §3 to §5 and nothing else.

The tests judge the firmware by it; it shares no code with `app`. It raises AssertionError for anything wrong.
"""

import hashlib
import struct

GENESIS, BOOT, PUNCH, EPOCH = 1, 2, 3, 5
ERASED_SLOT = b"\xff" * 128
SPENT_SLOT = bytes(128)
SLOTS_A_SECTOR = 32

_INNER = int.from_bytes(b"\x36" * 64, "big")
_OUTER = int.from_bytes(b"\x5c" * 64, "big")


def hmac(key, message):
    """HMAC-SHA-256 for a key of 32 bytes."""
    padded = int.from_bytes(key + bytes(32), "big")
    inner = hashlib.sha256((padded ^ _INNER).to_bytes(64, "big") + message).digest()
    return hashlib.sha256((padded ^ _OUTER).to_bytes(64, "big") + inner).digest()


class Auditor:
    """Takes a clock's records in order, from GENESIS or from its `fork`, and has every key so far."""

    def __init__(self, clock_id, e0):
        self.tag = hashlib.sha256(b"badgeclock/v1/genesis" + clock_id.encode()).digest()[:16]
        self.seq = self.boot = self.in_epoch = self.epoch = 0
        self.e0 = e0
        self.spent = [e0]  # keys that must no longer be found
        self.burnt = []  # seqs that a BOOT declared
        self.records = []  # (seq, kind, token) of those taken
        self._open_epoch(e0)

    def fork(self):
        """Another one that continues from here, with empty lists."""
        other = Auditor("", self.e0)
        for name in ("tag", "seq", "boot", "in_epoch", "epoch", "r", "e_next"):
            setattr(other, name, getattr(self, name))
        other.spent = [self.e0]
        return other

    def take(self, raw):
        """Judge the next record; a BOOT may declare slots before it burnt."""
        assert raw[0] == 1, f"format {raw[0]}"
        kind, flags, seq, boot, epoch = struct.unpack_from(">BHIHH", raw, 1)
        burnt = raw[41] if kind == BOOT else 0
        assert seq == self.seq + burnt, f"record {seq} after {self.seq - 1}, {burnt} burnt"
        for _ in range(burnt):
            self.burnt.append(self.seq)
            self._step(bytes(16))
        assert not flags & 0x80, f"record {seq} is unsealed"
        mac = hmac(self.r, b"M")
        assert hmac(mac, self.tag + raw[:48])[:16] == raw[48:64], f"tag of record {seq}"
        assert (kind == GENESIS) == (seq == 0), f"kind {kind} at {seq}"
        if kind == GENESIS:
            assert raw[40:48] == hmac(self.e0, b"C")[:8], "commitment"
        self.boot += kind == BOOT
        assert boot == self.boot, f"boot {boot} in record {seq}, not {self.boot}"
        assert epoch == self.epoch, f"epoch {epoch} in record {seq}, not {self.epoch}"
        self.tag = bytes(raw[48:64])
        self._step(self.tag)
        if kind == EPOCH:
            count = struct.unpack_from(">I", raw, 40)[0]
            assert count == self.in_epoch, f"epoch {epoch} closed with {count} records, not {self.in_epoch}"
            self.epoch += 1
            self._open_epoch(self.e_next)
        self.records.append((seq, kind, bytes(raw[24:32])))

    def check_keys(self, seal):
        """The store holds the key of the next record once, and else only erased and spent slots."""
        live = 0
        for sector in range(seal.sectors):
            content = bytes(seal.sector(sector))
            for at in range(0, 4096, 128):
                slot = content[at : at + 128]
                if slot not in (ERASED_SLOT, SPENT_SLOT):
                    live += 1
                    assert slot[112:] == hashlib.sha256(slot[:112]).digest()[:16], f"torn slot in {sector} at {at}"
                    assert struct.unpack_from(">4sIHH", slot) == (b"BCK1", self.seq, self.epoch, self.boot), slot[:32]
                    assert struct.unpack_from(">I", slot, 12)[0] == self.in_epoch
                    assert slot[32:112] == self.r + self.e_next + self.tag
        assert live == 1, f"{live} live key slots"

    def check_forgotten(self, *partitions):
        """No key that was used is anywhere on the flash, whole or by half."""
        for partition in partitions:
            for sector in range(partition.sectors):
                content = bytes(partition.sector(sector))
                for key in self.spent:
                    assert key[:16] not in content, f"a spent key in sector {sector}"
                    assert key[16:] not in content, f"a spent key in sector {sector}"

    def _open_epoch(self, epoch_key):
        number = struct.pack(">H", self.epoch)
        self.spent.append(epoch_key)
        self.r = hmac(epoch_key, b"R" + number)
        self.e_next = hmac(epoch_key, b"E" + number)
        self.in_epoch = 0

    def _step(self, tag):
        self.spent.append(self.r)
        self.r = hmac(self.r, b"r" + tag)
        self.seq += 1
        self.in_epoch += 1
