"""What a person reads on the clock's display: its text, found again in the pixels, and its picture.

The glyphs are those of MicroPython's `framebuf` (8x8), asked of the real MicroPython once, plain or drawn two or three times
as large. A text may start at any pixel and be light on dark or dark on light.
"""

from __future__ import annotations

import io
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from PIL import Image

from badgeclock.virtual.toolchain import micropython

WIDTH, HEIGHT = 128, 64
GLYPH = 8
SCALES = (3, 2, 1)
FULL_ROW = (1 << WIDTH) - 1

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
def _scaled(scale: int) -> dict[tuple[int, ...], str]:
    """Rows of a glyph drawn `scale` times as large, to character; the blank is left out."""
    table = {}
    for pattern, char in glyphs().items():
        if pattern == 0:
            continue
        rows = []
        for y in range(GLYPH):
            row = pattern >> 8 * (GLYPH - 1 - y) & 0xFF
            wide = 0
            for x in range(GLYPH):
                pixel = row >> (GLYPH - 1 - x) & 1
                wide = wide << scale | (((1 << scale) - 1) if pixel else 0)
            rows += [wide] * scale
        table[tuple(rows)] = char
    return table


@dataclass(frozen=True)
class _Run:
    """Text found at a place: cells of `scale` from `x` on, the top pixel row at `y`."""

    y: int
    x: int
    scale: int
    text: str
    lit: int
    mask: tuple[int, ...]  # by row from y on: the pixels the cells cover


def read_text(frame: Sequence[int]) -> list[str]:
    """The lines of text in a frame of 64 rows of 128 bits (left pixel highest), top to bottom, each without outer blanks."""
    left = [row & FULL_ROW for row in frame]
    runs = _find(left)
    if any(row.bit_count() > WIDTH // 2 for row in left):
        # Dark text on light bars, in what no light text explains.
        inverse = [~row & FULL_ROW if row.bit_count() > WIDTH // 3 else 0 for row in left]
        runs += _find(inverse)
    lines: list[list[_Run]] = []
    for run in sorted(runs, key=lambda run: (run.y, run.x)):
        for line in lines:
            if run.y + run.scale * GLYPH // 2 < line[0].y + line[0].scale * GLYPH and run.y >= line[0].y - GLYPH // 2:
                line.append(run)
                break
        else:
            lines.append([run])
    return [_join(line) for line in lines]


def _join(line: list[_Run]) -> str:
    """The runs of one line from left to right, with the blanks between them that fit in the gap."""
    text, end = "", 0
    for run in sorted(line, key=lambda run: run.x):
        if text:
            text += " " * max(1, (run.x - end) // (GLYPH * run.scale))
        text += run.text
        end = run.x + len(run.text) * GLYPH * run.scale
    return text


def _find(left: list[int]) -> list[_Run]:
    """Runs of glyphs that explain lit pixels of `left`; explained pixels are cleared in it."""
    runs = []
    y = 0
    while y < HEIGHT:
        if not left[y]:
            y += 1
            continue
        best = _best_at(left, y)
        if best is None:
            y += 1
            continue
        for i, mask in enumerate(best.mask):
            left[best.y + i] &= ~mask
        runs.append(best)
    return runs


def _best_at(left: list[int], y: int) -> _Run | None:
    """The run that explains most lit pixels among those whose glyphs may have row `y` as their first lit one."""
    best: _Run | None = None
    for scale in SCALES:
        size = GLYPH * scale
        for top in range(y, max(y - size, -1), -1):
            if top + size > HEIGHT:
                continue
            for phase in range(size):
                for run in _runs(left, top, phase, scale):
                    # Larger glyphs first: a part of a doubled glyph may look like a plain one, never the other way.
                    if best is None or run.lit > best.lit:
                        best = run
        if best is not None:
            return best
    return None


def _runs(left: list[int], top: int, phase: int, scale: int) -> list[_Run]:
    """The runs of neighbouring glyph cells (blanks inside allowed, one at a time) in one row of cells."""
    size = GLYPH * scale
    table = _scaled(scale)
    rows = left[top : top + size]
    seen = 0
    for row in rows:
        seen |= row
    cells: list[tuple[int, str, int, int]] = []
    mask_cell = (1 << size) - 1
    for x in range(phase, WIDTH - size + 1, size):
        shift = WIDTH - x - size
        if not seen >> shift & mask_cell:
            continue
        cell = tuple(row >> shift & mask_cell for row in rows)
        char = table.get(cell)
        if char is not None:
            cells.append((x, char, sum(row.bit_count() for row in cell), mask_cell << shift))
    runs: list[_Run] = []
    start = 0
    for i in range(1, len(cells) + 1):
        if i < len(cells) and cells[i][0] - cells[i - 1][0] <= 2 * size:
            continue
        part = cells[start:i]
        start = i
        if not part:
            continue
        text = ""
        mask = 0
        for x, char, _, cell_mask in part:
            text = text.ljust((x - part[0][0]) // size) + char
            mask |= cell_mask
        runs.append(_Run(top, part[0][0], scale, text, sum(lit for _, _, lit, _ in part), (mask,) * size))
    return runs


def render_png(frame: Sequence[int], *, scale: int = 4, contrast: int = 0xCF) -> bytes:
    """The frame as a PNG of `scale` pixels a pixel, in the blue-white of such a display; `contrast` 0 to 255 dims it."""
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
