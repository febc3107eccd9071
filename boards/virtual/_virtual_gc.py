"""`gc` of the ESP32 port: the unix port's, whose heap can grow by the largest block of the chip's memory."""

# ruff: noqa: F403 - names, arguments and results are the ESP32 port's

import gc as _host
from gc import *

import _virtual_memory as _memory


def collect():
    _host.collect()
    _memory.settle()


def mem_free():
    """Bytes free in the heap, and what it could grow by."""
    if not _memory.is_modelled:
        return _host.mem_free()
    return max(_memory.heap - _memory.used(), 0) + _memory.largest()
