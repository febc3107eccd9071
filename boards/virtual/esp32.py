"""`esp32` of the ESP32 port, as far as a clock uses it: the flash partitions of the virtual board's NOR image.

As ports/esp32/esp32_partition.c: writeblocks() with an offset programs and erases nothing; without one it erases
first.
"""

# ruff: noqa: A002, D101, RET503 - names, arguments and results are the ESP32 port's

from struct import unpack as _unpack

import _virtual_bus as _bus
import _virtual_memory as _memory
from micropython import const

_TABLE = const(0x8000)
_ENTRY = const(32)
_MAGIC = const(0x50AA)
_SECTOR = const(4096)
_CHUNK = const(61440)
_INVALID_ARG = const(0x102)
_INVALID_SIZE = const(0x104)
_FLASH_FAULT = const(0x106)  # ESP_ERR_NOT_SUPPORTED, what the flash driver gives for a chip that does not answer


HEAP_DATA = const(4)


def idf_heap_info(capabilities):  # noqa: ARG001 - as the port has it
    """One region, whatever the capabilities: (bytes, free, largest block, free at the lowest)."""
    _memory.settle()
    return [(_memory.free(), _memory.free(), _memory.largest(), _memory.low)]


def _check(status):
    if status:
        raise OSError(-_FLASH_FAULT, "ESP_ERR_FLASH")


def _read(address, buf):
    n = len(buf)
    if n <= _CHUNK:
        _check(_bus.ask_status_into(_bus.FLASH_READ, 0, n, address, buf, n))
    else:
        view = memoryview(buf)
        for at in range(0, n, _CHUNK):
            _read(address + at, view[at : at + _CHUNK])


def _program(address, buf):
    n = len(buf)
    if n <= _CHUNK:
        _check(_bus.ask_data(_bus.FLASH_PROGRAM, 0, address, buf))
    else:
        view = memoryview(buf)
        for at in range(0, n, _CHUNK):
            _program(address + at, view[at : at + _CHUNK])


def _entries():
    entry = bytearray(_ENTRY)
    address = _TABLE
    while True:
        _read(address, entry)
        magic, kind, subtype, start, size, label, flags = _unpack("<HBBII16sI", entry)
        if magic != _MAGIC:
            return
        yield kind, subtype, start, size, label.rstrip(b"\0").decode(), flags & 1
        address += _ENTRY


class Partition:
    BOOT = const(0)
    RUNNING = const(1)
    TYPE_APP = const(0)
    TYPE_DATA = const(1)

    # An ESP32's holds a pointer to the table's row; here it keeps no more than every access needs.
    _block_size = _SECTOR

    def __init__(self, id, block_size=_SECTOR):
        for entry in _entries():
            if entry[4] == id if isinstance(id, str) else entry[0] == self.TYPE_APP:
                self._start = entry[2]
                self._size = entry[3]
                if block_size != _SECTOR:
                    self._block_size = block_size
                return
        raise OSError(2)

    def _entry(self):
        for entry in _entries():
            if entry[2] == self._start:
                return entry

    @staticmethod
    def find(type=TYPE_APP, subtype=0xFF, label=None, block_size=_SECTOR):
        found = []
        for entry in _entries():
            if entry[0] == type and subtype in (0xFF, entry[1]) and label in (None, entry[4]):
                found.append(Partition(entry[4], block_size))
        return found

    def info(self):
        kind, subtype, start, size, label, encrypted = self._entry()
        return (kind, subtype, start, size, label, bool(encrypted))

    def __repr__(self):
        return "<Partition type=%u, subtype=%u, address=%u, size=%u, label=%s, encrypted=%u>" % self._entry()

    def _address(self, offset, n):
        if offset < 0 or offset > self._size:
            raise OSError(-_INVALID_ARG, "ESP_ERR_INVALID_ARG")
        if offset + n > self._size:
            raise OSError(-_INVALID_SIZE, "ESP_ERR_INVALID_SIZE")
        return self._start + offset

    def _erase(self, offset, n):
        if n % _SECTOR:
            raise OSError(-_INVALID_SIZE, "ESP_ERR_INVALID_SIZE")
        _check(_bus.ask(_bus.FLASH_ERASE, 0, n // _SECTOR, self._address(offset, n)))

    # littlefs calls these from C, and an exception in the middle would leave it in pieces, which no interrupt does on
    # an ESP32. So a Ctrl-C that arrives here is put off and the work done again: reading, programming the same bytes
    # and erasing give the same result twice.

    def readblocks(self, block_num, buf, offset=0):
        _memory.look()  # code comes from here: so its heap is looked at while it is loaded
        while True:
            try:
                _read(self._address(block_num * self._block_size + offset, len(buf)), buf)
                return
            except KeyboardInterrupt:
                _bus.post(_bus.INTERRUPTED, 0, 0, 0)

    def writeblocks(self, block_num, buf, offset=-1):
        while True:
            try:
                start = block_num * self._block_size
                if offset >= 0:
                    start += offset
                else:
                    self._erase(start, len(buf))
                _program(self._address(start, len(buf)), buf)
                return
            except KeyboardInterrupt:
                _bus.post(_bus.INTERRUPTED, 0, 0, 0)

    def ioctl(self, cmd, arg=0):
        if 1 <= cmd <= 3:  # init, deinit, sync: nothing is held back
            return 0
        if cmd == 4:
            return self._size // self._block_size
        if cmd == 5:
            return self._block_size
        if cmd == 6:
            while True:
                try:
                    self._erase(arg * self._block_size, self._block_size)
                    return 0
                except KeyboardInterrupt:
                    _bus.post(_bus.INTERRUPTED, 0, 0, 0)

    def set_boot(self):
        if self._entry()[0] != self.TYPE_APP:
            raise OSError(-_INVALID_ARG, "ESP_ERR_INVALID_ARG")

    def get_next_update(self):
        raise OSError(-0x105, "ESP_ERR_NOT_FOUND")  # the table has a factory image and no second slot

    @classmethod
    def mark_app_valid_cancel_rollback(cls):
        pass


def raw_temperature():
    """The chip's own temperature, degrees Fahrenheit."""
    return 113
