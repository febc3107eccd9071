"""Cards that behave at random, from REQA to the last byte of their file: whatever they send, the reader is ready again
within its bound, nothing raises, no proof is believed that was not given, and the next badge is served.

Every exchange draws from one generator, so a run is its seed: a failure prints seed and card, and
`run(seed, exchanges)` plays it again. test_badge_fuzz_torture has the long form.
"""

# heapsize: 2m
# timeout: 600

import os
import random
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

from app.log.hmac256 import hmac256
from app.badge.proof import Prover
from app.punch import KEPT, MUTED, UNPROVED
from cards import ATS_DESFIRE, DesfireCard, badge_file, card_keys
from clock_site import SITE_KEY
from app.badge import iso14443
from app.badge.iso14443 import COLLISION, DEAF, GARBLED, TIMEOUT
from proof_site import ISSUE, NUMBER, OTHER_NUMBER, OTHER_UID, READ_MASTER, UID, ProofSite, issued
from rc522 import crc_a

BOUND_MS = 700  # docs/badges.md §5: 600 ms, and the poll before
EXCHANGES = 40000 if sys.maxsize > 0x7FFFFFFF else 5000  # the same code: on 32 bits a sample

BIT_US = 9.44
PCBS = b"\x02\x03\x12\x13\xa2\xa3\xb2\xb3\xf2\xc2\x0a\x0e\x06\xe0\xff\x00"


def draw(below):
    return random.getrandbits(16) % below


def noise(longest):
    return bytes(random.getrandbits(8) for _ in range(draw(longest + 1)))


class Air:
    """Replaces the chip's driver: a frame to a card and its answer, and the time that both and the waiting take."""

    version = 0x92

    def __init__(self, site):
        self.site = site
        self.card = None
        self.exchanges = 0
        self.wait_us = 1000

    def start(self):
        return True

    healthy = start

    def wait_at_most(self, timeout_us):
        assert 25 <= timeout_us <= 1600000, timeout_us
        self.wait_us = timeout_us

    def renew_field(self):
        self._pass_us(6000)
        if self.card:
            self.card.power_off()

    def send(self, frame):
        if self.card:
            self.card.receive(bytes(frame[1:]), 0)

    def exchange(self, frame, answer, last_bits=0):
        assert 2 <= len(frame) <= 65, len(frame)
        self.exchanges += 1
        sent = bytes(frame[1:])
        given = self.card.receive(sent, last_bits) if self.card else None
        if isinstance(given, int):
            self._pass_us(self.wait_us + 14000 if given == DEAF else 1000)
            return given
        if not given:
            self._pass_us(self.wait_us)
            return TIMEOUT
        self._pass_us(int((len(sent) + len(given)) * 9 * BIT_US) + 90)
        if len(given) > 64:
            return GARBLED
        for i in range(min(len(given), len(answer) - 1)):
            answer[1 + i] = given[i]
        return len(given)

    def _pass_us(self, us):
        self.us = getattr(self, "us", 0) + us
        self.site.ticks.now_ms += self.us // 1000
        self.us %= 1000


class Wild(DesfireCard):
    """A card that mostly keeps to the rules. `habit`: what it does when it does not."""

    def __init__(self, uid, keys, data, habit, oddity, **others):
        super().__init__(uid, keys, data, **others)
        self.habit = habit
        self.oddity = oddity  # how many of 16 exchanges are not by the rules
        self.before = b""

    def receive(self, frame, bits):
        if draw(16) >= self.oddity:
            honest = super().receive(frame, bits)
            self.before = honest or self.before
            return honest
        habit = draw(10) if self.habit is None else self.habit
        if habit == 0:
            return None
        if habit == 1:
            return noise(64)
        if habit == 2:  # any block with a right CRC
            block = bytes((PCBS[draw(len(PCBS))],)) + noise(6)
            return block + crc_a(block)
        if habit == 3:  # more time, without end
            block = b"\xf2" + bytes((draw(256),))
            return block + crc_a(block)
        if habit == 4:  # a chain, without end
            block = bytes((0x12 | random.getrandbits(1),)) + noise(60)
            return block + crc_a(block)
        if habit == 5:
            return self.before
        if habit == 6:
            return (COLLISION, GARBLED, TIMEOUT, DEAF if draw(8) == 0 else GARBLED)[draw(4)]
        honest = super().receive(frame, bits)
        if not honest:
            return honest
        if habit == 7:
            return honest[: draw(len(honest) + 1)]
        changed = bytearray(honest)
        changed[draw(len(changed))] ^= 1 << draw(8)
        if habit == 8 and len(changed) > 2:  # damaged, and the CRC is made right again
            changed[-2:] = crc_a(bytes(changed[:-2]))
        return bytes(changed)


def wild():
    """Any card: (card, whether it could prove itself)."""
    uid = UID if random.getrandbits(1) else OTHER_UID
    has_keys = draw(4) > 0
    kind = ("ev1", "ev2", "ev2", "ntag")[draw(4)]
    hides = draw(3) == 0
    issue = b"" if kind == "ntag" or draw(4) == 0 else ISSUE
    keys = card_keys(READ_MASTER if has_keys else b"another site key", uid, issue, hides=hides)
    data = badge_file(READ_MASTER, uid, OTHER_NUMBER, issue)
    habit = None if random.getrandbits(1) else draw(10)
    ats = (ATS_DESFIRE, b"\x02\x05", b"\x03\x25\xe0", noise(8) or b"\x01")[draw(4)]
    card = Wild(uid, keys, data, habit, draw(17), kind=kind, hides=hides, issue=issue, ats=ats)
    card.frame = 16 + draw(49)
    return card, has_keys


class FuzzSite(ProofSite):
    """A site with the air in the chip's place."""

    def __init__(self):
        super().__init__("proved", ev1="allow", sectors=6)
        self.air = Air(self)
        self.reader = iso14443.Reader(self.air)
        self.prover = Prover(self.reader, READ_MASTER, "proved", "allow")
        self.restart()

    def stay(self, card, polls):
        self.air.card = card
        return [kind for kind in (self.poll() for _ in range(polls)) if kind is not None]

    def leave(self):
        self.air.card = None
        for _ in range(6):
            self.ticks.now_ms += 600
            self.time.utc_s += 600
            self.time.up_s += 600
            assert self.poll() is None
        self.signals.clear()
        self.log.ack(self.log.head)
        self.log.idle(self._stamp())


def run(seed, exchanges):
    """Hold wild cards to a clock until they have had so many exchanges."""
    random.seed(seed)
    site = FuzzSite()
    tokens = {number: hmac256(SITE_KEY, b"\x02" + number)[:8] for number in (NUMBER, OTHER_NUMBER)}
    cards = proved = had = 0
    while had < exchanges:
        card, has_keys = wild()
        cards += 1
        head = site.log.head
        before = site.air.exchanges
        try:
            kinds = site.stay(card, 6)
            assert set(kinds) <= {KEPT, MUTED, UNPROVED}, kinds
            assert site.longest_ms < BOUND_MS, site.longest_ms
            assert site.air.exchanges - before < 6 * 150
            had += site.air.exchanges - before
            if site.log.head != head:
                assert has_keys, "a card without the keys was believed"
                assert site.newest().token == tokens[OTHER_NUMBER] and site.newest().flags & 0x08
                proved += 1
            desfire = site.prover._card
            for buffer in (site.prover._card_key, desfire._encryption, desfire._mac, desfire._answer, site.punches.uid):
                assert bytes(buffer) == bytes(len(buffer))
            site.leave()
            served = site.stay(issued(), 6)
            assert KEPT in served and site.newest().token == tokens[NUMBER], served
            site.leave()
        except Exception:
            print("run(%r, %d): card %d, habit %r, oddity %d" % (seed, exchanges, cards, card.habit, card.oddity))
            raise
    told = (had, cards, proved, site.longest_ms)
    print("%d exchanges with %d cards, of which %d proved themselves; longest %d ms" % told)
    assert proved and cards > proved


def test_cards_that_behave_at_random_neither_hang_nor_break_nor_deceive_the_clock():
    run(20261125, EXCHANGES)
