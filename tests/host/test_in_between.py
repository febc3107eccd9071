"""A display between two writes of a change never looks like another screen."""

from __future__ import annotations

import copy
import subprocess
from collections.abc import Iterator
from functools import cache

import pytest

from badgeclock.toolchain.places import ROOT
from badgeclock.toolchain.programs import micropython
from badgeclock.virtual.board import Front
from badgeclock.virtual.chips import st7789
from badgeclock.virtual.chips.ssd1306 import Ssd1306
from badgeclock.virtual.chips.st7789 import St7789

GOLDEN = ROOT / "tests" / "golden"
LIGHT = "registered"
"""The only state that is dark on light."""
LINES = (slice(48, 56), slice(56, 64))
UPPER = slice(0, 47)
"""The rows of the two lines that say what a screen means, as far as nothing else is written with them (the first begins
in row 47), and those of its icon and of what was done."""

BAND = 2 * 8 * st7789.WIDTH
"""Bytes of the eight lines of a colour display that are written at once."""
COLOUR_UPPER = slice(0, 18 * BAND)
"""What is above its words, in the bytes of a frame."""

Transfer = tuple[int, bytes]


@cache
def changes() -> dict[str, list[tuple[str, list[Transfer]]]]:
    """By display: every state in turn, and the bus traffic until it is shown."""
    command = [micropython("amd64"), str(GOLDEN / "in_between.py"), str(ROOT / "firmware")]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, list[tuple[str, list[Transfer]]]] = {}
    begun: list[Transfer] = []
    for line in run.stdout.splitlines():
        word, *rest = line.split()
        if word == "change":
            begun = []
            found.setdefault(rest[0], []).append((rest[1], begun))
        else:
            begun.append((int(word), bytes.fromhex(rest[0])))
    return found


def frames(display: str) -> Iterator[tuple[str, str, list[list[int]], list[int]]]:
    """Of each change of a display: the state before, the state after, the frame after each write, the frame before."""
    chip = Front(display).chip()
    assert isinstance(chip, Ssd1306)
    chip.dip()
    state, shown = "start", chip.frame()
    for after, transfers in changes()[display]:
        seen = []
        for dc, data in transfers:
            chip.write_spi(data, dc)
            if dc or len(data) == 1:  # the rest is the address of the next data
                seen.append(chip.frame())
        if state != "start":
            yield state, after, seen, shown
        state, shown = after, chip.frame()


@pytest.mark.parametrize("display", [front for front in Front if front is not Front.ST7789])
def test_no_frame_in_between_looks_like_another_screen(display: Front) -> None:
    count = 0
    for before, after, seen, first in frames(display):
        last = seen[-1] if seen else first
        for frame in seen:
            count += 1
            where = f"{display}: from {before} to {after}"
            if _is_light(frame):
                assert LIGHT in (before, after), f"{where}: dark on light"
                assert frame in (first, last), f"{where}: dark on light while it changes"
            rows, old, new = (_upright(picture) for picture in (frame, first, last))
            for line in LINES:
                if rows[line] == old[line] == new[line] or not any(rows[line]):
                    continue
                whole = old if rows[line] == old[line] else new
                assert rows[line] == whole[line], f"{where}: a line that neither has"
                assert rows[UPPER] == whole[UPPER], f"{where}: the words of one beside the other"
    assert count > 400


def test_no_frame_in_between_looks_like_another_screen_in_colour() -> None:
    chip = St7789()
    chip.dip()
    count, before, first = 0, "start", b""
    for after, transfers in changes()["st7789"]:
        last = _shown_last(chip, transfers)
        for band, frame in _written(chip, transfers):
            if before == "start" or band < 18:
                continue
            count += 1
            where = f"from {before} to {after}, lines {8 * band} to {8 * band + 7}"
            here = slice(band * BAND, (band + 1) * BAND)
            if first[here] != last[here] and len({*_pixels(frame[here])}) > 1:
                whole = first if frame[COLOUR_UPPER] == first[COLOUR_UPPER] else last
                assert frame[COLOUR_UPPER] == whole[COLOUR_UPPER], f"{where}: words beside what changes"
                papers = {max({*pixels}, key=pixels.count) for pixels in (_pixels(first[here]), _pixels(last[here]))}
                for now, then in zip(_pixels(frame[here]), _pixels(whole[here]), strict=True):
                    assert now == then or now in papers, f"{where}: words of one beside the other"
        before, first = after, last
    assert count > 100


def _shown_last(chip: St7789, transfers: list[Transfer]) -> bytes:
    """The frame after all transfers, which are written to a copy of the chip."""
    other = copy.deepcopy(chip)
    for dc, data in transfers:
        other.write_spi(data, dc)
    return other.frame()


def _written(chip: St7789, transfers: list[Transfer]) -> Iterator[tuple[int, bytes]]:
    """The band and the frame after each window that was written."""
    command, band, is_written = 0, 0, False
    for dc, data in [*transfers, (0, b"")]:
        if not dc and is_written:
            yield band, chip.frame()
            is_written = False
        chip.write_spi(data, dc)
        if not dc and data:
            command = data[0]
        elif dc and command == 0x2B:
            band = int.from_bytes(data[:2], "big") // 8
        elif dc and command == 0x2C:
            is_written = True


def _pixels(lines: bytes) -> list[int]:
    return [*memoryview(lines).cast("H")]


def _is_light(frame: list[int]) -> bool:
    return sum(row.bit_count() for row in frame) > 64 * 64


def _upright(frame: list[int]) -> list[int]:
    """The frame light on dark."""
    return [row ^ (1 << 128) - 1 for row in frame] if _is_light(frame) else frame
