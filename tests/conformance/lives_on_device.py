"""Runs inside MicroPython: lives of a clock on NOR flash, with power cuts, and what the flash holds after each.

    micropython lives_on_device.py FIRMWARE TESTS SEED LIVES FOLDER

Writes FOLDER/<life>-<n>-{cut,started}.{journal,seal}: as the power cut left the flash, and after the next start.
"""

import random
import sys

sys.path[:0] = [sys.argv[1], sys.argv[2]]

from app.errors import JournalFull  # noqa: E402
from app.log import record  # noqa: E402 - the folders are arguments
from app.log.provisioning import provision  # noqa: E402
from app.log.sealed_log import SealedLog  # noqa: E402
from nor import Nor, Power, PowerCut  # noqa: E402

CLOCK_ID = "clock-0042"
E0 = bytes(range(32))
NONCE = b"\x01\x02\x03\x04\x05\x06\x07\x08"
MONDAY_S = 1767596291
SECTORS = 6


class Life:
    """One clock from its founding on."""

    def __init__(self, number, folder):
        self.name = f"{folder}/{number}"
        self.power = Power()
        self.journal, self.seal = Nor(SECTORS, self.power), Nor(4, self.power)
        self.stamp = record.Stamp()
        self.stamp.utc_s, self.stamp.source, self.stamp.bound, self.stamp.uptime_ms = MONDAY_S, 3, 80, 5_000
        provision(self.journal, self.seal, CLOCK_ID, E0, NONCE, self.stamp)

    def start(self):
        self.stamp.uptime_ms = 2_000
        self.stamp.utc_s += 30
        self.log = SealedLog(self.journal, self.seal, CLOCK_ID, b"firmware")
        self.log.open(1, self.stamp)

    def goes_on(self, days):
        """Punches, housekeeping and acks until the power goes, or the days are over."""
        for _ in range(days):
            for _ in range(random.randrange(1, 25)):
                self.passes(random.randrange(1, 900))
                self.step()
            self.passes(86_400 - self.stamp.utc_s % 86_400 + 5)
            for _ in range(10):
                if not self.log.idle(self.stamp):
                    break

    def step(self):
        action = random.randrange(10)
        if action < 6:
            try:
                self.log.punch(1 + action % 2, random.getrandbits(30).to_bytes(8, "big"), self.stamp)
            except JournalFull:
                self.log.ack(self.log.head)
        elif action < 9:
            self.log.idle(self.stamp)
        else:
            self.log.ack(self.log.tail + random.randrange(self.log.unsent + 1))

    def passes(self, seconds):
        self.stamp.utc_s += seconds
        self.stamp.uptime_ms = (self.stamp.uptime_ms + seconds * 1000) & 0xFFFFFFFF
        self.stamp.ms = random.randrange(900)

    def keep(self, moment):
        for partition, name in ((self.journal, "journal"), (self.seal, "seal")):
            with open(f"{self.name}-{moment}.{name}", "wb") as file:  # noqa: PTH123 - MicroPython has no pathlib
                file.write(b"".join([bytes(partition.sector(number)) for number in range(partition.sectors)]))


def main():
    seed, lives, folder = int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
    for number in range(lives):
        random.seed(seed + number)
        life = Life(number, folder)
        life.start()
        for cut in range(6):
            life.power.cut_after(random.randrange(30_000), seed + number * 10 + cut)
            random.seed(seed + number * 100 + cut)
            try:  # noqa: SIM105 - MicroPython has no contextlib
                life.goes_on(12)
            except PowerCut:
                pass
            life.keep(f"{cut}-cut")
            life.power.restore()
            life.start()
            life.keep(f"{cut}-started")


main()
