"""The memory of an ESP32 that its heap, Wi-Fi and TLS share, as far as it decides whether a clock starts.

MicroPython's heap there begins with 56,000 bytes and grows when a collection leaves no room: by as much as it has, or
by the largest free block, if that is smaller (py/gc.c, gc_try_add_heap). Wi-Fi, TCP and TLS take blocks of what is
left, at the moments below, and give them back. The unix port's heap does not grow, so growth is worked out here:
whenever the heap is collected, or somebody takes memory. A heap is full before its last byte is used: the pieces
between what is in use are too small by then.

Bytes measured on ESP32_GENERIC 1.27.0 in an emulator of the chip, by esp32.idf_heap_info(HEAP_DATA).
"""

# ruff: noqa: PLW0603 - the state is the module's

import gc as _gc
import os

from micropython import const

WLAN = (42916,)  # WLAN(), and active
PARTS = (1450,)  # SPI, I2C and their devices
ADDRESS = (6180,)  # joined, with an address
CONTEXT = (2156,)  # an authority, a certificate and its key
TLS = (16717, 4429, 5510)  # the buffers of a session for what comes in and goes out, and TCP with the rest
HANDSHAKE = (6672,)  # more, while it shakes hands
UART = (912, 2200)  # beside its buffer

_HEAP = const(56000)
_NEEDED = const(2048)  # what growth needs beyond the allocation that failed
_TABLES = const(512)  # of 12 bytes in 512 a heap keeps its books
_PIECES = const(48)  # one byte of so many in use lies free in pieces that are too small
# Of the virtual board's modules, C on a chip, and umqtt.simple, frozen in the official image: what an idle clock has
# more in the heap here (99.7 KB) than there (90.7).
_OBJECTS = const(9000)
_SCATTERED = const(2280)  # free in a region of its own

_LOOKS = const(16)

_looks = 0
_total = int(os.getenv("BADGECLOCK_IDF") or 0)
is_modelled = _total > 0
# (address, bytes) of each free block
_free = [(0, _total - _SCATTERED), (_total, _SCATTERED)] if is_modelled else []
low = _total
heap = _HEAP
own = 0  # bytes in the heap that an ESP32 has in its image


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


def settle():
    """Let the heap have grown to what is in use. Raises MemoryError if it cannot."""
    global heap
    if not is_modelled or _needed() <= heap:
        return
    _gc.collect()
    while _needed() > heap:
        step = min(largest(), heap)
        if step < _NEEDED:
            raise MemoryError("the heap cannot grow")
        _take(step)
        heap += step - step // _TABLES * 12
    _settle_low()


def look():
    """`settle` as far as it can be done, at one call of _LOOKS: to count what is in use takes time."""
    global _looks
    _looks = (_looks + 1) % _LOOKS
    if _looks or not is_modelled:
        return
    try:
        settle()
    except MemoryError:
        pass


def used():
    """Bytes in use of the heap, as an ESP32 would have them."""
    return max(_gc.mem_alloc() - own - _OBJECTS, 0)


def _needed():
    return used() + used() // _PIECES


def take(sizes):
    """The blocks of so many bytes each. Raises Short if there are not so many, with none taken; MemoryError where the
    heap itself had no room.
    """
    blocks = []
    if is_modelled:
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
