"""The MFRC522 model and the badges in its field, driven by registers as a driver does it, on a clock of our own."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from badgeclock.virtual import cards
from badgeclock.virtual.cards import Card, Field, Frame, MifareClassic, Noise, Ntag, crc_a, superpose, with_crc
from badgeclock.virtual.chips import mfrc522 as chip
from badgeclock.virtual.chips.mfrc522 import Mfrc522

MS = 1_000_000


class Bench:
    """A reader chip, its field, and a clock that a test moves. Speaks SPI bytes, one select a call."""

    def __init__(self, *present: Card) -> None:
        self.field = Field()
        self.reader = Mfrc522(self.field)
        self.now = 10 * MS
        self.reader.power_on(self.now)
        for card in present:
            self.field.add(card, 0, None)
        self.wait(1)
        self.set_up()

    def set_up(self) -> None:
        """Configure as drivers do, with a timer of 1 ms, and let the badges start up."""
        for register, value in (
            (chip.TX_ASK, 0x40),
            (chip.MODE, 0x3D),
            (chip.T_MODE, 0x80),
            (chip.T_PRESCALER, 0xA9),
            (chip.T_RELOAD_LOW, 39),
            (chip.TX_CONTROL, 0x83),
        ):
            self.write(register, value)
        self.wait(5)

    def wait(self, ms: float) -> None:
        self.now += int(ms * MS)

    def _select(self, data: bytes) -> bytes:
        self.reader.select(0)
        answer = self.reader.transfer(data, self.now)
        self.reader.select(1)
        return answer

    def write(self, register: int, *values: int) -> None:
        self._select(bytes((register << 1, *values)))

    def read(self, register: int) -> int:
        return self._select(bytes((register << 1 | 0x80, 0)))[1]

    def read_fifo(self) -> bytes:
        n = self.read(chip.FIFO_LEVEL)
        return self._select(bytes((chip.FIFO_DATA << 1 | 0x80,)) * n + b"\0")[1:]

    def transceive(self, data: bytes, *, last_bits: int = 0, align: int = 0) -> tuple[bytes, int]:
        """Send and wait 5 ms. What is in the FIFO, and ErrorReg; (b"", -1) if the timer ended first."""
        self.write(chip.COMMAND, chip.IDLE)
        self.write(chip.COM_IRQ, 0x7F)
        self.write(chip.FIFO_LEVEL, 0x80)
        self.write(chip.FIFO_DATA, *data)
        self.write(chip.COMMAND, chip.TRANSCEIVE)
        self.write(chip.BIT_FRAMING, 0x80 | align << 4 | last_bits)
        self.wait(5)
        if not self.read(chip.COM_IRQ) & chip.RX_IRQ:
            assert self.read(chip.COM_IRQ) & chip.TIMER_IRQ, "neither an answer nor the timer"
            return b"", -1
        return self.read_fifo(), self.read(chip.ERROR)

    def request(self, code: int = cards.REQA) -> bytes:
        return self.transceive(bytes((code,)), last_bits=7)[0]

    def halt(self) -> None:
        self.transceive(with_crc(b"\x50\0"))

    def select_one(self) -> bytes:
        """Anticollision and selection of one card by ISO/IEC 14443-3 6.5.3, taking 1 at every collision. Its UID."""
        uid = b""
        for code in cards.SELECT_CODES:
            part = self._anticollision(code)
            answer, error = self.transceive(with_crc(bytes((code, 0x70)) + part))
            assert error == 0
            assert crc_a(answer) == 0
            if part[0] == cards.CASCADE_TAG and answer[0] & cards.SAK_CASCADE:
                uid += part[1:4]
                continue
            assert not answer[0] & cards.SAK_CASCADE
            return uid + part[:4]
        raise AssertionError("a fourth cascade level")

    def _anticollision(self, code: int) -> bytes:
        known, bits = 0, 0
        while True:
            whole, rest = divmod(known, 8)
            sent = bytes((code, (2 + whole) << 4 | rest)) + bits.to_bytes(5, "little")[: whole + (rest > 0)]
            answer, error = self.transceive(sent, last_bits=rest, align=rest)
            got = int.from_bytes(answer, "little") >> rest << known | bits
            if not error & chip.COLL_ERR:
                assert error == 0
                part = got.to_bytes(5, "little")
                assert part[0] ^ part[1] ^ part[2] ^ part[3] == part[4], "BCC"
                return part
            coll = self.read(chip.COLL)
            assert not coll & 0x20
            position = 8 * whole + ((coll & 0x1F) or 32)  # 1 is the first bit of the byte the frame began in
            assert position > known
            bits = got & ((1 << (position - 1)) - 1) | 1 << (position - 1)
            known = position


uids = st.one_of(
    st.binary(min_size=4, max_size=4).filter(lambda uid: uid[0] != cards.CASCADE_TAG),
    st.tuples(
        st.integers(0, 255).filter(lambda byte: byte != cards.CASCADE_TAG),
        st.one_of(st.binary(min_size=6, max_size=6), st.binary(min_size=9, max_size=9)),
    )
    # A cascade tag as the first byte of a later level would be taken for one more level (ISO/IEC 14443-3 6.5.4).
    .map(lambda parts: bytes((parts[0],)) + parts[1])
    .filter(lambda uid: len(uid) == 7 or uid[3] != cards.CASCADE_TAG),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(uids, min_size=1, max_size=4, unique=True))
def test_every_badge_in_the_field_is_found_once_by_anticollision(present: list[bytes]) -> None:
    bench = Bench(*(Card(uid) for uid in present))
    found = []
    while bench.request():
        found.append(bench.select_one())
        bench.halt()
    assert sorted(found) == sorted(present)


def test_a_collision_names_the_first_bit_in_which_two_badges_differ() -> None:
    bench = Bench(Card(bytes.fromhex("01020304")), Card(bytes.fromhex("01022304")))
    bench.request()
    answer, error = bench.transceive(b"\x93\x20")
    assert error == chip.COLL_ERR
    assert bench.read(chip.COLL) & 0x3F == 8 + 8 + 6
    assert answer[:2] == b"\x01\x02"


def test_values_after_a_collision_are_cleared_when_collreg_says_so() -> None:
    bench = Bench(Card(bytes.fromhex("FF010203")), Card(bytes.fromhex("FE010203")))
    bench.write(chip.COLL, 0)
    bench.request()
    answer, _ = bench.transceive(b"\x93\x20")
    assert answer == bytes(5)


@settings(deadline=None, max_examples=40)
@given(st.binary(max_size=60))
def test_the_coprocessor_computes_crc_a(data: bytes) -> None:
    bench = Bench()
    bench.write(chip.FIFO_LEVEL, 0x80)
    bench.write(chip.DIV_IRQ, 0x04)
    if data:
        bench.write(chip.FIFO_DATA, *data)
    bench.write(chip.COMMAND, chip.CALC_CRC)
    bench.wait(1)
    assert bench.read(chip.DIV_IRQ) & chip.CRC_IRQ
    assert bench.read(chip.CRC_RESULT_HIGH) << 8 | bench.read(chip.CRC_RESULT_LOW) == crc_a(data)


def test_crc_a_matches_the_standards_example() -> None:
    assert with_crc(b"\x12\x34") == bytes.fromhex("123426CF")  # ISO/IEC 14443-3 annex B.1


def test_hardware_crc_is_added_and_taken_off() -> None:
    bench = Bench(Card(bytes.fromhex("DEADBEEF")))
    bench.request()
    part = bench.transceive(b"\x93\x20")[0]
    bench.write(chip.TX_MODE, 0x80)
    bench.write(chip.RX_MODE, 0x80)
    assert bench.transceive(b"\x93\x70" + part) == (b"\x08", 0)


def test_a_wrong_crc_makes_a_badge_fall_back_to_idle() -> None:
    card = Card(bytes.fromhex("DEADBEEF"))
    bench = Bench(card)
    bench.request()
    bench.select_one()
    bench.transceive(b"\x50\x00\x00\x00")
    assert card.state is cards.State.IDLE


def test_a_halted_badge_answers_wupa_and_not_reqa() -> None:
    bench = Bench(Card(bytes.fromhex("DEADBEEF")))
    assert bench.request() == b"\x04\x00"
    bench.select_one()
    bench.halt()
    assert bench.request() == b""
    assert bench.request(cards.WUPA) == b"\x04\x00"


def test_a_halted_badge_that_was_woken_in_vain_is_halted_again() -> None:
    bench = Bench(Card(bytes.fromhex("DEADBEEF")))
    bench.request()
    bench.select_one()
    bench.halt()
    bench.request(cards.WUPA)
    bench.request()
    assert bench.request() == b""
    assert bench.request(cards.WUPA) == b"\x04\x00"


def test_a_field_that_goes_off_and_on_wakes_a_halted_badge_after_its_start_up() -> None:
    bench = Bench(Card(bytes.fromhex("DEADBEEF")))
    bench.request()
    bench.select_one()
    bench.halt()
    bench.write(chip.TX_CONTROL, 0x80)
    assert bench.request(cards.WUPA) == b""
    bench.write(chip.TX_CONTROL, 0x83)
    assert bench.request() == b"", "it has just got its power"
    assert bench.request() == b"\x04\x00"


def test_no_badge_is_heard_with_less_than_full_modulation() -> None:
    bench = Bench(Card(bytes.fromhex("DEADBEEF")))
    bench.write(chip.TX_ASK, 0)
    assert bench.request() == b""


@pytest.mark.parametrize(("uid", "atqa"), [("01020304", "0400"), ("04" * 7, "4400"), ("05" * 10, "8400")])
def test_atqa_tells_the_size_of_the_uid(uid: str, atqa: str) -> None:
    assert Bench(Card(bytes.fromhex(uid))).request().hex() == atqa


def test_the_timer_ends_a_request_that_nobody_answers_a_millisecond_after_it_was_sent() -> None:
    bench = Bench()
    bench.write(chip.COM_IRQ, 0x7F)
    bench.write(chip.FIFO_DATA, cards.REQA)
    bench.write(chip.COMMAND, chip.TRANSCEIVE)
    bench.write(chip.BIT_FRAMING, 0x87)
    bench.wait(1.05)
    assert not bench.read(chip.COM_IRQ) & chip.TIMER_IRQ
    bench.wait(0.1)
    assert bench.read(chip.COM_IRQ) & (chip.TIMER_IRQ | chip.TX_IRQ) == chip.TIMER_IRQ | chip.TX_IRQ


def test_request_and_answer_take_their_time_in_the_air() -> None:
    bench = Bench(Card(bytes.fromhex("DEADBEEF")))
    bench.write(chip.COM_IRQ, 0x7F)
    bench.write(chip.FIFO_DATA, cards.REQA)
    bench.write(chip.COMMAND, chip.TRANSCEIVE)
    bench.write(chip.BIT_FRAMING, 0x87)
    bench.wait(0.3)
    assert not bench.read(chip.COM_IRQ) & chip.RX_IRQ
    bench.wait(0.1)
    assert bench.read(chip.COM_IRQ) & chip.RX_IRQ
    bench.wait(3)
    assert not bench.read(chip.COM_IRQ) & chip.TIMER_IRQ, "an answer stops the timer"


def test_a_badge_that_leaves_in_the_middle_of_its_answer_gives_a_part_of_it() -> None:
    bench = Bench(Card(bytes.fromhex("DEADBEEF")))
    assert bench.request()
    bench.field.presences[0].until_ns = bench.now + 450_000
    answer, _ = bench.transceive(b"\x93\x20")
    assert 0 < len(answer) < 5


def test_the_irq_pin_follows_the_enabled_interrupts() -> None:
    bench = Bench()
    bench.write(chip.COM_IRQ, 0x7F)
    bench.write(chip.COM_IEN, 0x80 | chip.TIMER_IRQ)
    assert bench.reader.irq_pin(bench.now) == 1
    bench.request()
    assert bench.reader.irq_pin(bench.now) == 0
    bench.write(chip.COM_IRQ, chip.TIMER_IRQ)
    assert bench.reader.irq_pin(bench.now) == 1
    bench.write(chip.COM_IEN, 0)
    assert bench.reader.irq_pin(bench.now) == 0


def test_the_reset_pin_puts_every_register_back_and_switches_the_field_off() -> None:
    bench = Bench(Card(bytes.fromhex("DEADBEEF")))
    bench.reader.reset_pin(0, bench.now)
    assert bench.read(chip.VERSION) == 0
    bench.reader.reset_pin(1, bench.now)
    bench.wait(1)
    assert bench.read(chip.VERSION) == 0x92
    assert bench.read(chip.TX_CONTROL) == 0x80
    assert bench.read(chip.COMMAND) == 0x20


def test_a_hung_chip_answers_nothing_until_its_reset_pin_moves() -> None:
    bench = Bench()
    bench.reader.hang()
    assert bench.read(chip.VERSION) == 0
    bench.reader.reset_pin(0, bench.now)
    bench.reader.reset_pin(1, bench.now)
    bench.wait(1)
    assert bench.read(chip.VERSION) == 0x92


def test_several_registers_come_in_one_transfer() -> None:
    bench = Bench()
    out = bench._select(bytes((chip.VERSION << 1 | 0x80, chip.TX_CONTROL << 1 | 0x80, chip.RF_CFG << 1 | 0x80, 0)))
    assert out == bytes((0, 0x92, 0x83, 0x48))
    assert bench.reader.transactions == 7


@pytest.mark.parametrize("version", [0x91, 0x92])
def test_the_digital_self_test_gives_the_datasheets_bytes(version: int) -> None:
    bench = Bench()
    bench.reader = Mfrc522(bench.field, version=version)
    bench.reader.power_on(bench.now)
    bench.wait(1)
    bench.write(chip.FIFO_LEVEL, 0x80)
    bench.write(chip.FIFO_DATA, *bytes(25))
    bench.write(chip.COMMAND, chip.MEM)
    bench.write(chip.AUTO_TEST, 0x09)
    bench.write(chip.FIFO_DATA, 0)
    bench.write(chip.COMMAND, chip.CALC_CRC)
    assert not bench.read(chip.DIV_IRQ) & chip.CRC_IRQ
    bench.wait(10)
    assert bench.read(chip.DIV_IRQ) & chip.CRC_IRQ
    assert bench.read_fifo() == chip.SELF_TEST_RESULTS[version]


@pytest.mark.parametrize("how", list(chip.Hang))
def test_a_hung_chip_reads_no_badge_until_its_reset_pin_and_configuration(how: chip.Hang) -> None:
    bench = Bench(Card(bytes.fromhex("DEADBEEF")))
    bench.reader.hang(how, now_ns=bench.now, seed=1)
    bench.write(chip.COMMAND, chip.IDLE)
    bench.write(chip.COM_IRQ, 0x7F)
    bench.write(chip.FIFO_LEVEL, 0x80)
    bench.write(chip.FIFO_DATA, cards.REQA)
    bench.write(chip.COMMAND, chip.TRANSCEIVE)
    bench.write(chip.BIT_FRAMING, 0x87)
    bench.wait(5)
    assert not bench.read(chip.COM_IRQ) & chip.RX_IRQ
    bench.reader.reset_pin(0, bench.now)
    bench.reader.reset_pin(1, bench.now)
    bench.wait(1)
    bench.set_up()
    assert bench.request() == b"\x04\x00"


# ---- noise, leaving, late answers


def test_noise_is_the_same_for_the_same_seed_and_is_noticed_by_parity_or_crc() -> None:
    def dialogue(seed: int) -> list[tuple[bytes, int]]:
        bench = Bench(Ntag(bytes.fromhex("04112233445566")))
        bench.request()
        bench.select_one()
        bench.field.noise = Noise(0.002, seed)
        return [bench.transceive(with_crc(b"\x30\x00")) for _ in range(40)]

    assert dialogue(1) == dialogue(1) != dialogue(2)
    answers = dialogue(3)
    assert any(error == chip.PARITY_ERR for _, error in answers)
    good = [answer for answer, error in answers if error == 0 and crc_a(answer) == 0]
    assert good
    assert set(good) == {good[0]}


def test_a_badge_leaves_before_or_after_it_has_acted_on_a_frame() -> None:
    for frames, written in ((0, b"\0" * 4), (0.5, b"abcd")):
        card = Ntag(bytes.fromhex("04112233445566"))
        bench = Bench(card)
        bench.request()
        bench.select_one()
        bench.field.presences[0].frames = frames
        assert bench.transceive(with_crc(b"\xa2\x04abcd")) == (b"", -1)
        assert card.pages[16:20] == written
        assert not bench.field.presences[0].present(bench.now)


def test_a_late_answer_is_waited_for_as_long_as_the_readers_timer_allows() -> None:
    class Late(Card):
        def command(self, data: bytes) -> Frame | None:
            return Frame(data[0], 8, late_ns=20 * MS)

    for reload_value, answered in ((700, False), (900, True)):
        bench = Bench(Late(bytes.fromhex("DEADBEEF")))
        bench.request()
        bench.select_one()
        bench.write(chip.T_RELOAD_HIGH, reload_value >> 8)
        bench.write(chip.T_RELOAD_LOW, reload_value & 0xFF)
        bench.write(chip.COM_IRQ, 0x7F)
        bench.write(chip.FIFO_LEVEL, 0x80)
        bench.write(chip.FIFO_DATA, *with_crc(b"\x60"))
        bench.write(chip.COMMAND, chip.TRANSCEIVE)
        bench.write(chip.BIT_FRAMING, 0x80)
        bench.wait(19)
        assert bool(bench.read(chip.COM_IRQ) & chip.TIMER_IRQ) is not answered
        assert not bench.read(chip.COM_IRQ) & chip.RX_IRQ
        bench.wait(3)
        assert bench.read_fifo() == b"\x60"
        assert bench.reader.air.waiting_ns == 20 * MS


def test_a_badge_at_work_hears_nothing() -> None:
    class Busy(Card):
        def command(self, data: bytes) -> Frame | None:
            return Frame(data[0], 8, late_ns=20 * MS, then_deaf_ns=10 * MS)

    card = Busy(bytes.fromhex("DEADBEEF"))
    bench = Bench(card)
    bench.request()
    bench.select_one()
    bench.transceive(with_crc(b"\x60"))
    assert card.state is cards.State.ACTIVE
    bench.request()
    assert card.state is cards.State.ACTIVE, "a request in between was ignored"
    bench.wait(30)
    bench.request()
    assert card.state is cards.State.IDLE


def test_a_copy_beside_its_original_collides_when_it_answers_at_another_moment() -> None:
    class Speaks(Card):
        late_ns = 0

        def command(self, data: bytes) -> Frame | None:
            return Frame(0, 160 * len(data), late_ns=self.late_ns)

    original, copy = Speaks(bytes.fromhex("DEADBEEF")), Speaks(bytes.fromhex("DEADBEEF"))
    copy.late_ns = MS // 2
    bench = Bench(original, copy)
    bench.request()
    assert bench.select_one().hex() == "deadbeef"
    _, error = bench.transceive(with_crc(b"\x60"))
    assert error & chip.COLL_ERR


def test_the_statistics_count_frames_and_their_time_in_the_air() -> None:
    bench = Bench(Card(bytes.fromhex("DEADBEEF")))
    bench.request()
    air = bench.reader.air.as_dict()
    assert (air["frames"], air["answers"], air["timeouts"]) == (1, 1, 0)
    # 10 etu for REQA with its frame bits, 20 for ATQA with its parity bits (ISO/IEC 14443-3 6.2.3).
    assert air["sent_ms"] == pytest.approx(0.0944, abs=0.001)
    assert air["received_ms"] == pytest.approx(0.1888, abs=0.001)
    bench.field.presences.clear()
    bench.request()
    assert bench.reader.air.timeouts == 1


def test_the_fifo_overflows_at_64_bytes_and_says_so() -> None:
    bench = Bench()
    bench.write(chip.FIFO_DATA, *range(65))
    assert bench.read(chip.FIFO_LEVEL) == 64
    assert bench.read(chip.ERROR) & chip.BUFFER_OVFL
    bench.write(chip.FIFO_LEVEL, 0x80)
    assert bench.read(chip.ERROR) == 0


def test_a_classic_sector_opens_with_its_key_and_stays_shut_without() -> None:
    card = MifareClassic(bytes.fromhex("DEADBEEF"))
    card.blocks[4][:] = b"sixteen bytes ok"
    bench = Bench(card)

    def authenticate(key: bytes) -> bool:
        bench.request(cards.WUPA)
        uid = bench.select_one()
        bench.write(chip.COM_IRQ, 0x7F)
        bench.write(chip.FIFO_LEVEL, 0x80)
        bench.write(chip.FIFO_DATA, 0x60, 4, *key, *uid)
        bench.write(chip.COMMAND, chip.AUTHENTICATE)
        bench.wait(10)
        return bool(bench.read(chip.STATUS2) & chip.CRYPTO1_ON)

    assert not authenticate(b"wrong!")
    assert bench.read(chip.COM_IRQ) & (chip.IDLE_IRQ | chip.TIMER_IRQ) == chip.TIMER_IRQ
    assert authenticate(b"\xff" * 6)
    assert bench.transceive(with_crc(b"\x30\x04"))[0] == with_crc(b"sixteen bytes ok")
    assert bench.transceive(with_crc(b"\x30\x08"))[0] == b"", "another sector"


def test_crypto1_left_on_makes_the_reader_deaf_as_in_the_field() -> None:
    bench = Bench(MifareClassic(bytes.fromhex("DEADBEEF")))
    bench.request()
    uid = bench.select_one()
    bench.write(chip.FIFO_LEVEL, 0x80)
    bench.write(chip.FIFO_DATA, 0x60, 4, *b"\xff" * 6, *uid)
    bench.write(chip.COMMAND, chip.AUTHENTICATE)
    bench.wait(10)
    bench.field.presences.clear()
    bench.field.add(Card(bytes.fromhex("01020304")), 0, None)
    assert bench.request() == bench.request() == b""
    bench.write(chip.STATUS2, 0)
    assert bench.request() == b"\x04\x00"


def test_an_ntag_gives_its_pages() -> None:
    bench = Bench(Ntag(bytes.fromhex("04112233445566")))
    bench.request()
    assert bench.select_one().hex() == "04112233445566"
    answer = bench.transceive(with_crc(b"\x30\x00"))[0]
    assert answer[0:3] + answer[4:8] == bytes.fromhex("04112233445566")
    assert bench.transceive(with_crc(b"\xa2\x04abcd")) == (bytes((cards.ACK,)), 0)
    assert bench.read(chip.CONTROL) & 0x07 == 4, "an acknowledgement has four bits"


def test_a_random_uid_card_is_another_one_each_time_the_field_comes() -> None:
    bench = Bench(cards.RandomUid())
    seen = set()
    for _ in range(3):
        bench.request(cards.WUPA)
        seen.add(bench.select_one())
        bench.write(chip.TX_CONTROL, 0x80)
        bench.transceive(b"\x26", last_bits=7)
        bench.write(chip.TX_CONTROL, 0x83)
        bench.transceive(b"\x26", last_bits=7)
    assert len(seen) == 3
    assert {uid[0] for uid in seen} == {0x08}


@given(st.integers(0, 2**40 - 1), st.integers(0, 2**40 - 1))
def test_superposed_frames_show_the_first_difference(one: int, two: int) -> None:
    frame, collision = superpose([Frame(one, 40), Frame(two, 40)])
    assert frame.bits == one | two
    if one == two:
        assert collision is None
    else:
        assert collision is not None
        assert one >> collision & 1 != two >> collision & 1
        assert one & ((1 << collision) - 1) == two & ((1 << collision) - 1)


@pytest.mark.parametrize("uid", ["", "0102", "88" * 7, "0102030405"])
def test_a_uid_that_no_badge_can_have_is_refused(uid: str) -> None:
    with pytest.raises(ValueError, match="UID"):
        Card(bytes.fromhex(uid))
