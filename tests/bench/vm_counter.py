"""Counts the bytecode instructions that a running i386 MicroPython executes, one by one, without a change to it.

Debian's unix port has no `sys.settrace`. But its virtual machine is compiled with MICROPY_OPT_COMPUTED_GOTO: every
instruction is dispatched by `goto *entry_table[*ip++]`, of which the compiler made some fifteen indirect jumps in one
function. A breakpoint at each of them, by ptrace(2), sees every instruction exactly once, and where it is: so what a
clock executes can be separated from what the virtual board's own modules do, and one module from another.
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
import struct
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Self

# goto *entry_table[opcode], the opcode in eax: jmp *(table,%eax,4); or mov (table,%eax,4),%eax and jmp *%eax, at times
# with one more mov between them.
_JUMP_BY_TABLE = re.compile(rb"\xff\x24[\x80-\x87]")
_JUMP_TO_LOADED = re.compile(rb"\x8b\x04[\x80-\x87](?:\x89.)?(\xff\xe0)", re.DOTALL)
_BREAKPOINT = b"\xcc"
_OPCODES = 256
_VM_SPAN_BYTES = 0x4000  # more than mp_execute_bytecode has
_IP_OFFSET = 4  # of mp_code_state_t.ip, which every dispatch sets; the frame begins with a pointer to it

_ATTACH, _DETACH, _CONTINUE, _GET_REGISTERS, _POKE_USER = 16, 17, 7, 12, 6
_WALL = 0x40000000
# struct user_regs_struct of x86-64, which a 64-bit tracer sees of a 32-bit process too: 27 longs, these among them.
_RAX, _RIP, _RSP, _REGISTERS = 10, 16, 19, 27
_BY_SIB = (10, 11, 12, 5, 19, 4, 13, 14)  # eax, ecx, edx, ebx, esp, ebp, esi, edi

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


class CannotCount(Exception):
    """This MicroPython's dispatch code is unknown to this file, or the system forbids tracing."""


class VmCounter:
    """The instructions of process `pid` from `start` to `stop`, by address: `trace` grows while it runs.

    Addresses are those of the process. The process runs some hundred times slower meanwhile. Raises CannotCount.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.trace: list[int] = []
        self._sites = dispatches(pid)
        self._stopping = False
        self._failure: BaseException | None = None
        self._attached = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vm counter", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._attached.wait()
        self._check()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        os.kill(self.pid, signal.SIGSTOP)
        self._thread.join()
        os.kill(self.pid, signal.SIGCONT)
        self._check()

    def _check(self) -> None:
        if self._failure is not None:
            raise CannotCount(f"the process {self.pid} cannot be traced: {self._failure}") from self._failure

    def _run(self) -> None:
        """A process is traced by one thread alone."""
        try:
            _ptrace(_ATTACH, self.pid)
            os.waitpid(self.pid, _WALL)
            with Path(f"/proc/{self.pid}/mem").open("r+b", buffering=0) as file:
                memory = file.fileno()
                for site in self._sites:
                    os.pwrite(memory, _BREAKPOINT, site)
                self._attached.set()
                self._count(memory)
                for site in self._sites:
                    os.pwrite(memory, b"\xff", site)
            _ptrace(_DETACH, self.pid)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits for the count
            self._failure = error
        finally:
            self._attached.set()

    def _count(self, memory: int) -> None:
        registers = (ctypes.c_ulong * _REGISTERS)()
        where = ctypes.addressof(registers)
        tables: dict[int, tuple[int, ...]] = {}
        word = struct.Struct("<I").unpack
        note = self.trace.append
        _ptrace(_CONTINUE, self.pid)
        while True:
            _, status = os.waitpid(self.pid, _WALL)
            if not os.WIFSTOPPED(status):
                raise ProcessLookupError(f"it ended with status {status}")
            number = os.WSTOPSIG(status)
            if number != signal.SIGTRAP:
                if number == signal.SIGSTOP and self._stopping:
                    return
                _ptrace(_CONTINUE, self.pid, data=number)
                continue
            _ptrace(_GET_REGISTERS, self.pid, data=where)
            site = registers[_RIP] - 1
            if site not in self._sites:
                raise RuntimeError(f"a trap at {site:#x}, where no breakpoint is")
            (state,) = word(os.pread(memory, 4, registers[_RSP]))
            note(word(os.pread(memory, 4, state + _IP_OFFSET))[0])
            target, base_register = registers[_RAX], self._sites[site]
            if base_register is not None:
                base = registers[base_register]
                if base not in tables:
                    tables[base] = struct.unpack(f"<{_OPCODES}I", os.pread(memory, 4 * _OPCODES, base))
                target = tables[base][target]
            _ptrace(_POKE_USER, self.pid, _RIP * 8, target)
            _ptrace(_CONTINUE, self.pid)


def dispatches(pid: int) -> dict[int, int | None]:
    """The virtual machine's dispatches in the process: address -> the register that holds the table there (its place
    in struct user_regs_struct), None where eax holds the target already. Raises CannotCount.
    """
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        found = re.match(r"([0-9a-f]+)-([0-9a-f]+) r-xp ([0-9a-f]+) \S+ \d+ +(\S*/micropython\S*)$", line)
        if found:
            start, end, offset = (int(number, 16) for number in found.groups()[:3])
            with Path(found[4]).open("rb") as program:
                program.seek(offset)
                code = program.read(end - start)
            sites = _sites(code)
            if sites:
                return {start + place: register for place, register in sites.items()}
    raise CannotCount(f"process {pid} is no i386 MicroPython with computed gotos")


def _sites(code: bytes) -> dict[int, int | None]:
    """The same by place in the program's text; empty if it is unknown to this file."""
    by_table = {found.start(): _BY_SIB[found[0][2] & 7] for found in _JUMP_BY_TABLE.finditer(code)}
    if not by_table or max(by_table) - min(by_table) > _VM_SPAN_BYTES:
        return {}
    near = range(min(by_table) - _VM_SPAN_BYTES, max(by_table) + _VM_SPAN_BYTES)
    loaded = [found.start(1) for found in _JUMP_TO_LOADED.finditer(code)]
    return {**by_table, **dict.fromkeys(place for place in loaded if place in near)}


def _ptrace(request: int, pid: int, address: int = 0, data: int = 0) -> None:
    if _libc.ptrace(request, pid, address, data) == -1:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def by_place(trace: Iterable[int], places: Mapping[str, tuple[int, int]]) -> Counter[str]:
    """How many of the addresses are in each of the `places` (from, end); what is in none counts as ""."""
    ordered = sorted((start, end, name) for name, (start, end) in places.items())
    counts: Counter[str] = Counter()
    for address, times in Counter(trace).items():
        counts[next((name for start, end, name in ordered if start <= address < end), "")] += times
    return counts
