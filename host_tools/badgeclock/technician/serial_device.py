"""A MicroPython device on a serial port: its files, and running code on it, in one session until the reset.

The line is mpremote's (`SerialTransport`, its Python interface): the raw REPL with flow control, as used on every
port. One session, because opening a port resets many boards and each `mpremote` command would restart the clock.
Works on a serial port, on the pty of a virtual clock and on mpremote's own addresses (rfc2217://, socket://).
"""

from __future__ import annotations

import ast
import base64
import contextlib
import errno
import hashlib
import io
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import serial
from mpremote.transport import TransportError
from mpremote.transport_serial import SerialTransport
from serial.tools import list_ports

from badgeclock.errors import DeviceNotFound, ProvisionError, VerifyMismatch
from badgeclock.technician import image_kind, on_device
from badgeclock.technician.errors import DeviceError

BAUD: Final = 115200
RAISED_BAUDS: Final = (460800, 230400)
"""From fast to safe, for copying. CP2102 and CH340 adapters have both."""
RATE_ANSWER_S: Final = 0.5
RATE_BACK_S: Final = 5.0
"""A clock that received nothing at a new rate returns to the old one after 2.6 s."""
OLDEST_MICROPYTHON: Final = (1, 25, 0)
BYTECODE_VERSION: Final = 6
"""Of `.mpy` files, from MicroPython 1.23 on (docs.micropython.org, "MicroPython .mpy files")."""

ATTEMPTS: Final = 4
ANSWER_TIMEOUT_S: Final = 60.0
"""Reading a full journal takes an ESP32 a few seconds, loading code from files in a folder with a long history takes
longer."""
HELD_S: Final = 3.0
"""How long to retry a port that another program has open, ..."""
HELD_AGAIN_S: Final = 0.1
"""... and so often."""
CHUNK_BYTES: Final = 3072
ROM_BLOCK_BYTES: Final = 4096
"""A sector of the flash, erased and programmed at once."""
SMALL_FILE_BYTES: Final = 1024
NEW_FILE: Final = "/.badgeclock.new"


@dataclass(frozen=True)
class DeviceInfo:
    """The MicroPython on the device."""

    version: tuple[int, int, int]
    machine: str
    platform: str

    @property
    def is_esp32(self) -> bool:
        """Whether it runs on an original ESP32, with known registers: not a later one, nor a computer."""
        return self.platform == "esp32" and self.machine.endswith("with ESP32")


@dataclass(frozen=True)
class ImageOnDevice:
    """The MicroPython image there, and its memory at the prompt, in bytes."""

    kind: image_kind.Kind
    rom_bytes: int
    """For code that runs in place: the size of the `romfs` partition, 0 if the image is not built for that."""
    heap_used: int
    heap_free: int
    """MicroPython's own heap. On an ESP32 this includes the block by which it could grow."""
    idf_free: int | None
    idf_largest: int | None
    """ESP-IDF's free memory for Wi-Fi, TLS and the growth of that heap, and its largest block; None without ESP-IDF."""


class SerialDevice:
    """An open session with a device in its raw REPL. Get one from `open_device`."""

    def __init__(self, transport: SerialTransport, port: str) -> None:
        self._transport = transport
        self.port = port
        self.run(on_device.FILES)
        self.info = self._describe()

    def run(self, code: str) -> str:
        """Run `code` on the device and return what it printed. Waits up to ANSWER_TIMEOUT_S for output.

        Raises DeviceError if it raised, DeviceNotFound if the line became silent or broke.
        """
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                out, failure = self._transport.exec_raw(code, timeout=ANSWER_TIMEOUT_S)
        except (TransportError, OSError) as error:
            raise DeviceNotFound(
                what=f"the line to {self.port} broke off",
                kept="every file that was confirmed before, and all punches",
                do="check cable and power, then run the command again",
            ) from error
        if failure:
            raise DeviceError(failure.decode("utf-8", "replace").strip().rpartition("\n")[2].strip())
        text: str = out.decode("utf-8", "replace")
        return text

    def ask(self, code: str) -> Any:
        """Run `code` and return the JSON value of the last line it printed."""
        lines = self.run(code).split("\n")
        text = next((line for line in reversed(lines) if line.strip()), "")
        try:
            return json.loads(text)
        except ValueError as error:
            raise DeviceError("an answer that is no JSON") from error

    def raise_rate(self, say: Callable[[str], None] = lambda _: None) -> int:
        """Raise the rate of the line as far as chip, adapter and cable allow, until the session ends; returns the rate.

        Each is tried with a token that must arrive; otherwise both sides return to the old rate. Raises DeviceNotFound
        if the line is lost.
        """
        now = int(self._transport.serial.baudrate)
        if now != BAUD or not self.info.is_esp32:
            return now
        self.run(on_device.RATE)
        for baud in RAISED_BAUDS:
            if self._try_rate(baud):
                say(f"serial line: {baud} baud")
                return baud
            say(f"serial line: {baud} baud do not get through")
        return BAUD

    def _try_rate(self, baud: int) -> bool:
        token = secrets.token_hex(8).encode()
        serial_port = self._transport.serial
        patience, serial_port.timeout = serial_port.timeout, RATE_ANSWER_S
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                self._transport.exec_raw_no_follow(f"bc_rate({baud}, {token!r})")
                serial_port.baudrate = baud
                time.sleep(0.3)
                serial_port.write(token)
                answer, _ = self._transport.follow(RATE_ANSWER_S)
        except (TransportError, OSError):
            answer = b""
        finally:
            serial_port.timeout = patience
        if answer.strip() == b"true":
            return True
        try:
            serial_port.baudrate = BAUD
            with contextlib.redirect_stdout(io.StringIO()):
                self._transport.follow(RATE_BACK_S)
        except (TransportError, OSError) as error:
            raise DeviceNotFound(
                what=f"the line to {self.port} was lost when its rate was changed",
                kept="everything on the device",
                do="press EN, then run the command again",
            ) from error
        return False

    def listing(self) -> dict[str, str | None]:
        """Everything on the device's file system: SHA-256 (hex) by absolute path; None for a folder."""
        lines = self.run("bc_list()").split("\n")
        return dict(json.loads(line) for line in lines if line.strip())

    def read(self, path: str) -> bytes | None:
        """The first SMALL_FILE_BYTES of a file, sent under a one-time pad; None if there is no such file."""
        pad = secrets.token_bytes(SMALL_FILE_BYTES)
        try:
            masked = bytes.fromhex(self.ask(f"bc_read({path!r}, {pad.hex()!r})"))
        except DeviceError as error:
            if "ENOENT" in error.kind:
                return None
            raise
        return bytes(one ^ other for one, other in zip(masked, pad, strict=False))

    def put(self, path: str, data: bytes) -> None:
        """Write a file, making its folders, and read it back there. Power loss leaves the old file or the new one.

        Raises VerifyMismatch if the device reads anything else than `data`.
        """
        wanted = hashlib.sha256(data).hexdigest()
        steps = f"bc_make_folders({path!r})\nbc_open({NEW_FILE!r})\n"
        for start in range(0, len(data), CHUNK_BYTES):
            if start:
                self.run(steps)
                steps = ""
            steps += f"bc_write({base64.b64encode(data[start : start + CHUNK_BYTES])!r})\n"
        found = self.ask(f"{steps}bc_close({NEW_FILE!r}, {path!r}, {wanted!r})")
        if found != wanted:
            raise VerifyMismatch(
                what=f"{path} reads back from the clock with another SHA-256 than what was sent",
                kept="the file that was there before, and all punches",
                do="run the command again; if it stays, its flash is worn or its power weak: exchange the module",
            )

    def image(self) -> ImageOnDevice:
        """Its kind of image, and its memory."""
        self.run(on_device.ROM)
        rom, bluetooth, used, free, idf_free, idf_largest = self.ask("bc_image()")
        kind = image_kind.kind(in_place=rom > 0, bluetooth=bluetooth)
        return ImageOnDevice(kind, rom, used, free, idf_free, idf_largest)

    def rom_bytes(self) -> int:
        """How many bytes of code it can run in place, from `image`."""
        return self.image().rom_bytes

    def rom_sha256(self, size: int) -> str:
        """SHA-256 (hex) of the first `size` bytes of the partition of `rom_bytes`."""
        return str(self.ask(f"print(json.dumps(bc_rom_sha256(0, {size})))"))

    def put_rom(self, image: bytes, progress: Callable[[int], None] = lambda _: None) -> None:
        """Write the ROMFS image, read it back there, and mount it. The one before must not be in use. `progress` gets
        the number of bytes written so far.

        The sector with the image's header is erased first and written last, when the others read back as sent: an
        incomplete image is never mounted, after a power cut at any time. ESP-IDF before 5.2.6, 5.3.3 and 5.4.1 flushes
        its cache only when the first 64 KB are written, which that last sector does. Raises VerifyMismatch if the
        device reads anything else, or would run anything else.
        """
        self.run("bc_rom_begin()")
        blocks = [image[start : start + ROM_BLOCK_BYTES] for start in range(0, len(image), ROM_BLOCK_BYTES)]
        for block in range(1, len(blocks)):
            self._put_rom_block(block, blocks[block])
            progress(block * ROM_BLOCK_BYTES)
        rest = hashlib.sha256(image[ROM_BLOCK_BYTES:]).hexdigest()
        if self.ask(f"print(json.dumps(bc_rom_sha256({ROM_BLOCK_BYTES}, {len(image)})))") != rest:
            raise _wrong_code()
        self._put_rom_block(0, blocks[0])
        wanted = hashlib.sha256(image).hexdigest()
        mapped = self.ask(f"print(json.dumps(bc_rom_mapped_sha256({len(image)})))")
        if self.rom_sha256(len(image)) != wanted or mapped != wanted:
            self.run("bc_rom_erase()")
            raise _wrong_code()
        progress(len(image))
        self.run("bc_rom_end()")

    def _put_rom_block(self, block: int, data: bytes) -> None:
        text = base64.b64encode(data.ljust(ROM_BLOCK_BYTES, b"\xff"))
        self.run(f"bc_rom_write({block}, {text!r})")

    def remove(self, path: str) -> None:
        """Remove a file or an empty folder."""
        self.run(f"try:\n os.remove({path!r})\nexcept OSError:\n os.rmdir({path!r})")

    def restart(self) -> None:
        """Reset the chip into boot.py and main.py, and close the line."""
        with contextlib.suppress(TransportError, OSError), contextlib.redirect_stdout(io.StringIO()):
            self._transport.exec_raw_no_follow("import machine\nmachine.reset()")
            time.sleep(0.1)  # the last byte must leave the adapter before the port closes
        self.close()

    def close(self) -> None:
        """Leave the raw REPL, if the device still answers, and close the line."""
        with contextlib.suppress(TransportError, OSError):
            if self._transport.serial.baudrate != BAUD:
                self._transport.exec_raw_no_follow(f"{on_device.RATE}\ntime.sleep_ms(100)\nbc_set_rate({BAUD})")
                self._transport.serial.baudrate = BAUD
                self._transport.follow(RATE_ANSWER_S)
            self._transport.exit_raw_repl()
        _close(self._transport)

    def _describe(self) -> DeviceInfo:
        facts = self.ask("bc_describe()")
        version = (*map(int, facts["version"]),)
        if facts["name"] != "micropython" or version < OLDEST_MICROPYTHON or facts["bytecode"] != BYTECODE_VERSION:
            spoken = ".".join(map(str, version))
            raise ProvisionError(
                what=f"{self.port} runs {facts['name']} {spoken}; a clock needs MicroPython 1.25 or newer",
                kept="everything on the device",
                do="write a newer one with `badgeclock clock flash`, which keeps the punches",
            )
        return DeviceInfo((version[0], version[1], version[2]), str(facts["machine"]), str(facts["platform"]))


@contextlib.contextmanager
def open_device(port: str, say: Callable[[str], None] = lambda _: None) -> Iterator[SerialDevice]:
    """A session with the MicroPython on `port`, closed at the end. `say` gets a line about each new attempt.

    Raises DeviceNotFound (no such port, no permission, held by another program, nothing or no MicroPython answers) or
    ProvisionError (MicroPython older than 1.25).
    """
    transport = _open_line(port)
    try:
        _enter_raw_repl(transport, port, say)
        device = SerialDevice(transport, port)
    except BaseException:
        _close(transport)
        raise
    try:
        yield device
    finally:
        device.close()


def _wrong_code() -> VerifyMismatch:
    return VerifyMismatch(
        what="the clock's code in place reads back with another SHA-256 than what was sent",
        kept="all punches and the sealed chain; the clock has no code until the command succeeds",
        do="run the command again; if it stays, its flash is worn or its power weak: exchange the module",
    )


class _PortHeld(DeviceNotFound):
    """Another program has the port open."""


def _open_line(port: str) -> SerialTransport:
    """Open the port; waits for one in use, as services that probe new devices close it soon."""
    deadline = time.monotonic() + HELD_S
    while True:
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                return SerialTransport(port, baudrate=BAUD, timeout=ANSWER_TIMEOUT_S)
        except (TransportError, OSError, ValueError) as error:
            why = _why_not_open(port)
            if not isinstance(why, _PortHeld) or time.monotonic() > deadline:
                raise why from error
        time.sleep(HELD_AGAIN_S)


def _why_not_open(port: str) -> DeviceNotFound:
    """The error for a port that does not open, with what to do about it."""
    kept = "everything on the device"
    number = 0
    try:
        os.close(os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK))
    except OSError as error:
        number = error.errno or 0
    if number == errno.ENOENT:
        there = [found.device for found in list_ports.comports()]
        return DeviceNotFound(
            what=f"there is no port {port}; "
            + (f"there is {', '.join(there)}" if there else "no serial port is there"),
            kept=kept,
            do="plug the clock in with a cable that carries data, and name its port",
        )
    if number in {errno.EACCES, errno.EPERM}:
        return DeviceNotFound(
            what=f"you may not open {port}",
            kept=kept,
            do="run `sudo usermod -aG dialout $USER`, then log out and in again",
        )
    who = ", ".join(holders(port))
    if who or number in {0, errno.EBUSY}:
        return _PortHeld(
            what=f"another program holds {port}" + (f": {who}" if who else ""),
            kept=kept,
            do="close that program (a terminal, an editor, ModemManager) and run the command again",
        )
    return DeviceNotFound(
        what=f"{port} does not open: {os.strerror(number)}",
        kept=kept,
        do="name the clock's serial port, such as /dev/ttyUSB0",
    )


def holders(port: str) -> list[str]:
    """The other processes that have `port` open, as "name (pid)"; only those this user may see. Linux."""
    target = os.path.realpath(port)
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if any(str(handle.readlink()) == target for handle in (process / "fd").iterdir()):
                found.append(f"{(process / 'comm').read_text().strip()} ({process.name})")
    return found


def _enter_raw_repl(transport: SerialTransport, port: str, say: Callable[[str], None]) -> None:
    """Bring the device into a fresh raw REPL.

    Cases: a clock that runs (Ctrl-C ends it), one that is just starting because opening the port reset it (it takes no
    Ctrl-C for about a second), one with a REPL, and devices without MicroPython.
    """
    received = b""
    for attempt in range(ATTEMPTS):
        # An interrupted session may have left the chip at the raised rate.
        transport.serial.baudrate = RAISED_BAUDS[0] if attempt == ATTEMPTS - 2 else BAUD
        if attempt:
            say(f"no answer on {port} yet; attempt {attempt + 1} of {ATTEMPTS}")
            received = (received + _interrupt(transport, attempt))[-4096:]
        out = io.StringIO()
        try:
            with contextlib.redirect_stdout(out):
                transport.enter_raw_repl(soft_reset=True, timeout_overall=3 + attempt)
        except TransportError:
            received = (received + _printed(out.getvalue()))[-4096:]
        except OSError as error:
            raise _why_not_open(port) from error
        else:
            return
    raise _why_no_repl(port, received)


def _printed(text: str) -> bytes:
    """The bytes that mpremote received instead of a prompt; it prints them as Python writes bytes."""
    try:
        received = ast.literal_eval(text.strip() or "b''")
    except (SyntaxError, ValueError):
        return text.encode()
    return received if isinstance(received, bytes) else b""


def _interrupt(transport: SerialTransport, seconds: float) -> bytes:
    """Send Ctrl-C for a while and return the output."""
    received = b""
    until = time.monotonic() + seconds
    try:
        while time.monotonic() < until:
            transport.serial.write(b"\r\x03\x03")
            time.sleep(0.1)
            waiting = transport.serial.in_waiting
            if waiting:
                received += transport.serial.read(waiting)
    except (OSError, serial.SerialException):
        pass
    return received


def _why_no_repl(port: str, received: bytes) -> DeviceNotFound:
    if b"invalid header" in received or b"No bootable app" in received:
        what, do = (
            f"the chip on {port} has no firmware to start",
            f"write MicroPython first: `badgeclock clock flash {port}`",
        )
    else:
        finding = "something answers, but no MicroPython prompt" if received.strip() else "nothing answers"
        what = f"{finding} on {port} after {ATTEMPTS} attempts"
        who = ", ".join(holders(port))
        if who:
            what += f"; {who} has it open too"
        do = (
            "switch the clock off and on again while the command tries; check that the cable carries data; "
            f"a new module needs `badgeclock clock flash {port}` first"
        )
    return DeviceNotFound(what=what, kept="everything on the device", do=do)


def _close(transport: SerialTransport) -> None:
    """Close the line. A pty has no RTS and DTR, which mpremote lowers on the way."""
    with contextlib.suppress(OSError):
        transport.close()
    with contextlib.suppress(OSError):
        transport.serial.close()
