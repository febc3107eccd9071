"""Reads the clock's display: its text, recognised in the pixels, and its picture.

The letters are the clock's own (firmware/app/ui/font.py), drawn once by the real MicroPython, in each of their sizes. A
text may start at any pixel and be light on dark or dark on light.
"""

from __future__ import annotations

import io
import subprocess
import sys
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
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
EDGE = 8  # rows of a colour display's edge

# Glyphs that lines, dots and edges of a drawing look like: alone they are not text.
STROKES = frozenset("_|.,'`-:\u02d9")
RULES = frozenset("_|")

LIT = (150, 220, 255)
DARK = (4, 8, 16)

# The clock's own code draws all its letters, in each size: a line "width height letter columns".
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


@dataclass(frozen=True)
class _Grain:
    """How large a pixel of the letters is on a display: `wide` by `high` of its own pixels. `cells`: the letters'
    widths that there are in this grain.
    """

    wide: int
    high: int
    cells: frozenset[int]


_ONE: Final = (_Grain(1, 1, frozenset({8, 12, 24})),)
# Those of firmware/drivers/st7789.py.
_COLOUR: Final = (
    _Grain(2, 3, frozenset({8, 12, 24})),
    _Grain(3, 3, frozenset({8, 12})),
    _Grain(2, 4, frozenset({8})),
    _Grain(3, 4, frozenset({8})),
    _Grain(4, 4, frozenset({8, 12})),
)


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
    """The lines of text in a frame of 64 rows of 128 bits (left pixel highest), top to bottom, without outer spaces.

    Every place of every size is tried. Of the matches, runs of neighbouring glyphs are accepted, those that explain
    most pixels first; matches that overlap an accepted one are dropped.
    """
    return _read(frame, WIDTH, _ONE)


def read_colour_text(frame: Sequence[int]) -> list[str]:
    """The same for the 240 rows of 320 bits of `in_one_colour`, in the sizes that letters have there."""
    return _read(frame, st7789.WIDTH, _COLOUR)


def _read(frame: Sequence[int], width: int, grains: Sequence[_Grain]) -> list[str]:
    full = (1 << width) - 1
    rows = [row & full for row in frame]
    if sum(row.bit_count() for row in rows) > width * len(rows) // 2:
        rows = [~row & full for row in rows]  # dark on light, all of it
    runs = _runs(rows, width, grains)
    bars = [~row & full if row.bit_count() > width // 2 else 0 for row in rows]
    if any(bars):
        runs += _runs(bars, width, grains)  # dark text on a light bar
    lines: list[list[list[_Match]]] = []
    for run in sorted(runs, key=lambda run: (run[0].y, run[0].x)):
        head = lines[-1][0][0] if lines else None
        if head is not None and run[0].y < head.y + head.height // 2:
            lines[-1].append(run)
        else:
            lines.append([run])
    return [_join(line) for line in lines]


def _join(runs: list[list[_Match]]) -> str:
    """The runs of one line from left to right, with the spaces that fit between them."""
    text, end = "", 0
    for run in sorted(runs, key=lambda run: run[0].x):
        for match in run:
            if text:
                text += " " * max(match is run[0], (match.x - end) // match.width)
            text += match.char
            end = match.x + match.width
    return text


def _runs(rows: list[int], width: int, grains: Sequence[_Grain]) -> list[list[_Match]]:
    """Runs of glyphs in the same row of cells, none overlapping another."""
    by_grid: dict[tuple[int, int, int, int], list[_Match]] = {}
    for grain in grains:
        for match in _in_grain(rows, width, grain):
            by_grid.setdefault((match.y, match.width, match.height, match.x % match.width), []).append(match)
    candidates = [run for matches in by_grid.values() for run in _split(sorted(matches, key=lambda match: match.x))]
    candidates.sort(key=_weight, reverse=True)
    taken = [0] * len(rows)
    runs = []
    for run in candidates:
        free = [match for match in run if not _overlaps(match, taken, width)]
        if len(free) < len(run) and sum(match.lit for match in free) * 2 < sum(match.lit for match in run):
            continue
        for match in free:
            for y in range(match.y, match.y + match.height):
                taken[y] |= _cell_mask(match, width)
        chars = {match.char for match in free}
        if chars - RULES and (chars - STROKES or len(free) > 1):
            runs.append(free)
    return runs


def _in_grain(rows: list[int], width: int, grain: _Grain) -> Iterator[_Match]:
    """The letters whose pixels are so large. A line of them begins at a whole row of such pixels, in any column."""
    texts = [f"{row:0{width}b}" for row in rows[:: grain.high]] if grain.wide > 1 else []
    for phase in range(grain.wide):
        small, count = rows, width
        if grain.wide > 1:
            small = [int(text[phase :: grain.wide], 2) for text in texts]
            count = len(texts[0][phase :: grain.wide])
        columns = [0] * count
        for y, row in enumerate(small):
            left = row
            while left:
                low = left & -left
                columns[count - low.bit_length()] |= 1 << y
                left ^= low
        for size in _sizes():
            if size.width in grain.cells:
                for match in _matches(small, columns, size):
                    place = _Match(
                        match.y * grain.high,
                        match.x * grain.wide + phase,
                        match.width * grain.wide,
                        match.height * grain.high,
                        match.char,
                        match.lit * grain.wide * grain.high,
                    )
                    if grain.wide == 1 or _is_whole(rows, width, place, grain):
                        yield place


def _is_whole(rows: list[int], width: int, match: _Match, grain: _Grain) -> bool:
    """Whether each pixel of a match is of one colour, for all of its size: otherwise it matched parts of pixels."""
    shift = width - match.x - match.width
    if shift < 0 or match.y + match.height > len(rows):
        return False
    mask = (1 << match.width) - 1
    for top in range(match.y, match.y + match.height, grain.high):
        row = rows[top] >> shift & mask
        if any(rows[y] >> shift & mask != row for y in range(top + 1, top + grain.high)):
            return False
        text = f"{row:0{match.width}b}"
        if any(len(set(text[x : x + grain.wide])) > 1 for x in range(0, match.width, grain.wide)):
            return False
    return True


def _weight(run: list[_Match]) -> int:
    """Lit pixels that the run explains; strokes count little, as they are found in any drawing."""
    return sum(match.lit * (1 if match.char in STROKES else 16) for match in run)


def _matches(rows: list[int], columns: list[int], size: _Size) -> list[_Match]:
    lookup = size.table.get
    ones = (1 << size.height) - 1
    found = []
    for y in range(len(rows) - size.height + 1):
        if not any(rows[y : y + size.height]):
            continue
        strip = array("I", [column >> y & ones for column in columns]).tobytes()
        for x in range(len(columns) - size.width + 1):
            hit = lookup(strip[4 * x : 4 * (x + size.width)])
            if hit is not None:
                found.append(_Match(y, x, size.width, size.height, *hit))
    return found


def _split(matches: list[_Match]) -> list[list[_Match]]:
    """Matches of one grid, ascending in x, into runs with gaps of at most two spaces."""
    runs = [[matches[0]]]
    for match in matches[1:]:
        if match.x - runs[-1][-1].x <= 3 * match.width:
            runs[-1].append(match)
        else:
            runs.append([match])
    return runs


def _cell_mask(match: _Match, width: int) -> int:
    return ((1 << match.width) - 1) << (width - match.x - match.width)


def _overlaps(match: _Match, taken: list[int], width: int) -> bool:
    mask = _cell_mask(match, width)
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
    """240 rows of 320 bits (left pixel highest) of a colour display's frame (RGB565): all but the paper colour is lit.
    The edge in the lowest eight rows is left out.
    """
    pixels = array("H", frame)
    paper = Counter(pixels).most_common(1)[0][0]
    rows = [
        int("".join("01"[pixel != paper] for pixel in pixels[y * st7789.WIDTH : (y + 1) * st7789.WIDTH]), 2)
        for y in range(st7789.HEIGHT - EDGE)
    ]
    return rows + [0] * EDGE


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
