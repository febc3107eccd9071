"""The display and the RTC at register level, and the text that is found again in the display's pixels."""

from __future__ import annotations

import io
import json
import subprocess
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from badgeclock.toolchain.places import ROOT
from badgeclock.toolchain.programs import micropython
from badgeclock.virtual import screen
from badgeclock.virtual.chips import st7789
from badgeclock.virtual.chips.ds3231 import Ds3231
from badgeclock.virtual.chips.ssd1306 import PAGES, WIDTH, Sh1106, Ssd1306
from badgeclock.virtual.chips.st7789 import St7789

UPRIGHT = bytes.fromhex("00 20 00 A1 C8 8D 14 AF")


# ---- SSD1306


def lit(display: Ssd1306) -> set[tuple[int, int]]:
    """The pixels that shine: (x, y) from the upper left."""
    return {(x, y) for y, row in enumerate(display.frame()) for x in range(WIDTH) if row >> (WIDTH - 1 - x) & 1}


def test_a_display_is_dark_until_it_is_on_and_its_charge_pump_runs() -> None:
    display = Ssd1306()
    display.write(b"\x40\xff")
    assert not lit(display)
    display.write(b"\x00\xaf")
    assert not lit(display)
    display.write(b"\x00\x8d\x14")
    assert len(lit(display)) == 8


def test_horizontal_addressing_fills_the_window_line_by_line() -> None:
    display = Ssd1306()
    display.write(UPRIGHT)
    display.write(b"\x00\x21\x0a\x0b\x22\x01\x02")
    display.write(b"\x40\x01\x02\x03\x04\x05")
    assert [display.ram[page * WIDTH + x] for page, x in ((1, 10), (1, 11), (2, 10), (2, 11))] == [5, 2, 3, 4]


def test_vertical_addressing_goes_down_the_pages_first() -> None:
    display = Ssd1306()
    display.write(b"\x00\x20\x01\x21\x00\x7f\x22\x00\x07")
    display.write(b"\x40" + bytes(range(1, 10)))
    assert [display.ram[page * WIDTH] for page in range(PAGES)] == list(range(1, 9))
    assert display.ram[1] == 9


def test_page_addressing_stays_in_its_page() -> None:
    display = Ssd1306()
    display.write(b"\x00\xb3\x0e\x17")
    display.write(b"\x40\x01\x02\x03")
    assert bytes(display.ram[3 * WIDTH + 126 : 4 * WIDTH]) == b"\x03\x02", "the third byte is at the start column again"
    assert display.ram[4 * WIDTH] == 0


def test_the_whole_ram_in_one_write_lands_where_it_belongs() -> None:
    display = Ssd1306()
    display.write(UPRIGHT + bytes.fromhex("21 00 7F 22 00 07"))
    picture = bytes(i * 7 & 0xFF for i in range(1024))
    display.write(b"\x40" + picture)
    assert bytes(display.ram) == picture
    expected = {
        (i % 128, 8 * (i // 128) + bit) for i, byte in enumerate(picture) for bit in range(8) if byte >> bit & 1
    }
    assert lit(display) == expected


def test_orientation_inversion_and_start_line_move_what_is_seen() -> None:
    display = Ssd1306()
    display.write(UPRIGHT)
    display.write(b"\x40\x01")
    assert lit(display) == {(0, 0)}
    display.write(b"\x00\xa0\xc0")
    assert lit(display) == {(127, 63)}
    display.write(b"\x00\xa1\xc8\x41")
    assert lit(display) == {(0, 63)}
    display.write(b"\x00\x40\xa7")
    assert len(lit(display)) == 128 * 64 - 1


def test_commands_and_data_may_come_with_single_control_bytes() -> None:
    display = Ssd1306()
    display.write(b"\x80\xaf\x80\x8d\x80\x14\x80\xa1\x80\xc8\xc0\x03")
    assert lit(display) == {(0, 0), (0, 1)}


# ---- DS3231


class HostClock:
    """The host's time, as a test sets it."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def registers(moment: datetime) -> bytes:
    """The seven time registers at that moment."""
    clock = (moment.second, moment.minute, moment.hour)
    return bytes(int(str(n), 16) for n in (*clock, moment.isoweekday(), moment.day, moment.month, moment.year % 100))


@settings(max_examples=100)
@given(st.integers(946_684_800, 4_102_272_000), st.integers(0, 86_399))
def test_the_rtc_counts_on_from_the_time_it_was_given(unix_s: int, later: int) -> None:
    host = HostClock()
    rtc = Ds3231(host)
    rtc.write(b"\x00" + registers(datetime.fromtimestamp(unix_s, UTC)))
    host.now += later
    rtc.write(b"\x00")
    assert rtc.read(7) == registers(datetime.fromtimestamp(unix_s + later, UTC))


def test_a_new_rtc_says_that_its_oscillator_stopped_until_that_is_cleared() -> None:
    rtc = Ds3231(HostClock())
    rtc.write(b"\x0f")
    assert rtc.read(1)[0] & 0x80
    rtc.write(b"\x0f\x00")
    rtc.write(b"\x0f\xff")
    rtc.write(b"\x0f")
    assert not rtc.read(1)[0] & 0x80, "a program cannot set the flag"


def test_the_rtc_knows_twelve_hours_and_the_century() -> None:
    rtc = Ds3231(HostClock())
    rtc.write(b"\x00" + bytes((0, 0, 0x40 | 0x20 | 0x11, 1, 0x31, 0x80 | 0x12, 0x99)))
    rtc.write(b"\x02")
    assert rtc.read(1)[0] == 0x40 | 0x20 | 0x11
    assert datetime.fromtimestamp(rtc.unix_s(), UTC) == datetime(2199, 12, 31, 23, tzinfo=UTC)


def test_the_rtc_gives_its_temperature_in_quarters() -> None:
    rtc = Ds3231(HostClock())
    rtc.temperature_c = -10.25
    rtc.write(b"\x11")
    assert rtc.read(2) == b"\xf5\xc0"


def test_a_drifting_rtc_is_late_by_its_parts_per_million() -> None:
    host = HostClock()
    rtc = Ds3231(host)
    rtc.set_unix_s(0)
    rtc.drift_ppm = -20
    host.now += 1_000_000
    assert rtc.unix_s() == pytest.approx(1_000_000 - 20)


def test_the_battery_carries_the_time_over() -> None:
    host = HostClock()
    rtc = Ds3231(host)
    rtc.set_unix_s(1_800_000_000)
    kept = json.loads(json.dumps(rtc.state()))
    host.now += 3600
    again = Ds3231(host)
    again.restore(kept)
    assert again.unix_s() == pytest.approx(1_800_003_600)
    assert not again.oscillator_stopped


# ---- SH1106


def test_an_sh1106_has_two_columns_before_the_first_that_is_seen_and_its_own_supply() -> None:
    display = Sh1106()
    display.write(bytes.fromhex("00 A1 C8 B0 02 10"))
    display.write(b"\x40\x01")
    display.write(b"\x00\x8d\x14\xaf")  # the SSD1306's pump
    assert not lit(display)
    display.write(b"\x00\xad\x8b")
    assert lit(display) == {(0, 0)}
    display.write(bytes.fromhex("00 B7 01 18"))  # column 129 is the last that is seen
    display.write(b"\x40\x80\xff")
    assert lit(display) == {(0, 0), (127, 63)}


# ---- ST7789

LANDSCAPE = ((0x11, b""), (0x3A, b"\x55"), (0x36, b"\x60"), (0x21, b""), (0x29, b""))


def colour(commands: tuple[tuple[int, bytes], ...], display: St7789) -> dict[tuple[int, int], int]:
    """The pixels that are not black after the commands: RGB565 by (x, y) from the upper left."""
    for command, parameters in commands:
        display.write_spi(bytes((command,)), 0)
        if parameters:
            display.write_spi(parameters, 1)
    frame = display.frame()
    pixels = [int.from_bytes(frame[at : at + 2], "big") for at in range(0, len(frame), 2)]
    return {(n % st7789.WIDTH, n // st7789.WIDTH): pixel for n, pixel in enumerate(pixels) if pixel}


def test_a_colour_display_fills_its_window_line_by_line_in_landscape() -> None:
    window = ((0x2A, bytes((0, 10, 0, 11))), (0x2B, bytes((0, 5, 0, 6))), (0x2C, bytes(range(1, 11))))
    assert colour((*LANDSCAPE, *window), St7789()) == {
        (10, 5): 0x090A,  # the fifth pixel starts over
        (11, 5): 0x0304,
        (10, 6): 0x0506,
        (11, 6): 0x0708,
    }


def test_a_colour_display_reaches_every_corner_and_loses_what_is_outside() -> None:
    corner = ((0x2A, bytes((1, 0x3F, 1, 0x40))), (0x2B, bytes((0, 239, 0, 240))), (0x2C, bytes((1, 1, 2, 2, 3, 3))))
    assert colour((*LANDSCAPE, *corner), St7789()) == {(319, 239): 0x0101}


def test_a_colour_display_is_black_asleep_and_false_without_inversion() -> None:
    pixel = ((0x2A, bytes(4)), (0x2B, bytes(4)), (0x2C, b"\xf8\x00"))
    display = St7789()
    assert colour(LANDSCAPE[1:] + pixel, display) == {}
    assert colour((LANDSCAPE[0],), display) == {(0, 0): 0xF800}
    assert colour(((0x20, b""),), display)[0, 0] == 0x07FF
    assert colour(((0x01, b""),), display) == {}


@pytest.mark.parametrize(
    ("display", "set_up"),
    [
        (Ssd1306(), UPRIGHT[1:]),
        (Sh1106(), bytes.fromhex("A1 C8 AD 8B AF")),
    ],
    ids=["ssd1306", "sh1106"],
)
def test_a_display_whose_supply_dipped_answers_and_is_dark_until_it_is_set_up_anew(
    display: Ssd1306, set_up: bytes
) -> None:
    display.write(b"\x00" + set_up)
    assert display.read(1)[0] & 0x40 == 0
    display.dip()
    assert display.read(1)[0] & 0x40, "off"
    for page in range(PAGES):
        display.write(bytes((0x00, 0xB0 | page, 0x00, 0x10)))
        display.write(b"\x40" + bytes(WIDTH))
    assert not lit(display), "pages alone do not bring it back"
    display.write(b"\x00" + set_up[:-1])
    assert not lit(display)
    display.dip()
    display.write(b"\x00" + set_up)
    assert len(lit(display)) > WIDTH, "nonsense is in its RAM"


def test_a_colour_display_whose_supply_dipped_is_dark_until_it_is_woken_and_set_up_anew() -> None:
    display = St7789()
    colour(LANDSCAPE, display)
    display.dip()
    assert colour(((0x2A, bytes(4)), (0x2B, bytes(4)), (0x2C, b"\xf8\x00")), display) == {}
    assert len(colour(LANDSCAPE, display)) > st7789.WIDTH


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=40), st.integers(0, 1)), max_size=20))
def test_no_bytes_upset_a_display(transfers: list[tuple[bytes, int]]) -> None:
    for display in (Ssd1306(), Sh1106(), St7789()):
        for data, dc in transfers:
            display.write_spi(data, dc)
        display.frame()


# ---- text on the display

DRAW = """
import sys
sys.path.insert(0, "%s")
import framebuf
from app.ui.font import huge, large, text
buf = bytearray(1024)
fb = framebuf.FrameBuffer(buf, 128, 64, framebuf.MONO_HLSB)
""" % (ROOT / "firmware")


def draw(code: str) -> list[int]:
    """The frame that MicroPython's framebuf draws."""
    run = subprocess.run(
        [micropython("amd64"), "-c", DRAW + code + "\nprint(buf.hex())"], capture_output=True, text=True, check=True
    )
    data = bytes.fromhex(run.stdout.strip())
    return [int.from_bytes(data[16 * y : 16 * y + 16], "big") for y in range(64)]


def test_the_idle_screen_is_read_as_a_person_reads_it() -> None:
    frame = draw(
        'text(fb, "Demo site", 28, 0); huge(fb, "07:58", 5, 8); text(fb, "Hold your badge", 4, 40);'
        'text(fb, "online", 0, 56); text(fb, "3", 120, 56)'
    )
    assert screen.read_text(frame) == ["Demo site", "07:58", "Hold your badge", "online         3"]


def test_large_and_huge_letters_are_read_wherever_they_stand() -> None:
    frame = draw('huge(fb, "16:31", 5, 3); large(fb, "ENTRÉE", 17, 36); text(fb, "Gardé ici #12", 3, 53)')
    assert screen.read_text(frame) == ["16:31", "ENTRÉE", "Gardé ici #12"]


def test_dark_text_on_a_light_bar_is_read() -> None:
    frame = draw('fb.fill_rect(0, 0, 128, 12, 1); fb.text("Refused", 30, 2, 0); text(fb, "code 4", 40, 30)')
    assert screen.read_text(frame) == ["Refused", "code 4"]


def test_dark_text_on_a_light_display_is_read() -> None:
    frame = draw('large(fb, "IN", 52, 0); text(fb, "Confirmed by", 0, 48); text(fb, "NSSO ..123456", 0, 56)')
    light = [row ^ screen.FULL_ROW for row in frame]
    assert screen.read_text(light) == ["IN", "Confirmed by", "NSSO ..123456"]


def test_lines_and_frames_are_no_text() -> None:
    frame = draw(
        'fb.rect(0, 0, 128, 64, 1); fb.hline(0, 20, 128, 1); fb.line(3, 50, 40, 61, 1);text(fb, "One badge", 28, 30)'
    )
    assert screen.read_text(frame) == ["One badge"]


def test_an_empty_display_has_no_lines() -> None:
    assert screen.read_text([0] * 64) == []


@settings(max_examples=15, deadline=None)
@given(
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, categories=["L", "N"]), min_size=2, max_size=16),
    st.integers(0, 56),
    st.integers(0, 7),
)
def test_any_words_are_read_at_any_place(words: str, y: int, x: int) -> None:
    words = words[: (128 - x) // 8]
    assert screen.read_text(draw(f"text(fb, {words!r}, {x}, {y})")) == [words]


def test_the_picture_has_the_displays_pixels() -> None:
    frame = [0] * 64
    frame[10] = 1 << (127 - 20)
    image = Image.open(io.BytesIO(screen.render_png(frame, scale=4))).convert("RGB")
    assert image.size == (512, 256)
    assert image.getpixel((82, 42)) != image.getpixel((78, 42))
    assert image.getpixel((79, 42)) == image.getpixel((0, 0)) == screen.DARK


def test_an_oscillator_that_its_set_up_stops_on_the_battery_loses_the_time_with_the_supply() -> None:
    hand = [1_000_000_000.0]
    for control, keeps in ((0x04, True), (0x84, False)):
        rtc = Ds3231(lambda: hand[0])
        rtc.write(b"\x0e" + bytes((control, 0)))
        rtc.set_unix_s(hand[0])
        rtc.lose_supply()
        hand[0] += 3600
        rtc.supply_back()
        assert rtc.oscillator_stopped != keeps
        assert rtc.unix_s() == hand[0] - (0 if keeps else 3600)
