"""The numbers of a clock's connections, by which the bridge orders its frames (docs/protocol.md §6).

A start without room for its BOOT record has the same boot count as the next one. So the flash records which numbers may
be used before they are, and the next start continues above them: in the key store, or in a file if the log no longer
has a key, as after RETIRE. In memory only while a connection is made.
"""

from micropython import const

FILE = "/connections"
_RESERVED = const(256)
_LAST = const(0xFFFF)


def following(log, connection):
    """The number of the connection after that of number `connection`, 0 before the first of this start. Raises
    KeyStoreError if the flash cannot record that it may be used.
    """
    if not log._boot_due:
        return connection + 1
    state, sealed = log._state, log.sealed
    kept = state.connections if sealed else _kept()
    connection = (connection or kept) + 1
    if kept <= connection <= _LAST:
        kept = min(connection + _RESERVED, _LAST)
        if sealed:
            state.connections = kept
            log.save()
        else:
            _keep(kept)
    return connection


def _kept():
    try:
        with open(FILE) as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0


def _keep(number):
    try:
        with open(FILE, "w") as file:
            file.write(str(number))
    except OSError:
        pass  # the next start may be older than this one, until it has connected as often
