"""What a person reads on the clock's display: its text, found again in the pixels, and its picture.

The glyphs are those of MicroPython's `framebuf` (8x8), asked of the real MicroPython once, plain or drawn two or
three times as large. A text may start at any pixel and be light on dark or dark on light.
"""

from __future__ import annotations

import io
import subprocess
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from PIL import Image

from badgeclock.virtual.toolchain import micropython

WIDTH, HEIGHT = 128, 64
GLYPH = 8
SCALES = (3, 2, 1)
FULL_ROW = (1 << WIDTH) - 1

# Glyphs that lines, dots and edges of a drawing look like: alone they are no text.
STROKES = frozenset("_|.,'`-:")
RULES = frozenset("_|")

LIT = (150, 220, 255)
DARK = (4, 8, 16)

_ASK_GLYPHS = """
import framebuf
buf = bytearray(8)
fb = framebuf.FrameBuffer(buf, 8, 8, framebuf.MONO_HLSB)
for code in range(0x21, 0x7F):
    fb.fill(0)
    fb.text(chr(code), 0, 0)
    print(code, "".join("%02x" % byte for byte in buf))
"""


@cache
def glyphs() -> dict[int, str]:
    """The framebuf font: 64-bit pattern (8 rows from the top, left pixel highest) to character. Raises ToolMissing."""
    run = subprocess.run([micropython("amd64"), "-c", _ASK_GLYPHS], capture_output=True, text=True, check=True)
    table = {0: " "}
    for line in run.stdout.splitlines():
        code, pattern = line.split()
        table[int(pattern, 16)] = chr(int(code))
    return table


@cache
def _scaled(scale: int) -> dict[bytes, tuple[str, int]]:
    """The glyphs drawn `scale` times as large, as 32-bit columns from the left: character and lit pixels. No blank."""
    table = {}
    for pattern, char in glyphs().items():
        columns = []
        for x in range(GLYPH):
            column = 0
            for y in range(GLYPH):
                if pattern >> (8 * (GLYPH - 1 - y) + GLYPH - 1 - x) & 1:
                    column |= ((1 << scale) - 1) << (y * scale)
            columns += [column] * scale
        if pattern:
            table[array("I", columns).tobytes()] = (char, pattern.bit_count() * scale * scale)
    return table


@dataclass(frozen=True)
class _Match:
    """One glyph found: its upper left pixel, its scale, how many pixels of it are lit."""

    y: int
    x: int
    scale: int
    char: str
    lit: int

    @property
    def size(self) -> int:
        """Width and height of its cell, pixels."""
        return GLYPH * self.scale


def read_text(frame: Sequence[int]) -> list[str]:
    """The lines of text in a frame of 64 rows of 128 bits (left pixel highest), top to bottom, without outer blanks.

    Every place of every size is tried. Of what matches, runs of neighbouring glyphs are taken, those that explain most
    pixels first; what overlaps a taken one was chance.
    """
    rows = [row & FULL_ROW for row in frame]
    runs = _runs(rows)
    bars = [~row & FULL_ROW if row.bit_count() > WIDTH // 2 else 0 for row in rows]
    if any(bars):
        runs += _runs(bars)  # dark text on a light bar
    lines: list[list[list[_Match]]] = []
    for run in sorted(runs, key=lambda run: (run[0].y, run[0].x)):
        head = lines[-1][0][0] if lines else None
        if head is not None and run[0].y < head.y + head.size // 2:
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
                text += " " * max(match is run[0], (match.x - end) // match.size)
            text += match.char
            end = match.x + match.size
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
    for scale in SCALES:
        for match in _matches(rows, columns, scale):
            by_grid.setdefault((match.y, scale, match.x % match.size), []).append(match)
    candidates = [run for matches in by_grid.values() for run in _split(matches)]
    candidates.sort(key=_weight, reverse=True)
    taken = [0] * HEIGHT
    runs = []
    for run in candidates:
        free = [match for match in run if not _overlaps(match, taken)]
        if len(free) < len(run) and sum(match.lit for match in free) * 2 < sum(match.lit for match in run):
            continue
        for match in free:
            for y in range(match.y, match.y + match.size):
                taken[y] |= _cell_mask(match)
        chars = {match.char for match in free}
        if chars - RULES and (chars - STROKES or len(free) > 1):
            runs.append(free)
    return runs


def _weight(run: list[_Match]) -> int:
    """Lit pixels that the run explains; strokes count little, as they are found in any drawing."""
    return sum(match.lit * (1 if match.char in STROKES else 16) for match in run)


def _matches(rows: list[int], columns: list[int], scale: int) -> list[_Match]:
    size = GLYPH * scale
    table = _scaled(scale)
    lookup = table.get
    ones = (1 << size) - 1
    found = []
    for y in range(HEIGHT - size + 1):
        if not any(rows[y : y + size]):
            continue
        strip = array("I", [column >> y & ones for column in columns]).tobytes()
        for x in range(WIDTH - size + 1):
            hit = lookup(strip[4 * x : 4 * (x + size)])
            if hit is not None:
                found.append(_Match(y, x, scale, *hit))
    return found


def _split(matches: list[_Match]) -> list[list[_Match]]:
    """Matches of one grid, ascending in x, into runs with gaps of at most two blanks."""
    runs = [[matches[0]]]
    for match in matches[1:]:
        if match.x - runs[-1][-1].x <= 3 * match.size:
            runs[-1].append(match)
        else:
            runs.append([match])
    return runs


def _cell_mask(match: _Match) -> int:
    return ((1 << match.size) - 1) << (WIDTH - match.x - match.size)


def _overlaps(match: _Match, taken: list[int]) -> bool:
    mask = _cell_mask(match)
    return any(row & mask for row in taken[match.y : match.y + match.size])


def render_png(frame: Sequence[int], *, scale: int = 4, contrast: int = 0xCF) -> bytes:
    """The frame as a PNG of `scale` pixels a pixel, in such a display's blue-white; `contrast` 0 to 255 dims it."""
    data = b"".join((row & FULL_ROW).to_bytes(WIDTH // 8, "big") for row in frame)
    mono = Image.frombytes("1", (WIDTH, HEIGHT), data)
    level = 0.4 + 0.6 * contrast / 255
    lit = tuple(int(part * level) for part in LIT)
    image = mono.convert("P")
    image.putpalette([part for index in range(256) for part in (lit if index else DARK)])
    image = image.resize((WIDTH * scale, HEIGHT * scale), Image.Resampling.NEAREST)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()
