"""`vfs` of an ESP32 image that runs code in place (MICROPY_VFS_ROM): the port's own module, and `rom_ioctl`.

The `romfs` partition is seen through a read-only mapping of the board's flash, as an ESP32 sees it through its flash
cache: what is programmed there is there at once, and none of it is in the heap.
"""

# ruff: noqa: F403, F405 - names, arguments and results are the ESP32 port's

import os

import ffi
import uctypes
from micropython import const
from vfs import *

_NUMBER_OF_SEGMENTS = const(1)  # extmod/vfs.h
_SEGMENT = const(2)
_EINVAL = const(22)
_PROT_READ = const(1)
_MAP_SHARED = const(1)

_segment = None


def offers(partitions):
    """Whether the image runs code in place; the flash must then have a partition for it (ports/esp32: one segment)."""
    global _segment  # noqa: PLW0603 - mapped once, as the port does
    flash = os.getenv("BADGECLOCK_FLASH")
    found = partitions.find(partitions.TYPE_DATA, label="romfs")
    if not flash or not found:
        return False
    _, _, start, size, _, _ = found[0].info()
    mmap = ffi.open(None).func("p", "mmap", "pLiiil")
    _segment = uctypes.bytearray_at(mmap(0, size, _PROT_READ, _MAP_SHARED, int(flash), start), size)
    return True


def rom_ioctl(request, segment=0):
    """One segment; writing is the partition's affair, as on the ESP32."""
    if request == _NUMBER_OF_SEGMENTS:
        return 1
    return _segment if request == _SEGMENT and segment == 0 else -_EINVAL


def mount_rom():
    """As the port does when it starts: False, and no error, if the partition has no image."""
    try:
        mount(VfsRom(_segment), "/rom")
    except OSError:
        return False
    return True
