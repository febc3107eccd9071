"""Badges that prove themselves, and those that pretend to: from the card's frames to the record, the signal, and
nothing left in memory.
"""

# heapsize: 768k

import gc
import os
import sys
from binascii import unhexlify

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

from app import composition, on_demand
from app.badge import proof
from app.log import record
from app.errors import SettingsError
from app.log.hmac256 import hmac256
from app.punch import KEPT, MUTED, UNPROVED
from cards import IsoDepCard, badge_file, card_keys, diversified
from clock_site import SITE_KEY
from app.badge import desfire
from proof_site import ISSUE, NUMBER, OTHER_NUMBER, OTHER_UID, READ_MASTER, UID, VECTORS, ProofSite, issued
from rc522 import Badge

IN = record.DIRECTION_IN
KINDS = ("ev2", "ntag")


def refused(site, card):
    """Whether a card is refused: said once, and no record of it."""
    head = site.log.head
    signals = len(site.signals)
    kinds = site.hold(card)
    said = site.signals[signals:]
    return kinds[-1] == UNPROVED and said == [(UNPROVED, head)] and site.log.head == head


def test_what_is_issued_agrees_with_the_vectors():
    for badge in VECTORS["badges"]:
        uid, number = unhexlify(badge["uid"]), unhexlify(badge["number"])
        keys = card_keys(READ_MASTER, uid)
        assert keys[1] == unhexlify(badge["read"]) and keys[2] == unhexlify(VECTORS["identity"])
        assert diversified(READ_MASTER, uid + b"\x43\x14\xbc\xc0Badgeclock") == unhexlify(badge["check"])
        assert badge_file(READ_MASTER, uid, number) == unhexlify(badge["file"])
        assert hmac256(unhexlify(VECTORS["site_key"]), b"\x02" + number)[:8] == unhexlify(badge["token"])
    for badge in VECTORS["issued"]:
        uid, number, issue = unhexlify(badge["uid"]), unhexlify(badge["number"]), unhexlify(badge["issue"])
        keys = card_keys(READ_MASTER, uid, issue, hides=False)
        assert keys[1] == unhexlify(badge["read"]) and keys[2] == unhexlify(badge["identity"])
        assert card_keys(READ_MASTER, uid, issue)[2] == unhexlify(VECTORS["identity"])
        assert badge_file(READ_MASTER, uid, number, issue) == unhexlify(badge["file"])


def test_the_verdicts_have_the_same_numbers_where_they_are_made_and_read():
    site = ProofSite()
    for verdict, kind in ((proof.PROVED, KEPT), (proof.UNPROVED, UNPROVED), (proof.AGAIN, MUTED), (proof.BY_UID, KEPT)):

        class Decided:
            def prove(self, uid, length):
                uid[:8] = bytes((verdict,)) * 8
                return verdict

        site.prover = Decided()
        site.restart()
        assert site.tap(b"\x01\x02\x03\x04", after_s=3600)[0] == kind, verdict


def test_a_badge_that_proves_itself_is_known_by_its_number_and_flagged():
    for kind in KINDS:
        for hides in (False, True):
            site = ProofSite()
            card = issued(kind=kind, hides=hides)
            assert site.hold(card) == [KEPT], (kind, hides)
            newest = site.newest()
            assert newest.token == hmac256(SITE_KEY, b"\x02" + NUMBER)[:8]
            assert newest.flags == IN | record.FLAG_PROVED
            assert site.signals == [(KEPT, newest.seq + 1)] and site.notified == 1


def test_a_badge_of_ev1_counts_only_where_the_site_allows_it():
    for hides in (False, True):
        site = ProofSite(ev1="allow")
        assert site.hold(issued(kind="ev1", hides=hides)) == [KEPT]
        assert site.newest().flags == IN | record.FLAG_PROVED
        assert site.newest().token == hmac256(SITE_KEY, b"\x02" + NUMBER)[:8]
        assert refused(ProofSite(), issued(kind="ev1", hides=hides))
    card = issued(kind="ev2")
    site = ProofSite(ev1="allow")
    site.hold(card)
    assert not any(command[1] == 0xAA for command in card.commands), "the stronger way if the card supports it"


def test_a_badge_of_an_earlier_version_has_no_issue_and_stays_valid():
    for kind in ("ev1", "ev2"):
        for hides in (False, True):
            site = ProofSite(ev1="allow")
            assert site.hold(issued(kind=kind, hides=hides, issue=b"")) == [KEPT], (kind, hides)
            assert site.newest().token == hmac256(SITE_KEY, b"\x02" + NUMBER)[:8]


def test_in_and_out_follow_the_number_whatever_card_carries_it():
    site = ProofSite()
    site.hold(issued())
    site.hold(issued(uid=OTHER_UID, hides=True))
    assert site.newest().flags & 7 == record.DIRECTION_OUT


def test_other_badges_count_by_their_uid_only_where_the_site_says_both():
    no_application = issued(aid=b"\x01\x02\x03")
    for card in (
        Badge(UID),
        Badge(b"\xde\xad\xbe\xef"),
        no_application,
        IsoDepCard(UID, lambda command: b"\x6a\x82"),
        IsoDepCard(UID, lambda command: b"\x91\xa0"),
    ):
        site = ProofSite("both")
        assert site.hold(card) == [KEPT]
        assert site.newest().flags == IN and site.newest().token == hmac256(SITE_KEY, b"\x01" + card.uid)[:8]
        assert refused(ProofSite("proved"), card)


def test_a_site_without_proofs_asks_nothing_of_a_badge():
    site = ProofSite("uid")
    card = issued()
    assert site.hold(card) == [KEPT] and card.commands == []
    assert site.newest().flags == IN and site.newest().token == hmac256(SITE_KEY, b"\x01" + UID)[:8]
    assert refused(site, issued(hides=True))


def test_a_phone_that_shows_a_random_uid_is_refused_in_every_site():
    phone = IsoDepCard(b"\x08\x01\x02\x03", lambda command: b"\x6a\x82")
    for badges in ("uid", "both", "proved"):
        assert refused(ProofSite(badges), phone), badges


def forged(name):
    """Cards with false claims."""
    keys = card_keys(READ_MASTER, UID)
    good = badge_file(READ_MASTER, UID, NUMBER, ISSUE)
    if name == "a copy that the desk was made to issue with the victim's UID":
        card = issued(issue=b"another1")
        card.data = good + bytes(15)
        return card
    if name == "the same, under the victim's issue":
        card = issued(issue=b"another1")
        card.data, card.issue = good + bytes(15), ISSUE
        return card
    if name == "a badge whose issue was taken away":
        card = issued()
        card.issue = b""
        return card
    if name == "another site's":
        return issued(read_master=b"another site key")
    if name == "a UID copied onto a blank card":
        return IsoDepCard(UID, lambda command: b"\x91\x00" if command[1] == 0x5A else b"\x91\xae")
    if name == "a UID copied onto another card of the site":
        card = issued(uid=OTHER_UID)
        card.uid, card.levels = UID, Badge(UID).levels
        return card
    if name == "another UID told under the identity key":
        card = issued(hides=True)
        card.true_uid = OTHER_UID
        return card
    if name == "a file copied from another card":
        card = issued()
        card.data = badge_file(READ_MASTER, OTHER_UID, OTHER_NUMBER) + bytes(15)
        return card
    if name == "a file of another version":
        card = issued()
        card.data = b"\x02" + good[1:] + bytes(15)
        return card
    if name == "a file half written":
        card = issued()
        card.data = good[:9] + bytes(23)
        return card
    if name == "an empty file":
        card = issued()
        card.data = bytes(32)
        return card
    if name == "keys of zeros":
        card = issued()
        card.keys = {number: bytes(16) for number in keys}
        return card
    if name == "the read key is missing":
        card = issued()
        del card.keys[1]
        return card
    if name == "no key is asked for the number":
        return issued(tamper=lambda code, answer: b"\x00" + good if code == 0xBD and len(answer) > 9 else answer)
    if name == "its own repeater challenge":
        return issued(tamper=lambda code, answer: b"\x00" + bytes(32) if code == 0xAF else answer)
    if name == "an answer whose last byte changed":
        return issued(
            tamper=lambda code, answer: answer[:-1] + bytes((answer[-1] ^ 1,)) if code == 0xBD and len(answer) > 9 else answer
        )
    if name == "an issue whose last byte changed":
        return issued(
            tamper=lambda code, answer: answer[:-1] + bytes((answer[-1] ^ 1,)) if code == 0xBD and len(answer) == 9 else answer
        )
    if name == "an EV1 answer that was changed":
        return issued(
            kind="ev1",
            tamper=lambda code, answer: answer[:3] + bytes((answer[3] ^ 1,)) + answer[4:]
            if code == 0xBD and len(answer) > 9
            else answer,
        )
    raise ValueError(name)


def test_whatever_is_forged_is_refused_and_leaves_no_record():
    for name in (
        "another site's",
        "a UID copied onto a blank card",
        "a UID copied onto another card of the site",
        "another UID told under the identity key",
        "a file copied from another card",
        "a file of another version",
        "a file half written",
        "an empty file",
        "keys of zeros",
        "the read key is missing",
        "no key is asked for the number",
        "its own repeater challenge",
        "a copy that the desk was made to issue with the victim's UID",
        "the same, under the victim's issue",
        "a badge whose issue was taken away",
        "an issue whose last byte changed",
        "an answer whose last byte changed",
        "an EV1 answer that was changed",
    ):
        for badges in ("proved", "both"):
            site = ProofSite(badges, ev1="allow")
            assert refused(site, forged(name)), (name, badges)
            assert site.hold(issued()) == [KEPT], "the next badge is served"


def test_a_recorded_session_cannot_be_played_back():
    card = issued()
    answers = []
    serve = card._serve
    card.serve = lambda command: answers.append(serve(command)) or answers[-1]
    assert ProofSite().hold(card) == [KEPT]
    assert len(answers) == 5
    replay = list(answers)
    assert refused(ProofSite(), IsoDepCard(UID, lambda command: replay.pop(0) if replay else b"\x91\x1c"))


def test_a_badge_that_falls_silent_is_tried_again_and_then_kept_once():
    for lost in range(1, 8):
        site = ProofSite()
        failing = {"until": 0}
        card = issued(lose=lambda n: lost <= n < lost + 4 and failing["until"] == 0)
        power_off = card.power_off

        def comes_back():
            power_off()
            if card.frames >= lost:
                failing["until"] = 1

        card.power_off = comes_back
        kinds = site.hold(card)
        assert kinds[-1] == KEPT and kinds[:-1] in ([], [MUTED]), (lost, kinds)
        assert len(site.signals) == 1


def test_a_badge_that_never_answers_to_the_end_is_refused_after_three_tries():
    for first in range(1, 6):
        site = ProofSite("both")
        silent = issued(lose=lambda n: n >= first)

        def starts_over(power_off=silent.power_off):
            power_off()
            silent.frames = 0

        silent.power_off = starts_over
        head = site.log.head
        assert site.hold(silent, polls=30) == [MUTED, MUTED, UNPROVED], first
        assert site.log.head == head
        assert site.longest_ms < 700, site.longest_ms


def test_failures_far_apart_are_not_added_up():
    site = ProofSite()
    for _ in range(5):
        assert site.hold(issued(lose=lambda n: n > 3), polls=1) == [MUTED]
        site.ticks.now_ms += 10000
    assert {kind for kind, _ in site.signals} == set()


def test_a_badge_is_over_within_its_bound_however_it_asks_for_time():
    for extensions in (1, 5, 16, 100):

        class Slow(type(issued())):
            def command(self, frame):
                site.ticks.now_ms += 60
                return super().command(frame)

        site = ProofSite()
        made = issued()
        card = Slow(UID, made.keys, made.data, issue=made.issue, extensions=extensions)
        site.hold(card, polls=20)
        assert site.longest_ms < 700, (extensions, site.longest_ms)
        assert site.hold(issued(uid=OTHER_UID)) == [KEPT]


def test_the_same_badge_is_muted_while_it_stays():
    site = ProofSite()
    card = issued()
    assert site.hold(card, polls=3) == [KEPT]
    site.time.utc_s -= 3600
    site.ticks.now_ms -= 1500
    assert site.hold(issued(), polls=3) == [MUTED]


def buffers_of(*roots):
    """Every bytearray that can be reached from objects of the firmware, with its name."""
    found, seen, todo = [], set(), [("", root) for root in roots]
    while todo:
        name, value = todo.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, (bytearray, bytes)):
            found.append((name, bytes(value)))
        elif isinstance(value, memoryview):
            found.append((name, bytes(value)))
        elif isinstance(value, (list, tuple)):
            todo.extend((name, item) for item in value)
        elif isinstance(value, dict):
            todo.extend((name + "." + str(key), item) for key, item in value.items())
        elif type(value).__name__ in ("Prover", "IsoDep", "Desfire", "Reader", "MFRC522", "Punches", "Outcome", "Stamp"):
            todo.extend((name + "." + key, item) for key, item in value.__dict__.items())
    return found


def holds(found, secret, window):
    """Names of the buffers that hold `window` bytes of a secret one after another."""
    pieces = [secret[at : at + window] for at in range(len(secret) - window + 1)]
    return [name for name, value in found if any(piece in value for piece in pieces)]


def test_no_buffer_keeps_a_uid_a_number_or_a_key_of_a_session():
    for kind, hides in (("ev2", False), ("ev2", True), ("ntag", True), ("ev1", True)):
        for tamper in (None, lambda code, answer: answer[:-1] + b"x" if code in (0xBD, 0xAD) and len(answer) > 9 else answer):
            site = ProofSite(ev1="allow")
            card = issued(kind=kind, hides=hides, tamper=tamper)
            site.hold(card, polls=1)
            session = card.sessions[-1]
            found = buffers_of(site.prover, site.punches, site.reader)
            assert len(found) > 20, "the search finds buffers at all"
            assert holds(found, READ_MASTER, 8), "the read master stays, so the search would find the others"
            for name, secret in (
                ("UID", UID),
                ("shown UID", card.uid),
                ("number", NUMBER),
                ("issue", ISSUE),
                ("read key", card.keys[1]),
                ("identity key", card.keys[2]),
                ("encryption key", session[1]),
                ("MAC key", session[2]),
            ):
                left = holds(found, secret, 4)
                assert not left, (kind, hides, name, left)


def test_a_proof_takes_few_transactions_and_costs_polls_and_uids_none():
    site = ProofSite()
    card = issued()
    site.chip.badges = [card]
    before = site.bus.transactions
    assert site.poll() == KEPT
    proof_and_uid = site.bus.transactions - before
    print("transactions of a UID of 7 bytes and its proof:", proof_and_uid)
    # RATS, five commands and deselect; the waiting time set four times; the check of the chip
    assert proof_and_uid <= 42 + 7 * 8 + 4 * 2 + 1
    site.reader.present = False
    site.chip.badges = []
    for _ in range(2):  # the halt, and the first REQA after it
        site.poll()
    before = site.bus.transactions
    site.poll()
    assert site.bus.transactions - before == 7


def test_the_code_of_proofs_is_loaded_only_where_a_site_asks_for_them_and_needs_the_badge_key():
    class Parts:
        """The needed part of the board, the settings and the secrets."""

        reader = ProofSite("uid").reader
        badges = "uid"
        badge_ev1 = "refuse"
        badge_key = None

    names = ("app.badge.proof", "app.badge.iso_dep", "app.badge.desfire", "app.badge.cmac")
    on_demand.drop(*names)
    assert composition.prover(Parts, Parts, Parts) is None
    assert not any(name in sys.modules for name in names)
    Parts.badges = "both"
    try:
        composition.prover(Parts, Parts, Parts)
        raise AssertionError("a site of proofs started without its key")
    except SettingsError as error:
        assert "badge_key" in str(error)
    Parts.badge_key = READ_MASTER
    assert composition.prover(Parts, Parts, Parts).prove is not None


def test_what_a_proof_allocates_is_bounded_and_nothing_of_it_stays():
    class Recorder:
        """Between the card's commands and the model of the card: answers kept, and then given again."""

        answers = []

        def activate(self):
            self.at = 0
            return 0

        def transceive(self, command, length, answer):
            given = self.answers[self.at]
            self.at += 1
            for i in range(len(given)):
                answer[i] = given[i]
            return len(given)

        def deselect(self):
            pass

    ours = bytes(range(16))
    real = desfire.urandom
    desfire.urandom = lambda length: ours
    site = ProofSite()
    card = issued(hides=True)
    serve = card.serve
    card.serve = lambda command: Recorder.answers.append(serve(command)) or Recorder.answers[-1]
    site.hold(card)
    prover = site.prover
    prover._iso_dep = prover._card._iso_dep = Recorder()
    uid = bytearray(10)

    def prove():
        for i in range(4):
            uid[i] = card.uid[i]
        return prover.prove(uid, 4)

    assert prove() == proof.PROVED and bytes(uid[:8]) == NUMBER
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    prove()
    allocated = gc.mem_alloc() - before
    gc.enable()
    gc.collect()
    before = gc.mem_alloc()
    for _ in range(20):
        prove()
    gc.collect()
    print("bytes allocated by a proof with a random UID:", allocated)
    # half of it is cryptolib's AES objects, with mbedTLS's key schedules; an ESP32's hardware needs none
    assert allocated < (30000 if sys.maxsize > 0x7FFFFFFF else 21000)
    assert gc.mem_alloc() <= before + 64, gc.mem_alloc() - before
    desfire.urandom = real
