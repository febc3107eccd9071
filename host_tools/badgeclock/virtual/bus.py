"""The board's end of the wire to MicroPython: parses requests, passes them to the board, sends its answers.

A request is a head of 8 bytes, little-endian: op u8, unit u8, n u16, arg u32; ops in WITH_DATA are followed by n bytes.
The other end, and what each op means, is boards/virtual/_virtual_bus.py. Posted ops get no answer. One thread per
MicroPython process; it ends when the process does.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from enum import IntEnum


class Op(IntEnum):
    """The requests; the numbers are those of boards/virtual/_virtual_bus.py."""

    PIN_MODE = 1
    PIN_WRITE = 2
    PIN_READ = 3
    SPI_CONFIG = 4
    SPI_WRITE = 5
    SPI_READ = 6
    SPI_TRANSFER = 7
    I2C_CONFIG = 8
    I2C_WRITE = 9
    I2C_READ = 10
    I2C_WRITE_MEM = 11
    I2C_READ_MEM = 12
    PWM = 13
    FLASH_READ = 14
    FLASH_PROGRAM = 15
    FLASH_ERASE = 16
    WDT_START = 17
    WDT_FEED = 18
    RTC_SET = 19
    RESET = 20
    CONSOLE = 21
    STARTED = 22
    HELLO = 23
    WLAN_ACTIVE = 24
    WLAN_CONNECT = 25
    WLAN_DISCONNECT = 26
    WLAN_STATE = 27
    WLAN_ADDRESS = 28
    WLAN_SCAN = 29
    RESOLVE = 30
    UNIQUE_ID = 31
    ALIGN = 32
    INTERRUPTED = 33
    NOTHING = 255


WITH_DATA = frozenset(
    {
        Op.SPI_WRITE,
        Op.SPI_TRANSFER,
        Op.I2C_WRITE,
        Op.I2C_WRITE_MEM,
        Op.FLASH_PROGRAM,
        Op.RTC_SET,
        Op.WLAN_CONNECT,
        Op.RESOLVE,
    }
)

HEAD = struct.Struct("<BBHI")
ALIGNED = b"\xa5\x5a\xc3\x3c"

# unit, n, arg, data -> the answer, or None for a posted op.
Handler = Callable[[int, int, int, bytes], bytes | None]


def serve(wire: socket.socket, handlers: dict[int, Handler]) -> None:
    """Answer requests until the other end closes. Raises KeyError for an unknown op."""
    with_data = [op in WITH_DATA for op in range(256)]
    unpack = HEAD.unpack_from
    pending = b""
    while True:
        try:
            chunk = wire.recv(131_072)
        except OSError:
            return
        if not chunk:
            return
        pending = pending + chunk if pending else chunk
        at, end = 0, len(pending)
        while at < end:
            op = pending[at]
            if op == Op.NOTHING:
                at += 1
                continue
            if end - at < 8:
                break
            _, unit, n, arg = unpack(pending, at)
            data = b""
            if with_data[op]:
                if end - at < 8 + n:
                    break
                data = pending[at + 8 : at + 8 + n]
            at += 8 + len(data)
            answer = ALIGNED + arg.to_bytes(4, "little") if op == Op.ALIGN else handlers[op](unit, n, arg, data)
            if answer is not None:
                try:
                    wire.sendall(answer)
                except OSError:
                    return
        pending = pending[at:]
