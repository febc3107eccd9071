"""Display, RTC, buzzer, lamp and keys on the registers and pins of their chips."""

import os
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

from app.ui import screens
from bench import Bcd, Panel, Time
from drivers import keys, pattern
from app.ui.signals import AMBER, GREEN, OFF, RED, SILENCE
from drivers.buzzer import Buzzer
from drivers.ds3231 import DS3231
from drivers.led import StatusLed
from drivers.sh1106 import SH1106_I2C
from drivers.sh1106_spi import SH1106_SPI
from drivers.ssd1306 import SSD1306_I2C
from drivers.ssd1306_spi import SSD1306_SPI


def shown(display):
    pages = 0
    while display.update():
        pages += 1
    return pages


def test_the_display_is_initialised_off_with_the_pump_and_switched_on_when_its_pages_are_there():
    panel = Panel()
    panel.dip()
    display = SSD1306_I2C(panel)
    display.start()
    assert panel.commands[0] == 0xAE and not panel.on
    assert b"\x8d\x14" in panel.commands and b"\x20\x02" in panel.commands
    panel.seen = lambda: not panel.on or at_once.append(bytes(panel.ram))
    at_once = []
    shown(display)
    assert panel.commands[-1] == 0xAF and at_once == [bytes(1024)]


def test_every_page_is_sent_once_after_a_start_and_then_only_what_changed():
    panel = Panel()
    display = SSD1306_I2C(panel)
    display.start()
    assert shown(display) == 10, "light on dark, eight pages, on"
    assert shown(display) == 0
    display.canvas.text("IN", 0, 0, 1)
    display.canvas.pixel(127, 63, 1)
    sent = panel.sent
    assert shown(display) == 2 and panel.pages[-2:] == [0, 7]
    assert panel.sent - sent <= 16 + 1, "of a page only the columns that differ"
    assert bytes(panel.ram) == bytes(display._drawn)
    assert panel.ram[1023] == 0x80
    display.start()
    assert shown(display) == 10


def test_dark_on_light_is_one_command_and_a_start_forgets_it():
    panel = Panel()
    display = SSD1306_I2C(panel)
    display.start()
    shown(display)
    display.tint(screens.REGISTERED)
    assert shown(display) == 1 and panel.inverted == 1
    display.tint(screens.REGISTERED)
    assert shown(display) == 0
    display.start()
    panel.inverted = 0
    assert shown(display) == 10 and panel.inverted == 1
    display.tint(screens.KEPT)
    assert shown(display) == 1 and panel.inverted == 0


def test_an_sh1106_shows_the_columns_from_its_third_on():
    panel = Panel(first=2)
    display = SH1106_I2C(panel)
    display.start()
    display.canvas.pixel(0, 0, 1)
    display.canvas.pixel(127, 63, 1)
    assert shown(display) == 10
    assert b"\xad\x8b" in panel.commands and b"\x8d" not in panel.commands and panel.on
    assert bytes(panel.ram) == bytes(display._drawn)


def test_what_a_display_lost_is_written_anew_and_one_that_lost_nothing_shows_the_same_all_the_while():
    for panel, display in lit_displays():
        before = bytes(panel.ram), panel.inverted
        states = []
        panel.seen = lambda: states.append((panel.on, bytes(panel.ram), panel.inverted))
        display.renew()
        shown(display)
        panel.seen = None
        assert {state[1:] for state in states if state[0]} == {before}
        panel.dip()
        states.clear()
        panel.seen = lambda: states.append((panel.on, bytes(panel.ram), panel.inverted))
        display.renew()
        shown(display)
        panel.seen = None
        assert panel.is_set_up() and {state[1:] for state in states if state[0]} == {before}


def lit_displays():
    """(panel, display) of each kind on I2C, dark on light and not, with something on it."""
    for kind, first in ((SSD1306_I2C, 0), (SH1106_I2C, 2)):
        for mood in (screens.REGISTERED, screens.KEPT):
            panel = Panel(first)
            display = kind(panel)
            display.start()
            display.canvas.text("Saved here", 0, 48, 1)
            display.tint(mood)
            shown(display)
            yield panel, display


def test_a_display_that_can_be_read_says_when_it_is_off_and_one_that_cannot_is_believed():
    for readable in (True, False):
        panel = Panel()
        panel.readable = readable
        display = SSD1306_I2C(panel)
        display.start()
        assert display.healthy(), "it is not on yet"
        shown(display)
        assert display.healthy()
        panel.dip()
        assert display.healthy() == (not readable)


def test_the_rtc_is_set_up_anew_when_its_registers_are_not_as_it_was_left():
    clock = Time()
    chip = Bcd(clock, 0)
    rtc = DS3231(chip)
    rtc.set(2026, 11, 30, 7, 58, 0, bytes(6))
    for register, wrong in ((0x0E, 0x84), (0x0E, 0x1C), (0x0F, 0x08), (0x10, 0x7F)):
        chip.registers[register] = wrong
        assert rtc.read() == (2026, 11, 30, 7, 58, 0)
        assert bytes(chip.registers[0x0E:0x11]) == b"\x04\x00\x00", (register, wrong)


def test_a_page_that_did_not_arrive_is_sent_again():
    panel = Panel()
    display = SSD1306_I2C(panel)
    display.start()
    shown(display)
    display.canvas.fill(1)
    panel.dead = True
    try:
        display.update()
        raise AssertionError("no error")
    except OSError:
        pass
    panel.dead = False
    display.canvas.fill(0)
    assert shown(display) == 1 and bytes(panel.ram) == bytes(1024)


def test_on_spi_commands_and_data_are_told_apart_by_dc():
    wire = []
    levels = {}

    class Spi:
        def write(self, data):
            assert levels["cs"] == 0
            wire.append((levels["dc"], bytes(data)))

    def pin(name):
        return lambda level: levels.update({name: level})

    for kind, first in ((SSD1306_SPI, b"\xb0\x00\x10"), (SH1106_SPI, b"\xb0\x02\x10")):
        wire.clear()
        display = kind(Spi(), pin("cs"), pin("dc"))
        display.start()
        shown(display)
        assert all(dc == 0 for dc, _ in wire[:3]) and wire[0][1] == b"\xae" and wire[2][1] == b"\xa6"
        assert wire[3:5] == [(0, first), (1, bytes(128))] and wire[-1][1][-1] == 0xAF
        assert levels == {"cs": 1, "dc": 0} and display.healthy()


def test_the_rtc_keeps_date_and_note_and_says_when_it_stopped():
    clock = Time()
    chip = Bcd(clock, 0)
    rtc = DS3231(chip)
    assert rtc.read() is None  # the oscillator-stop flag
    for date in ((2026, 11, 30, 7, 58, 0), (2028, 2, 29, 23, 59, 59), (2038, 1, 19, 3, 14, 8), (2105, 12, 31, 0, 0, 0)):
        rtc.set(*(date + (b"\x01\x02\x03\x04\x05\x06",)))
        assert rtc.read() == date, (rtc.read(), date)
        assert rtc.note() == b"\x01\x02\x03\x04\x05\x06"
    clock.now_ms += 1000
    assert rtc.read() == (2105, 12, 31, 0, 0, 1)
    assert chip.registers[0x0E] == 0x04 and not chip.registers[0x0F] & 0x80


def test_the_rtc_tells_whole_degrees_below_zero_too():
    chip = Bcd(Time(), 0)
    rtc = DS3231(chip)
    for register, celsius in ((25, 25), (0, 0), (0x7F, 127), (0xFF, -1), (0xE7, -25), (0x80, -128)):
        chip.registers[0x11] = register
        assert rtc.temperature() == celsius


def test_the_rtc_has_no_note_where_nobody_wrote_one_and_no_date_in_nonsense():
    chip = Bcd(Time(), 0)
    rtc = DS3231(chip)
    assert rtc.note() is None
    chip.registers[7:14] = b"\xff" * 7
    assert rtc.note() is None
    chip.registers[0x0F] = 0
    chip._calendar = lambda: bytearray(b"\xff" * 7)
    assert rtc.read() is None
    chip._calendar = lambda: bytearray(b"\x00\x00\x52\x01\x01\x01\x26")  # twelve-hour mode
    assert rtc.read() is None


class Pwm:
    def __init__(self):
        self.told = []
        self.duty = 0

    def freq(self, value):
        self.told.append(value)

    def duty_u16(self, value):
        self.duty = value
        if not value:
            self.told.append(SILENCE)


def test_tones_start_at_once_and_follow_their_times_without_waiting():
    clock = pattern.time = Time()
    pwm = Pwm()
    buzzer = Buzzer(pwm)
    buzzer.play((554, 80, 709, 120))
    assert pwm.told == [SILENCE, 554] and buzzer.playing
    assert buzzer.step() == 80
    clock.now_ms = 79
    assert buzzer.step() == 1 and pwm.told[-1] == 554
    clock.now_ms = 80
    assert buzzer.step() == 120 and pwm.told[-1] == 709
    clock.now_ms = 200
    assert buzzer.step() == -1 and pwm.told[-1] == SILENCE and not buzzer.playing


def test_volume_is_the_width_of_the_pulses_and_holds_from_the_next_tone_on():
    clock = pattern.time = Time()
    pwm = Pwm()
    buzzer = Buzzer(pwm)
    widths = []
    for volume in (3, 2, 1, 0):
        buzzer.volume = volume
        buzzer.play((554, 80))
        widths.append(pwm.duty)
        clock.now_ms += 80
        assert buzzer.step() == -1 and pwm.duty == 0
    assert widths[0] == 32768 and widths[3] == 0 and widths == sorted(widths, reverse=True) and len(set(widths)) == 4


def test_a_new_pattern_cuts_the_old_one_and_a_late_step_catches_up():
    clock = pattern.time = Time()
    pwm = Pwm()
    buzzer = Buzzer(pwm)
    buzzer.play((220, 900))
    buzzer.play((880, 40, SILENCE, 20, 440, 40))
    assert pwm.told[-1] == 880
    clock.now_ms = 70
    assert buzzer.step() == 30 and pwm.told[-1] == 440
    clock.now_ms = 5500  # over the wrap of the ticks
    assert buzzer.step() == -1 and pwm.told[-1] == SILENCE


def test_a_pattern_follows_another_without_a_gap_and_is_gone_with_it():
    clock = pattern.time = Time()
    pwm = Pwm()
    buzzer = Buzzer(pwm)
    buzzer.play((554, 80), (330, 60))
    assert buzzer.step() == 80
    clock.now_ms = 80
    assert buzzer.step() == 60 and pwm.told == [SILENCE, 554, 330]
    clock.now_ms = 140
    assert buzzer.step() == -1 and pwm.told == [SILENCE, 554, 330, SILENCE] and not buzzer.playing
    buzzer.play((554, 80), (330, 60))
    buzzer.play((880, 40))
    clock.now_ms = 180
    assert buzzer.step() == -1 and pwm.told[-2:] == [880, SILENCE]


def test_amber_is_both_lamps_and_a_lamp_goes_out_after_its_pattern():
    clock = pattern.time = Time()
    levels = {}
    lamp = StatusLed(lambda v: levels.update(green=v), lambda v: levels.update(red=v))
    assert levels == {"green": 0, "red": 0}
    for colour, expected in ((GREEN, (1, 0)), (RED, (0, 1)), (AMBER, (1, 1)), (OFF, (0, 0))):
        lamp.play((colour, 100))
        assert (levels["green"], levels["red"]) == expected
    lamp.play((AMBER, 100))
    clock.now_ms = 100
    assert lamp.step() == -1 and levels == {"green": 0, "red": 0}


def test_a_key_counts_once_however_its_contact_bounces():
    clock = keys.time = Time()
    levels = {"in": 1, "out": 1}
    pad = keys.Keys({name: (lambda name=name: levels[name]) for name in levels})
    pressed = []
    for ms in range(400):
        clock.now_ms = 4900 + ms
        levels["in"] = 1 if ms < 100 or ms > 300 or (ms < 110 and ms % 3) or (ms > 290 and ms % 2) else 0
        pressed.append(pad.pressed())
    assert [name for name in pressed if name] == ["in"]
    assert 125 < pressed.index("in") < 160


def test_keys_are_down_together_only_when_all_of_them_are():
    clock = keys.time = Time()
    levels = {"info": 1, "in": 1, "out": 1}
    pad = keys.Keys({name: (lambda name=name: levels[name]) for name in levels})

    def settled(**pressed):
        levels.update(pressed)
        for _ in range(4):
            clock.now_ms += 40
            pad.pressed()
        return pad.down(("in", "out"))

    assert not settled() and not settled(**{"in": 0}) and settled(out=0) and settled(info=0)
    assert not settled(**{"in": 1}) and not settled(out=1)


def test_a_switch_tells_each_change_once():
    clock = keys.time = Time()
    level = [1]
    switch = keys.Contact(lambda: level[0])
    changes = []
    for ms in range(0, 1000, 40):
        clock.now_ms = ms
        level[0] = 0 if 200 <= ms < 600 else 1
        if switch.changed():
            changes.append((ms, switch.level))
    assert [level for _, level in changes] == [0, 1]
    assert changes[0][0] <= 280 and changes[1][0] <= 680
