"""The counter of bytecode instructions that the benches use, against code whose instructions are known."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from collections.abc import Iterator

import pytest
from tests.bench.vm_counter import CannotCount, VmCounter, by_place, dispatches

from badgeclock.toolchain import programs

# A turn of `while i < n: i += 1` is LOAD_FAST, LOAD_CONST_SMALL_INT, BINARY_OP, STORE_FAST; and, at its end, LOAD_FAST
# twice, BINARY_OP, POP_JUMP_IF_TRUE (py/emitbc.c, py/compile.c).
TURN, LAST_TEST = 8, 4

SOURCE = """
import sys
def count(n):
    i = 0
    while i < n:
        i += 1
while True:
    count(int(sys.stdin.readline()))
    print("done")
"""


@pytest.fixture
def program() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [programs.micropython("i386"), "-c", SOURCE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        turns(running, 0)  # it is past its start
        yield running
        running.kill()


def turns(program: subprocess.Popen[str], count: int) -> None:
    assert program.stdin is not None
    assert program.stdout is not None
    program.stdin.write(f"{count}\n")
    program.stdin.flush()
    assert program.stdout.readline() == "done\n"


def test_every_instruction_is_counted_once_and_where_it_lies(program: subprocess.Popen[str]) -> None:
    with VmCounter(program.pid) as counter:
        marks = []
        for count in (0, 10, 310):
            turns(program, count)
            marks.append(len(counter.trace))
    few, many = marks[1] - marks[0], marks[2] - marks[1]
    assert abs(many - few - 300 * TURN) < 20, "all but what runs between the line that is read and the next wait"
    often = [address for address, times in Counter(counter.trace).items() if times >= 320]
    assert len(often) == TURN
    loop = (min(often), max(often) + 1)
    assert by_place(counter.trace, {"loop": loop})["loop"] == 320 * TURN + 3 * LAST_TEST


def test_a_program_goes_on_uncounted_as_before(program: subprocess.Popen[str]) -> None:
    before = dispatches(program.pid)
    with VmCounter(program.pid) as counter:
        turns(program, 5)
    seen = len(counter.trace)
    assert seen
    turns(program, 5)
    assert len(counter.trace) == seen
    assert dispatches(program.pid) == before


def test_another_program_is_refused() -> None:
    with pytest.raises(CannotCount, match="no i386 MicroPython"):
        dispatches(os.getpid())
