"""The numbers of a clock's connections, which tell its frames' order to the bridge (docs/protocol.md §6).

A start without room for its BOOT record has the same boot count as the next one. So the flash knows which numbers it
may use, before it does, and the next start goes on above them. In memory only while a connection is made.
"""

from micropython import const

_RESERVED = const(256)
_LAST = const(0xFFFF)


def following(log, connection):
    """The number of the connection after that of number `connection`, 0 before the first of this start. Raises
    KeyStoreError if the flash does not take that it may be used.
    """
    state = log._state
    if not (log._boot_due and log.sealed):
        return connection + 1
    connection = (connection or state.connections) + 1
    if state.connections <= connection <= _LAST:
        state.connections = min(connection + _RESERVED, _LAST)
        log.save()
    return connection
