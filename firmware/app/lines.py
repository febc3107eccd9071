"""What the clock says on its serial line; the last of it is kept in memory, for whoever asks from afar (app.order)."""

import time

from micropython import const

_KEPT = const(6)
_LONGEST = const(72)

last = []


def say(*words):
    """Print a line about the clock, like `print`. No line has a badge's id, a token or a secret."""
    text = " ".join([str(word) for word in words])
    print("clock:", text)
    if len(last) == _KEPT:
        last.pop(0)
    last.append(("%d s: %s" % (time.ticks_ms() // 1000, text))[:_LONGEST])
