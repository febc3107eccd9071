"""The codes of FAULT records (docs/protocol.md §2), also shown on the display."""

from micropython import const

READER = const(1)
JOURNAL = const(2)
KEY_STORE = const(3)
RTC_CHIP = const(4)
TASK = const(5)
DISPLAY = const(6)
