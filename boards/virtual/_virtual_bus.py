"""The wire between MicroPython and the chips of a virtual board: request and answer over a socket that the board
process left open, its descriptor named by BADGECLOCK_WIRE. The other end is host_tools/badgeclock/virtual/bus.py,
which defines the requests.

Nothing here allocates: one request buffer, read and written in place. A request is "posted" if the hardware would not
answer either (a pin is set, a tone is started) and "asked" if it would; their common order is kept.

Ctrl-C may raise KeyboardInterrupt between any two lines, in the middle of a request. `_torn` records how far the last
request got; the next one first resynchronises both ends.
"""

# ruff: noqa: PLW0603, SIM115 - the state is the module's: an object would cost a look-up in every transfer

import os
import struct

from micropython import const

PIN_MODE = const(1)  # unit: pin; n: level to start with, or 2; arg: mode | pull << 4
PIN_WRITE = const(2)  # unit: pin; n: level
PIN_READ = const(3)  # unit: pin -> level
SPI_CONFIG = const(4)  # unit: bus; n: mode; arg: baud rate
SPI_WRITE = const(5)  # unit: bus; data
SPI_READ = const(6)  # unit: bus; n: bytes; arg: byte to send meanwhile -> n bytes
SPI_TRANSFER = const(7)  # unit: bus; data -> as many bytes
I2C_CONFIG = const(8)  # unit: bus; arg: Hz
I2C_WRITE = const(9)  # unit: bus; arg: address; data -> status
I2C_READ = const(10)  # unit: bus; n: bytes; arg: address -> status, n bytes
I2C_WRITE_MEM = const(11)  # unit: bus; arg: address | register << 8; data -> status
I2C_READ_MEM = const(12)  # unit: bus; n: bytes; arg: address | register << 8 -> status, n bytes
PWM = const(13)  # unit: pin; n: duty; arg: Hz
FLASH_READ = const(14)  # n: bytes; arg: address -> status, n bytes
FLASH_PROGRAM = const(15)  # arg: address; data -> status
FLASH_ERASE = const(16)  # n: sectors; arg: address -> status
WDT_START = const(17)  # arg: ms
WDT_FEED = const(18)
RTC_SET = const(19)  # data: int64, microseconds between the host's Unix time and the clock's (since 2000)
RESET = const(20)  # arg: reset cause
CONSOLE = const(21)  # arg: 1 code runs, 0 the REPL reads -> 1 if an interrupt is due
STARTED = const(22)  # arg: heap bytes that the board's own modules take
HELLO = const(23)  # -> 16 bytes, see start
WLAN_ACTIVE = const(24)  # arg: 0, 1
WLAN_CONNECT = const(25)  # data: ssid NUL key
WLAN_DISCONNECT = const(26)
WLAN_STATE = const(27)  # -> active, connected, status u16, rssi i8
WLAN_ADDRESS = const(28)  # -> mac 6, ip 4, netmask 4, gateway 4, dns 4
WLAN_SCAN = const(29)  # -> length u16, JSON
RESOLVE = const(30)  # arg: port; data: host name or address -> status, port u16 on loopback
UNIQUE_ID = const(31)  # -> 6 bytes
ALIGN = const(32)  # arg: any number -> 8 bytes, ALIGNED and the number
INTERRUPTED = const(33)  # KeyboardInterrupt came in the middle of flash work: send it again later

NOTHING = const(255)  # one byte, no request at all

_INLINE = const(64)
_LONGEST = const(65535)
_ALIGNED = b"\xa5\x5a\xc3\x3c"

_wire = open(int(os.getenv("BADGECLOCK_WIRE")), "r+b")
_send = _wire.write
_receive = _wire.readinto
_pack = struct.pack_into
_request = bytearray(8 + _INLINE)
_status = bytearray(1)

# 0: in step; 1: an answer may still come; 2: the other end may wait for data.
_torn = 0
_alignments = 0


def post(op, unit, n, arg):
    """Send a request that has neither data nor answer."""
    if _torn:
        _align()
    _pack("<BBHI", _request, 0, op, unit, n, arg)
    _send(_request, 8)


def post_data(op, unit, arg, data):
    """Send a request with `data` (up to 65,535 bytes) that has no answer."""
    global _torn
    if _torn:
        _align()
    n = len(data)
    if n <= _INLINE:
        _pack("<BBHI64s", _request, 0, op, unit, n, arg, data)
        _send(_request, 8 + n)
    else:
        _pack("<BBHI", _request, 0, op, unit, n, arg)
        _torn = 2
        _send(_request, 8)
        _send(data)
        _torn = 0


def ask_into(op, unit, n, arg, answer, count):
    """Send a request without data and read `count` bytes into `answer`."""
    global _torn
    if _torn:
        _align()
    _pack("<BBHI", _request, 0, op, unit, n, arg)
    _torn = 1
    _send(_request, 8)
    _receive(answer, count)
    _torn = 0


def ask_data_into(op, unit, arg, data, answer, count):
    """Send a request with `data` (up to 65,535 bytes) and read `count` bytes into `answer`."""
    global _torn
    if _torn:
        _align()
    n = len(data)
    if n <= _INLINE:
        _pack("<BBHI64s", _request, 0, op, unit, n, arg, data)
        _torn = 1
        _send(_request, 8 + n)
    else:
        _pack("<BBHI", _request, 0, op, unit, n, arg)
        _torn = 2
        _send(_request, 8)
        _send(data)
        _torn = 1
    _receive(answer, count)
    _torn = 0


def ask(op, unit, n, arg):
    """Send a request without data; the answer is one byte."""
    ask_into(op, unit, n, arg, _status, 1)
    return _status[0]


def ask_data(op, unit, arg, data):
    """Send a request with `data`; the answer is one byte."""
    ask_data_into(op, unit, arg, data, _status, 1)
    return _status[0]


def ask_vector(op, unit, arg, vector, total):
    """Send a request whose data, `total` bytes, are the buffers of `vector`; the answer is one byte."""
    global _torn
    if _torn:
        _align()
    _pack("<BBHI", _request, 0, op, unit, total, arg)
    _torn = 2
    _send(_request, 8)
    for buf in vector:
        _send(buf)
    _torn = 1
    _receive(_status, 1)
    _torn = 0
    return _status[0]


def ask_status_into(op, unit, n, arg, answer, count):
    """Send a request without data; the answer is a status byte and, if that is 0, `count` bytes into `answer`."""
    global _torn
    if _torn:
        _align()
    _pack("<BBHI", _request, 0, op, unit, n, arg)
    _torn = 1
    _send(_request, 8)
    _receive(_status, 1)
    if _status[0] == 0 and count:
        _receive(answer, count)
    _torn = 0
    return _status[0]


def ask_sized(op, unit, n, arg):
    """Send a request without data; the answer is a length, u16, and as many bytes, which are returned."""
    global _torn
    if _torn:
        _align()
    _pack("<BBHI", _request, 0, op, unit, n, arg)
    _torn = 1
    _send(_request, 8)
    length = bytearray(2)
    _receive(length, 2)
    answer = bytearray(length[0] | length[1] << 8)
    _receive(answer, len(answer))
    _torn = 0
    return answer


def _align():
    """Resynchronise both ends after an interrupted request."""
    global _torn, _alignments
    if _torn == 2:
        filler = b"\xff" * 255  # NOTHING, and erased flash: harmless whatever the other end waits for
        for _ in range(_LONGEST // 255 + 1):
            _send(filler)
    _alignments = (_alignments + 1) & 0xFFFF
    _pack("<BBHI", _request, 0, ALIGN, 0, 0, _alignments)
    _send(_request, 8)
    wanted = _ALIGNED + struct.pack("<I", _alignments)
    seen = b""
    one = bytearray(1)
    while seen != wanted:
        _receive(one)
        seen = (seen + one)[-8:]
    _torn = 0
