"""A verifier of the clock's records and of what its flash may hold, written from docs/protocol.md §3 to §5 and from nothing else.

The tests judge the firmware by it; it shares no code with `app`. What it finds wrong is an AssertionError that says what.
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
    """Takes a clock's records in order, from GENESIS or from where `fork` was made, and knows every key the clock had."""

    def __init__(self, clock_id, e0):
        self.tag = hashlib.sha256(b"badgeclock/v1/genesis" + clock_id.encode()).digest()[:16]
        self.seq = self.boot = self.in_epoch = self.epoch = 0
        self.e0 = e0
        self.spent = [e0]  # keys that must not be found any more
        self.records = []  # (seq, kind, token) of those taken
        self._open_epoch(e0)

    def fork(self):
        """Another one that goes on from here, with empty lists."""
        other = Auditor("", self.e0)
        for name in ("tag", "seq", "boot", "in_epoch", "epoch", "r", "e_next"):
            setattr(other, name, getattr(self, name))
        other.spent = [self.e0]
        return other

    def take(self, raw):
        """Judge the next record; a BOOT may say that slots before it are burnt."""
        assert raw[0] == 1, "format %d" % raw[0]
        kind, flags, seq, boot, epoch = struct.unpack_from(">BHIHH", raw, 1)
        burnt = raw[41] if kind == BOOT else 0
        assert seq == self.seq + burnt, "record %d after %d, %d burnt" % (seq, self.seq - 1, burnt)
        for _ in range(burnt):
            self._step(bytes(16))
        assert not flags & 0x80, "record %d is unsealed" % seq
        mac = hmac(self.r, b"M")
        assert hmac(mac, self.tag + raw[:48])[:16] == raw[48:64], "tag of record %d" % seq
        assert (kind == GENESIS) == (seq == 0), "kind %d at %d" % (kind, seq)
        if kind == GENESIS:
            assert raw[40:48] == hmac(self.e0, b"C")[:8], "commitment"
        self.boot += kind == BOOT
        assert boot == self.boot, "boot %d in record %d, not %d" % (boot, seq, self.boot)
        assert epoch == self.epoch, "epoch %d in record %d, not %d" % (epoch, seq, self.epoch)
        self.tag = bytes(raw[48:64])
        self._step(self.tag)
        if kind == EPOCH:
            count = struct.unpack_from(">I", raw, 40)[0]
            assert count == self.in_epoch, "epoch %d closed with %d records, not %d" % (epoch, count, self.in_epoch)
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
                if slot != ERASED_SLOT and slot != SPENT_SLOT:
                    live += 1
                    assert slot[112:] == hashlib.sha256(slot[:112]).digest()[:16], "torn slot in sector %d at %d" % (sector, at)
                    assert struct.unpack_from(">4sIHH", slot) == (b"BCK1", self.seq, self.epoch, self.boot), slot[:32]
                    assert struct.unpack_from(">I", slot, 12)[0] == self.in_epoch
                    assert slot[32:64] == self.r and slot[64:96] == self.e_next and slot[96:112] == self.tag
        assert live == 1, "%d live key slots" % live

    def check_forgotten(self, *partitions):
        """No key that was used is anywhere on the flash, whole or by half."""
        for partition in partitions:
            for sector in range(partition.sectors):
                content = bytes(partition.sector(sector))
                for key in self.spent:
                    assert key[:16] not in content and key[16:] not in content, "a spent key in sector %d" % sector

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
