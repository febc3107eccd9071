"""Keys and switches: contacts that bounce, read by polling."""

import time

from micropython import const

_STABLE_MS = const(30)  # contacts of small keys and micro switches bounce for less than 10 ms


class Contact:
    """One debounced input. pin: called for its level. `level` is the settled level, from construction on."""

    def __init__(self, pin):
        self._pin = pin
        self.level = pin()
        self._candidate = self.level
        self._since = time.ticks_ms()

    def changed(self):
        """Read the pin; True once for every change of `level` that lasted 30 ms. Call it every few milliseconds to
        some ten.
        """
        now = self._pin()
        if now == self.level:
            self._candidate = now
        elif now != self._candidate:
            self._candidate = now
            self._since = time.ticks_ms()
        elif time.ticks_diff(time.ticks_ms(), self._since) >= _STABLE_MS:
            self.level = now
            return True
        return False


class Keys:
    """Keys to ground with pull-ups, by name. pins: a dict of name to pin."""

    def __init__(self, pins):
        self._keys = tuple((name, Contact(pin)) for name, pin in pins.items())

    def down(self, names):
        """Whether all these keys are down."""
        down = 0
        for name, contact in self._keys:
            if name in names and not contact.level:
                down += 1
        return down == len(names)

    def pressed(self):
        """The name of a key that went down since the last call, or None. Call it as `Contact.changed`."""
        pressed = None
        for name, contact in self._keys:
            if contact.changed() and not contact.level:
                pressed = name
        return pressed
