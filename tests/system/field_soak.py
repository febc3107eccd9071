"""A clock in the field for as many taps as one likes: the whole firmware on a virtual board, with everything that can
happen to it, by a seed.

    python -m tests.system.field_soak --taps 100000 --seed 1

Cards of every kind of UID, known and strange, alone and in pairs, some gone before they are read; keys, alone and
together; every fault of the way to the broker (`forge` excepted, see simulation.py) and of the access point; a reader
chip that hangs and a noisy field; power cuts, half of them in the middle of flash work. Between them the clock must
keep every punch that it signalled, must not restart by itself, and its heap must not run short. What came of it goes
to build/soak.json.

A tap lasts until the clock's flash has its punch, which is looked at from outside.
"""

from __future__ import annotations

import argparse
import json
import mmap
import random
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from badgeclock.chaos.faults import NONE
from badgeclock.chaos.proxy import ChaosProxy
from badgeclock.demo import cast
from badgeclock.demo.stack import Stack
from badgeclock.partition_table import board_partitions
from badgeclock.protocol.record import FORMAT, RECORD_BYTES, Kind
from badgeclock.technician.serial_device import open_device
from badgeclock.toolchain.places import ROOT
from badgeclock.virtual.chips.mfrc522 import Hang
from badgeclock.virtual.errors import ControlError
from badgeclock.virtual.nor import SECTOR_BYTES
from tests.system.chaos_stack import signal_ms, stack_through_proxy, stored_punches, stored_records
from tests.system.crowd import enroll
from tests.system.simulation import AIR, NETWORK, broken_chain
from tests.system.uplink_rig import Keys

RESULTS: Final = ROOT / "build" / "soak.json"
KNOWN: Final = 120
UNMUTED_AFTER: Final = 8
"""So many others stand between two punches of a badge; a clock is deaf for two seconds to the last four."""
TAKEN_WITHIN_S: Final = 40.0
"""A hanging reader is started again after seconds, a clock after a power cut likewise."""
DELIVERED_WITHIN_S: Final = 300.0
NEWS_S: Final = 30.0

METER: Final = """
import gc as _gc, sys

class Meter:
    low = 1 << 30

    def __getattr__(self, name):
        return getattr(_gc, name)

    def collect(self):
        _gc.collect()
        free = _gc.mem_free()
        if free < self.low:
            self.low = free
            print("heap low:", free)

sys.modules["gc"] = Meter()
"""
"""Beside the clock's boot.py: says whenever less was free after a collection than ever since the start."""

_RECORDS_A_SECTOR: Final = SECTOR_BYTES // RECORD_BYTES - 1
_BURNT: Final = bytes(RECORD_BYTES)


@dataclass
class Outcome:
    """What became of it. `untaken`: taps; `unread`: keys. `restarts` are those that nobody caused; `lowest_heap` bytes
    free after a collection.
    """

    seed: int
    taps: int = 0
    punches: int = 0
    lost: int = 0
    doubled: int = 0
    untaken: int = 0
    unread: int = 0
    restarts: int = 0
    lowest_heap: int = 0
    happened: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def to_json(self) -> str:
        """All of it."""
        return json.dumps(vars(self), indent=1) + "\n"


class Flash:
    """The records in the clock's journal, as they come. It must be asked before the ring has turned over them."""

    def __init__(self, flash: mmap.mmap) -> None:
        self._flash = flash
        self._part = board_partitions()["journal"]
        self._seq = 0
        self._punches = 0

    def punches(self) -> int:
        """How many punches there were so far."""
        while True:
            raw = self._slot(self._seq)
            if raw == _BURNT and (after := self._next_whole()) is not None:
                self._seq = after  # a BOOT declares them
                continue
            if raw[0] != FORMAT or int.from_bytes(raw[4:8], "big") != self._seq:
                return self._punches
            self._punches += raw[1] == Kind.PUNCH
            self._seq += 1

    def _next_whole(self) -> int | None:
        for seq in range(self._seq + 1, self._seq + 256):
            raw = self._slot(seq)
            if raw[0] == FORMAT and int.from_bytes(raw[4:8], "big") == seq:
                return seq
            if raw != _BURNT:
                return None
        return None

    def _slot(self, seq: int) -> bytes:
        sector, slot = divmod(seq, _RECORDS_A_SECTOR)
        at = self._part.offset + sector * SECTOR_BYTES % self._part.size + (slot + 1) * RECORD_BYTES
        return self._flash[at : at + RECORD_BYTES]


class Field:
    """One clock with its stack, and the dice that say what happens to it."""

    def __init__(self, stack: Stack, proxy: ChaosProxy, flash: Flash, seed: int) -> None:
        self._stack = stack
        self._control = stack.control
        self._proxy = proxy
        self._flash = flash
        self._dice = random.Random(seed)
        self._known = [badge.uid for badge in enroll(stack, "soak", KNOWN)]
        self._lately: list[str] = []
        self._caused = 0
        self._boots = int(self._control.stats()["boots"])
        self._log = stack.directory / "clock" / "console.log"
        self._read = 0
        self.out = Outcome(seed, lowest_heap=1 << 30)
        self._troubles: tuple[tuple[float, Callable[[], None]], ...] = (
            (0.03, self._network),
            (0.01, self._air),
            (0.04, self._keys),
            (0.01, self._pair),
            (0.02, self._brief),
            (0.003, self._hang),
            (0.003, self._noise),
            (0.002, self._cut),
        )

    def run(self, taps: int, say: Callable[[str], None] = print) -> Outcome:
        """Go through so many taps, then mend everything and count."""
        before = self._flash.punches()
        stored_before = len(stored_punches(self._stack))
        assert before == stored_before
        said_s = time.monotonic()
        for _ in range(taps):
            for chance, trouble in self._troubles:
                if self._dice.random() < chance:
                    trouble()
            self._tap()
            self._look()
            if time.monotonic() - said_s > NEWS_S:
                said_s = time.monotonic()
                say(f"{self.out.taps} taps, {self._flash.punches() - before} punches, {dict(self.out.happened)}")
        self._mend()
        self._judge(stored_before)
        return self.out

    # --- a tap ---

    def _tap(self) -> None:
        base = self._flash.punches()
        uid = self._card()
        tap = self._control.hold(uid)
        self.out.taps += 1
        deadline = time.monotonic() + TAKEN_WITHIN_S
        while self._flash.punches() == base:
            if time.monotonic() > deadline:
                self.out.untaken += 1
                self.out.broken.append(f"tap {tap.id} ({len(uid) // 2} bytes) was not taken: {self._now(tap.id)}")
                break
            time.sleep(0.004)
        self._control.remove()

    def _now(self, since: int) -> str:
        """The display's text, and the events from a little before `since` on."""
        events = self._control.events(max(since - 40, 0))
        kinds = [f"{event['t_ms']} {event['kind']} {event.get('lines', event.get('key', ''))}" for event in events]
        return f"{self._control.screen_text()}; {kinds[:120]}"

    def _card(self) -> str:
        """A card that none of the last ones was."""
        while True:
            if self._dice.random() < 0.6:
                uid = self._dice.choice(self._known)
            else:
                size = self._dice.choice((4, 7, 10))
                first = self._dice.choice([n for n in range(1, 255) if n not in (0x08, 0x88)])
                uid = bytes((first, *(self._dice.randrange(256) for _ in range(size - 1)))).hex()
                if size > 4 and "88" in (uid[6:8], uid[12:14]):
                    continue  # a cascade tag where a UID has none
            if uid not in self._lately:
                self._lately = [*self._lately[1 - UNMUTED_AFTER :], uid]
                return uid

    # --- what else happens ---

    def _happened(self, what: str) -> None:
        self.out.happened[what] += 1

    def _network(self) -> None:
        fault = self._dice.choice((*NETWORK, NONE, NONE, NONE))
        self._proxy.turn(fault)
        if fault != NONE:
            self._happened(f"network {fault}")

    def _air(self) -> None:
        mood = self._dice.choice((*AIR, "up", "up"))
        self._control.network(mood)
        if mood != "up":
            self._happened(f"access point {mood}")

    def _keys(self) -> None:
        """A key selects a way, or corrects one, which makes another punch; after the info key a card opens its page."""
        self._quiet()
        keys = self._dice.choice((("in",), ("out",), ("break",), ("in", "out"), ("info",)))
        for key in keys:
            pressed = self._control.press(key, self._dice.randrange(60, 300))
            try:
                self._control.wait_event("tone_on", after=pressed, timeout=TAKEN_WITHIN_S)  # the clock has read it
            except ControlError:
                self.out.unread += 1
                self.out.broken.append(f"the key {key} was not read: {self._now(pressed)}")
        self._happened("keys " + "+".join(keys))
        if keys == ("info",):
            self._ask()
        time.sleep(0.5)

    def _quiet(self) -> None:
        """Return once nothing sounds: the signal of the last tap, which comes after its record, is no key's and no next
        tap's.
        """
        sounds = True
        while sounds:
            last = int(self._control.events()[-1]["id"])
            time.sleep(0.5)
            sounds = any(event["kind"] in ("tone_on", "selected") for event in self._control.events(last))

    def _ask(self) -> None:
        """A card that opens its page, and makes no punch, unless the clock has stopped waiting for it; held until its
        page is shown, or else the next card would open its own.
        """
        base = self._flash.punches()
        self._control.hold(self._card())
        deadline = time.monotonic() + TAKEN_WITHIN_S
        while self._flash.punches() == base and time.monotonic() < deadline:
            lines = " ".join(self._control.screen_text())
            if "Today" in lines and "Hold your badge" not in lines:
                break
            time.sleep(0.02)
        self._control.remove()

    def _pair(self) -> None:
        """Two at once that were there a moment ago: muted, so that they make no punch however they are read."""
        for uid in self._lately[-2:]:
            self._control.hold(uid)
        time.sleep(0.15)
        self._control.remove()
        self._happened("pairs")

    def _brief(self) -> None:
        """A card that leaves in the middle of its reading: it may make a punch or not."""
        self._control.hold(self._card(), frames=self._dice.randrange(1, 6) + 0.5)
        time.sleep(0.2)
        self._control.remove()
        self._happened("brief cards")

    def _hang(self) -> None:
        how = self._dice.choice(list(Hang))
        self._control.hang_reader(how, self._dice.randrange(1 << 16))
        self._happened(f"reader hangs {how}")

    def _noise(self) -> None:
        self._control.noise(self._dice.choice((0.0, 0.002, 0.005)), self._dice.randrange(1 << 16))
        self._happened("noise")

    def _cut(self) -> None:
        """The power fails: at any moment after a badge came, or within the flash work of its punch."""
        self._quiet()
        base = self._flash.punches()
        before = int(self._control.events()[-1]["id"])
        tap = self._control.hold(self._card())
        if self._dice.random() < 0.5:
            self._control.cut_after(self._dice.randrange(1, 400))
            time.sleep(0.3)
        else:
            time.sleep(self._dice.uniform(0, 0.12))
        self._control.plug_out()
        signalled = signal_ms(self._control.events(tap.id), tap.id) is not None
        self._control.remove()
        self._control.plug_in()
        self._caused += 1
        self._control.wait_event("started", after=before, timeout=60)
        self._control.wait_text("Hold your badge", timeout=60)
        if signalled and self._flash.punches() == base:
            self.out.lost += 1
            self.out.broken.append(f"tap {tap.id}: signalled, the power went, and no punch: {self._now(tap.id)}")
        self._happened("power cuts")

    # --- results ---

    def _look(self) -> None:
        """The lowest free heap so far, from the clock's own output."""
        size = self._log.stat().st_size
        if size > self._read:
            with self._log.open("rb") as log:
                log.seek(self._read)
                said = log.read().decode(errors="replace")
            self._read = size
            for low in re.findall(r"heap low: (\d+)\r?\n", said):
                self.out.lowest_heap = min(self.out.lowest_heap, int(low))
            for word in ("MemoryError", "died", "not recorded"):
                if word in said:
                    self.out.broken.append(f"the clock said: {said[max(0, said.index(word) - 80) :][:400]}")

    def _mend(self) -> None:
        self._proxy.turn(NONE)
        self._control.noise(0.0)
        self._control.network("up")

    def _judge(self, stored_before: int) -> None:
        out = self.out
        kept = self._flash.punches()
        deadline = time.monotonic() + DELIVERED_WITHIN_S
        while (stored := len(stored_punches(self._stack))) < kept and time.monotonic() < deadline:
            time.sleep(0.5)
        self._look()
        out.punches = kept - stored_before
        out.lost += max(0, kept - stored)
        out.doubled = max(0, stored - kept)
        out.restarts = int(self._control.stats()["boots"]) - self._boots - self._caused
        bundle = self._stack.workshop.bundle(cast.CLOCK_ID)
        assert bundle is not None
        keys = Keys(cast.CLOCK_ID, bundle.genesis_nonce, bundle.e0, bundle.link_key)
        out.broken += broken_chain(keys, stored_punches(self._stack), stored_records(self._stack))
        for count, what in ((out.lost, "lost"), (out.doubled, "doubled"), (out.restarts, "restarts by itself")):
            if count:
                out.broken.append(f"{count} {what}")


def soak(folder: Path, taps: int, seed: int, say: Callable[[str], None] = print) -> Outcome:
    """A clock, made in `folder`, through so many taps. The outcome is in RESULTS, too."""
    with stack_through_proxy(folder, seed) as (stack, proxy):
        _put_meter(stack)
        stack.wait_online()
        with (
            (stack.directory / "clock" / "flash.bin").open("rb") as file,
            mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as flash,
        ):
            outcome = Field(stack, proxy, Flash(flash), seed).run(taps, say)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(outcome.to_json())
    return outcome


def _put_meter(stack: Stack) -> None:
    boot = (ROOT / "firmware" / "boot.py").read_text() + METER
    with open_device(str(stack.directory / "clock" / "tty")) as device:
        device.put("/boot.py", boot.encode())
        before = int(stack.control.events()[-1]["id"])
        device.restart()
    stack.control.wait_event("started", after=before, timeout=60)
    stack.control.wait_text("Hold your badge", timeout=60)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--taps", type=int, default=100_000)
    options.add_argument("--seed", type=int, default=1)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="badgeclock-soak-") as scratch:
        outcome = soak(Path(scratch), asked.taps, asked.seed)
    print(outcome.to_json())
    return 1 if outcome.broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
