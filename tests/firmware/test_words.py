"""Languages as files: every one that comes with the clock is whole, and a wrong one is refused with the text's name."""

import json
import os
import random

from app.ui import words
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
        ("link", ["a", "b", "one too long"]),
        ("link", ["a", "b", None]),
        ("directions", ["A", "B", "C", "D", "STRASSE"]),
        ("nearly_full", "two lines that are too long for it"),
        ("nearly_full", "a-word-that-has-no-room of"),
    ):
        said = refusal(json.dumps({field: value}))
        assert "lang/xx.json: " + field in said, (field, value, said)


def test_what_is_no_language_file_is_refused_and_the_clock_speaks_english():
    for text in ("", "nonsense", "[]", "7", "null", "[" * 3000, "{" * 2000, '"' + 5000 * "x" + '"'):
        assert "lang/xx.json" in refusal(text)
        assert words.load_or_english("xx", "") is words.ENGLISH
    assert words.load_or_english("yy", "") is words.ENGLISH
    assert words.load("en", "") is words.ENGLISH


def test_whatever_a_file_holds_the_clock_has_words_that_it_can_show():
    with open(LANG + "fr.json", "rb") as file:
        right = file.read()
    random.seed(1)
    taken = 0
    for _ in range(60):
        data = bytearray(right)
        for _ in range(random.randint(1, 4)):
            at = random.randrange(len(data))
            change = random.randrange(3)
            if change == 0:
                data[at] = random.getrandbits(8)
            elif change == 1:
                data[at : at + random.randrange(40)] = b""
            else:
                data[at:at] = bytes(data[random.randrange(len(data)) :][:9])
        with open("xx.json", "wb") as file:
            file.write(data)
        loaded = words.load_or_english("xx", "")
        taken += loaded is not words.ENGLISH
        for texts, english in zip(loaded, words.ENGLISH):
            assert isinstance(texts, str) == isinstance(english, str)
            for text in (texts,) if isinstance(texts, str) else texts:
                assert 0 < len(text) <= 33 and all(words._has_small(letter) for letter in text), data
    assert taken, "some changes are none that matter"
