"""The memory of an ESP32 that its heap, Wi-Fi and TLS share, as far as it decides whether a clock starts.

MicroPython's heap there begins with 56,000 bytes (57,344 with its tables) and grows when a collection leaves no room:
by as much as it has, or by the largest free block (py/gc.c, gc_try_add_heap). Wi-Fi and TLS take from what is left, at
the moments below. The unix port's heap does not grow, so growth is worked out here, from what is in use whenever
somebody takes memory. One block is modelled: on the chip nearly all of what is left after WLAN() is one.

Bytes measured on ESP32_GENERIC 1.27.0 in an emulator of the chip, by esp32.idf_heap_info(HEAP_DATA).
"""

# ruff: noqa: PLW0603 - the state is the module's

import os
from gc import collect as _collect
from gc import mem_alloc as _mem_alloc

from micropython import const

WLAN = const(42916)  # WLAN(), and active
PARTS = const(1450)  # SPI, I2C and their devices
ADDRESS = const(6180)  # joined, with an address
CONTEXT = const(2156)  # an authority, a certificate and its key
TLS = const(26656)  # TCP and a session
HANDSHAKE = const(6672)  # more, while it shakes hands
UART = const(3112)  # beside its buffers

_HEAP = const(56000)
_NEEDED = const(2048)  # what growth needs beyond the allocation that failed
_TABLES = const(512)  # of 12 bytes in 512 a heap keeps its books

free = int(os.getenv("BADGECLOCK_IDF") or 0)
is_modelled = free > 0
low = free
heap = _HEAP
own = 0  # bytes in the heap that an ESP32 has in its image


class Short(Exception):
    """There is not enough."""


def settle():
    """Let the heap have grown to what is in use."""
    global free, heap, low
    if not is_modelled or _mem_alloc() - own <= heap:
        return
    _collect()
    used = _mem_alloc() - own
    while used > heap:
        step = min(free, heap)
        if step < _NEEDED:
            raise MemoryError("the heap cannot grow")
        free -= step
        heap += step - step // _TABLES * 12
    low = min(low, free)


def take(size):
    """Take so many bytes. Raises Short, or MemoryError where the heap itself had no room."""
    global free, low
    if is_modelled:
        settle()
        if size > free:
            raise Short
        free -= size
        low = min(low, free)


def give(size):
    global free
    if is_modelled:
        free += size
