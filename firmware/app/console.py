"""Lines about the clock on its serial console; the last ones stay in memory, for a report (app.net.order)."""

from micropython import const

_KEPT = const(6)

last: list[tuple] = []


def report(*words):
    """Print a line about the clock, like `print`. No line contains a badge's id, a token or a secret."""
    print("clock:", *words)
    if len(last) == _KEPT:
        del last[0]
    last.append(words)
