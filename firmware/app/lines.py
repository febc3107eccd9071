"""What the clock says on its serial line; the last of it is kept in memory, for whoever asks from afar (app.order)."""

from micropython import const

_KEPT = const(6)

last: list[tuple] = []


def say(*words):
    """Print a line about the clock, like `print`. No line has a badge's id, a token or a secret."""
    print("clock:", *words)
    if len(last) == _KEPT:
        del last[0]
    last.append(words)
