"""The clock's application: portable, one concern a file, in rooms by the way of a punch.

    badge/  detecting a badge, and its proof
    log/    the punch as a sealed record in flash
    ui/     tones, lamp and display
    net/    the connection to the bridge

Modules that belong to no room are here: the clock's tasks, the punch, the time, settings, errors. Nothing here imports
a driver or the hardware's modules: composition.py gets a board with its parts, and passes them on. A build removes the
rooms (badgeclock/technician/flatten_rooms.py), because packages cost heap.
"""
