"""The NOR model: bits only clear, everything is counted, and the power may go at any byte."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from badgeclock.virtual.nor import SECTOR_BYTES, InterruptedErase, NorFlash, PowerCut
from badgeclock.virtual.portable.norcells import Chip, Sectors, Supply

SIZE = 4 * SECTOR_BYTES


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "flash.bin"


@pytest.fixture
def flash(path: Path) -> Iterator[NorFlash]:
    with NorFlash(path, SIZE) as chip:
        yield chip


def test_a_new_chip_has_every_bit_set(flash: NorFlash) -> None:
    assert flash.read(0, SIZE) == b"\xff" * SIZE


def test_a_program_only_clears_bits_and_says_which_it_could_not_set(flash: NorFlash) -> None:
    flash.program(10, b"\x0f\xf0")
    flash.program(10, b"\xff\x3c")
    assert flash.read(10, 2) == b"\x0f\x30"
    assert flash.stats.bits_not_set == 4 + 2


def test_an_erase_sets_one_sector_and_counts_its_wear(flash: NorFlash) -> None:
    flash.program(SECTOR_BYTES - 1, b"\0\0")
    flash.erase_sector(SECTOR_BYTES)
    assert flash.read(SECTOR_BYTES - 1, 2) == b"\0\xff"
    assert list(flash.wear) == [0, 1, 0, 0]


def test_page_programs_are_counted_by_the_pages_touched(flash: NorFlash) -> None:
    flash.program(0, bytes(64))
    flash.program(250, bytes(10))
    flash.program(512, bytes(512))
    assert (flash.stats.page_programs, flash.stats.bytes_programmed) == (1 + 2 + 2, 586)
    flash.erase_sector(0)
    assert flash.stats.model_ms == pytest.approx(5 * 0.4 + 45)


def test_what_was_programmed_is_in_the_file_at_once(flash: NorFlash, path: Path) -> None:
    flash.program(100, b"kept")
    assert path.read_bytes()[100:104] == b"kept"


def test_the_image_is_found_again(path: Path) -> None:
    with NorFlash(path, SIZE) as first:
        first.program(5, b"\x12")
    with NorFlash(path, SIZE) as second:
        assert second.read(5, 1) == b"\x12"


@pytest.mark.parametrize(("address", "n"), [(-1, 1), (SIZE - 1, 2), (SIZE, 1)])
def test_what_is_outside_of_the_chip_is_refused(flash: NorFlash, address: int, n: int) -> None:
    with pytest.raises(ValueError, match="outside"):
        flash.program(address, bytes(n))


@settings(max_examples=50)
@given(st.integers(0, 63), st.binary(min_size=64, max_size=64), st.integers(0, 1000))
def test_a_cut_tears_one_byte_and_leaves_the_rest(
    tmp_path_factory: pytest.TempPathFactory, cut: int, data: bytes, seed: int
) -> None:
    with NorFlash(tmp_path_factory.mktemp("nor") / "flash.bin", SIZE, seed=seed) as flash:
        lost: list[bool] = []
        flash.on_power_lost = lambda: lost.append(True)
        flash.cut_after(cut)
        with pytest.raises(PowerCut):
            flash.program(0, data)
        after = flash.read(0, 64)
        assert after[:cut] == data[:cut]
        assert after[cut] & data[cut] == data[cut], "a bit that was to stay set was cleared"
        assert after[cut + 1 :] == b"\xff" * (63 - cut)
        assert lost == [True]


def test_a_cut_counts_over_several_operations_and_then_is_over(flash: NorFlash) -> None:
    flash.cut_after(5)
    flash.program(0, bytes(3))
    flash.erase_sector(SECTOR_BYTES)
    flash.program(10, bytes(1))
    with pytest.raises(PowerCut):
        flash.program(20, bytes(1))
    flash.program(30, bytes(100))


@pytest.mark.parametrize("outcome", InterruptedErase)
def test_an_interrupted_erase_leaves_what_it_may(flash: NorFlash, outcome: InterruptedErase) -> None:
    before = bytes(range(256)) * 16
    flash.program(0, before)
    flash.program(SECTOR_BYTES, b"\0")
    flash.cut_after(0, erase=outcome)
    with pytest.raises(PowerCut):
        flash.erase_sector(0)
    after = flash.read(0, SECTOR_BYTES)
    if outcome is InterruptedErase.UNTOUCHED:
        assert after == before
    elif outcome is InterruptedErase.ONES:
        assert after == b"\xff" * SECTOR_BYTES
    elif outcome is InterruptedErase.PREFIX:
        done = next(at for at in range(SECTOR_BYTES, -1, -1) if after[:at] == b"\xff" * at)
        assert after[done:] == before[done:]
    else:
        assert after not in (before, b"\xff" * SECTOR_BYTES)
    assert flash.read(SECTOR_BYTES, 1) == b"\0", "a cut reaches no other sector"


def test_it_does_what_the_table_of_cases_says(root: Path) -> None:
    """The same table as MicroPython's, on the cells that both have from one file."""
    for case in json.loads((root / "tests" / "vectors" / "nor.json").read_text()):
        supply = Supply()
        supply.grain_bytes = case.get("grain", 1)
        chip = Chip(1, supply, Sectors())
        for offset, content in case["programs"]:
            chip.program(0, offset, bytes.fromhex(content))
        supply.cut_after(case["cut"], case["seed"], case.get("erase", ""))
        program = bytes.fromhex(case.get("program", ""))
        with pytest.raises(PowerCut):
            chip.program(0, case["at"], program) if program else chip.erase(0)
        for offset, content in case["left"]:
            length = len(content) // 2
            assert bytes(chip.cells.view(0)[offset : offset + length]).hex() == content, case


def test_the_same_seed_tears_the_same_way(tmp_path: Path) -> None:
    torn = []
    for name in ("one", "two"):
        with NorFlash(tmp_path / name, SIZE, seed=7) as flash:
            flash.cut_after(3)
            with pytest.raises(PowerCut):
                flash.program(0, bytes(8))
            torn.append(flash.read(0, 8))
    assert torn[0] == torn[1]
