"""The clock's own reader drivers, in MicroPython, on the virtual board's reader chip, in modelled time.

The driver's process (reader_on_device.py) carries the time: its sleeps and its SPI transfers move it, nothing else
does, so a week takes as long as its transfers. Chip, field and badges are those of the virtual board, and take the
time with every request. An SPI transfer costs what the ESP32's port takes a call, and its bytes at the board's 5 MHz;
the time of MicroPython's own bytecode is not in it.
"""

from __future__ import annotations

import json
import random
import socket
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from badgeclock.badges.keys import diversify
from badgeclock.toolchain import programs
from badgeclock.virtual.cards import Card, Field
from badgeclock.virtual.chips.mfrc522 import Counts, Hang, Mfrc522
from badgeclock.virtual.desfire import Application, DesfireEv2, File
from badgeclock.virtual.desfire_channels import Key

ROOT = Path(__file__).resolve().parents[2]
ON_DEVICE = Path(__file__).with_name("reader_on_device.py")

HEAD = struct.Struct("<BHQ")  # op, bytes of data or an argument, microseconds
SELECT, WRITE, READ, TRANSFER, RESET, IRQ, ASK = range(7)

UIDS = {
    "uid4": bytes.fromhex("DEADBEEF"),
    "uid7": bytes.fromhex("04A3C652117F80"),
    "uid10": bytes.fromhex("04112233445566778099"),
}
BADGE_KEY = bytes(range(16))
AID = bytes.fromhex("4314BC")
SYSTEM = b"Badgeclock"
RUN_TIMEOUT_S = 3000


def proving_badge(uid: bytes = UIDS["uid7"], badge_key: bytes = BADGE_KEY, number: bytes = b"\x5a" * 8) -> DesfireEv2:
    """A badge that was issued as docs/badges.md says."""
    card = DesfireEv2(uid)
    read, identity = diversify(badge_key, uid + AID + b"\x01" + SYSTEM), diversify(badge_key, AID + b"\x02" + SYSTEM)
    mac = Key(diversify(badge_key, uid + AID + b"\xc0" + SYSTEM), block=16).chained_mac(b"\x01" + number, bytes(16))
    content = bytearray(b"\x01" + number + mac[:8]).ljust(32, b"\0")
    keys = [Key(value, block=16) for value in (bytes(16), read, identity)]
    card.applications[AID] = Application(0x09, keys, {1: File(mode=3, access=0x1000, data=content)})
    return card


@dataclass(frozen=True)
class Visit:
    """A badge that leaves: after so many answers (cards.Presence), or so many microseconds after it came."""

    card: Card
    frames: float | None = None
    us: int | None = None


class Rig:
    """One chip and its field, for one run of reader_on_device.py. `seed`: of everything that happens by chance."""

    def __init__(self, seed: int = 0) -> None:
        self.field = Field()
        self.chip = Mfrc522(self.field)
        self.chip.power_on(0)
        self.now_ns = 0
        self._random = random.Random(seed)
        self._badges = 0
        self._hang: tuple[Hang, int, int] | None = None
        self._hung_us = 0
        self._queue: list[Visit] = []

    def prove(self, *badges: Card | Visit) -> list[tuple[int | None, str, float]]:
        """Hold each badge to a clock that takes only badges that prove themselves. The verdicts (app.badge.proof), the
        badge numbers, and the ms until then.
        """
        self._queue = [badge if isinstance(badge, Visit) else Visit(badge) for badge in badges]
        return [tuple(result) for result in self._run("amd64", "proofs")]

    def costs(self) -> dict[str, float]:
        """Of a poll without badge, with a UID of each length, and of a proof: SPI work and modelled time."""
        result: dict[str, float] = self._run("amd64", "costs")
        return result

    def week(self, hangs: int, seed: int) -> dict[str, Any]:
        """A week of polling in which the chip hangs so many times."""
        result: dict[str, Any] = self._run("amd64", "week", str(hangs), str(seed))
        return result

    def allocation(self) -> dict[str, float]:
        """Heap bytes of 1,000 idle polls, on the architecture with an ESP32's objects."""
        result: dict[str, float] = self._run("i386", "allocation")
        return result

    def _run(self, arch: programs.Arch, *arguments: str) -> Any:
        """What reader_on_device.py prints, called with these arguments. Raises RuntimeError if it fails."""
        ours, theirs = socket.socketpair()
        command = [programs.micropython(arch), ON_DEVICE, ROOT / "firmware", str(theirs.fileno()), *arguments]
        with ours:
            with theirs:
                process = subprocess.Popen(
                    [str(part) for part in command],
                    pass_fds=[theirs.fileno()],
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
            ours.settimeout(RUN_TIMEOUT_S)
            try:
                self._serve(ours)
                output = process.communicate(timeout=RUN_TIMEOUT_S)[0]
            finally:
                process.kill()
                process.wait()
        if process.returncode:
            raise RuntimeError(f"{ON_DEVICE.name} {' '.join(arguments)}: {output}")
        return json.loads(output.splitlines()[-1])

    def _serve(self, wire: socket.socket) -> None:
        pending = b""
        while chunk := wire.recv(65536):
            pending += chunk
            at = 0
            while len(pending) - at >= HEAD.size:
                op, n, now_us = HEAD.unpack_from(pending, at)
                size = n if op in (WRITE, TRANSFER, ASK) else 0
                if len(pending) - at - HEAD.size < size:
                    break
                data = pending[at + HEAD.size : at + HEAD.size + size]
                at += HEAD.size + size
                self.now_ns = now_us * 1000
                answer = self._answer(op, n, data)
                if answer is not None:
                    wire.sendall(answer)
            pending = pending[at:]

    def _answer(self, op: int, n: int, data: bytes) -> bytes | None:
        if op == SELECT:
            if n == 0:
                self._hang_when_due()
            self.chip.select(n)
        elif op == WRITE:
            self.chip.transfer(data, self.now_ns)
        elif op == READ:  # high byte: what is sent meanwhile
            return self.chip.transfer(bytes((n >> 8,)) * (n & 0xFF), self.now_ns)
        elif op == TRANSFER:
            return self.chip.transfer(data, self.now_ns)
        elif op == RESET:
            self.chip.reset_pin(n, self.now_ns)
        elif op == IRQ:
            return bytes((self.chip.irq_pin(self.now_ns),))
        else:
            answer = json.dumps(self._asked(*data.decode().split())).encode()
            return len(answer).to_bytes(2, "little") + answer
        return None

    # ---- requests of the driver's side

    def _asked(self, what: str, *arguments: str) -> Any:
        if what == "badge":
            return self._put(*arguments)
        if what == "next":
            if not self._queue:
                return False
            visit = self._queue.pop(0)
            until_ns = None if visit.us is None else self.now_ns + 1000 * visit.us
            self.field.add(visit.card, self.now_ns, until_ns, visit.frames)
            return True
        if what == "remove":
            self.field.presences.clear()
            return None
        if what == "counts":
            return self._counts()
        if what == "hang":
            how = self._random.choice(list(Hang))
            self._hang = (how, self._random.randrange(1 << 30), self._random.randrange(20))
            return how.value
        if what == "hung":  # when, µs
            return None if self._hang is not None else self._hung_us
        if what == "random":
            return self._random.random()
        raise ValueError(what)

    def _put(self, name: str) -> str:
        if name == "new":
            self._badges += 1
            card = Card(bytes((0x04, 0, 0)) + self._badges.to_bytes(4, "big"))
        elif name == "desfire":
            card = proving_badge()
        else:
            card = Card(UIDS[name])
        self.field.add(card, self.now_ns, None)
        return card.uid.hex()

    def _counts(self) -> dict[str, float]:
        """Since the last call."""
        chip, air = self.chip, self.chip.air
        counts = {"transactions": chip.transactions, "bytes": chip.bytes, **air.as_dict()}
        chip.transactions = chip.bytes = 0
        chip.air = Counts()
        return counts

    def _hang_when_due(self) -> None:
        """A hang happens some transactions after it was requested, so in the middle of the driver's work."""
        if self._hang is None:
            return
        how, seed, left = self._hang
        if left:
            self._hang = (how, seed, left - 1)
            return
        self.chip.hang(how, now_ns=self.now_ns, seed=seed)
        self._hung_us = self.now_ns // 1000
        self._hang = None
