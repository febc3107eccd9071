"""The clock's front with an SSD1306 of 128x64 on I2C, the board's default front."""

from drivers.ssd1306 import SSD1306_I2C

NAME = "ssd1306"
# Keys to ground: GPIO by name, on pins with pull-ups of their own.
KEYS = {"info": 13, "in": 14, "out": 16, "break": 17}
PULLED_UP = True


def display(i2c):
    """The display on the board's I2C bus."""
    return SSD1306_I2C(i2c)
