"""The clock's application: portable, one concern a file, in rooms by the way of a punch.

    badge/    which badge is there, and whether it proves itself
    log/      the punch as a sealed record in the flash
    ui/       tones, lamp and display
    net/      to the bridge and back

Modules that belong to no room are here: the clock's tasks, the punch, the time, settings, errors. Nothing here imports
a driver or the hardware's modules: composition.py gets a board with its parts, and hands them on. A build takes the
rooms away again (badgeclock/technician/flatten_rooms.py), because packages cost heap.
"""
