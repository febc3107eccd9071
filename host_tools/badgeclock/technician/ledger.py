"""The workshop's ledger: which chip is which clock. Lines are only added.

    clocks.ledger    a JSON object per line: id, act, chip, mac, chain, firmware, date, who

`act` is "provisioned", "replaced" (the chip is no longer that clock, and was not available) or "retired". `chip` is the
number that the chip's maker burnt in, `mac` its Wi-Fi address, `chain` the nonce of its sealed chain's GENESIS. The id
belongs to the chip of its newest line, unless that is "replaced" or "retired".
"""

from __future__ import annotations

import fcntl
import getpass
import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from badgeclock.errors import ProvisionError

NAME: Final = "clocks.ledger"


class Act(StrEnum):
    """The acts on an id."""

    PROVISIONED = "provisioned"
    REPLACED = "replaced"
    RETIRED = "retired"


@dataclass(frozen=True)
class Chip:
    """A chip by its 6 factory bytes, in hexadecimal digits; empty: unknown."""

    serial: str

    def __str__(self) -> str:
        return f"chip {self.serial}" if self.serial else "another chip"

    @property
    def mac(self) -> str:
        """Its Wi-Fi address as networks show it: of an ESP32 the same bytes (ESP-IDF, MAC Address Allocation)."""
        return ":".join(self.serial[at : at + 2] for at in range(0, len(self.serial), 2))


@dataclass(frozen=True)
class Entry:
    """A line of the ledger."""

    id: str
    act: Act
    chip: str
    mac: str
    chain: str
    firmware: str
    date: str
    who: str


class Ledger:
    """The ledger in a workshop's folder. Raises ProvisionError if a line of it is damaged."""

    def __init__(self, workshop: Path) -> None:
        self._path = workshop / NAME

    def entries(self) -> list[Entry]:
        """Every line, the oldest first. An incomplete last line, after a power cut, is ignored."""
        try:
            text = self._path.read_text("utf-8", errors="replace")
        except FileNotFoundError:
            return []
        found = []
        for number, line in enumerate(text.split("\n")[:-1], 1):  # a line without an end is incomplete
            try:
                fields = json.loads(line)
                found.append(Entry(**{**fields, "act": Act(fields["act"])}))
            except (KeyError, TypeError, ValueError):
                raise ProvisionError(
                    what=f"line {number} of {self._path} is damaged",
                    kept="the ledger as it is, and the clock",
                    do="restore the ledger from a backup of the workshop",
                ) from None
        return found

    def holder(self, clock_id: str) -> Entry | None:
        """The line of the chip that has this id; None if none has."""
        newest = self.newest(clock_id)
        return newest if newest is not None and newest.act is Act.PROVISIONED else None

    def newest(self, clock_id: str) -> Entry | None:
        """The newest line about an id; None if the ledger does not have it."""
        return next((entry for entry in reversed(self.entries()) if entry.id == clock_id), None)

    def add(self, clock_id: str, act: Act, chip: Chip, *, chain: str, firmware: str) -> None:
        """Write a line, durably, unless the newest one of this id is the same."""
        newest = self.newest(clock_id)
        said = (act, chip.serial, chip.mac, chain, firmware)
        if newest is not None and (newest.act, newest.chip, newest.mac, newest.chain, newest.firmware) == said:
            return
        now = datetime.now(UTC).isoformat(timespec="seconds")
        line = json.dumps(asdict(Entry(clock_id, act, chip.serial, chip.mac, chain, firmware, now, _operator())))
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            size = os.fstat(handle).st_size
            torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            if torn:
                os.ftruncate(handle, _whole_lines(handle, size))
            os.write(handle, line.encode() + b"\n")
            os.fsync(handle)
        finally:
            os.close(handle)


def _whole_lines(handle: int, size: int) -> int:
    """How many bytes of the file are complete lines."""
    return os.pread(handle, size, 0).rfind(b"\n") + 1


def _operator() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"
