"""The words on the display: English here, every other language in its own file, /lang/<code>.json.

Provisioning puts those files there (firmware/lang/ has the ones that come with the clock); a further language is a
further file, and needs no new firmware. A file is checked when it is read: if the display lacks letters or room for a
text, the clock uses English. Texts missing in a file are English as well, so that an older file works with a newer
firmware.

"Saved" is the clock's own promise; only "Confirmed by" names the authority. No text may say both.
"""

import json
import os
from collections import namedtuple

from micropython import const

from app.errors import SettingsError
from app.ui import font

# Each line has a text or texts: their name in a language file, their columns if not the display's 16 (fewer beside
# icons and numbers, 33 in two lines), and the English. As one text: separate short ones would stay in memory.
_TEXTS = """\
idle=Hold your badge
link:10=No Wi-Fi|No server|Online
directions:6=HERE|IN|OUT|BREAK|BACK
kept=Saved here
kept_later=Saved,|sent later
registered=Confirmed by
authority:7=NSSO
duplicate:10=Already at
unknown=Unknown badge
see_office=See office
refused=Refused:
refused_todo=see office
code:5=code
unproved=Badge refused
unproved_todo=Try again, or|see office
two_badges=One badge|at a time
nearly_full:33=Memory 80% full
full=Memory full
full_todo=Not saved
fault=Clock fault
fault_todo=Not saved
unsealed:33=Fault: no seal
retired=Clock retired
no_time=Clock not set
not_set_up=Not set up
technician=Call technician
starting=Starting
start_failed=Cannot start
identify=I am here
assumed=Wrong? Press key
today:10=Today|none yet|saved|sent|waits|refused
desk=Badge desk|No punches now|Desk closed|Done|Not finished|Lay the badge|Keep it there"""

Words = namedtuple(
    "Words",
    (
        "idle",
        "link",  # by link state: 0 no Wi-Fi, 1 no broker, 2 online
        "directions",  # by direction of the record: none, in, out, break start, break end; in large letters
        "kept",
        "kept_later",
        "registered",
        "authority",  # before the end of the reception number
        "duplicate",
        "unknown",
        "see_office",
        "refused",
        "refused_todo",
        "code",  # before a number
        "unproved",
        "unproved_todo",
        "two_badges",
        "nearly_full",
        "full",
        "full_todo",
        "fault",
        "fault_todo",
        "unsealed",
        "retired",
        "no_time",
        "not_set_up",
        "technician",
        "starting",
        "start_failed",
        "identify",
        "assumed",  # how to correct a direction that the clock assumed
        "today",  # the page of today: title, none, and a punch that is kept, sent, waits, refused
        "desk",  # the badge desk's title, no punches now, and by stage (desk_screen): closed, done, failed, lay, keep
    ),
)


def _row(line):
    """(field, columns, text or texts) of a line of _TEXTS."""
    field, text = line.split("=", 1)
    name, _, columns = field.partition(":")
    texts = text.split("|")
    return name, int(columns or 16), texts[0] if len(texts) == 1 else tuple(texts)


_ROWS = [_row(line) for line in _TEXTS.split("\n")]
FIELDS = [row[0] for row in _ROWS]
ENGLISH = Words(*[row[2] for row in _ROWS])

_LONGEST = const(4096)
_LINE = const(16)
_OPEN_NESTED = (ValueError, TypeError, OverflowError, RuntimeError, MemoryError)  # the last two: nested without end


def load(language, folder="/lang/"):
    """The Words of a language ("nl"). Raises SettingsError, which names the wrong text, or the missing file."""
    if language == "en":
        return ENGLISH
    name = "lang/" + language + ".json"
    path = folder + language + ".json"
    try:
        if os.stat(path)[6] > _LONGEST:
            raise SettingsError("%s: longer than %d bytes" % (name, _LONGEST))
        with open(path) as file:
            found = json.load(file)
    except OSError:
        raise SettingsError(name + " is missing")
    except _OPEN_NESTED:
        raise SettingsError(name + ": not valid JSON")
    return checked(found, name)


def checked(found, name):
    """The Words in a language file's content. Raises SettingsError."""
    if not isinstance(found, dict):
        raise SettingsError(name + ": must be a JSON object")
    return Words(*[_field(found, name, *row) for row in _ROWS])


def load_or_english(language, folder="/lang/"):
    """The Words of a language, or English and a line on the serial console with the reason."""
    try:
        return load(language, folder)
    except SettingsError as error:
        print("clock: speaks English:", error)
        return ENGLISH


def _field(found, name, field, columns, english):
    """The text or texts of a field, in the form of the English one."""
    if field not in found:
        return english
    given = found[field]
    if isinstance(english, str):
        if _fits(given, columns, _has_small):
            return given
        raise SettingsError("%s: %s must be a text of at most %d letters of the display" % (name, field, columns))
    if isinstance(given, list) and len(given) == len(english):
        known = _has_large if field == "directions" else _has_small
        for text in given:
            if not _fits(text, columns, known):
                break
        else:
            return tuple(given)
    raise SettingsError(
        "%s: %s must be %d texts of at most %d letters of the display" % (name, field, len(english), columns)
    )


def _fits(text, columns, known):
    if not isinstance(text, str) or not 0 < len(text) <= columns:
        return False
    if len(text) > _LINE:  # it goes on in a second line
        end = text.rfind(" ", 0, _LINE + 1)
        if end <= 0 or len(text) - end - 1 > _LINE:
            return False
    return all(known(text[at : at + 1]) for at in range(len(text)))


def _has_small(letter):
    place = font.small_place(letter)
    return any(font.glyph(place, 8)) if place >= 0 else " " <= letter <= "~"


def _has_large(letter):
    place = font.large_place(letter)
    return letter == " " or (place >= 0 and any(font.glyph(place, 24)))
