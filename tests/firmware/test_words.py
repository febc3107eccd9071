"""Languages as files: every one that comes with the clock is whole, and a wrong one is refused with the text's name."""

import json
import os

from app import words
from app.errors import SettingsError

LANG = os.getenv("BADGECLOCK_ROOT") + "/firmware/lang/"
CODES = tuple(sorted(entry[0][:-5] for entry in os.ilistdir(LANG)))


def written(text):
    """The folder of a language file xx.json with that text."""
    with open("xx.json", "w") as file:
        file.write(text)
    return ""


def refusal(text):
    try:
        words.load("xx", written(text))
    except SettingsError as error:
        return str(error)
    raise AssertionError("taken: " + text)


def test_every_language_that_comes_with_the_clock_is_whole_and_has_nothing_more():
    assert "nl" in CODES and "en" not in CODES
    for code in CODES:
        with open(LANG + code + ".json") as file:
            found = json.load(file)
        assert set(found) == set(words.FIELDS), (code, set(found) ^ set(words.FIELDS))
        loaded = words.load(code, LANG)
        assert loaded.idle == found["idle"] and loaded.directions == tuple(found["directions"])


def test_what_a_file_does_not_have_is_english():
    loaded = words.load("xx", written('{"kept": "Zapisano tu", "later": "?"}'))
    assert loaded.kept == "Zapisano tu" and loaded.full == words.ENGLISH.full


def test_a_file_that_cannot_be_shown_is_refused_with_the_texts_name():
    for field, value in (
        ("kept", "a text of more than sixteen letters"),
        ("kept", ""),
        ("kept", 5),
        ("kept", ["a"]),
        ("idle", "\u4f60\u597d"),
        ("idle", "a\nb"),
        ("directions", ["HERE", "in", "OUT", "BREAK", "BACK"]),
        ("link", "Online"),
        ("link", ["a", "b"]),
        ("link", ["a", "b", "a long one"]),
        ("link", ["a", "b", None]),
        ("directions", ["A", "B", "C", "D", "STRASSE"]),
    ):
        said = refusal(json.dumps({field: value}))
        assert "lang/xx.json: " + field in said, (field, value, said)


def test_what_is_no_language_file_is_refused_and_the_clock_speaks_english():
    for text in ("", "nonsense", "[]", "7", "null", "[" * 3000, "{" * 2000, '"' + 5000 * "x" + '"'):
        assert "lang/xx.json" in refusal(text)
        assert words.load_or_english("xx", "") is words.ENGLISH
    assert words.load_or_english("yy", "") is words.ENGLISH
    assert words.load("en", "") is words.ENGLISH
