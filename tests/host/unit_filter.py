"""The filter of system calls that a unit puts on its service, for a program that a test starts:
`python -m tests.host.unit_filter PROGRAM …`.

Of `SystemCallFilter=~@resources` (`systemd-analyze syscall-filter @resources`) those that a program of ours could make:
the kernel kills a process that makes one, as it does under systemd. By numbers of x86-64.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from typing import Final

_REFUSED: Final = {
    "setpriority": 141,
    "sched_setparam": 142,
    "sched_setscheduler": 144,
    "setrlimit": 160,
    "sched_setaffinity": 203,
    "ioprio_set": 251,
    "sched_setattr": 314,
}
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2  # linux/prctl.h, linux/seccomp.h
_LOAD, _IF_EQUAL, _RETURN = 0x20, 0x15, 0x06  # linux/bpf_common.h
_KILL, _ALLOW = 0x80000000, 0x7FFF0000  # linux/seccomp.h
_INSTRUCTION: Final = struct.Struct("=HBBI")


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


UNDER: Final = (sys.executable, "-m", "tests.host.unit_filter")
"""What a command begins with to run under the filter."""


def install() -> None:
    """From now on the kernel kills this process, and all that it starts, for such a call. Raises OSError."""
    numbers = list(_REFUSED.values())
    code = [_INSTRUCTION.pack(_LOAD, 0, 0, 0)]
    code += [_INSTRUCTION.pack(_IF_EQUAL, len(numbers) - at, 0, number) for at, number in enumerate(numbers)]
    code += [_INSTRUCTION.pack(_RETURN, 0, 0, _ALLOW), _INSTRUCTION.pack(_RETURN, 0, 0, _KILL)]
    program = _Program(len(code), b"".join(code))
    call = ctypes.CDLL(None, use_errno=True).prctl
    if call(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or call(_SECCOMP, _FILTER, ctypes.byref(program), 0, 0):
        raise OSError(ctypes.get_errno(), "the kernel takes no filter")


if __name__ == "__main__":
    install()
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606 - the command of a test
