"""The board's serial port: a pseudo-terminal that mpremote opens, and MicroPython's standard streams behind it.

As the USB serial chip of a real board: unread output is lost, Ctrl-C interrupts running code, newlines become CR LF.
All output is also written to a log file.
"""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import threading
import time
import tty
from pathlib import Path
from typing import BinaryIO

from badgeclock.virtual.clock_process import ClockProcess

CTRL_C = 0x03
# Two interrupts closer together are one: the unix port exits if a second one arrives before it handled the first.
INTERRUPT_GAP_S = 0.3
# An interrupt waits until the flash was left alone for this long, so that it does not come in the middle of littlefs,
# ...
FLASH_QUIET_S = 0.003
# ... but for no longer than this.
FLASH_PATIENCE_S = 0.5
# An interrupt that arrived in the middle nevertheless is sent again after this, quiet or not.
AGAIN_S = 0.01
# How often a closed terminal is checked.
IDLE_S = 0.02
LOG_BYTES = 4_000_000


class Console:
    """One pseudo-terminal for the life of a board, and the process that is behind it at present."""

    def __init__(self, link: Path, log: Path) -> None:
        self._master, slave = pty.openpty()
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        os.close(slave)
        os.set_blocking(self._master, False)
        self._link = link
        link.unlink(missing_ok=True)
        link.symlink_to(self.path)
        self._log: BinaryIO = log.open("ab")
        self._clock: ClockProcess | None = None
        self._lock = threading.Lock()
        self._running = False  # whether the clock runs code, as opposed to starting up or reading its REPL
        self._starting = False  # a Ctrl-C that comes then waits until code runs
        self._interrupt_due = False
        self._due_s = 0.0
        self._interrupted_s = 0.0
        self.flash_used_s = 0.0
        self._to_clock = bytearray()
        self._to_terminal = bytearray()
        self._after_cr = False
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="console", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Remove the terminal."""
        self._closing = True
        self._wake()
        self._thread.join()
        with contextlib.suppress(OSError):
            if str(self._link.readlink()) == self.path:
                self._link.unlink()
        os.close(self._master)
        os.close(self._wake_read)
        os.close(self._wake_write)
        self._log.close()

    def attach(self, clock: ClockProcess) -> None:
        """This process is behind the terminal now. It gets what was typed since restart()."""
        os.set_blocking(clock.stdin, False)
        os.set_blocking(clock.stdout, False)
        with self._lock:
            self._clock = clock
            self._running = False
            self._starting = True
        self._wake()

    def restart(self) -> None:
        """The process has ended and another one follows: its remaining output is read, input waits."""
        self._detach()
        self._starting = True

    def power_off(self) -> None:
        """The process has ended: input is lost from now on."""
        self._detach()
        self._starting = False
        self._interrupt_due = False
        self._to_clock.clear()

    def _detach(self) -> None:
        with self._lock:
            if self._clock is not None:
                self._drain(self._clock)
                self._clock = None
                self._interrupt_due = False
                self._to_clock.clear()
            self._running = False
        self._wake()

    def note_running(self, running: int) -> int:
        """The clock reports that it runs code (1) or reads its REPL (0). 1 if it is to interrupt itself at once."""
        with self._lock:
            self._running = bool(running)
            self._starting = False
            due, self._interrupt_due = self._interrupt_due, False
            if due and not running:
                self._to_clock += bytes((CTRL_C,))
                self._flush_clock()
                due = False
            # An interrupt of earlier code does not count for the present one.
            self._interrupted_s = time.monotonic() if due else 0.0
            return int(due)

    def interrupt_again(self) -> None:
        """The last interrupt came in the middle of flash work, which went on: send it again when that is over."""
        with self._lock:
            self._interrupted_s = 0.0
            self._interrupt_due = True
            self._due_s = time.monotonic() - FLASH_PATIENCE_S + AGAIN_S
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_write, b"x")

    def _run(self) -> None:
        poller = select.poll()
        poller.register(self._wake_read, select.POLLIN)
        while not self._closing:
            listener = self._listened_to()
            with self._lock:
                clock = self._clock
                if clock is not None and not self._to_terminal:
                    poller.register(clock.stdout, select.POLLIN)
                if clock is not None and self._to_clock:
                    poller.register(clock.stdin, select.POLLOUT)
                if listener:
                    wanted = (select.POLLIN if not self._to_clock else 0) | (select.POLLOUT if self._to_terminal else 0)
                    poller.register(self._master, wanted)
            wait_s = FLASH_QUIET_S if self._interrupt_due and self._running else None if listener else IDLE_S
            events = dict(poller.poll(None if wait_s is None else wait_s * 1000))
            with self._lock:
                if clock is not None:
                    for fd in (clock.stdout, clock.stdin):
                        with contextlib.suppress(KeyError):
                            poller.unregister(fd)
                if listener:
                    poller.unregister(self._master)
                if self._wake_read in events:
                    os.read(self._wake_read, 4096)
                if self._clock is not clock:
                    continue
                if clock is not None and clock.stdout in events:
                    self._from_clock(clock)
                self._flush_terminal()
                if listener and events.get(self._master, 0) & select.POLLIN:
                    self._from_terminal()
                self._flush_clock()
                if self._interrupt_due and self._running and clock is not None:
                    self._interrupt(clock)

    def _listened_to(self) -> bool:
        """Whether somebody has the terminal open."""
        poller = select.poll()
        poller.register(self._master, 0)
        return not any(mask & select.POLLHUP for _, mask in poller.poll(0))

    def _drain(self, clock: ClockProcess) -> None:
        with contextlib.suppress(OSError):
            while self._from_clock(clock):
                pass
        self._flush_terminal()

    def _from_clock(self, clock: ClockProcess) -> bool:
        try:
            data = os.read(clock.stdout, 65536)
        except BlockingIOError:
            return False
        if not data:
            return False
        if self._log.tell() < LOG_BYTES:
            self._log.write(data)
            self._log.flush()
        if self._listened_to():
            cooked = re.sub(rb"(?<!\r)\n", b"\r\n", data)
            if self._after_cr and data[:1] == b"\n":
                cooked = cooked[1:]
            self._to_terminal += cooked
        self._after_cr = data[-1:] == b"\r"
        return True

    def _flush_terminal(self) -> None:
        if not self._to_terminal:
            return
        if not self._listened_to():
            self._to_terminal.clear()
            return
        with contextlib.suppress(BlockingIOError):
            del self._to_terminal[: os.write(self._master, self._to_terminal)]

    def _from_terminal(self) -> None:
        try:
            data = os.read(self._master, 4096)
        except OSError:
            return  # closed by the other side
        interrupts = self._starting or (self._running and self._clock is not None and self._clock.takes_interrupts())
        if CTRL_C in data and interrupts:
            data = data.replace(bytes((CTRL_C,)), b"")
            self._interrupt_due = True
            self._due_s = time.monotonic()
        self._to_clock += data

    def _interrupt(self, clock: ClockProcess) -> None:
        """Send the interrupt that is due, unless one was just sent, or littlefs is at work."""
        now = time.monotonic()
        if now - self._interrupted_s < INTERRUPT_GAP_S:
            self._interrupt_due = False
        elif now - self.flash_used_s >= FLASH_QUIET_S or now - self._due_s >= FLASH_PATIENCE_S:
            self._interrupt_due = False
            self._interrupted_s = now
            clock.interrupt()

    def _flush_clock(self) -> None:
        if not self._to_clock:
            return
        if self._clock is None:
            if not self._starting:
                self._to_clock.clear()
            return
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            del self._to_clock[: os.write(self._clock.stdin, self._to_clock)]
