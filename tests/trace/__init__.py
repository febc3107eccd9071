"""Which modules one punch really runs through, on the clock and in the bridge: `make trace`.

The whole way is real: virtual clock on the real MicroPython, Mosquitto, bridge, the authority's sandbox. Nothing in the
product depends on it: the clock runs a copy of the firmware that notes each function's entry (`clock_notes`), and the
bridge runs under a profile function that Python's own start hook installs (`python_start`).
"""
