"""The clock's front with an SH1106 of 128x64 (1.3 inch) on I2C."""

from drivers.sh1106 import SH1106_I2C

NAME = "sh1106"
# Keys to ground: GPIO by name, on pins with pull-ups of their own.
KEYS = {"info": 13, "in": 14, "out": 16, "break": 17}
PULLED_UP = True


def display(i2c):
    """The display on the board's I2C bus."""
    return SH1106_I2C(i2c)
