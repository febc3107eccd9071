"""Issue mode: the clock passes the bridge's commands on to a badge, in order and in time, and stores none of them."""

# heapsize: 320k

import json
import os
import random
import struct
import sys
from binascii import unhexlify

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

import framebuf
from app.net import desk as desk_module
from app.net import frames
from app.ui import desk_screen, screens, signals
from app.errors import FrameError
from app.log import seal
from app.log.hmac256 import hmac256
from app.ui.words import ENGLISH, load
from bench import Time
from cards import IsoDepCard
from app.badge import iso14443, iso_dep
from drivers import mfrc522
from ocr import read
from rc522 import Badge, Bus, Chip

UID = b"\x04\xa3\xc6\x52\x11\x7f\x80"
OPEN, BADGE, APDU, CLOSE = 1, 2, 3, 4
DONE, ACTIVATED, ANSWER, SEVERAL, UNFIT, GONE, ENDED = 1, 2, 3, 4, 5, 6, 7
SESSION = b"sessions"
UP, DOWN = bytes(range(32)), bytes(range(1, 33))
UP_DESK, DOWN_DESK = hmac256(UP, b"desk"), hmac256(DOWN, b"desk")
SEQ = 4711
SEALED_DESK, SEALED_DESK_ANSWER = 0x18, 0x05
SCOPE = frames.context(b"clock-0001", frames.NO_SESSION)
JOB = 77


def cipher(key, counter, text):
    """Enciphers or deciphers, block by block and not in place."""
    out = bytearray()
    for block in range((len(text) + 31) // 32):
        stream = hmac256(key, SESSION + struct.pack(">Q", counter) + bytes((block,)))
        out.extend(bytes(a ^ b for a, b in zip(text[32 * block : 32 * block + 32], stream)))
    return bytes(out)


class Log:
    """The part of the sealed log that a desk needs: a key for each record, and room for some more of them."""

    sealed = True

    def __init__(self):
        self.head = SEQ
        self.room = 100

    def desk(self):
        return hmac256(b"the seal's key", struct.pack(">I", self.head))

    def note(self, kind, detail):
        assert (kind, detail) == (6, b"settings")
        self.room -= 1
        self.head += self.room >= 0
        return self.room >= 0


class Bench:
    """A clock's reader with badges in its field, a desk, and the bridge's side of the frames. earlier: the bridge is of
    a version whose jobs have one key.
    """

    def __init__(self, *badges, earlier=False):
        self.time = Time()
        iso14443.time = mfrc522.time = iso_dep.time = desk_module.time = self.time
        self.chip = Chip()
        self.chip.badges = list(badges)
        bus = Bus(self.chip)
        self.reader = iso14443.Reader(mfrc522.MFRC522(bus, bus.cs, bus.rst, bus.irq))
        self.shown = []
        self.body = b""
        self.signalled = []
        self.desk = None
        channel = frames.Channel("clock-0001", bytes(32))
        channel.up, channel.down, channel.session = UP, DOWN, SESSION
        self.log = Log()
        self.seq = None if earlier else SEQ
        key = self.log.desk()
        self.up, self.down = (UP_DESK, DOWN_DESK) if earlier else (hmac256(key, b"up"), hmac256(key, b"down"))
        self.desk = self.job = desk_module.Desk(channel, self, self.reader, self.log, self.log.note, b"settings")
        self.step = 0
        self.counter = 100

    def show(self, draw, duration_ms, signal):
        buffer = bytearray(1024)
        draw(framebuf.FrameBuffer(buffer, 128, 64, framebuf.MONO_VLSB), ENGLISH)
        self.shown.append([row.strip() for row in read(buffer) if row.strip()][-2:])
        self.lasts_ms = duration_ms
        self.signalled.append(signal)

    def say(self, word, payload=b"", job=JOB, step=None):
        """The bridge's next step; True if the clock accepts it."""
        self.counter += 1
        before = self.step
        self.step = (1 if word == OPEN else before + 1) if step is None else step
        plain = struct.pack(">IHB", job, self.step, word) + payload
        try:
            self.hand(cipher(self.down, self.counter, plain))
        except FrameError:
            self.step = before
            return False
        return True

    def hand(self, text):
        """Give the clock the encrypted body of a step."""
        if self.seq is None:
            self.job.handle(frames.DESK, self.counter, memoryview(text))
        else:
            self.job.handle(SEALED_DESK, self.counter, memoryview(struct.pack(">I", self.seq) + text))

    def publish(self, topic, frame):
        """As the MQTT client."""
        assert topic == b"badgeclock/v1/clock-0001/desk"
        kind, counter, body = frames.open_frame(UP, SCOPE, frame)
        assert (kind, counter) == (frames.DESK_ANSWER if self.seq is None else SEALED_DESK_ANSWER, self.counter)
        self.body = bytes(body)
        if self.seq is not None:
            self.said_seq = struct.unpack(">I", self.body[:4])[0]
            self.body = self.body[4:]

    @property
    def over(self):
        """Whether the job is done."""
        self.turn(1)
        return self.desk is None

    def turn(self, times=4):
        for _ in range(times):
            if self.desk:
                self.desk.step()
                if self.desk.done:
                    self.desk = None
            self.time.now_ms += 5

    def told(self):
        """(word, payload) of the answer that is due, None if none is; a number where the clock has another one next."""
        if not self.job.unsent:
            return None
        self.counter += 1
        self.job.publish(self, self.counter)
        if not self.body:
            return self.said_seq
        assert self.seq is None or self.said_seq == self.seq
        plain = cipher(self.up, self.counter, self.body)
        job, step, word = struct.unpack(">IHB", plain[:7])
        assert (job, step) == (JOB, self.step), (job, step)
        return word, plain[7:]

    def told_anything(self):
        """Receive any answer."""
        self.counter += 1
        self.job.publish(self, self.counter)

    def ask(self, word, payload=b""):
        assert self.say(word, payload)
        self.turn()
        return self.told()


def echo(command):
    return command + b"\x91\x00"


def opened(*badges, earlier=False):
    bench = Bench(*badges, earlier=earlier)
    assert bench.ask(OPEN, b"\x1e") == (DONE, b"")
    return bench


def active(card):
    bench = opened(card)
    assert bench.ask(BADGE) == (ACTIVATED, bytes((card.sak,)) + card.uid)
    return bench


def test_frames_are_those_of_the_vectors():
    with open(os.getenv("BADGECLOCK_ROOT") + "/tests/vectors/frames.json") as file:
        given = json.load(file)
    up, down, session = (unhexlify(given[name]) for name in ("k_up", "k_down", "session"))
    bench = Bench()
    channel = frames.Channel(given["clock_id"], bytes(32))
    channel.up, channel.down, channel.session = up, down, session
    sent = []
    bench.publish = lambda topic, frame: sent.append(frame)
    assert given["clock_id"] == "clock-0001" and len(given["desk"]) >= 10 and len(given["sealed_desk"]) >= 10
    for case in given["desk"] + given["sealed_desk"]:
        job = desk_module.Desk(channel, bench, bench.reader, bench.log, bench.log.note, b"settings")
        seq = case.get("seq")
        if seq is not None:
            bench.log.head = seq
            ratchet = seal.Ratchet()
            ratchet.load(unhexlify(given["r"]))
            bench.log.desk = ratchet.desk
        plain = struct.pack(">IHB", case["job"], case["step"], case["word"]) + unhexlify(case["payload"])
        job._seq = seq
        job._up, job._down = job._keys(seq)
        if case["direction"] == "down":
            text = bytearray(unhexlify(case["body"])[0 if seq is None else 4 :])
            job._cipher(job._down, case["counter"], text, len(text))
            assert text == plain, case["name"]
        else:
            job._job, job._step = case["job"], case["step"]
            payload = plain[7:]
            job._answer[7 : 7 + len(payload)] = payload
            job._answer_with(case["word"], len(payload))
            job.publish(bench, case["counter"])
            assert sent.pop() == unhexlify(case["bytes"]), case["name"]


def test_a_job_from_open_to_close():
    card = IsoDepCard(UID, echo)
    bench = opened()
    assert bench.job.busy and bench.shown[-1] == ["Lay the badge", "No punches now"]
    assert bench.say(BADGE)
    bench.turn()
    assert not bench.job.unsent
    bench.chip.badges = [card]
    bench.turn()
    assert bench.told() == (ACTIVATED, b"\x20" + UID)
    assert bench.shown[-1] == ["Keep it there", "No punches now"]
    assert bench.ask(APDU, b"hello") == (ANSWER, b"hello\x91\x00")
    assert bench.ask(APDU, b"again") == (ANSWER, b"again\x91\x00")
    assert bench.say(CLOSE, b"\x01")
    bench.turn()
    assert not bench.job.busy and not bench.over
    assert bench.told() == (DONE, b"")
    assert bench.over and bench.shown[-1][-1] == "Done" and bench.signalled[-1] == signals.CONFIRMED


def test_a_bridge_of_an_earlier_version_has_its_jobs_carried_out_under_its_one_key():
    bench = opened(IsoDepCard(UID, echo), earlier=True)
    assert bench.ask(BADGE) == (ACTIVATED, b"\x20" + UID)
    assert bench.ask(APDU, b"hello") == (ANSWER, b"hello\x91\x00")
    assert bench.ask(CLOSE, b"\x01") == (DONE, b"")
    assert bench.log.head == SEQ, "no record is written for it"


def test_a_job_begins_with_a_record_and_goes_on_under_the_key_before_it():
    bench = active(IsoDepCard(UID, echo))
    assert bench.log.head == SEQ + 1
    bench.log.head += 5  # punches that were kept meanwhile
    assert bench.ask(APDU, b"hello") == (ANSWER, b"hello\x91\x00")
    bench.log.room = 0
    assert bench.ask(OPEN, b"\x3c") == (DONE, b""), "the same job again needs no other key"


def test_a_bridge_that_names_another_record_is_told_which_comes_next():
    for seq, change in (
        (SEQ - 1, lambda log: None),
        (SEQ + 1, lambda log: None),
        (SEQ, lambda log: setattr(log, "sealed", False)),
        (SEQ, lambda log: setattr(log, "room", 0)),
    ):
        bench = Bench()
        bench.seq = seq
        change(bench.log)
        assert bench.say(OPEN, b"\x1e")
        assert not bench.job.busy and not bench.desk.done
        assert bench.told() == SEQ
        assert bench.over and bench.shown == []


def test_what_is_no_open_begins_no_job_and_spends_no_key():
    for word, payload in ((BADGE, b""), (APDU, b"hello"), (CLOSE, b"\x01")):
        bench = Bench()
        assert not bench.say(word, payload, step=2)
        assert bench.log.head == SEQ and not bench.job.unsent


def test_what_a_job_has_done_stands_on_the_display():
    for end, text in ((0, "Desk closed"), (1, "Done"), (2, "Not finished")):
        bench = opened()
        assert bench.ask(CLOSE, bytes((end,))) == (DONE, b"")
        assert bench.shown[-1][-1] == text


def test_a_badge_that_lies_there_when_the_job_ends_is_no_punch():
    unfit = opened(Badge(b"\x04\x11\x22\x33\x44\x55\x66", sak=0x08))
    assert unfit.ask(BADGE)[0] == UNFIT
    for bench in (active(IsoDepCard(UID, echo)), unfit):
        bench.ask(CLOSE, b"\x01")
        uid = bytearray(10)
        for _ in range(20):
            assert bench.reader.poll(uid) == 0
            bench.time.now_ms += 40
        bench.chip.badges[0].power_off()
        assert bench.reader.poll(uid) == 7, "lifted and laid again it is"


def test_the_longest_command_and_answer_pass_in_pieces():
    for length in (1, 52, 61, 62, 64, 122, 200, 253):
        bench = active(IsoDepCard(UID, echo))
        command = bytes(range(length))
        assert bench.ask(APDU, command) == (ANSWER, command + b"\x91\x00"), length
    bench = active(IsoDepCard(UID, lambda command: bytes(300)))
    assert bench.ask(APDU, bytes(255))[0] == GONE, "an answer longer than a frame carries"


def test_a_badge_pulled_away_is_told_and_another_can_be_laid():
    card = IsoDepCard(UID, echo)
    bench = active(card)
    bench.chip.badges = []
    assert bench.ask(APDU, b"hello") == (GONE, b"")
    assert bench.shown[-1] == ["Lay the badge", "No punches now"]
    assert bench.say(BADGE)
    bench.turn()
    card.power_off()
    bench.chip.badges = [card]
    bench.turn()
    assert bench.told() == (ACTIVATED, b"\x20" + UID)
    assert bench.ask(APDU, b"hello") == (ANSWER, b"hello\x91\x00")


def test_a_badge_that_fell_silent_and_lies_there_is_found_again():
    card = IsoDepCard(UID, echo)
    bench = active(card)
    card.lose = lambda frame: True
    assert bench.ask(APDU, b"hello") == (GONE, b"")
    card.lose = None
    assert bench.ask(BADGE) == (ACTIVATED, b"\x20" + UID)


def test_several_and_unfit_badges_are_told():
    bench = opened(IsoDepCard(UID, echo), Badge(b"\x04\x11\x22\x33\x44\x55\x66", sak=0x00))
    assert bench.ask(BADGE) == (SEVERAL, b"")
    assert bench.signalled[-1] == signals.SEVERAL_BADGES
    bench = opened(Badge(b"\x5a\x17\xc3\xe1", sak=0x08))
    assert bench.ask(BADGE) == (UNFIT, b"\x08\x5a\x17\xc3\xe1")


def test_a_command_without_a_badge_is_answered():
    assert opened().ask(APDU, b"hello") == (GONE, b"")


def test_issue_mode_ends_by_itself_without_a_step():
    bench = opened(IsoDepCard(UID, echo))
    bench.time.now_ms += 30_001
    bench.turn()
    assert not bench.job.busy and bench.over and bench.told() is None
    assert bench.shown[-1][-1] == "Not finished"


def test_a_wait_for_a_badge_ends_with_the_time_and_is_answered():
    bench = opened()
    assert bench.lasts_ms > 30_000
    assert bench.say(BADGE)
    for _ in range(31):
        bench.turn(1)
        bench.time.now_ms += 1000
    assert not bench.job.busy and not bench.over
    assert bench.told() == (ENDED, b"")
    assert bench.over


def test_every_step_begins_the_time_anew():
    bench = active(IsoDepCard(UID, echo))
    for _ in range(10):
        bench.time.now_ms += 20_000
        assert bench.ask(APDU, b"still here")[0] == ANSWER


def test_a_lost_connection_ends_the_job():
    for prepare in (lambda bench: None, lambda bench: bench.say(BADGE), lambda bench: bench.say(APDU, b"hello")):
        bench = active(IsoDepCard(UID, echo))
        prepare(bench)
        bench.job.disconnected()
        assert bench.desk is not None, "the badge loop has not seen it"
        bench.turn(1)
        assert not bench.job.busy and bench.over
        assert bench.shown[-1][-1] == "Not finished"
        assert not bench.say(OPEN, b"\x1e"), "a new connection brings a new job"


def test_a_close_ends_the_wait_for_a_badge():
    bench = opened()
    assert bench.say(BADGE)
    bench.turn()
    assert bench.ask(CLOSE, b"\x00") == (DONE, b"")
    assert not bench.job.busy


def test_another_open_takes_the_clock_over():
    bench = active(IsoDepCard(UID, echo))
    assert bench.say(BADGE)
    bench.turn(0)
    assert bench.ask(OPEN, b"\x3c") == (DONE, b"")
    assert bench.ask(BADGE) == (ACTIVATED, b"\x20" + UID), "the badge is new to the new job"


def test_what_is_out_of_turn_changes_nothing():
    bench = opened()
    for word, payload, job, step in (
        (BADGE, b"", JOB + 1, 2),
        (BADGE, b"", JOB, 1),
        (BADGE, b"", JOB, 3),
        (BADGE, b"x", JOB, 2),
        (APDU, b"", JOB, 2),
        (CLOSE, b"", JOB, 2),
        (CLOSE, b"\x03", JOB, 2),
        (CLOSE, b"\x01\x01", JOB, 2),
        (OPEN, b"", JOB, 1),
        (OPEN, b"\x00", JOB, 1),
        (OPEN, b"\x3d", JOB, 1),
        (OPEN, b"\x1e", JOB, 2),
        (0, b"", JOB, 2),
        (5, b"", JOB, 2),
    ):
        assert not bench.say(word, payload, job, step), (word, payload, job, step)
    assert bench.say(BADGE)
    assert not bench.say(BADGE), "one wait at a time"
    assert not bench.say(APDU, b"hello")
    bench.chip.badges = [IsoDepCard(UID, echo)]
    bench.turn()
    assert not bench.say(APDU, b"hello"), "the answer before it has not left"
    assert bench.told()[0] == ACTIVATED


def test_a_step_of_a_job_that_is_over_hears_so():
    bench = Bench(earlier=True)
    assert bench.say(APDU, b"hello", step=7)
    assert bench.told() == (ENDED, b"")
    assert bench.over
    bench = Bench()
    bench.log.head += 1
    assert bench.say(APDU, b"hello", step=7)
    assert bench.told() == SEQ + 1
    assert bench.over


def test_bodies_of_any_length_and_content_are_steps_or_refused():
    random.seed(20260105)
    taken = 0
    for attempt in range(600):
        bench = Bench(IsoDepCard(UID, echo), earlier=attempt % 2 == 0) if attempt % 3 == 0 else bench
        length = random.getrandbits(9) % 300
        body = bytes(random.getrandbits(8) for _ in range(length))
        if attempt % 2 and length >= 7:  # a word that exists, and any rest
            bench.counter += 1
            plain = struct.pack(">IHB", JOB, random.getrandbits(2), 1 + random.getrandbits(2)) + body[: length % 4]
            body = cipher(bench.down, bench.counter, plain)
        try:
            bench.hand(body)
            taken += 1
        except FrameError:
            pass
        bench.turn(2)
        if bench.job.unsent:
            bench.told_anything()
    assert 20 < taken < 580, taken


def test_nothing_that_passed_stays_in_the_buffers():
    bench = active(IsoDepCard(UID, echo))
    bench.ask(APDU, b"a secret of sixteen bytes")
    assert not any(bench.job._answer) and not any(bench.job._uid) and not bench.job._apdu
    bench.ask(CLOSE, b"\x01")
    dep = bench.job._iso_dep
    assert not any(dep._sent) and not any(dep._received)


def test_the_reader_is_found_healthy_between_two_commands():
    bench = active(IsoDepCard(UID, echo))
    resets = bench.reader.resets
    for _ in range(5):
        assert bench.ask(APDU, b"hello")[0] == ANSWER
        bench.time.now_ms += 4000
        assert bench.reader.check()
    assert bench.reader.resets == resets


def test_every_stage_says_what_to_do_and_has_no_look_of_a_punch():
    for language in ("en", "nl", "fr", "de"):
        words = load(language, os.getenv("BADGECLOCK_ROOT") + "/firmware/lang/")
        title, no_punches = words.desk[:2]
        stages = words.desk[2:]
        assert len(set(stages)) == 5
        for stage in range(5):
            buffer = bytearray(1024)
            mood = desk_screen.screen(stage)(framebuf.FrameBuffer(buffer, 128, 64, framebuf.MONO_VLSB), words)
            rows = [row.strip() for row in read(buffer)]
            assert rows[0] == title and stages[stage] in rows
            assert (no_punches in rows) == (stage >= desk_screen.LAY)
            assert mood == (screens.WRONG if stage == desk_screen.FAILED else screens.NOTICE)
