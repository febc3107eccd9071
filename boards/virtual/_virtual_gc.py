"""`gc` of the ESP32 port: the unix port's, whose heap can grow by the largest block of the chip's memory."""

# ruff: noqa: F403 - names, arguments and results are the ESP32 port's

import gc as _host
from gc import *

import _virtual_memory as _memory


def collect():
    _memory.settle(True)  # noqa: FBT003 - the shortest call
    _host.collect()
    _memory.shrink()


def mem_alloc():
    return _host.mem_alloc() - _memory.missing()


def mem_free():
    """Bytes free in the heap, and what it could grow by."""
    return _host.mem_free() + _memory.largest()
