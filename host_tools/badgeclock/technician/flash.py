"""Put MicroPython and this project's partition table on an ESP32, without touching what the clock has recorded.

MicroPython's official image is one file for flash address 0x1000: bootloader, its own partition table, settings,
program. Only bootloader and program are used; the table is ours, and the chip's settings (nvs) stay.

    read_image   the file, checked: an ESP32's, whole by its own SHA-256, MicroPython 1.25 or newer
    choose_table which of the board's partition tables: the largest that fits, but a clock keeps the one it has
    plan_flash   what is written where, what is erased: pure
    flash        does it with esptool, compares every byte with the chip (by MD5), starts the chip
    download_image   MicroPython's own download page
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin

import esptool
import httpx
import serial
from esptool.bin_image import LoadFirmwareImage
from esptool.util import FatalError

from badgeclock.errors import DeviceNotFound, ProvisionError, SettingsError, VerifyMismatch
from badgeclock.partition_table import (
    TABLE_OFFSET,
    TABLE_SIZE_BYTES,
    TYPE_APP,
    Partition,
    PartitionTable,
    board_partitions,
    board_tables,
    from_binary,
)
from badgeclock.technician import image_kind
from badgeclock.technician.sealed_flash import unsent_punches

CHIP: Final = "ESP32"
CHIP_ID: Final = 0
"""In the image header of an ESP32 (esptool documentation, "Firmware Image Format")."""
IMAGE_MAGIC: Final = 0xE9
BOOTLOADER_OFFSET: Final = 0x1000
OLDEST_MICROPYTHON: Final = (1, 25, 0)

BAUDS: Final = (921600, 460800, 115200)
"""From fast to safe: long cables and weak adapters corrupt the fast ones."""

RECORDS: Final = ("seal", "journal")
KEPT: Final = ("vfs", "roster", *RECORDS)
CODE: Final = "romfs"
"""An image of the board's own mounts and runs its content; another program's remains must not be there."""

DOWNLOAD_PAGE: Final = "https://micropython.org/download/ESP32_GENERIC/"
DOWNLOAD_TIMEOUT_S: Final = 60.0
_FLASH_SIZES: Final = {4 << 20: 0x20, 8 << 20: 0x30, 16 << 20: 0x40}
_DIGEST_BYTES: Final = 32
_IMAGE_LINK: Final = re.compile(r'href="([^"]*/ESP32_GENERIC-\d{8}-v(\d+\.\d+\.\d+)\.bin)"')


@dataclass(frozen=True)
class Image:
    """A MicroPython image for the ESP32, parsed."""

    name: str
    version: tuple[int, int, int]
    bootloader: bytes
    program: bytes
    kind: image_kind.Kind


@dataclass(frozen=True)
class Region:
    """A stretch of flash from `offset` on."""

    label: str
    offset: int
    data: bytes

    @property
    def end(self) -> int:
        """First address after the region."""
        return self.offset + len(self.data)


@dataclass(frozen=True)
class FlashPlan:
    """What is written, and what is erased before. The rest of the flash stays."""

    regions: tuple[Region, ...]
    erased: tuple[Partition, ...]


class Records(Enum):
    """The handling of the clock's records, keys and files."""

    KEEP = "keep"
    ERASE = "erase"


@dataclass(frozen=True)
class Flashed:
    """The result of `flash`."""

    chip: str
    micropython: tuple[int, int, int]
    flash_size_bytes: int
    baud: int
    written_bytes: int
    erased: tuple[str, ...]
    punches_lost: int


def read_image(path: Path) -> Image:
    """The image in a file of MicroPython's download page (`ESP32_GENERIC-….bin`). Raises SettingsError."""
    try:
        return parse_image(path.read_bytes(), path.name)
    except OSError as error:
        raise _no_image(f"{path} cannot be read ({error.strerror})") from error


def parse_image(data: bytes, name: str) -> Image:
    """The image in `data`, called `name` in messages. Raises SettingsError."""
    table = board_partitions()
    program_offset = _program_partition(table).offset
    if len(data) <= program_offset - BOOTLOADER_OFFSET:
        raise _no_image(f"{name} has {len(data)} bytes, too few for a MicroPython image of the ESP32")
    bootloader = _checked_part(data[: TABLE_OFFSET - BOOTLOADER_OFFSET], f"the bootloader in {name}")
    program = _checked_part(data[program_offset - BOOTLOADER_OFFSET :], f"the program in {name}")
    found = re.search(rb"MicroPython v(\d+)\.(\d+)\.(\d+)", program)
    if found is None:
        raise _no_image(f"{name} is an ESP32 image, but not MicroPython's")
    version = (int(found[1]), int(found[2]), int(found[3]))
    if version < OLDEST_MICROPYTHON:
        raise _no_image(f"{name} is MicroPython {'.'.join(map(str, version))}; a clock needs 1.25 or newer")
    return Image(name, version, bootloader, program, image_kind.of_program(program))


def choose_table(
    tables: Sequence[PartitionTable], flash_bytes: int, present: PartitionTable | None, records: Records
) -> PartitionTable:
    """The table to write on a chip with `flash_bytes` of flash. `tables`: the board's; `present`: the chip's own.

    The largest that fits; but while its records are kept, a clock keeps its table. Raises ProvisionError if the flash
    is too small for any.
    """
    fitting = [table for table in tables if table.flash_bytes <= flash_bytes]
    if not fitting:
        least = min(table.flash_bytes for table in tables)
        raise ProvisionError(
            what=f"the module has {flash_bytes >> 20} MB of flash; the board's table needs {least >> 20} MB",
            kept="everything on the chip",
            do="use a module with more flash",
        )
    if records is Records.KEEP and present in fitting:
        return present
    return max(fitting, key=lambda table: table.flash_bytes)


def with_flash_size(bootloader: bytes, flash_bytes: int) -> bytes:
    """The bootloader with a flash of 4, 8 or 16 MB in its header, and its SHA-256 computed again.

    MicroPython's image says 4 MB; ESP-IDF would refuse every access above that (esptool documentation, "Firmware Image
    Format": upper half of byte 3, and the digest in the last 32 bytes).
    """
    sized = bootloader[:3] + bytes([_FLASH_SIZES[flash_bytes] | bootloader[3] & 0x0F]) + bootloader[4:-_DIGEST_BYTES]
    return sized + hashlib.sha256(sized).digest()


def plan_flash(image: Image, table: PartitionTable, present: PartitionTable | None, records: Records) -> FlashPlan:
    """What to write and to erase so that the chip has `image` and `table`. `present`: the chip's table, if it has one.

    A chip without a journal partition is a new module: our data partitions are erased, as MicroPython refuses to start
    on the remains of another file system, and would run those of other code. Raises ProvisionError if the clock's
    records would be damaged, SettingsError if image and table do not fit together.
    """
    regions = (
        Region("bootloader", BOOTLOADER_OFFSET, with_flash_size(image.bootloader, table.flash_bytes)),
        Region("partition table", TABLE_OFFSET, table.to_binary()),
        Region("program", _program_partition(table).offset, image.program),
    )
    _check_fit(regions, table, image.name)
    ours = tuple(table[label] for label in KEPT)
    emptied = tuple(part for part in table.partitions if part.label in {*KEPT, CODE})
    labels = {part.label for part in present.partitions} if present else set()
    is_clock = "journal" in labels or "seal" in labels
    if records is Records.ERASE or not is_clock:
        return FlashPlan(regions, emptied)
    assert present is not None
    moved = [part.label for part in ours if part.label not in labels or present[part.label] != part]
    if moved:
        raise ProvisionError(
            what=f"this chip is a clock whose partitions {', '.join(moved)} lie elsewhere than this version puts them",
            kept="everything on the chip",
            do="let the clock send its punches, then run the command with --erase",
        )
    keeps_code = CODE in labels and present[CODE] == table[CODE]
    return FlashPlan(regions, () if keeps_code else (table[CODE],))


def erases_records(plan: FlashPlan) -> bool:
    """Whether the plan erases stored punches."""
    return any(part.label in RECORDS for part in plan.erased)


def flash(
    port: str,
    image: Image,
    *,
    board: str = "esp32_devkit",
    records: Records = Records.KEEP,
    yes_lose: int | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Flashed:
    """Write `image` and the board's table for its size of flash to the ESP32 on `port`, compare, and start it.

    With Records.ERASE the clock's files, keys and records are erased too; `yes_lose` must then be the number of punches
    that no bridge has acknowledged, if there are any. Tries the rates of BAUDS in turn. `say` gets a line per step.
    Raises DeviceNotFound, ProvisionError, VerifyMismatch or SettingsError.
    """
    tables = board_tables(board)
    failures: list[str] = []
    for baud in BAUDS:
        say(f"connecting to {port}, {baud} baud")
        try:
            return _flash_at(port, baud, image, tables, _Order(records, yes_lose), say)
        except (FatalError, serial.SerialException, OSError) as error:
            failures.append(f"{baud} baud: {_first_line(error)}")
            say(f"failed: {_first_line(error)}")
            if not Path(port).exists() and "://" not in port:
                break
    raise DeviceNotFound(
        what=f"the ESP32 on {port} could not be written ({'; '.join(failures)})",
        kept="the clock's records, keys and files; the program on the chip may be incomplete until this succeeds",
        do="hold BOOT, press EN once, let BOOT go and run the command again; use a short USB cable and a free USB port",
    )


def download_image(
    folder: Path, *, page: str = DOWNLOAD_PAGE, version: str | None = None, say: Callable[[str], None] = lambda _: None
) -> Path:
    """Fetch the newest image of a MicroPython download `page`, or `version`, into `folder` and return its path.

    An existing file is used. Raises ProvisionError if the page or the image cannot be fetched, SettingsError if the
    page has no such image or the file is not one.
    """
    try:
        with httpx.Client(follow_redirects=True, timeout=DOWNLOAD_TIMEOUT_S) as client:
            answer = client.get(page)
            answer.raise_for_status()
            link, name = _choose(answer.text, page, version)
            path = folder / name
            if not path.exists():
                say(f"downloading {name}")
                body = client.get(link)
                body.raise_for_status()
                parse_image(body.content, name)
                folder.mkdir(parents=True, exist_ok=True)
                path.write_bytes(body.content)
    except (httpx.HTTPError, httpx.InvalidURL, OverflowError) as error:
        raise ProvisionError(
            what=f"MicroPython's download page {page} cannot be reached ({_first_line(error)})",
            kept="everything on the clock",
            do="download the ESP32_GENERIC image on another machine and give it with --image, without --official",
        ) from error
    read_image(path)
    return path


@dataclass(frozen=True)
class _Order:
    records: Records
    yes_lose: int | None


def _flash_at(
    port: str, baud: int, image: Image, tables: Sequence[PartitionTable], order: _Order, say: Callable[[str], None]
) -> Flashed:
    with _talk_to_stderr(), _connected(port) as rom:
        if rom.CHIP_NAME != CHIP:
            raise ProvisionError(
                what=f"the chip on {port} is an {rom.CHIP_NAME}; this board needs an {CHIP}",
                kept="everything on the chip",
                do="use an ESP32-DevKitC with a WROOM-32 module",
            )
        chip = esptool.run_stub(rom)
        if baud != chip.ESP_ROM_BAUD:
            chip.change_baud(baud)
        esptool.attach_flash(chip)
        size = _flash_size_bytes(esptool.detect_flash_size(chip))
        present = _table_on(_read(chip, TABLE_OFFSET, TABLE_SIZE_BYTES))
        table = choose_table(tables, size, present, order.records)
        plan = plan_flash(image, table, present, order.records)
        for sentence in image_kind.sentences(image.kind):
            say(sentence)
        lost = _punches_at_stake(chip, present, plan, say)
        if lost and lost != order.yes_lose:
            raise punches_refused(lost)
        for part in plan.erased:
            say(f"erasing {part.label}")
            esptool.erase_region(chip, part.offset, part.size)
        content = [(region.offset, region.data) for region in plan.regions]
        say(f"writing {sum(len(data) for _, data in content)} bytes")
        esptool.write_flash(chip, content, compress=True)
        say("comparing with the chip")
        try:
            esptool.verify_flash(chip, content)
        except FatalError as error:
            raise VerifyMismatch(
                what=f"the flash of the chip on {port} reads back differently than it was written",
                kept="the clock's records, keys and files",
                do="run the command again; if it stays, exchange the module",
            ) from error
        esptool.reset_chip(chip, "hard-reset")
    return Flashed(
        chip=CHIP,
        micropython=image.version,
        flash_size_bytes=size,
        baud=baud,
        written_bytes=sum(len(region.data) for region in plan.regions),
        erased=tuple(part.label for part in plan.erased),
        punches_lost=lost,
    )


def punches_refused(number: int) -> ProvisionError:
    """The refusal to lose `number` punches that no bridge has acknowledged."""
    noun = "1 punch" if number == 1 else f"{number} punches"
    return ProvisionError(
        what=f"the clock holds {noun} that no bridge has acknowledged",
        kept="all of them",
        do=f"let the clock reach its bridge first; to give them up for good, add --yes-lose {number}",
    )


def _punches_at_stake(chip: Any, present: PartitionTable | None, plan: FlashPlan, say: Callable[[str], None]) -> int:
    """How many unacknowledged punches the plan would erase, read from the chip by its own table."""
    if present is None or not erases_records(plan):
        return 0
    there = {part.label: part for part in present.partitions}
    if "journal" not in there:
        return 0
    say("reading the journal")
    content = {label: _read(chip, there[label].offset, there[label].size) for label in RECORDS if label in there}
    return unsent_punches(content.get("seal", b""), content["journal"])


def _check_fit(regions: tuple[Region, ...], table: PartitionTable, name: str) -> None:
    """Raise SettingsError unless every region overlaps no other and no partition except the program's."""
    program = _program_partition(table)
    size = len(regions[-1].data)
    if size > program.size:
        raise SettingsError(
            what=f"the program in {name} has {size} bytes; the partition {program.label} has {program.size}",
            kept="everything on the chip",
            do="use another release of MicroPython",
        )
    others = [(part.label, part.offset, part.end) for part in table.partitions if part != program]
    spans = [(region.label, region.offset, region.end) for region in regions] + others
    spans.sort(key=lambda span: span[1])
    for (label, _, end), (next_label, start, _) in pairwise(spans):
        if end > start:
            raise SettingsError(
                what=f"{label} of {name} reaches into {next_label} at 0x{start:x}",
                kept="everything on the chip",
                do="use MicroPython's ESP32_GENERIC image and the board's own partition table",
            )


def _checked_part(data: bytes, what: str) -> bytes:
    """The ESP32 image at the start of `data`, whole by its own checksum and SHA-256. Raises SettingsError."""
    if data[0] != IMAGE_MAGIC:
        raise _no_image(f"{what} does not start with 0x{IMAGE_MAGIC:02X}")
    chip_id = int.from_bytes(data[12:14], "little")
    if chip_id != CHIP_ID:
        raise _no_image(f"{what} is for another chip than the ESP32 (chip id {chip_id})")
    try:
        with _talk_to_stderr():
            part = LoadFirmwareImage(CHIP, data)
    except (FatalError, EOFError, ValueError, IndexError) as error:
        raise _no_image(f"{what} is damaged ({_first_line(error)})") from error
    if not part.append_digest or part.stored_digest != part.calc_digest or part.checksum != part.calculate_checksum():
        raise _no_image(f"{what} does not match its own checksum")
    return data[: part.data_length + len(part.stored_digest)]


def _program_partition(table: PartitionTable) -> Partition:
    return next(part for part in table.partitions if part.type == TYPE_APP)


def _table_on(data: bytes) -> PartitionTable | None:
    try:
        return from_binary(data)
    except SettingsError:
        return None


def _choose(text: str, page: str, version: str | None) -> tuple[str, str]:
    """Address and file name of the wanted image among the links of a download page."""
    links = {found[2]: found[1] for found in _IMAGE_LINK.finditer(text)}
    releases = sorted(links, key=lambda release: tuple(map(int, release.split("."))))
    wanted = version.removeprefix("v") if version else releases[-1] if releases else ""
    if wanted not in links:
        raise SettingsError(
            what=f"{page} offers no ESP32_GENERIC image" + (f" of version {wanted}" if wanted else ""),
            kept="everything on the clock",
            do=f"choose one of {', '.join(releases)}"
            if releases
            else "give the address of MicroPython's page for the ESP32",
        )
    return urljoin(page, links[wanted]), links[wanted].rpartition("/")[2]


def _flash_size_bytes(size: str | None) -> int:
    """The bytes of esptool's "4MB"; 0 if unknown."""
    found = re.fullmatch(r"(\d+)(KB|MB)", size or "")
    return int(found[1]) << (10 if found[2] == "KB" else 20) if found else 0


def _read(chip: Any, offset: int, size: int) -> bytes:
    data: bytes = esptool.read_flash(chip, offset, size, None, no_progress=True)
    return data


@contextlib.contextmanager
def _connected(port: str) -> Iterator[Any]:
    chip = esptool.connect_esp(port=port, chip="auto")
    try:
        yield chip
    finally:
        with contextlib.suppress(OSError):
            chip._port.close()  # noqa: SLF001  esptool has no public name for it


@contextlib.contextmanager
def _talk_to_stderr() -> Iterator[None]:
    """esptool prints; standard output is for our results."""
    with contextlib.redirect_stdout(sys.stderr):
        yield


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def _no_image(what: str) -> SettingsError:
    return SettingsError(
        what=what,
        kept="everything on the chip",
        do="give the image that `make firmware` builds, or MicroPython's ESP32_GENERIC of 1.25 or newer, as .bin",
    )
