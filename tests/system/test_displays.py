"""A clock with each kind of display, from provisioning on: the firmware of an ESP32 puts the golden pictures' pixels on
the virtual chip, over the display's own bus.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from badgeclock.technician import firmware, provision, workshop
from badgeclock.technician.serial_device import open_device
from badgeclock.virtual import screen
from badgeclock.virtual.accesspoint import Network
from badgeclock.virtual.board import BoardOptions, Front, VirtualBoard
from badgeclock.virtual.chips.st7789 import St7789
from tests.golden import pictures
from tests.provisioned import copied

PATIENCE_S = 60.0
AGAIN_S = 5.0


@contextmanager
def clock(home: Path, front: Front) -> Iterator[VirtualBoard]:
    """A clock with that front, its plug in, its network down."""
    with VirtualBoard(home / "clock", BoardOptions(front=front)) as board:
        board.set_network(Network.DOWN)
        board.plug_in()
        yield board


def plan(home: Path, display: str | None, built: str) -> provision.Plan:
    return provision.Plan(
        workshop.Workshop(home / "workshop"),
        "clock-0001",
        firmware.build(display=built),
        site="Demo site",
        broker=provision.Broker("localhost", 8883),
        language="fr",
        display=display,
    )


@pytest.fixture(scope="module")
def image(provisioned: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A provisioned clock with an SSD1306 that shows French, without power."""
    home = copied(provisioned, tmp_path_factory.mktemp("displays"))
    with clock(home, Front.SSD1306) as board, open_device(board.console.path) as device:
        provision.provision(device, plan(home, None, "ssd1306"))
    return home


def lay_two(board: VirtualBoard) -> None:
    """Lay two badges on the reader. The clock may look in between, and then has read one and then the other."""
    board.remove()
    for uid in ("deadbeef", "04a3c652117f80"):
        board.hold(bytes.fromhex(uid))


def expect(
    board: VirtualBoard, state: str, language: str, message: str, again: Callable[[VirtualBoard], None] | None = None
) -> None:
    """Wait until the display shows a golden picture; fail with the first pixel that differs. `again`: done now and
    then, as long as it does not.
    """
    colour = isinstance(board.display, St7789)
    key = f"{'320x240' if colour else '128x64'}/{language}/{state}"
    golden = pictures.Image.open(pictures.golden(key))
    deadline = time.monotonic() + PATIENCE_S
    done = 0.0
    while True:
        if again is not None and time.monotonic() >= done + AGAIN_S:
            again(board)
            done = time.monotonic()
        frame = board.display.frame()
        now = screen.colour_image(frame) if isinstance(frame, bytes) else screen.image(frame)
        difference = pictures.first_difference(key, golden, now)
        if not difference:
            return
        assert time.monotonic() < deadline, f"{message}: {difference}; it shows {board.screen_text()}"
        time.sleep(0.05)


@pytest.mark.parametrize(
    "front", [Front.SSD1306, pytest.param(Front.SH1106_SPI, marks=pytest.mark.torture), Front.ST7789]
)
def test_a_clock_shows_the_golden_pictures_on_its_own_display(image: Path, tmp_path: Path, front: Front) -> None:
    shutil.copytree(image, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("tty", "*.sock"))
    with clock(tmp_path, front) as board:
        if front is not Front.SSD1306:
            with open_device(board.console.path) as device:
                done = provision.provision(device, plan(tmp_path, front, front))
            assert {"/rom", "/settings.json"} < set(done.copied)
        deadline = time.monotonic() + PATIENCE_S
        while "Présentez badge" not in board.screen_text():
            assert time.monotonic() < deadline, board.screen_text()
            time.sleep(0.05)
        board.press("out", 2000)
        expect(board, "chosen", "fr", "the key out was pressed")
        expect(board, "several", "fr", "two badges are at the reader", lay_two)
        # The others cannot report that they went dark, and are written again in a minute or two.
        if front is Front.SSD1306:
            board.dip_display()
            assert not any(board.frame())
            expect(board, "several", "fr", "the display's supply dipped")
