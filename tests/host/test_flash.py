"""Flashing: the partition table, the image's checks, written and kept regions, and the download.

The images here are made by esptool's own image writer, so that header, checksum and SHA-256 are the real format's.
"""

from __future__ import annotations

import functools
import http.server
import io
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from zlib import crc32

import esptool
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from esptool.bin_image import ELFSection, ESP32FirmwareImage, ESP32S3FirmwareImage
from hypothesis import assume, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from badgeclock import __version__, partition_table
from badgeclock.cli import clock as clock_cli
from badgeclock.errors import DeviceNotFound, ProvisionError, SettingsError, VerifyMismatch
from badgeclock.technician import flash, release
from badgeclock.technician.flash import Records, parse_image, plan_flash
from badgeclock.technician.image_kind import Kind
from badgeclock.technician.sealed_flash import unsent_punches

TABLE = partition_table.board_partitions()
TABLES = partition_table.board_tables()
MB = 1 << 20
DRAM, IRAM, DROM = 0x3FFB0000, 0x40080000, 0x3F400020


def esp_image(
    segments: dict[int, bytes], kind: type[ESP32FirmwareImage] = ESP32FirmwareImage, chip_id: int = 0
) -> bytes:
    image = kind()
    image.chip_id = chip_id
    image.entrypoint = IRAM
    image.flash_size_freq = 0x20  # 4 MB, 40 MHz
    image.segments = [ELFSection(b".%x" % address, address, data, 0) for address, data in segments.items()]
    data: bytes = image.save(None)
    return data


def micropython_image(banner: bytes = b"MicroPython v1.25.0 on 2025-04-15; ", program_bytes: int = 60_000) -> bytes:
    """A file as MicroPython's download page has it: for 0x1000, with another table and settings of its own inside."""
    bootloader = esp_image({DRAM: b"boot" * 40, IRAM: b"load" * 400})
    program = esp_image({DROM: banner.ljust(program_bytes, b"\0"), IRAM: b"code" * 100})
    foreign_table = b"\xaa\x50\x01\x02" + b"\xee" * 28
    return bootloader.ljust(0x7000, b"\xff") + foreign_table.ljust(0x8000, b"\xff") + program


IMAGE = parse_image(micropython_image(), "test.bin")


# --- the partition table ---


def test_the_boards_table_is_the_agreed_one() -> None:
    assert [(part.label, part.type, part.subtype, part.offset, part.size) for part in TABLE.partitions] == [
        ("nvs", 1, 0x02, 0x9000, 0x6000),
        ("phy_init", 1, 0x01, 0xF000, 0x1000),
        ("factory", 0, 0x00, 0x10000, 0x1F0000),
        ("vfs", 1, 0x81, 0x200000, 0x66000),
        ("roster", 1, 0x42, 0x266000, 0x1A000),
        ("romfs", 1, 0x8F, 0x280000, 0x20000),
        ("seal", 1, 0x40, 0x2A0000, 0x4000),
        ("journal", 1, 0x41, 0x2B0000, 0x150000),
    ]
    assert TABLE.flash_bytes == 4 * 1024 * 1024


def test_the_table_for_16_mb_has_room_for_150_000_punches_and_starts_alike() -> None:
    assert [table.flash_bytes for table in TABLES] == [4 * MB, 16 * MB]
    small, large = TABLES
    assert large["journal"].size // 4096 * 63 == 192_528
    assert [part for part in small.partitions if part.offset < 0x200000] == [
        part for part in large.partitions if part.offset < 0x200000
    ]
    assert {part.label: (part.type, part.subtype) for part in small.partitions} == {
        part.label: (part.type, part.subtype) for part in large.partitions
    }


def test_the_binary_table_has_esp_idfs_form() -> None:
    binary = TABLE.to_binary()
    assert len(binary) == 0xC00
    assert binary[:32] == bytes.fromhex("aa50 0102 00900000 00600000") + b"nvs".ljust(16, b"\0") + bytes(4)
    assert binary[8 * 32 : 8 * 32 + 16] == b"\xeb\xeb" + b"\xff" * 14
    assert set(binary[9 * 32 :]) == {0xFF}
    assert partition_table.from_binary(binary) == TABLE


def test_rows_are_as_esp_idfs_generator_writes_them() -> None:
    # The table of ESP-IDF's "single app" example, as its generator writes it (ESP-IDF programming guide).
    text = "nvs,data,nvs,0x9000,24K\nphy_init,data,phy,0xf000,4K\nfactory,app,factory,0x10000,1M,"
    binary = partition_table.parse_csv(text).to_binary()
    assert binary[64:76] == bytes.fromhex("aa50 0000 00000100 00001000")


@given(st.binary(min_size=1, max_size=4), st.integers(0, 7 * 32 + 31))
def test_a_table_with_any_changed_byte_is_refused(noise: bytes, at: int) -> None:
    binary = bytearray(TABLE.to_binary())
    binary[at : at + len(noise)] = noise
    assume(bytes(binary) != TABLE.to_binary())
    with pytest.raises(SettingsError):
        partition_table.from_binary(bytes(binary))


def test_random_bytes_are_no_table() -> None:
    for data in (b"", b"\xff" * 0xC00, bytes(0xC00), b"\xaa\x50" * 0x600):
        with pytest.raises(SettingsError):
            partition_table.from_binary(data)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("journal, data, 0x41, , 0x1000", "no offset"),
        ("journal, data, 0x41, 0x8000, 0x1000", "before 0x9000"),
        ("journal, data, 0x41, 0xF000, 0x1000\nother, data, 0x41, 0xF000, 0x1000", "before 0x10000"),
        ("journal, data, 0x41, 0x9100, 0x1000", "multiple of 0x1000"),
        ("journal, data, 0x41, 0x9000, 0x1100", "multiple of 0x1000"),
        ("program, app, factory, 0x11000, 0x1000", "multiple of 0x10000"),
        ("a_name_that_is_too_long, data, 0x41, 0x9000, 0x1000", "1 to 15"),
        ("journal, data, what, 0x9000, 0x1000", "line 1: what is no subtype"),
        ("journal, data, 0x41", "a row is name"),
        ("journal, data, 0x41, 0x9000, 0x1000, fast", "fast is no flag"),
        ("x, data, 1, 0x9000, 0x1000\nx, data, 1, 0xa000, 0x1000", "two partitions are called x"),
        ("", "has no partition"),
    ],
)
def test_a_table_that_no_bootloader_could_use_is_refused_with_the_reason(line: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        partition_table.parse_csv(line)


# --- the image ---


def test_an_image_is_taken_apart_without_its_own_table_and_settings() -> None:
    data = micropython_image()
    assert IMAGE.version == (1, 25, 0)
    assert data.startswith(IMAGE.bootloader)
    assert IMAGE.program == data[0xF000:]
    assert len(IMAGE.bootloader) < 0x7000


def test_esptool_finds_the_parts_whole() -> None:
    for part in (IMAGE.bootloader, IMAGE.program):
        out = io.StringIO()
        with redirect_stdout(out):
            esptool.image_info(part, chip="esp32")
        assert "(valid)" in out.getvalue()


def with_byte_changed(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "too few"),
        (bytes(70_000), "does not start with 0xE9"),
        (micropython_image()[: 0xF000 + 100], "is damaged|checksum"),
        (with_byte_changed(micropython_image(), 200), "checksum"),
        (with_byte_changed(micropython_image(), 0xF000 + 5000), "checksum"),
        (with_byte_changed(micropython_image(), len(micropython_image()) - 1), "checksum"),
        (with_byte_changed(micropython_image(), 0xF000 + 12), "another chip"),
        (micropython_image(b"CircuitPython 9"), "not MicroPython's"),
        (micropython_image(b"MicroPython v1.24.1 on 2024-11-29"), "needs 1.25 or newer"),
        (esp_image({IRAM: b"code" * 30_000}), "does not start with|damaged"),
    ],
)
def test_a_file_that_is_no_whole_micropython_for_the_esp32_is_refused(data: bytes, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        parse_image(data, "test.bin")


def test_an_image_for_an_esp32_s3_is_refused() -> None:
    other = esp_image({0x3FC88000: b"boot" * 40}, ESP32S3FirmwareImage, chip_id=9)
    with pytest.raises(SettingsError, match=r"another chip than the ESP32 \(chip id 9\)"):
        parse_image(other.ljust(0xF000, b"\xff") + other, "s3.bin")


def test_a_missing_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        flash.read_image(tmp_path / "none.bin")


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (b"", Kind.OFFICIAL),
        (b"gatts_register_services\0", Kind.OFFICIAL),
        (b"rom_ioctl\0gatts_register_services\0", Kind.OWN_WITH_BLUETOOTH),
        (b"rom_ioctl\0", Kind.OWN),
    ],
)
def test_an_image_is_known_by_what_was_built_into_it(names: bytes, kind: Kind) -> None:
    assert parse_image(micropython_image(b"MicroPython v1.25.0\0" + names), "test.bin").kind is kind


# --- the release's image ---

VERSION = __version__
KEY = Ed25519PrivateKey.generate()


@pytest.fixture
def released(tmp_path: Path) -> Iterator[tuple[Path, release.Source]]:
    """A release's files on a web server, and the source that names it."""
    folder = tmp_path / "www" / f"v{VERSION}"
    folder.mkdir(parents=True)
    description, signature = release.describe(micropython_image(), KEY, VERSION)
    (folder / release.IMAGE).write_bytes(micropython_image())
    (folder / release.DESCRIPTION).write_bytes(description)
    (folder / release.SIGNATURE).write_bytes(signature)
    with served(tmp_path / "www") as address:
        yield folder, release.Source(address + "v{version}", KEY.public_key())


def test_the_releases_image_is_fetched_once_and_checked_each_time(
    released: tuple[Path, release.Source], tmp_path: Path
) -> None:
    _, where = released
    said: list[str] = []
    path = release.fetch(tmp_path / "kept", where, say=said.append)
    assert path.read_bytes() == micropython_image()
    assert len(said) == 3
    assert release.fetch(tmp_path / "kept", where, say=said.append) == path
    assert len(said) == 3
    path.write_bytes(with_byte_changed(micropython_image(), 100))
    with pytest.raises(VerifyMismatch, match="another SHA-256 than its signed description"):
        release.fetch(tmp_path / "kept", where)


def test_an_image_that_is_not_what_was_signed_is_refused_and_not_kept(
    released: tuple[Path, release.Source], tmp_path: Path
) -> None:
    folder, where = released
    image, description = (folder / release.IMAGE).read_bytes(), (folder / release.DESCRIPTION).read_bytes()
    forged, _ = release.describe(image + b"x", KEY, VERSION)
    other = release.describe(image, Ed25519PrivateKey.generate(), VERSION)[1]
    older, older_signature = release.describe(image, KEY, "0.0.9")
    signature = (folder / release.SIGNATURE).read_bytes()
    for contents, why in (
        ((image + b"x", description, signature), "another SHA-256"),
        ((image + b"x", forged, signature), "not signed by the key"),
        ((image, description, other), "not signed by the key"),
        ((image, older, older_signature), f"of version 0.0.9, not of {VERSION}"),
    ):
        for name, data in zip((release.IMAGE, release.DESCRIPTION, release.SIGNATURE), contents, strict=True):
            (folder / name).write_bytes(data)
        with pytest.raises(VerifyMismatch, match=why):
            release.fetch(tmp_path / "kept", where)
        assert not (tmp_path / "kept").exists()


def test_a_release_that_is_not_there_ends_with_one_sentence(
    released: tuple[Path, release.Source], tmp_path: Path
) -> None:
    with pytest.raises(ProvisionError, match=r"cannot be fetched from .*v9\.9.*make firmware.*--official"):
        release.fetch(tmp_path / "kept", released[1], "9.9")


def test_the_key_that_signs_is_made_once_and_its_public_half_is_what_the_checkout_trusts(tmp_path: Path) -> None:
    private, public = tmp_path / "key.pem", tmp_path / "release.json"
    release.make_key(private, "https://releases.example/v{version}", public)
    assert private.stat().st_mode & 0o777 == 0o600
    image = tmp_path / release.IMAGE
    image.write_bytes(micropython_image())
    release.sign(image, private)
    files = (release.IMAGE, release.DESCRIPTION, release.SIGNATURE)
    release.check({name: (tmp_path / name).read_bytes() for name in files}, release.source(public).key, VERSION)
    assert release.source(public).of("1.0") == "https://releases.example/v1.0/"
    with pytest.raises(FileExistsError):
        release.make_key(private, "https://releases.example", public)


def test_a_checkout_without_a_release_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"names no release.*make firmware.*--official"):
        release.source(tmp_path / "release.json")
    (tmp_path / "release.json").write_text('{"address": "x"}')
    with pytest.raises(SettingsError, match="which key signs them"):
        release.source(tmp_path / "release.json")


def test_the_command_takes_the_releases_image_and_the_official_one_only_by_a_word(
    released: tuple[Path, release.Source], page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock_cli, "image_folder", lambda: tmp_path / "images")
    monkeypatch.setattr(release, "source", lambda: released[1])
    no_port = ["flash", str(tmp_path / "no-such-port")]
    run = CliRunner().invoke(clock_cli.app, no_port)
    assert release.IMAGE in run.stderr
    assert isinstance(run.exception, DeviceNotFound)
    run = CliRunner().invoke(clock_cli.app, [*no_port, "--official", "--page", page])
    assert "downloading ESP32_GENERIC-20250911-v1.26.1.bin" in run.stderr
    for wrong in (["--download", "1.25.0"], ["--official", "--image", str(tmp_path / "x.bin")]):
        assert isinstance(CliRunner().invoke(clock_cli.app, [*no_port, *wrong]).exception, SettingsError)


# --- the table for the chip ---


def test_a_new_module_gets_the_largest_table_that_fits_its_flash() -> None:
    small, large = TABLES
    for megabytes, wanted in ((4, small), (8, small), (16, large), (32, large)):
        assert flash.choose_table(TABLES, megabytes * MB, None, Records.KEEP) == wanted


def test_a_clock_keeps_the_table_that_its_records_lie_by_unless_they_are_erased() -> None:
    small, large = TABLES
    assert flash.choose_table(TABLES, 16 * MB, small, Records.KEEP) == small
    assert flash.choose_table(TABLES, 16 * MB, small, Records.ERASE) == large
    assert flash.choose_table(TABLES, 16 * MB, large, Records.KEEP) == large


def test_a_table_for_more_flash_than_there_is_is_never_kept() -> None:
    small, large = TABLES
    assert flash.choose_table(TABLES, 4 * MB, large, Records.KEEP) == small


def test_too_little_flash_is_refused_with_what_is_needed() -> None:
    with pytest.raises(ProvisionError, match=r"2 MB of flash; the board's table needs 4 MB"):
        flash.choose_table(TABLES, 2 * MB, None, Records.KEEP)


@pytest.mark.parametrize(("megabytes", "code"), [(4, 0x20), (8, 0x30), (16, 0x40)])
def test_the_bootloader_is_told_the_flash_that_its_table_needs(megabytes: int, code: int) -> None:
    sized = flash.with_flash_size(IMAGE.bootloader, megabytes * MB)
    assert sized[3] == code | IMAGE.bootloader[3] & 0x0F
    assert sized[:3] + sized[4:-32] == IMAGE.bootloader[:3] + IMAGE.bootloader[4:-32]
    out = io.StringIO()
    with redirect_stdout(out):
        esptool.image_info(sized, chip="esp32")
    assert f"Flash size: {megabytes}MB" in out.getvalue()
    assert out.getvalue().count("(valid)") == 2, out.getvalue()


def test_a_plan_for_4_mb_leaves_the_bootloader_as_it_came() -> None:
    assert plan_flash(IMAGE, TABLES[0], None, Records.KEEP).regions[0].data == IMAGE.bootloader
    assert plan_flash(IMAGE, TABLES[1], None, Records.KEEP).regions[0].data != IMAGE.bootloader


# --- the plan ---


def test_a_clocks_records_keys_files_and_settings_are_not_touched() -> None:
    plan = plan_flash(IMAGE, TABLE, TABLE, Records.KEEP)
    assert plan.erased == ()
    touched = {region.label: (region.offset, region.end) for region in plan.regions}
    assert touched["bootloader"][0] == 0x1000
    assert touched["bootloader"][1] <= 0x8000
    assert touched["partition table"] == (0x8000, 0x8C00)
    assert touched["program"][0] == 0x10000
    assert touched["program"][1] <= TABLE["vfs"].offset


def test_a_new_module_gets_empty_data_partitions() -> None:
    stock = partition_table.parse_csv(
        "nvs,data,nvs,0x9000,24K\nfactory,app,factory,0x10000,0x1F0000\nvfs,data,fat,0x200000,2M"
    )
    for present in (None, stock):
        plan = plan_flash(IMAGE, TABLE, present, Records.KEEP)
        assert [part.label for part in plan.erased] == ["vfs", "roster", "romfs", "seal", "journal"]


def test_a_clock_whose_journal_lies_elsewhere_is_left_alone_unless_told() -> None:
    moved = [replace(part, offset=part.offset + 0x1000) if part.label == "seal" else part for part in TABLE.partitions]
    shrunk = [replace(part, offset=0x2AF000, size=0x151000) if part.label == "journal" else part for part in moved]
    elsewhere = partition_table.checked(shrunk, "test")
    with pytest.raises(ProvisionError, match="seal, journal lie elsewhere"):
        plan_flash(IMAGE, TABLE, elsewhere, Records.KEEP)
    assert [part.label for part in plan_flash(IMAGE, TABLE, elsewhere, Records.ERASE).erased] == [
        "vfs",
        "roster",
        "romfs",
        "seal",
        "journal",
    ]


def test_a_clock_that_has_no_romfs_where_its_table_puts_it_gets_an_empty_one_and_loses_no_punch() -> None:
    without = partition_table.checked([part for part in TABLE.partitions if part.label != "romfs"], "test")
    plan = plan_flash(IMAGE, TABLE, without, Records.KEEP)
    assert [part.label for part in plan.erased] == ["romfs"]
    assert not flash.erases_records(plan)
    assert flash.erases_records(plan_flash(IMAGE, TABLE, without, Records.ERASE))


def test_a_program_that_reaches_into_the_files_is_refused() -> None:
    too_long = replace(IMAGE, program=IMAGE.program.ljust(0x1F0001, b"\0"))
    with pytest.raises(SettingsError, match="has 2031617 bytes; the partition factory has 2031616"):
        plan_flash(too_long, TABLE, TABLE, Records.KEEP)


def test_a_bootloader_that_reaches_into_the_table_is_refused() -> None:
    too_long = replace(IMAGE, bootloader=bytes(0x7001))
    with pytest.raises(SettingsError, match=r"bootloader of test\.bin reaches into partition table"):
        plan_flash(too_long, TABLE, TABLE, Records.KEEP)


# --- losses by an erase ---


def journal_bytes(sectors: int, kinds: dict[int, int], acked_sectors: tuple[int, ...] = ()) -> bytes:
    """A journal partition with a record of the given kind at each seq, as docs/protocol.md §5 lays it out."""
    flash_bytes = bytearray(b"\xff" * 4096 * sectors)
    for seq, kind in kinds.items():
        k, slot = divmod(seq, 63)
        start = k % sectors * 4096
        header = struct.pack(">4sII", b"BCJ1", k, 1)
        mark = bytes(16) if k in acked_sectors else b"\xff" * 16
        flash_bytes[start : start + 64] = header + struct.pack(">I", crc32(header)) + mark + b"\xff" * 32
        record = struct.pack(">BBHI", 1, kind, 0, seq).ljust(64, b"\0")
        flash_bytes[start + 64 * (slot + 1) : start + 64 * (slot + 2)] = record
    return bytes(flash_bytes)


def key_slot(seq: int, acked: int) -> bytes:
    body = struct.pack(">4sIHHIII", b"BCK1", seq, 0, 1, seq, acked, 20000).ljust(112, b"\x11")
    return body + sha256(body).digest()[:16]


def test_only_punches_that_no_bridge_acknowledged_count_as_lost() -> None:
    kinds = {0: 1, 1: 2, **dict.fromkeys(range(2, 100), 3)}
    journal = journal_bytes(4, kinds)
    assert unsent_punches(b"\xff" * 0x4000, journal) == 98
    assert unsent_punches(bytes(128) + key_slot(100, 40) + b"\xff" * 128, journal) == 60
    assert unsent_punches(key_slot(99, 39) + key_slot(100, 100), journal) == 0
    assert unsent_punches(b"", journal_bytes(4, kinds, acked_sectors=(0,))) == 37


def test_an_erased_or_foreign_flash_holds_no_punches() -> None:
    for data in (b"", b"\xff" * 16384, bytes(16384), b"\x01\x03" * 8192):
        assert unsent_punches(data, data) == 0


# --- the port ---


def test_a_port_that_is_not_there_ends_with_one_sentence() -> None:
    lines: list[str] = []
    with pytest.raises(DeviceNotFound, match="could not be written") as caught:
        flash.flash("/dev/no-such-port", IMAGE, say=lines.append)
    assert "hold BOOT" in caught.value.do
    assert lines[0] == "connecting to /dev/no-such-port, 921600 baud"


# --- the download ---


@pytest.fixture
def page(tmp_path: Path) -> Iterator[str]:
    """A web server on loopback with a page of the same form as MicroPython's, and its images."""
    folder = tmp_path / "www"
    images = folder / "resources" / "firmware"
    images.mkdir(parents=True)
    names = ["20250415-v1.25.0", "20250911-v1.26.1", "20241129-v1.24.1", "20260101-v1.30.0"]
    for name in names:
        banner = b"MicroPython " + name.partition("-")[2].encode() + b" on a day"
        data = micropython_image(banner) if "v1.30" not in name else b"<html>not found</html>"
        (images / f"ESP32_GENERIC-{name}.bin").write_bytes(data)
    links = "".join(
        f'<a href="/resources/firmware/ESP32_GENERIC-{name}.bin">[.bin]</a>'
        f'<a href="/resources/firmware/ESP32_GENERIC-{name}.elf">[.elf]</a>'
        f'<a href="/resources/firmware/ESP32_GENERIC-SPIRAM-{name}.bin">[.bin]</a>'
        for name in names[:3]
    )
    preview = '<a href="/resources/firmware/ESP32_GENERIC-20261101-v1.29.0-preview.33.gabc.bin">'
    (folder / "index.html").write_text(links + preview)
    (folder / "broken.html").write_text('<a href="/resources/firmware/ESP32_GENERIC-20260101-v1.30.0.bin">')
    with served(folder) as address:
        yield address


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a web server on loopback for the folder."""
    handler = functools.partial(QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and writes no log: pytest's output is for the tests."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_the_newest_release_is_downloaded_and_used_again(page: str, tmp_path: Path) -> None:
    said: list[str] = []
    path = flash.download_image(tmp_path / "images", page=page, say=said.append)
    assert path.name == "ESP32_GENERIC-20250911-v1.26.1.bin"
    assert flash.read_image(path).version == (1, 26, 1)
    flash.download_image(tmp_path / "images", page=page, say=said.append)
    assert said == ["downloading ESP32_GENERIC-20250911-v1.26.1.bin"]


def test_a_named_release_is_downloaded(page: str, tmp_path: Path) -> None:
    assert flash.download_image(tmp_path, page=page, version="v1.25.0").name == "ESP32_GENERIC-20250415-v1.25.0.bin"


def test_a_release_that_is_not_offered_is_answered_with_those_that_are(page: str, tmp_path: Path) -> None:
    with pytest.raises(
        SettingsError, match=r"no ESP32_GENERIC image of version 1\.27\.0.*choose one of 1\.24\.1, 1\.25\.0"
    ):
        flash.download_image(tmp_path, page=page, version="1.27.0")


def test_what_is_no_image_is_not_kept(page: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        flash.download_image(tmp_path / "images", page=page + "broken.html")
    assert not list((tmp_path / "images").glob("*"))


def test_without_network_one_sentence_says_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(ProvisionError, match=r"cannot be reached.*--image"):
        flash.download_image(tmp_path, page=f"http://127.0.0.1:{port}/")
