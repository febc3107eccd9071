"""What a person reads on the clock's display: its text, found again in the pixels, and its picture.

The letters are the clock's own (firmware/app/ui/font.py), which the real MicroPython is asked to draw once, in each of
their sizes. A text may start at any pixel and be light on dark or dark on light.
"""

from __future__ import annotations

import io
import subprocess
import sys
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from PIL import Image

from badgeclock.toolchain.places import ROOT
from badgeclock.toolchain.programs import Arch, micropython
from badgeclock.virtual.chips import st7789

LETTERS_ARCH: Final[Arch] = "amd64"
"""Of the MicroPython that draws the letters."""
WIDTH, HEIGHT = 128, 64
FULL_ROW = (1 << WIDTH) - 1

# Glyphs that lines, dots and edges of a drawing look like: alone they are no text.
STROKES = frozenset("_|.,'`-:\u02d9")
RULES = frozenset("_|")

LIT = (150, 220, 255)
DARK = (4, 8, 16)

# The clock's own code draws every letter that it knows, in each size: a line "width height letter columns".
_ASK_GLYPHS = """
import sys
sys.path.insert(0, "{firmware}")
import framebuf
from app.ui import font
# Small letters before the capitals that look like them.
letters = [chr(code) for part in ((0x21, 0x7F), (0xDF, 0x24F), (0xC0, 0xDF)) for code in range(*part)]
for draw, known, width, height in (
    (font.text, lambda letter: letter <= "~" or font.small_place(letter) >= 0, 8, 8),
    (font.large, lambda letter: font.large_place(letter) >= 0, 12, 16),
    (font.huge, lambda letter: "0" <= letter <= ":", 24, 32),
):
    buf = bytearray(width * height // 8)
    fb = framebuf.FrameBuffer(buf, width, height, framebuf.MONO_VLSB)
    for letter in letters:
        if known(letter):
            fb.fill(0)
            draw(fb, letter, 0, 0)
            columns = [
                sum(buf[page * width + x] << (8 * page) for page in range(height // 8)) for x in range(width)
            ]
            if any(columns):
                print(width, height, ord(letter), ",".join(map(str, columns)))
"""


@dataclass(frozen=True)
class _Size:
    """One size of letters: its cell in pixels, and by 32-bit columns from the left each letter and its lit pixels."""

    width: int
    height: int
    table: dict[bytes, tuple[str, int]]


@cache
def _sizes() -> tuple[_Size, ...]:
    """The clock's letters, the largest size first. Raises ToolMissing."""
    source = _ASK_GLYPHS.replace("{firmware}", str(ROOT / "firmware"))
    run = subprocess.run([micropython(LETTERS_ARCH), "-c", source], capture_output=True, text=True, check=True)
    sizes: dict[tuple[int, int], dict[bytes, tuple[str, int]]] = {}
    for line in run.stdout.splitlines():
        width, height, code, columns = line.split()
        cells = array("I", map(int, columns.split(",")))
        table = sizes.setdefault((int(width), int(height)), {})
        table.setdefault(cells.tobytes(), (chr(int(code)), sum(cell.bit_count() for cell in cells)))
    return tuple(_Size(*cell, table) for cell, table in sorted(sizes.items(), reverse=True))


@dataclass(frozen=True)
class _Match:
    """One letter found: its upper left pixel, its cell, how many pixels of it are lit."""

    y: int
    x: int
    width: int
    height: int
    char: str
    lit: int


def read_text(frame: Sequence[int]) -> list[str]:
    """The lines of text in a frame of 64 rows of 128 bits (left pixel highest), top to bottom, without outer blanks.

    Every place of every size is tried. Of what matches, runs of neighbouring glyphs are taken, those that explain most
    pixels first; what overlaps a taken one was chance.
    """
    rows = [row & FULL_ROW for row in frame]
    if sum(row.bit_count() for row in rows) > WIDTH * HEIGHT // 2:
        rows = [~row & FULL_ROW for row in rows]  # dark on light, all of it
    runs = _runs(rows)
    bars = [~row & FULL_ROW if row.bit_count() > WIDTH // 2 else 0 for row in rows]
    if any(bars):
        runs += _runs(bars)  # dark text on a light bar
    lines: list[list[list[_Match]]] = []
    for run in sorted(runs, key=lambda run: (run[0].y, run[0].x)):
        head = lines[-1][0][0] if lines else None
        if head is not None and run[0].y < head.y + head.height // 2:
            lines[-1].append(run)
        else:
            lines.append([run])
    return [_join(line) for line in lines]


def _join(runs: list[list[_Match]]) -> str:
    """The runs of one line from left to right, with the blanks that fit between them."""
    text, end = "", 0
    for run in sorted(runs, key=lambda run: run[0].x):
        for match in run:
            if text:
                text += " " * max(match is run[0], (match.x - end) // match.width)
            text += match.char
            end = match.x + match.width
    return text


def _runs(rows: list[int]) -> list[list[_Match]]:
    """Runs of glyphs in the same row of cells, none overlapping another."""
    columns = [0] * WIDTH
    for y, row in enumerate(rows):
        left = row
        while left:
            low = left & -left
            columns[WIDTH - low.bit_length()] |= 1 << y
            left ^= low
    by_grid: dict[tuple[int, int, int], list[_Match]] = {}
    for size in _sizes():
        for match in _matches(rows, columns, size):
            by_grid.setdefault((match.y, size.width, match.x % size.width), []).append(match)
    candidates = [run for matches in by_grid.values() for run in _split(matches)]
    candidates.sort(key=_weight, reverse=True)
    taken = [0] * HEIGHT
    runs = []
    for run in candidates:
        free = [match for match in run if not _overlaps(match, taken)]
        if len(free) < len(run) and sum(match.lit for match in free) * 2 < sum(match.lit for match in run):
            continue
        for match in free:
            for y in range(match.y, match.y + match.height):
                taken[y] |= _cell_mask(match)
        chars = {match.char for match in free}
        if chars - RULES and (chars - STROKES or len(free) > 1):
            runs.append(free)
    return runs


def _weight(run: list[_Match]) -> int:
    """Lit pixels that the run explains; strokes count little, as they are found in any drawing."""
    return sum(match.lit * (1 if match.char in STROKES else 16) for match in run)


def _matches(rows: list[int], columns: list[int], size: _Size) -> list[_Match]:
    lookup = size.table.get
    ones = (1 << size.height) - 1
    found = []
    for y in range(HEIGHT - size.height + 1):
        if not any(rows[y : y + size.height]):
            continue
        strip = array("I", [column >> y & ones for column in columns]).tobytes()
        for x in range(WIDTH - size.width + 1):
            hit = lookup(strip[4 * x : 4 * (x + size.width)])
            if hit is not None:
                found.append(_Match(y, x, size.width, size.height, *hit))
    return found


def _split(matches: list[_Match]) -> list[list[_Match]]:
    """Matches of one grid, ascending in x, into runs with gaps of at most two blanks."""
    runs = [[matches[0]]]
    for match in matches[1:]:
        if match.x - runs[-1][-1].x <= 3 * match.width:
            runs[-1].append(match)
        else:
            runs.append([match])
    return runs


def _cell_mask(match: _Match) -> int:
    return ((1 << match.width) - 1) << (WIDTH - match.x - match.width)


def _overlaps(match: _Match, taken: list[int]) -> bool:
    mask = _cell_mask(match)
    return any(row & mask for row in taken[match.y : match.y + match.height])


def image(frame: Sequence[int]) -> Image.Image:
    """The frame of a display of one colour, pixel by pixel, lit is white."""
    data = b"".join((row & FULL_ROW).to_bytes(WIDTH // 8, "big") for row in frame)
    return Image.frombytes("1", (WIDTH, HEIGHT), data)


def render_png(frame: Sequence[int], *, scale: int = 4, contrast: int = 0xCF) -> bytes:
    """The frame as a PNG of `scale` pixels a pixel, in such a display's blue-white; `contrast` 0 to 255 dims it."""
    level = 0.4 + 0.6 * contrast / 255
    lit = tuple(int(part * level) for part in LIT)
    picture = image(frame).convert("P")
    picture.putpalette([part for index in range(256) for part in (lit if index else DARK)])
    return _png(picture, scale)


def in_one_colour(frame: bytes) -> list[int]:
    """The 64 rows that firmware/drivers/st7789.py was given to show, from a colour display's frame (RGB565)."""
    pixels = memoryview(frame).cast("H")
    # Of the five pixels that two became, the outer ones are theirs alone.
    xs = [x // 2 * 5 + x % 2 * 4 for x in range(WIDTH)]
    ys = [40 + y // 2 * 5 + y % 2 * 4 for y in range(HEIGHT)]
    seen = [[pixels[y * st7789.WIDTH + x] for x in xs] for y in ys]
    paper = Counter(pixel for row in seen for pixel in row).most_common(1)[0][0]
    return [int("".join("01"[pixel != paper] for pixel in row), 2) for row in seen]


def colour_image(frame: bytes) -> Image.Image:
    """A colour display's frame (RGB565, big-endian, 320x240), pixel by pixel; it has at most 256 colours."""
    pixels = array("H", frame)
    if sys.byteorder == "little":
        pixels.byteswap()
    colours = {pixel: number for number, pixel in enumerate(dict.fromkeys(pixels))}
    picture = Image.frombytes("P", (st7789.WIDTH, st7789.HEIGHT), bytes(colours[pixel] for pixel in pixels))
    picture.putpalette([part for pixel in colours for part in _rgb(pixel)])
    return picture


def render_colour_png(frame: bytes, *, scale: int = 1) -> bytes:
    """A colour display's frame as a PNG of `scale` pixels a pixel."""
    return _png(colour_image(frame), scale)


def _rgb(pixel: int) -> tuple[int, int, int]:
    """RGB565 in eight bits each."""
    red, green, blue = pixel >> 11, pixel >> 5 & 63, pixel & 31
    return red << 3 | red >> 2, green << 2 | green >> 4, blue << 3 | blue >> 2


def _png(picture: Image.Image, scale: int) -> bytes:
    picture = picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST)
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()
