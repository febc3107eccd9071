"""The pictures of every screen, drawn by the clock's code in the real MicroPython and seen on virtual displays."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps

from badgeclock.technician import languages
from badgeclock.toolchain.places import ROOT
from badgeclock.toolchain.programs import micropython
from badgeclock.virtual import screen
from badgeclock.virtual.chips.ssd1306 import Ssd1306
from badgeclock.virtual.chips.st7789 import St7789

HERE: Final = Path(__file__).parent
SHEETS: Final = {
    "128x64": ROOT / "docs" / "images" / "screens-128x64.png",
    "320x240": ROOT / "docs" / "images" / "screens-320x240.png",
}
LANGUAGES: Final = (languages.BUILT_IN, *sorted(Path(path).stem for path in languages.shipped()))

GAP_PX: Final = 8
LABEL_PX: Final = 16
PAPER: Final = "#10151c"
COLUMN_PX: Final = 256
"""Of a screen on the sheets."""


@dataclass(frozen=True)
class Drawn:
    """Pictures by "<display>/<language>/<state>", and each state's name in the clock's letters."""

    pictures: Mapping[str, Image.Image]
    labels: Mapping[str, Image.Image]


@cache
def draw() -> Drawn:
    """Draw everything. Raises ToolMissing, or CalledProcessError with MicroPython's words."""
    command = [micropython("amd64"), str(HERE / "on_clock.py"), str(ROOT / "firmware"), *LANGUAGES]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    mono, colour = Ssd1306(), St7789()
    pictures: dict[str, Image.Image] = {}
    labels: dict[str, Image.Image] = {}
    chip: Ssd1306 | St7789 = mono
    for line in run.stdout.splitlines():
        word, *rest = line.split()
        if word == "state":
            pictures["/".join(rest)] = (
                screen.image(mono.frame()) if chip is mono else screen.colour_image(colour.frame())
            )
        elif word == "label":
            labels[rest[0]] = Image.frombytes("1", (128, 8), bytes.fromhex(rest[1]))
        else:
            if chip is mono and rest[0] == "01":  # the ST7789's reset
                chip = colour
            chip.write_spi(bytes.fromhex(rest[0]), int(word))
    return Drawn(pictures, labels)


def golden(key: str) -> Path:
    """Where a picture is kept."""
    return HERE / f"{key}.png"


def first_difference(key: str, before: Image.Image, now: Image.Image) -> str:
    """Where two pictures differ first, row by row; "" if they do not."""
    if before.size != now.size:
        return f"{key} is {now.size}, was {before.size}"
    was, is_now = before.convert("RGB"), now.convert("RGB")
    if was.tobytes() == is_now.tobytes():
        return ""
    for y in range(now.height):
        for x in range(now.width):
            if was.getpixel((x, y)) != is_now.getpixel((x, y)):
                return f"{key}: the pixel {x}, {y} is {is_now.getpixel((x, y))}, was {was.getpixel((x, y))}"
    raise AssertionError(key)


def sheet(display: str, drawn: Drawn) -> Image.Image:
    """Every state of a display in a row, its languages side by side."""
    keys = [key for key in drawn.pictures if key.startswith(display)]
    states = list(dict.fromkeys(key.split("/")[2] for key in keys))
    size = drawn.pictures[keys[0]].size
    height = COLUMN_PX * size[1] // size[0]
    row_px = LABEL_PX + height + GAP_PX
    whole = Image.new("RGB", (len(LANGUAGES) * (COLUMN_PX + GAP_PX) + GAP_PX, len(states) * row_px + GAP_PX), PAPER)
    for row, state in enumerate(states):
        top = GAP_PX + row * row_px
        label = ImageOps.colorize(drawn.labels[state].convert("L"), PAPER, "#ffffff")
        whole.paste(label, (GAP_PX, top))
        for column, language in enumerate(LANGUAGES):
            picture = drawn.pictures[f"{display}/{language}/{state}"]
            if picture.mode == "1":
                picture = ImageOps.colorize(picture.convert("L"), screen.DARK, screen.LIT)
            picture = picture.convert("RGB").resize((COLUMN_PX, height), Image.Resampling.BOX)
            whole.paste(picture, (GAP_PX + column * (COLUMN_PX + GAP_PX), top + LABEL_PX))
    return whole.quantize(32)


def write() -> None:
    """Replace the golden pictures and the sheets by the present drawings."""
    drawn = draw()
    for old in HERE.glob("*/*/*.png"):
        old.unlink()
    for key, picture in drawn.pictures.items():
        golden(key).parent.mkdir(parents=True, exist_ok=True)
        picture.save(golden(key), "PNG", optimize=True)
    for display, path in SHEETS.items():
        sheet(display, drawn).save(path, "PNG", optimize=True)
