"""What is on the display in every state and language, read back from the pixels."""

import binascii
import os
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

import framebuf
from app.ui import desk_screen, font, pages, screens, start_screens, today_screen, words
from app.ui.words import ENGLISH
from ocr import read, read_huge, read_large

BUFFER = bytearray(1024)
CANVAS = framebuf.FrameBuffer(BUFFER, 128, 64, framebuf.MONO_VLSB)
EN = ENGLISH
LANG = os.getenv("BADGECLOCK_ROOT") + "/firmware/lang/"
CODES = ["en"] + [entry[0][:-5] for entry in os.ilistdir(LANG)]
TODAY = (
    (1, "07:58", 1, 987654),
    (3, "12:00", 2, 4),
    (4, "12:30", 6, 0),
    (2, "16:31", 0, True),
    (1, "17:02", 3, 0),
    (2, "18:40", 0, False),
)
NOT_SET_UP = "settings.json: message_s must be a whole number from 1 to 9"


def drawn(screen, *what):
    """The rows of small text after drawing."""
    CANVAS.fill(1)  # every screen clears what was there
    screen(CANVAS, *what)
    return read(BUFFER)


def has(rows, *texts):
    for text in texts:
        assert any(text in row for row in rows), (text, rows)


def states(of):
    """Every screen with the most that it may have to show, by name: (screen, what)."""
    return {
        "idle": (screens.idle, (of, "Demo site", "07:58", 2, 0, "")),
        "idle-offline": (screens.idle, (of, "Demo site", "23:59", 0, 21168, of.nearly_full)),
        "idle-unsealed": (screens.idle, (of, "Demo site", "23:59", 2, 0, of.unsealed)),
        "idle-no-broker": (screens.idle, (of, "Demo site", "23:59", 1, 21168, "")),
        "idle-no-time": (screens.idle, (of, "Demo site", None, 1, 7, "")),
        "idle-neither": (screens.idle, (of, "Demo site", None, 1, 7, of.unsealed)),
        "kept-here": (screens.kept, (of, 0, "--:--", 192528)),
        "kept-in": (screens.kept, (of, 1, "07:58", 192528)),
        "kept-out": (screens.kept, (of, 2, "16:31", 192528)),
        "kept-break": (screens.kept, (of, 3, "12:00", 192528)),
        "kept-back": (screens.kept, (of, 4, "12:30", 192528)),
        "later": (screens.kept_later, (of, 1, "07:58", 12, 99999)),
        "registered": (screens.registered, (of, 1, "07:58", 192528, "123456")),
        "duplicate": (screens.duplicate, (of, 1, "07:58", 192528)),
        "unknown": (screens.unknown, (of, b"\x7f\x3a", 192528)),
        "refused": (screens.refused, (of, 999, 192528)),
        "unproved": (screens.unproved, (of,)),
        "several": (screens.several, (of,)),
        "full": (screens.full, (of,)),
        "fault": (screens.fault, (of, 2)),
        "desk-closed": (desk_screen.screen(desk_screen.NOTHING), (of,)),
        "desk-done": (desk_screen.screen(desk_screen.DONE), (of,)),
        "desk-failed": (desk_screen.screen(desk_screen.FAILED), (of,)),
        "desk-lay": (desk_screen.screen(desk_screen.LAY), (of,)),
        "desk-keep": (desk_screen.screen(desk_screen.KEEP), (of,)),
        "assumed": (screens.assumed, (of, screens.KEPT_LOOK, 1, "07:58", 192528)),
        "later-assumed": (screens.assumed, (of, screens.LATER_LOOK, 4, "07:58", 192528)),
        "today-ask": (today_screen.prompt, (of,)),
        "today": (today_screen.page, (of, "7F3A", TODAY, 9)),
        "today-none": (today_screen.page, (of, "7F3A", (), 0)),
        "retired": (screens.retired, (of,)),
        "chosen": (screens.chosen, (of, 2)),
        "identify": (screens.identify, (of, "clock-0001-of-the-north")),
        "starting": (start_screens.starting, (of,)),
        "start-failed": (start_screens.failed, (of, 1, "MemoryError()")),
        "not-set-up": (start_screens.not_set_up, (of, NOT_SET_UP)),
    }


def test_idle_shows_site_time_and_link():
    rows = drawn(screens.idle, EN, "Demo site", "07:58", 2, 0, "")
    has(rows, "Demo site", "Hold your badge")
    assert rows[7].startswith("Online") and rows[7].strip() == "Online"
    assert read_huge(BUFFER) == "07:58"


def test_idle_shows_why_it_is_offline_and_how_much_waits():
    rows = drawn(screens.idle, EN, "Demo site", "07:58", 0, 12, "")
    assert rows[7].startswith("No Wi-Fi") and rows[7].endswith("12")
    rows = drawn(screens.idle, EN, "Demo site", "07:58", 1, 21168, "Memory 80% full")
    assert rows[7].startswith("No server") and rows[7].endswith("21168")
    has(rows, "Memory 80% full")


def test_idle_says_when_the_clock_has_no_time():
    has(drawn(screens.idle, EN, "Demo site", None, 2, 0, ""), "Clock not", "set")


def test_a_site_name_stands_as_it_is_and_is_never_cut_without_a_sign():
    for site in ("Demo site", "Sixteen letters!", "Façade é è ö ß", "CHÂTEAU-D’ŒUF ÈÉ"):
        assert drawn(screens.idle, EN, site, "07:58", 2, 0, "")[0].strip() == site
    assert drawn(screens.idle, EN, "A building site with a name", "07:58", 2, 0, "")[0] == "A building site…"
    for site, first, second in (
        ("A building site with a name", "A", "building…"),
        ("Châteauneuf du Pape", "Châteaun…", "du Pape"),
        ("Villeneuve-lez-Avignon", "Villeneu…", ""),
    ):
        rows = drawn(screens.idle, EN, site, None, 2, 0, "")
        assert (rows[0][7:].strip(), rows[1][7:].strip()) == (first, second), rows


def test_every_worker_who_is_sent_to_the_office_sees_the_punchs_number():
    for code in CODES:
        of = words.load(code, LANG)
        for screen, what in ((screens.unknown, (of, b"\x7f\x3a", 192528)), (screens.refused, (of, 999, 192528))):
            has(drawn(screen, *what), "#192528")
        for seq in (7, 1234, 192528):
            for screen, what in ((screens.kept, (of, 1, "07:58", seq)), (screens.duplicate, (of, 1, "07:58", seq))):
                has(drawn(screen, *what), "#%d" % seq)


def test_a_row_is_dark_between_a_line_and_the_next():
    """Wherever two things stand one above the other, in every language and state, with all that it may have to show."""
    for code in CODES:
        of = words.load(code, LANG)
        for name, (screen, what) in states(of).items():
            edges = drawn_with_edges(screen, what)
            for text, left, top, right, bottom in edges.cells:
                for other, x, y, end, _ in edges.cells:
                    beside = x < right and left < end
                    assert not beside or y <= top or y > bottom, (code, name, text, other)


def test_capitals_with_accents_are_no_small_letters():
    for capital, small in zip("ÀÂÄÇÈÉÊËÎÏÔÖÙÛÜŒÆMWZ", "àâäçèéêëîïôöùûüœæmwz"):
        pixels = []
        for letter in (capital, small):
            CANVAS.fill(0)
            font.text(CANVAS, letter, 0, 0)
            pixels.append(bytes(BUFFER[:8]))
        apart = sum(bin(a ^ b).count("1") for a, b in zip(*pixels))
        assert apart >= 4 or letter in "wz", (capital, apart)


def test_kept_and_confirmed_cannot_be_confused():
    kept = drawn(screens.kept, EN, 1, "07:58", 12)
    has(kept, "Saved here", "#12")
    assert read_large(BUFFER, 0).startswith("IN ") and read_large(BUFFER, 4).startswith("07:58")
    pixels = bytes(BUFFER)
    later = drawn(screens.kept_later, EN, 2, "16:31", 13, 37)
    has(later, "Saved,", "sent later", "#13")
    assert read_large(BUFFER, 0).startswith("OUT") and read_large(BUFFER, 4).startswith("16:31")
    confirmed = drawn(screens.registered, EN, 1, "07:58", 12, "123456")
    has(confirmed, "Confirmed by", "NSSO", "..123456")
    assert not any("Saved" in row for row in confirmed)
    assert not any("Confirmed" in row or "NSSO" in row for row in kept + later)
    for page in (0, 1, 2, 3, 4):
        at = page * 128 + 56
        assert pixels[at : at + 32] == bytes(BUFFER)[at : at + 32], "what was done stays where it was"
    assert pixels[:56] != bytes(BUFFER)[:56]


def test_kept_and_confirmed_have_a_mood_that_nothing_else_has():
    for name, (screen, what) in states(EN).items():
        mood = screen(CANVAS, *what)
        assert (mood == screens.REGISTERED) == (name == "registered"), name
        assert (mood in (screens.KEPT, screens.KEPT_LATER)) == name.startswith(("kept", "later", "assumed")), name


def test_every_direction_has_its_own_word_and_its_own_way():
    seen = set()
    for direction in range(5):
        drawn(screens.kept, EN, direction, "07:58", 1)
        seen.add((read_large(BUFFER, 0), bytes(BUFFER[256 + 56 : 384])))
    assert len({word for word, _ in seen}) == 5 and len({way for _, way in seen}) == 5, seen


def test_what_is_not_right_says_what_to_do():
    has(drawn(screens.unknown, EN, b"\x7f\x3a", 5), "Unknown badge", "See office", "#5")
    has(drawn(screens.refused, EN, 3, 6), "Refused:", "see office", "#6")
    has(drawn(screens.several, EN), "One badge", "at a time")
    has(drawn(screens.unproved, EN), "Try again, or", "see office")
    has(drawn(screens.full, EN), "Memory full", "Not saved")
    has(drawn(screens.fault, EN, 2), "Clock fault", "Not saved")
    has(drawn(screens.duplicate, EN, 1, "07:58", 9), "Already at 07:58", "#9")


def test_an_answer_tells_each_punch_in_one_line_and_registered_has_a_mark_of_its_own():
    rows = drawn(today_screen.page, EN, "7F3A", TODAY, 12)
    assert rows[0].startswith("Today") and rows[0].endswith("7F3A")
    punches = [rows[band] for band in (1, 2, 3, 4, 5, 7)]
    for row, moment, became in zip(
        punches,
        ("07:58", "12:00", "12:30", "16:31", "17:02", "18:40"),
        ("..987654", "refused 4", "waits", "sent", "waits", "saved"),
    ):
        assert row[1:6] == moment and row[7:].strip() == became, row
    ways, marks = set(), []
    for top in range(11, 65, 9):
        ways.add(bytes(CANVAS.pixel(x, top + y) for y in range(7) for x in range(7)))
        marks.append(any(CANVAS.pixel(x, top + y) for y in range(7) for x in range(49, 54)))
    assert marks == [True] + [False] * 5 and len(ways) == 4
    has(drawn(today_screen.page, EN, "7F3A", (), 0), "Today", "none yet")
    has(drawn(today_screen.prompt, EN), "Today", "Hold your badge")
    for code, refused in (("en", "refused"), ("fr", "refusé 4"), ("de", "abgelehnt")):
        has(drawn(today_screen.page, words.load(code, LANG), "7F3A", TODAY, 0), refused)


def test_the_outcomes_differ_by_shape_and_not_by_word_alone():
    shapes = {}
    for name, (screen, what) in states(EN).items():
        screen(CANVAS, *what)
        # The icon alone, without the words beside and below it.
        shapes.setdefault(bytes(BUFFER[:48] + BUFFER[128:176] + BUFFER[256:304] + BUFFER[384:432]), []).append(name)
    for names in (
        ("kept-in", "kept-out", "kept-break", "kept-back", "kept-here", "assumed"),
        ("later", "later-assumed"),
    ):
        assert sorted(names) in [sorted(same) for same in shapes.values()]
    alone = [same[0] for same in shapes.values() if len(same) == 1]
    for name in ("registered", "duplicate", "unknown", "refused", "unproved", "several", "full", "fault"):
        assert name in alone, (name, shapes.values())


class Edges:
    """A canvas that records drawing beyond its edges or over other text."""

    def __init__(self):
        self.faults = []
        self.cells = []
        self.sizes = {}

    def put(self, text, x, y, width, height):
        right = x + len(text) * width
        if x < 0 or y < 0 or right > 128 or y + height > 64:
            self.faults.append("beyond the edge: %r at %d, %d" % (text, x, y))
        for other, left, top, end, bottom in self.cells:
            if x < end and left < right and y < bottom and top < y + height:
                self.faults.append("%r on %r" % (text, other))
        self.cells.append((text, x, y, right, y + height))

    def text(self, text, x, y, _):
        self.put(text, x, y, 8, 8)

    def __getattr__(self, name):
        return lambda *_: None


def drawn_with_edges(screen, what):
    """The Edges after a screen was drawn on it."""
    real = font.text, font.large, font.huge, font.icon, font.way
    font.text = lambda canvas, text, x, y: text and canvas.put(text, x, y, 8, 8)
    font.large = lambda canvas, text, x, y: canvas.put(text, x, y, 12, 16)
    font.huge = lambda canvas, text, x, y: canvas.put(text, x, y, 24, 32)
    font.icon = lambda canvas, number, x, y: canvas.put(" ", x, y, 48, 46)
    font.way = lambda canvas, number, x, y: number and canvas.put(" ", x, y + 2, 32, 12)
    try:
        edges = Edges()
        screen(edges, *what)
        return edges
    finally:
        font.text, font.large, font.huge, font.icon, font.way = real


def test_every_text_of_every_language_fits_its_screen():
    for code in CODES:
        for name, (screen, what) in states(words.load(code, LANG)).items():
            edges = drawn_with_edges(screen, what)
            assert not edges.faults, (code, name, edges.faults)


def test_every_word_of_every_language_is_whole_on_its_screen():
    for code in CODES:
        of = words.load(code, LANG)
        for name, (screen, what) in states(of).items():
            rows = drawn(screen, *what)
            seen = " ".join(rows)
            for field in {
                "idle": ("idle",),
                "idle-no-time": ("idle", "no_time"),
                "kept-in": ("kept",),
                "later": ("kept_later",),
                "registered": ("registered", "authority"),
                "duplicate": ("duplicate",),
                "unknown": ("unknown", "see_office"),
                "refused": ("refused", "refused_todo"),
                "unproved": ("unproved_todo",),
                "several": ("two_badges",),
                "assumed": ("kept", "assumed"),
                "later-assumed": ("kept", "assumed"),
                "today-ask": ("idle",),
                "full": ("full", "full_todo"),
                "fault": ("fault", "fault_todo"),
                "idle-unsealed": ("unsealed",),
                "idle-neither": ("no_time", "unsealed"),
                "retired": ("retired", "full_todo"),
                "not-set-up": ("not_set_up", "technician"),
                "start-failed": ("start_failed", "code"),
                "identify": ("identify",),
            }.get(name, ()):
                texts = getattr(of, field)
                for text in (texts,) if isinstance(texts, str) else texts:
                    for word in text.split(" ") if field == "no_time" else (text,):
                        for letters in (word, word.replace("É", "é")):
                            if letters in seen:
                                break
                        else:
                            raise AssertionError((code, name, word, rows))
        for word in (of.unproved + " " + of.no_time).split(" "):
            assert len(word) <= 9, (code, word)  # beside an icon


def test_a_languages_letters_are_told_apart():
    for code in CODES:
        of = words.load(code, LANG)
        for field, texts in zip(words.FIELDS, of):
            for text in (texts,) if isinstance(texts, str) else texts:
                for letter in text:
                    assert words._has_small(letter), (code, field, letter)


def test_accents_change_a_letter_and_leave_it_within_its_cell():
    plain = []  # crc32: a copy of each picture would be a third of the heap
    for letter in "aceinosuyzACEINOSUYZß":
        CANVAS.fill(0)
        font.text(CANVAS, letter, 8, 8)
        plain.append(binascii.crc32(BUFFER))
    for letter, base in zip("àçéîñôşûýźÀÇÉÎÑÔŞÛÝŹ", "aceinosuyzACEINOSUYZ"):
        CANVAS.fill(0)
        font.text(CANVAS, letter, 8, 8)
        assert binascii.crc32(BUFFER) not in plain, letter
        assert not any(BUFFER[:136]) and not any(BUFFER[144:]), letter
        if base < "a":
            CANVAS.fill(0)
            font.large(CANVAS, letter, 8, 8)
            large = binascii.crc32(BUFFER)
            assert not any(BUFFER[:136]) and not any(BUFFER[148:264]) and not any(BUFFER[276:]), letter
            CANVAS.fill(0)
            font.large(CANVAS, base, 8, 8)
            assert binascii.crc32(BUFFER) != large, letter


def test_what_the_clock_has_no_letter_for_is_a_question_mark():
    for letter in "\u4f60\x7f\u00a9\u017e\u021c\u1e9e\u00a0":
        assert not words._has_small(letter) and not words._has_large(letter), letter
    assert not words._has_large("a") and words._has_large("\u00c9") and words._has_small("\u00e9")
    CANVAS.fill(0)
    font.text(CANVAS, "\u4f60", 0, 0)
    font.large(CANVAS, "\u4f60", 56, 0)
    assert read(BUFFER)[0].startswith("?") and read_large(BUFFER, 0).startswith("?")


def test_without_its_glyphs_a_clock_shows_what_it_can():
    file, name = font._files[0], font.__file__
    font._files[0], font.__file__ = None, "nowhere/font.py"
    try:
        has(drawn(screens.kept, EN, 1, "07:58", 12), "Saved here", "#12")
    finally:
        font._files[0], font.__file__ = file, name
    drawn(screens.kept, EN, 1, "07:58", 12)
    assert read_large(BUFFER, 0).startswith("IN ")


def test_a_reason_is_broken_into_lines():
    rows = drawn(start_screens.not_set_up, EN, NOT_SET_UP)
    has(rows, "Not set up", "Call technician", "settings.json:")
    assert " ".join(row.strip() for row in rows[2:] if row.strip()).endswith("from 1 to 9"), rows


def test_identify_names_the_clock():
    has(drawn(screens.identify, EN, "clock-0001"), "I am here", "clock-0001")


FACTS = {"uptime_ms": 4294967295, "reset": 3, "boot": 65535, "source": 0, "bound_ms": None, "heap_free": 1048576}
FACTS.update({"firmware": "1a2b3c4d5e6f7081", "head": 192528, "tail": 0, "free": 0, "capacity": 150000})
FACTS.update({"sealed": False, "tears": 255, "wear": 100000, "rssi": None, "connection": 65535, "failures": 99999})
FACTS.update({"last_failure": "certificate: of this clock: it is bad", "cert_until": None, "reader": None})
FACTS.update({"reader_fault": "miso-high", "reader_resets": 9999, "display_faults": 999, "rtc_faults": 999})
FACTS.update({"case_open": True, "temperature": None})


def test_the_technicians_pages_tell_the_facts_whatever_they_are():
    told = [drawn(pages.screen(page, FACTS), EN) for page in range(pages.PAGES)]
    has(told[0], "up 49d 17:02", "reset watchdog", "time none", "error unknown", "fw 1a2b3c4d5e6f")
    has(told[1], "unsent 192528", "sealed NO", "torn 255", "erases 100000")
    has(told[2], "signal none", "failures 99999", "certificate: of", "this clock: it i", "unknown")
    has(told[3], "reader none", "miso-high", "restarted 9999", "case open", "temp. none")
    assert all(len(rows) == 8 for rows in told)
    FACTS["reset"] = "odd" * 20
    has(drawn(pages.screen(0, FACTS), EN), "reset odd")
