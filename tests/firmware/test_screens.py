"""What stands on the display in every state and language, read back from the pixels."""

import os
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

import framebuf
from app import screens
from app.words import LANGUAGES
from ocr import read, read_big

BUFFER = bytearray(1024)
CANVAS = framebuf.FrameBuffer(BUFFER, 128, 64, framebuf.MONO_VLSB)
EN = LANGUAGES["en"]


def drawn(screen, *what):
    """The rows of text after drawing."""
    CANVAS.fill(1)  # every screen clears what was there
    screen(CANVAS, *what)
    return read(BUFFER)


def has(rows, *texts):
    for text in texts:
        assert any(text in row for row in rows), (text, rows)


def test_idle_shows_site_time_and_link():
    rows = drawn(screens.idle, EN, "Demo site", "07:58", 2, 0, "")
    has(rows, "Demo site", "Hold your badge")
    assert rows[7].startswith("Online") and rows[7].strip() == "Online"
    assert read_big(BUFFER, 2, 24).startswith("07:58")


def test_idle_shows_why_it_is_offline_and_how_much_waits():
    rows = drawn(screens.idle, EN, "Demo site", "07:58", 0, 12, "")
    assert rows[7].startswith("No Wi-Fi") and rows[7].endswith("12")
    rows = drawn(screens.idle, EN, "Demo site", "07:58", 1, 21168, "Memory 80% full")
    assert rows[7].startswith("No server") and rows[7].endswith("21168")
    has(rows, "Memory 80% full")


def test_idle_says_when_the_clock_has_no_time():
    has(drawn(screens.idle, EN, "Demo site", None, 2, 0, ""), "Clock not set")


def test_a_long_site_name_is_cut_and_not_wrapped():
    assert drawn(screens.idle, EN, "A building site with a name", "07:58", 2, 0, "")[0] == "A building site "


def test_kept_and_confirmed_cannot_be_confused():
    kept = drawn(screens.kept, EN, 1, "07:58", 12)
    has(kept, "Saved here", "#12")
    assert read_big(BUFFER, 0).startswith("IN") and read_big(BUFFER, 2).startswith("07:58")
    pixels = bytes(BUFFER)
    later = drawn(screens.kept_later, EN, 2, "16:31", 13)
    has(later, "Saved,", "sent later", "#13")
    assert read_big(BUFFER, 0).startswith("OUT") and read_big(BUFFER, 2).startswith("16:31")
    confirmed = drawn(screens.registered, EN, 1, "07:58", 12, "123456")
    has(confirmed, "Confirmed by", "NSSO", "..123456", "#12")
    assert not any("Saved" in row for row in confirmed)
    assert not any("Confirmed" in row or "NSSO" in row for row in kept + later)
    assert pixels[104:128] == bytes(BUFFER)[104:128], "the same door and arrow"


def test_every_direction_has_its_own_word_and_in_and_out_their_own_arrow():
    seen = set()
    arrows = []
    for direction in range(5):
        drawn(screens.kept, EN, direction, "07:58", 1)
        seen.add(read_big(BUFFER, 0)[:5])
        arrows.append(bytes(BUFFER[96:128]))
    assert len(seen) == 5, seen
    assert arrows[1] != arrows[2] and arrows[1] == arrows[4] and arrows[2] == arrows[3]


def test_what_is_not_right_says_what_to_do():
    has(drawn(screens.unknown, EN, 5), "Unknown badge", "See office", "#5")
    has(drawn(screens.refused, EN, 3, 6), "Refused:", "see office", "code 3", "#6")
    has(drawn(screens.several, EN), "One badge", "at a time")
    has(drawn(screens.unproved, EN), "Badge refused", "Try again, or", "see office")
    has(drawn(screens.full, EN), "Memory full", "Not saved")
    has(drawn(screens.fault, EN, 2), "Clock fault", "code 2")
    has(drawn(screens.duplicate, EN, 1, "07:58", 9), "Already at 07:58", "#9")


def test_the_outcomes_differ_by_shape_and_not_by_word_alone():
    shapes = set()
    for draw in (
        lambda: screens.kept(CANVAS, BLANK, 1, " ", 1),
        lambda: screens.kept_later(CANVAS, BLANK, 1, " ", 1),
        lambda: screens.registered(CANVAS, BLANK, 1, " ", 1, ""),
        lambda: screens.duplicate(CANVAS, BLANK, 1, " ", 1),
        lambda: screens.unknown(CANVAS, BLANK, 1),
        lambda: screens.refused(CANVAS, BLANK, 1, 1),
        lambda: screens.unproved(CANVAS, BLANK),
        lambda: screens.several(CANVAS, BLANK),
        lambda: screens.full(CANVAS, BLANK),
    ):
        draw()
        shapes.add(bytes(BUFFER[:896]))
    assert len(shapes) == 9


class _Blank:
    """Words that are all blanks, to see the shapes alone."""

    directions = (" ",) * 5
    kept_later = two_badges = unproved_todo = (" ", " ")

    def __getattr__(self, name):
        return " "


BLANK = _Blank()


def test_every_text_of_every_language_fits_its_screen():
    for name, words in LANGUAGES.items():
        for screen, what in (
            (screens.idle, ("Demo site", "07:58", 0, 0, words.nearly_full)),
            (screens.idle, ("Demo site", None, 1, 0, "")),
            (screens.unknown, (21168,)),
            (screens.refused, (6, 21168)),
            (screens.unproved, ()),
            (screens.several, ()),
            (screens.full, ()),
            (screens.fault, (6,)),
            (screens.starting, ()),
            (screens.not_set_up, ("x",)),
        ):
            rows = drawn(screen, words, *what)
            assert all(32 < ord(letter) < 127 or letter in " ~" for row in rows for letter in row), (name, rows)
        for text in _texts(words):
            assert len(text) <= 16 and all(" " <= letter <= "~" for letter in text), (name, text)
        for word in words.directions:
            assert len(word) <= 5, (name, word)  # five large letters leave room for the arrow
        for text in (words.kept, words.kept_later[0], words.kept_later[1], words.authority):
            assert len(text) <= 12, (name, text)  # beside the tick
        assert len(words.duplicate) + 6 <= 16, name
        for text in words.link:
            assert len(text) <= 9, (name, text)  # beside the largest count


def _texts(words):
    for field in words:
        for text in (field,) if isinstance(field, str) else field:
            yield text


def test_a_reason_is_broken_into_lines():
    rows = drawn(screens.not_set_up, EN, "settings.json: message_s must be a whole number from 1 to 9")
    has(rows, "Not set up", "Call technician", "settings.json:")
    assert " ".join(row.strip() for row in rows[3:]).strip().endswith("from 1 to 9"), rows


def test_identify_names_the_clock():
    has(drawn(screens.identify, EN, "clock-0001"), "I am here", "clock-0001")
