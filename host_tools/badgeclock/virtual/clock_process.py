"""One run of MicroPython: the process, its wire to the chips, its serial line.

The process dies with the thread that started it (PR_SET_PDEATHSIG), so that a killed board leaves nothing behind.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from badgeclock.toolchain.programs import Arch, micropython

PR_SET_PDEATHSIG = 1

# The board's own modules' part of MicroPython's heap (measured: `stats()["module_heap_bytes"]`, i386). On an ESP32 they
# are in the image and take none, so this comes on top of the heap that the firmware gets.
MODULE_HEAP_BYTES = 34 * 1024

# The start reports its own use, and measures from here.
START = "import gc; before = gc.mem_alloc(); import _virtual_start"

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass
class ClockProcess:
    """A running MicroPython. `wire` carries requests to the chips, `stdin` and `stdout` are its serial line."""

    process: subprocess.Popen[bytes]
    wire: socket.socket
    stdin: int
    stdout: int
    started_s: float  # CLOCK_MONOTONIC

    @property
    def pid(self) -> int:
        """The process's id."""
        return self.process.pid

    def kill(self) -> None:
        """Power off: SIGKILL."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)

    def wait(self) -> int:
        """Wait for its end and close the lines. Its exit status (negative: the signal)."""
        status = self.process.wait()
        self.wire.close()
        os.close(self.stdin)
        os.close(self.stdout)
        return status

    def takes_interrupts(self) -> bool:
        """Whether SIGINT is caught now, as it is unless the firmware called micropython.kbd_intr(-1)."""
        try:
            status = Path(f"/proc/{self.pid}/status").read_text()
        except OSError:
            return False
        caught = next((line for line in status.splitlines() if line.startswith("SigCgt:")), "SigCgt: 0")
        return bool(int(caught.split()[1], 16) >> (signal.SIGINT - 1) & 1)

    def interrupt(self) -> None:
        """Ctrl-C on its serial line."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)


def start(arch: Arch, heap_bytes: int, modules: Path, flash: Path | None, idf_bytes: int = 0) -> ClockProcess:
    """Start MicroPython with the board's modules of the folder `modules` and `heap_bytes` for the firmware. It may map
    the file `flash`, if that is given, and run code where it is there. idf_bytes: an ESP32's memory for its heap's
    growth, Wi-Fi and TLS together; 0 models none.

    Raises ToolMissing.
    """
    program = micropython(arch)
    heap_size = heap_bytes + MODULE_HEAP_BYTES * (2 if arch == "amd64" else 1)
    here, there = socket.socketpair()
    stdin_read, stdin_write = os.pipe()
    stdout_read, stdout_write = os.pipe()
    parent = os.getpid()

    def prepare() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    # A bare environment: a clock's behaviour must not depend on its starter.
    environment = {
        "TZ": "UTC",
        "PATH": os.defpath,
        "BADGECLOCK_WIRE": str(there.fileno()),
        "BADGECLOCK_IDF": str(idf_bytes),
    }
    passed = [there.fileno()]
    if flash is not None:
        passed.append(os.open(flash, os.O_RDONLY))
        environment["BADGECLOCK_FLASH"] = str(passed[-1])
    try:
        process = subprocess.Popen(
            [program, "-X", f"heapsize={heap_size}", "-c", START],
            cwd=modules,
            stdin=stdin_read,
            stdout=stdout_write,
            stderr=stdout_write,
            env=environment,
            preexec_fn=prepare,  # noqa: PLW1509 - there is no other way to set the death signal
            pass_fds=passed,
            start_new_session=True,
        )
    finally:
        there.close()
        for mapped in passed[1:]:
            os.close(mapped)
        os.close(stdin_read)
        os.close(stdout_write)
    return ClockProcess(process, here, stdin_write, stdout_read, time.monotonic())
