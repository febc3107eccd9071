"""A clock of a site whose badges prove themselves: reader, registers, cards and punches, in time that tests move."""

import json
import os
from binascii import unhexlify

from app import punch
from app.badge import iso14443, iso_dep, proof
from app.badge.proof import Prover
from bench import Time
from cards import DesfireCard, badge_file, card_keys
from clock_site import Site
from drivers import mfrc522
from rc522 import Bus, Chip

with open(os.getenv("BADGECLOCK_ROOT") + "/tests/vectors/badges.json") as file:
    VECTORS = json.load(file)

READ_MASTER = unhexlify(VECTORS["masters"]["read"])
UID, OTHER_UID = (unhexlify(badge["uid"]) for badge in VECTORS["badges"])
NUMBER, OTHER_NUMBER = (unhexlify(badge["number"]) for badge in VECTORS["badges"])
ISSUE = unhexlify(VECTORS["issued"][0]["issue"])
POLL_MS = 40


def issued(uid=UID, number=NUMBER, read_master=READ_MASTER, issue=ISSUE, *, hides=False, **others):
    """A badge of that site as docs/badges.md has it written; without an issue, and as an NTAG, in form 1."""
    if others.get("kind") == "ntag":
        issue = b""
    keys = card_keys(read_master, uid, issue, hides=hides)
    return DesfireCard(uid, keys, badge_file(read_master, uid, number, issue), hides=hides, issue=issue, **others)


class ProofSite(Site):
    """`hold(card)` holds it to the reader for a while, as the clock's own loop sees it."""

    def __init__(self, badges="proved", ev1="refuse", sectors=4):
        self.time_of_all = Time()
        super().__init__(sectors)
        self.ticks = self.time_of_all
        for module in (punch, proof, iso14443, iso_dep, mfrc522):
            module.time = self.ticks
        self.chip = Chip()
        self.bus = Bus(self.chip)
        self.reader = iso14443.Reader(mfrc522.MFRC522(self.bus, self.bus.cs, self.bus.rst, self.bus.irq))
        if badges != "uid":
            self.prover = Prover(self.reader, READ_MASTER, badges, ev1)
        self.restart()
        self.longest_ms = 0

    def poll(self):
        """One turn of the clock's badge task: the kind of an outcome, or None."""
        before = self.ticks.now_ms
        found = self.reader.poll(self.punches.uid)
        kind = None
        if found > 0:
            kind = self.punches.handle(found).kind
        elif self.reader.present:
            self.punches.hold()
        self.reader.check()
        self.longest_ms = max(self.longest_ms, self.ticks.now_ms - before)
        self.ticks.now_ms += POLL_MS
        return kind

    def hold(self, card, polls=12):
        """The outcomes of a card that comes, stays for some polls, and goes for more than three seconds; then an hour
        passes.
        """
        self.chip.badges = [card]
        card.power_off()
        kinds = [kind for kind in (self.poll() for _ in range(polls)) if kind is not None]
        self.chip.badges = []
        for _ in range(85):
            assert self.poll() is None
        self.time.utc_s += 3600
        self.time.up_s += 3600
        self.time.up_s += 3600
        return kinds
