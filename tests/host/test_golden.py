"""Every screen in every language on both kinds of display, pixel by pixel against the pictures that were looked at.

python -m tests.golden     draws them again after a wanted change
"""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageChops
from tests.golden import pictures

from badgeclock.errors import SettingsError
from badgeclock.technician import art

DISPLAYS = tuple(pictures.SHEETS)


@pytest.mark.parametrize("language", pictures.LANGUAGES)
@pytest.mark.parametrize("display", DISPLAYS)
def test_every_screen_is_the_one_that_was_looked_at(display: str, language: str) -> None:
    drawn = {key: now for key, now in pictures.draw().pictures.items() if key.startswith(f"{display}/{language}/")}
    kept = {f"{display}/{language}/{path.stem}" for path in (pictures.HERE / display / language).glob("*.png")}
    assert kept == set(drawn), "run python -m tests.golden"
    differences = [pictures.first_difference(key, Image.open(pictures.golden(key)), now) for key, now in drawn.items()]
    assert not any(differences), "\n".join(filter(None, differences))


def test_no_golden_picture_is_left_over() -> None:
    kept = {path.relative_to(pictures.HERE).with_suffix("").as_posix() for path in pictures.HERE.rglob("*.png")}
    assert kept == set(pictures.draw().pictures)


@pytest.mark.parametrize("display", DISPLAYS)
def test_the_documentations_sheet_shows_the_same(display: str) -> None:
    now = pictures.sheet(display, pictures.draw())
    assert pictures.first_difference(display, Image.open(pictures.SHEETS[display]), now) == ""


@pytest.mark.parametrize("display", DISPLAYS)
@pytest.mark.parametrize("language", pictures.LANGUAGES)
def test_no_two_states_look_alike(display: str, language: str) -> None:
    seen: dict[bytes, str] = {}
    for key, picture in pictures.draw().pictures.items():
        if key.startswith(f"{display}/{language}/"):
            other = seen.setdefault(picture.convert("RGB").tobytes(), key)
            assert other == key, f"{key} looks like {other}"


def test_kept_and_registered_differ_in_most_pixels_on_every_display() -> None:
    """A glance of a tenth of a second sees no words: the two may not share their light."""
    drawn = pictures.draw().pictures
    for display in DISPLAYS:
        for language in pictures.LANGUAGES:
            kept, registered = (
                drawn[f"{display}/{language}/{state}"].convert("RGB") for state in ("kept-in", "registered")
            )
            same = ImageChops.difference(kept, registered).convert("L").histogram()[0] / (kept.width * kept.height)
            assert same < 1 / 2, (display, language, same)


def test_a_difference_is_told_by_its_first_pixel() -> None:
    before = Image.new("1", (4, 2))
    now = before.copy()
    now.putpixel((2, 1), 1)
    told = pictures.first_difference("128x64/en/idle", before, now)
    assert told == "128x64/en/idle: the pixel 2, 1 is (255, 255, 255), was (0, 0, 0)"
    assert "is (4, 2), was (4, 3)" in pictures.first_difference("x", Image.new("1", (4, 3)), now)


def test_the_clocks_glyphs_are_those_of_the_drawings() -> None:
    assert art.TARGET.read_bytes() == art.content(), "run python -m badgeclock.technician.art"


def test_a_drawing_is_a_rectangle_of_whole_bytes(tmp_path: Path) -> None:
    path = tmp_path / "art.txt"
    path.write_text("A\n#.\n#.#\n" + "##\n" * 6)
    with pytest.raises(SettingsError, match=r"drawing A in .* is not a rectangle"):
        art.drawings(path)
    with pytest.raises(SettingsError, match="7 rows"):
        art.columns(7 * ["##"])
    path.write_text("# a comment\nA\n" + "#.\n" * 8 + "\nB\n" + "..\n" * 7 + ".#\n")
    drawn = art.drawings(path)
    assert [art.columns(rows) for rows in drawn.values()] == [b"\xff\x00", b"\x00\x80"]


def test_a_drawing_at_twice_its_size_has_smooth_corners() -> None:
    assert art.doubled(["#.", ".#"]) == ["##..", "###.", ".###", "..##"]
    assert art.doubled(["##", "##"]) == [".##.", "####", "####", ".##."]
