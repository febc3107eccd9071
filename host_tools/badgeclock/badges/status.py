"""The status bytes of a DESFire's answers."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """Second status byte of an answer (NXP MF3ICD40 §4.11, MF3ICDx1)."""

    OK = 0x00
    NO_CHANGES = 0x0C
    OUT_OF_MEMORY = 0x0E
    ILLEGAL_COMMAND = 0x1C
    INTEGRITY = 0x1E
    NO_SUCH_KEY = 0x40
    LENGTH = 0x7E
    PERMISSION_DENIED = 0x9D
    PARAMETER = 0x9E
    APPLICATION_NOT_FOUND = 0xA0
    AUTHENTICATION = 0xAE
    MORE = 0xAF
    BOUNDARY = 0xBE
    COUNT = 0xCE
    DUPLICATE = 0xDE
    FILE_NOT_FOUND = 0xF0
