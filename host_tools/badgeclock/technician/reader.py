"""Diagnoses a clock's reader over the cable: the clock checks the wires, this module explains what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from badgeclock.errors import ProvisionError
from badgeclock.technician import on_device
from badgeclock.technician.errors import DeviceError
from badgeclock.technician.serial_device import SerialDevice

NXP_VERSIONS: Final = (0x91, 0x92)

# By the words of firmware/drivers/reader_wires.py: the meaning, and what to do.
FAULTS: Final[Mapping[str, tuple[str, str]]] = {
    "miso-high": ("MISO is shorted to the supply", "look for a bridge of solder or a wrong wire at the reader's MISO"),
    "miso-low": ("MISO is shorted to ground", "look for a bridge of solder or a wrong wire at the reader's MISO"),
    "no-answer": (
        "no reader answers, and MISO is free",
        "check the reader's 3.3 V and GND, then SCK, MOSI, MISO and SS against the board's README",
    ),
    "no-reset": (
        "the reader works, and its RST pin does not reset it",
        "connect RST: without it a reader that hangs stays so until the power is cut",
    ),
    "no-irq": ("the reader works, and its IRQ pin does not move", "connect IRQ: without it the clock polls the reader"),
    "deaf": ("the reader answers and reads nothing, however often it is started", "exchange the reader"),
}


@dataclass(frozen=True)
class Reading:
    """`version`: the chip's version register, None if nothing answers. `fault`: a word of FAULTS, or None."""

    version: int | None
    fault: str | None

    @property
    def sentence(self) -> str:
        """The text for the technician."""
        chip = "no reader" if self.version is None else f"reader chip version {self.version:02x}"
        if self.version is not None and self.version not in NXP_VERSIONS:
            chip += " (a clone, which works)"
        if self.fault is None:
            return f"{chip}: nothing is wrong with its wires; whether its antenna works only a badge can show"
        what, todo = FAULTS.get(self.fault, (self.fault, "bring tools and firmware to the same version"))
        return f"{chip}: {what}. To do: {todo}."


def inspect(device: SerialDevice, say: Callable[[str], None]) -> Reading:
    """Have the clock check its reader; it restarts afterwards. Raises ProvisionError without its firmware."""
    say("the clock inspects its reader")
    try:
        device.run(on_device.READER)
        version, fault = device.ask("bc_reader()")
    except DeviceError as error:
        raise ProvisionError(
            what=f"the clock cannot inspect its reader ({error.kind})",
            kept="everything on the clock",
            do="bring its firmware up to date with `badgeclock clock provision`",
        ) from error
    device.restart()
    return Reading(version, fault)
