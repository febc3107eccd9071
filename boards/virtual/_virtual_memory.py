"""The memory of an ESP32 that its heap, Wi-Fi and TLS share, as far as needed to decide whether a clock starts.

MicroPython's heap there begins with 56,000 bytes and grows when an allocation finds no room after a collection: by as
much as it has, or by the largest free block, if that is smaller (py/gc.c, gc_try_add_heap). Wi-Fi, TCP and TLS take
blocks of what is left, at the moments below, and give them back.

The unix port's heap has one size. The part that an ESP32's heap does not have yet is filled with ballast, so that an
allocation fails here where it fails there; growth removes ballast. For a bytearray, an array and a module the heap
grows as there: when it has no room for them after a collection. (A partial import of the module is dropped and
repeated.) For all else growth is computed whenever the heap is collected, a module is imported, code is read from the
file system, or memory is taken: if the heap has no piece of _PIECE bytes. An allocation in between for which a chip
would still have grown fails here.

MicroPython's table of names doubles when it is full (py/qstr.c: 20 names, 40 more, 80 more, ...). Here the board's own
modules fill it until there is room for 640 more (`fill_names`), and an ESP32's memory for the firmware's names is taken
in addition, whenever memory is taken.

Bytes measured on ESP32_GENERIC 1.27.0 in an emulator of the chip, by esp32.idf_heap_info(HEAP_DATA).
"""

# ruff: noqa: PLW0603 - the state is the module's

import array as _arrays
import builtins
import gc as _gc
import os
import sys

from micropython import const

WLAN = (30224, 8192, 4500)  # WLAN(), and active
PARTS = (1450,)  # SPI, I2C and their devices
ADDRESS = (6180,)  # joined, with an address
CONTEXT = (2156,)  # an authority, a certificate and its key
TLS = (16717, 4429, 5510)  # the buffers of a session for what comes in and goes out, and TCP with the rest
HANDSHAKE = (6672,)  # more, while it shakes hands
UART = (912, 2200)  # beside its buffer

_HEAP = const(56000)
_BOOT = const(2200)  # of which so many are in use when boot.py starts
_NEEDED = const(2048)  # what growth needs beyond the allocation that failed, or 13 bytes for each 512 of it
_TABLES = const(512)  # for so many bytes of a heap 12 more are taken, for its books
_FIRST_PIECE = const(4096)
_PIECE = const(512)
_PLENTY = const(4)
_LARGEST = const(111942)
_SECOND = const(30468)
_SCATTERED = const(2280)
_CHUNK = const(512)
_CHUNK_TAKES = const(528)  # with its object

_LOOKS = const(4)

_FIRST_NAMES = const(20)
_NAMES_HERE = const(4000)  # bytes: the table has grown by 640 names
_NAME_BYTES = const(7)  # of the table: address, check and length
_COUNTS = const(12)  # each adds a name

_looks = 0
_counts = 0
_first_name = 0
_table = []
_total = int(os.getenv("BADGECLOCK_IDF") or 0)
is_modelled = _total > 0
# (address, bytes) of each free block: three regions
_free = [(0, _LARGEST), (1 << 20, _SECOND), (2 << 20, _total - _LARGEST - _SECOND)] if is_modelled else []
low = _total
heap = _HEAP
_own = 0  # bytes in the heap that an ESP32 has in its image
_ballast = []
_list_bytes = 0
_filled = ()
_growths = []  # (blocks, bytes of heap)
_made = bytearray  # of the heap as it is
_imported = __import__


class Short(Exception):
    """There is not enough."""


def free():
    """Bytes that are free, wherever."""
    return sum([size for _, size in _free])


def largest():
    """Bytes of the largest free block."""
    return max([size for _, size in _free] or [0])


def _settle_low():
    global low
    low = min(low, free())


def _take(size):
    """The address of a block, taken from the smallest free one that has room."""
    fitting = [(length, at) for at, length in _free if length >= size]
    if not fitting:
        raise Short
    length, at = min(fitting)
    _free.remove((at, length))
    if length > size:
        _free.append((at + size, length - size))
    return at, size


def _give(block):
    at, size = block
    for other in list(_free):
        if other[0] + other[1] == at or at + size == other[0]:
            _free.remove(other)
            at, size = min(at, other[0]), size + other[1]
    _free.append((at, size))


def fill_names():
    """Add names until the unix port's table has room for a firmware's, so that it does not grow for those."""
    number = 0
    before = _gc.mem_alloc()
    while _gc.mem_alloc() - before < _NAMES_HERE:
        before = _gc.mem_alloc()
        type("__%d" % number, (), {})
        number += 1


def _names():
    """How many names were added since the start. An interned name's id has its number."""
    global _counts
    _counts += 1
    return (id(type("_%d" % _counts, (), {}).__name__) >> 3) - _first_name - _counts


def _extend_table():
    """Take what the table of names has grown by. Raises MemoryError."""
    if _counts < _COUNTS:
        names = _names()
        room, more = 0, _FIRST_NAMES
        for _ in _table:
            room, more = room + more, 2 * more
        while names > room:
            _table.append(_bytearray(_NAME_BYTES * more))
            room, more = room + more, 2 * more


def start(frozen):
    """The firmware starts: what is in the heap now is in an ESP32's image, and so are `frozen` bytes of what comes. The
    free part is one piece, as there; the board's modules left holes.
    """
    global _own, _ballast, _list_bytes, _filled, _first_name
    if not is_modelled:
        return
    _first_name = _names()
    most = _gc.mem_free() // _CHUNK_TAKES
    _list_bytes = 4 * most
    _ballast = [None] * most
    count = 0
    try:
        while count < most:
            _ballast[count] = _made(_CHUNK)
            count += 1
        while True:
            _filled = (_filled,)  # as small as an object can be
    except MemoryError:
        pass
    del _ballast[count:]
    _own = _gc.mem_alloc() - missing() - _BOOT + frozen
    del _ballast[count - _chunks(heap - _BOOT + frozen) :]
    builtins.bytearray = _bytearray
    builtins.__import__ = _import
    sys.modules["array"] = _Arrays
    _gc.collect()


def missing():
    """Bytes of the heap that an ESP32 does not have."""
    return _list_bytes + _CHUNK_TAKES * len(_ballast)


def _chunks(size):
    return -(-size // _CHUNK_TAKES)


def _has_piece(is_sure):
    piece = _FIRST_PIECE if heap == _HEAP else _PIECE
    if not is_sure and _gc.mem_free() > _PLENTY * piece:  # to try it makes garbage
        return True
    try:
        _made(piece)
    except MemoryError:
        return False
    return True


def _grow(failed):
    """Let the heap grow for an allocation of so many bytes that failed; whether it has."""
    global heap
    needed = failed + max(_NEEDED, failed * 13 // 512)
    available = min(largest() * _TABLES // (_TABLES + 12), _CHUNK_TAKES * len(_ballast))
    if available < needed:
        return False
    step = min(available, max(heap, needed))
    _growths.append(([_take(step + step // _TABLES * 12)], step))
    heap += step
    del _ballast[len(_ballast) - _chunks(step) :]
    _settle_low()
    return True


def settle(is_sure=None):
    """Let the heap grow until it has a piece that is large enough, as far as there is memory for that. is_sure: find
    that out by making one, whatever the sum of what is free.
    """
    while is_modelled and not _has_piece(is_sure) and _grow(_PIECE):
        pass


def _with_growth(make, *arguments):
    """What `make` gives, for which the heap grows once."""
    try:
        return make(*arguments)
    except MemoryError as error:
        if not _grow(_wanted(error)):
            raise
    return make(*arguments)


def _bytearray(*arguments):
    return _with_growth(_made, *arguments)


class _Arrays:
    """Module `array`."""

    @staticmethod
    def array(*arguments):
        return _with_growth(_arrays.array, *arguments)


def shrink():
    """Give the newest growth back, if the heap has a free piece as large; a chip does if that part of it is empty. The
    first growth stays.
    """
    global heap
    while len(_growths) > 1:
        blocks, step = _growths[-1]
        try:
            _made(step + _FIRST_PIECE)
        except MemoryError:
            return
        del _growths[-1]
        for _ in range(_chunks(step)):
            _ballast.append(_made(_CHUNK))
        give(blocks)
        heap -= step


def look():
    """`settle`, at one of _LOOKS calls."""
    global _looks
    _looks = (_looks + 1) % _LOOKS
    if not _looks:
        settle()


def _import(name, globals=None, locals=None, fromlist=None, level=0):  # noqa: A002 - Python's names
    """`__import__` of the ESP32 port, for which the heap grows. Only asyncio imports relatively."""
    if level:
        name = "asyncio." + name if name else "asyncio"
    was_there = name in sys.modules
    if not was_there:
        settle()
    while True:
        try:
            return _imported(name, globals, locals, fromlist)
        except MemoryError as error:
            if not was_there:
                sys.modules.pop(name, None)
            if not _grow(_wanted(error)):
                raise


def _wanted(error):
    """Bytes of the allocation that failed."""
    for word in str(error).split(" "):
        if word.isdigit():
            return int(word)
    return _PIECE


def used():
    """Bytes in use of the heap, as an ESP32 would have them."""
    return max(_gc.mem_alloc() - missing() - _own, 0)


def take(sizes):
    """The blocks of so many bytes each. Raises Short if there are not so many, with none taken."""
    blocks = []
    if is_modelled:
        _extend_table()
        settle()
        try:
            for size in sizes:
                blocks.append(_take(size))
        except Short:
            give(blocks)
            raise
        _settle_low()
    return blocks


class Held:
    """What a TLS connection holds."""

    def __init__(self):
        self.session = []
        self.handshake = []

    def give_back(self):
        """The connection is over."""
        give(self.handshake)
        give(self.session)


def give(blocks):
    """Return what `take` gave."""
    while blocks:
        _give(blocks.pop())
