"""The languages that a site can choose, and the letters that its clock gets for them, judged and drawn by the clock's
own code in the real MicroPython.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from badgeclock.technician import art, languages
from badgeclock.toolchain.places import ROOT
from badgeclock.toolchain.programs import micropython

JUDGE = """
import json, sys
sys.path.insert(0, %r)
import framebuf
from app.ui import font, words
font._MORE_PATH = %r
buf = bytearray(8)
canvas = framebuf.FrameBuffer(buf, 8, 8, framebuf.MONO_VLSB)
seen = {}
for letter in json.loads(%r):
    canvas.fill(0)
    font.text(canvas, letter, 0, 0)
    assert any(buf) and seen.setdefault(bytes(buf), letter) == letter, letter
if %r:
    words.checked(json.loads(%r), "lang/xx.json")
print("good")
"""


def judged(folder: Path, texts: str, language: bytes, letters: bytes) -> str:
    """The result of the clock's code for a language file with those additional letters, and drawing `texts`."""
    path = folder / "letters.bin"
    path.write_bytes(letters)
    source = JUDGE % (str(ROOT / "firmware"), str(path), json.dumps(texts), bool(language), language)
    run = subprocess.run([micropython("i386"), "-c", source], capture_output=True, text=True, check=False)
    return run.stdout + run.stderr


@pytest.mark.parametrize("path", sorted(languages.further()))
def test_a_further_language_is_whole_fits_and_has_its_letters(path: str, tmp_path: Path) -> None:
    data = languages.further()[path]
    letters = languages.letters([], [data])
    assert "good" in judged(tmp_path, "", data, letters)
    assert "native speaker" in languages.note(data)
    beyond = "".join(sorted({letter for letter in data.decode() if letter > "~"}))
    assert "good" in judged(tmp_path, beyond, b"", letters)
    if letters:
        assert "must be" in judged(tmp_path, "", data, b""), "without its letters the clock would refuse it"


def test_a_clocks_own_letters_are_those_that_it_needs_and_can_be_drawn() -> None:
    assert art.letters(["Site 12 à é ç ß ö \u2019"]) == b""
    made = art.letters(["Łódź", "你"])
    count = made[0]
    codes = [chr(int.from_bytes(made[1 + 2 * at : 3 + 2 * at], "big")) for at in range(count)]
    assert codes == ["Ł", "ź"]
    assert len(made) == 1 + count * 34


def test_many_letters_are_found_beyond_the_first_part_of_the_file(tmp_path: Path) -> None:
    letters = "ĀāĂăĄąĆćČčĎďĐđĒēĖėĘęĚěĞğĪīĮįİıŁłŃńŅņŇňŌōŐőŘřŚśŞşŠšŢţŤťŪūŮůŰűŹźŻżŽžȘșȚț"
    assert "good" in judged(tmp_path, letters, b"", art.letters([letters]))
