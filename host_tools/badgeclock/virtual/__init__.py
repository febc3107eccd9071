"""Virtual clocks: the real firmware on the real MicroPython, with the hardware simulated at register level."""
