"""`machine` of the ESP32 port, as far as a clock uses it, over the chips of the virtual board.

Names, arguments and results are the ESP32's. Interrupts are level polling: a handler given to Pin.irq() runs after
the next exchange with the hardware, at most once a millisecond, not in the middle of other work.
"""

# ruff: noqa: A002, ARG001, ARG002, D101, D103, F401, FBT002, PLW0603, RET503 - names, arguments and results are the ESP32 port's

import time as _time

import _virtual_bus as _bus
import _virtual_memory as _memory
from micropython import const, schedule
from umachine import PinBase, Signal, idle, mem8, mem16, mem32, time_pulse_us
from utime import ticks_ms as _ticks_ms

PWRON_RESET = const(1)
HARD_RESET = const(2)
WDT_RESET = const(3)
DEEPSLEEP_RESET = const(4)
SOFT_RESET = const(5)

_hello = bytearray(16)


class Pin(PinBase):
    IN = const(1)
    OUT = const(3)
    OPEN_DRAIN = const(7)
    PULL_DOWN = const(1)
    PULL_UP = const(2)
    IRQ_RISING = const(1)
    IRQ_FALLING = const(2)
    IRQ_LOW_LEVEL = const(4)
    IRQ_HIGH_LEVEL = const(5)

    # Of the few pins with a handler.
    _handler = None
    _trigger = 0
    _last = 0

    def __init__(self, id, mode=-1, pull=-1, *, value=None):
        self._id = id
        self.init(mode, pull, value=value)

    def init(self, mode=-1, pull=-1, *, value=None):
        if mode in (self.OUT, self.OPEN_DRAIN) and self._id >= 34:
            raise ValueError("pin can only be input")
        if mode != -1:
            level = 2 if value is None else 1 if value else 0
            _bus.post(_bus.PIN_MODE, self._id, level, mode | (0 if pull in (-1, None) else pull) << 4)
        elif value is not None:
            self.value(value)

    def value(self, level=None):
        if level is None:
            now = _bus.ask(_bus.PIN_READ, self._id, 0, 0)
            if _watched:
                _poll_irqs()
            return now
        _bus.post(_bus.PIN_WRITE, self._id, 1 if level else 0, 0)

    def __call__(self, level=None):
        return self.value(level)

    def on(self):
        _bus.post(_bus.PIN_WRITE, self._id, 1, 0)

    def off(self):
        _bus.post(_bus.PIN_WRITE, self._id, 0, 0)

    def irq(self, handler=None, trigger=IRQ_FALLING | IRQ_RISING):
        self._handler = handler
        self._trigger = trigger
        self._last = _bus.ask(_bus.PIN_READ, self._id, 0, 0)
        if self in _watched:
            _watched.remove(self)
        if handler is not None:
            _watched.append(self)
        return self

    def _poll(self):
        now = _bus.ask(_bus.PIN_READ, self._id, 0, 0)
        edge = now - self._last
        self._last = now
        trigger = self._trigger
        if trigger == self.IRQ_LOW_LEVEL:
            due = now == 0
        elif trigger == self.IRQ_HIGH_LEVEL:
            due = now == 1
        else:
            due = (edge < 0 and trigger & self.IRQ_FALLING) or (edge > 0 and trigger & self.IRQ_RISING)
        if due:
            schedule(self._handler, self)

    def __repr__(self):
        return "Pin(%d)" % self._id


def _new_pin(cls, id, *args, **kwargs):
    if not isinstance(id, int) or not 0 <= id <= 39:
        raise ValueError("invalid pin")
    return _pins[id]


# One object a pin for good, as the port's are static: a pin takes none of the firmware's heap.
_pins = [Pin(number) for number in range(40)]
Pin.__new__ = staticmethod(_new_pin)

_watched = []
_polled_ms = 0


def _poll_irqs():
    global _polled_ms
    now = _ticks_ms()
    if now != _polled_ms:
        _polled_ms = now
        for pin in _watched:
            pin._poll()


def _pin_id(pin):
    return pin if isinstance(pin, int) else pin._id


_held = []  # what the memory has given for the buses


class SPI:
    MSB = const(0)
    LSB = const(1)

    def __init__(self, id, baudrate=500000, polarity=0, phase=0, bits=8, firstbit=0, *, sck=None, mosi=None, miso=None):
        if id not in (1, 2):
            raise ValueError("SPI(%s) doesn't exist" % id)
        self._id = id
        if not _held:
            try:
                _held.extend(_memory.take(_memory.PARTS))
            except _memory.Short:  # the chip aborts here, which no program can catch
                reset()
        self.init(baudrate, polarity, phase, bits, firstbit, sck=sck, mosi=mosi, miso=miso)

    def init(self, baudrate=500000, polarity=0, phase=0, bits=8, firstbit=0, *, sck=None, mosi=None, miso=None):
        if bits != 8 or firstbit != self.MSB:
            raise ValueError("the virtual board moves 8 bits, MSB first")
        _bus.post(_bus.SPI_CONFIG, self._id, polarity << 1 | phase, baudrate)

    def deinit(self):
        pass

    def write(self, buf):
        _bus.post_data(_bus.SPI_WRITE, self._id, 0, buf)
        if _watched:
            _poll_irqs()

    def readinto(self, buf, write=0):
        n = len(buf)
        _bus.ask_into(_bus.SPI_READ, self._id, n, write, buf, n)
        if _watched:
            _poll_irqs()

    def read(self, nbytes, write=0):
        buf = bytearray(nbytes)
        self.readinto(buf, write)
        return bytes(buf)

    def write_readinto(self, write_buf, read_buf):
        n = len(write_buf)
        if len(read_buf) != n:
            raise ValueError("buffers must be the same length")
        _bus.ask_data_into(_bus.SPI_TRANSFER, self._id, 0, write_buf, read_buf, n)
        if _watched:
            _poll_irqs()


class I2C:
    def __init__(self, id=0, *, scl=None, sda=None, freq=400000, timeout=50000):
        if id not in (0, 1):
            raise ValueError("I2C(%s) doesn't exist" % id)
        self._id = id
        self.init(scl=scl, sda=sda, freq=freq)

    def init(self, *, scl=None, sda=None, freq=400000):
        _bus.post(_bus.I2C_CONFIG, self._id, 0, freq)

    def scan(self):
        return [address for address in range(0x08, 0x78) if _bus.ask_data(_bus.I2C_WRITE, self._id, address, b"") == 0]

    def writeto(self, addr, buf, stop=True):
        _check(_bus.ask_data(_bus.I2C_WRITE, self._id, addr, buf))
        return len(buf)

    def writevto(self, addr, vector, stop=True):
        total = 0
        for buf in vector:
            total += len(buf)
        _check(_bus.ask_vector(_bus.I2C_WRITE, self._id, addr, vector, total))
        return total

    def readfrom_into(self, addr, buf, stop=True):
        n = len(buf)
        _check(_bus.ask_status_into(_bus.I2C_READ, self._id, n, addr, buf, n))

    def readfrom(self, addr, nbytes, stop=True):
        buf = bytearray(nbytes)
        self.readfrom_into(addr, buf, stop)
        return bytes(buf)

    def writeto_mem(self, addr, memaddr, buf, *, addrsize=8):
        _check(_bus.ask_data(_bus.I2C_WRITE_MEM, self._id, addr | memaddr << 8, buf))

    def readfrom_mem_into(self, addr, memaddr, buf, *, addrsize=8):
        n = len(buf)
        _check(_bus.ask_status_into(_bus.I2C_READ_MEM, self._id, n, addr | memaddr << 8, buf, n))

    def readfrom_mem(self, addr, memaddr, nbytes, *, addrsize=8):
        buf = bytearray(nbytes)
        self.readfrom_mem_into(addr, memaddr, buf)
        return bytes(buf)


def _check(status):
    if status:
        raise OSError(status)


class PWM:
    def __init__(self, dest, *, freq=5000, duty=None, duty_u16=None, duty_ns=None):
        self._id = _pin_id(dest)
        self._freq = freq
        self._duty = 32768
        self.init(freq=freq, duty=duty, duty_u16=duty_u16, duty_ns=duty_ns)

    def init(self, *, freq=None, duty=None, duty_u16=None, duty_ns=None):
        if freq is not None:
            if not 1 <= freq <= 40000000:
                raise ValueError("frequency must be from 1Hz to 40MHz")
            self._freq = freq
        if duty is not None:
            self._duty = 65535 if duty >= 1023 else duty << 6
        if duty_u16 is not None:
            self._duty = duty_u16
        if duty_ns is not None:
            self._duty = min(65535, duty_ns * self._freq * 65536 // 1000000000)
        _bus.post(_bus.PWM, self._id, self._duty, self._freq)

    def freq(self, value=None):
        if value is None:
            return self._freq
        self.init(freq=value)

    def duty_u16(self, value=None):
        if value is None:
            return self._duty
        self._duty = value
        _bus.post(_bus.PWM, self._id, value, self._freq)

    def duty(self, value=None):
        if value is None:
            return self._duty >> 6
        self.init(duty=value)

    def duty_ns(self, value=None):
        if value is None:
            return self._duty * 1000000000 // (self._freq * 65536)
        self.init(duty_ns=value)

    def deinit(self):
        _bus.post(_bus.PWM, self._id, 0, self._freq)


class UART:
    """Of which a clock uses the memory alone."""

    def __init__(self, id, *, tx=None, rx=None, rxbuf=256):
        try:
            self._held = _memory.take((rxbuf,) + _memory.UART)
        except _memory.Short:
            raise OSError(-1, "ESP_FAIL")

    def deinit(self):
        _memory.give(self._held)


class WDT:
    def __init__(self, id=0, timeout=5000):
        if id != 0:
            raise ValueError
        if timeout < 1000:
            raise ValueError("WDT timeout too short")
        _bus.post(_bus.WDT_START, 0, 0, timeout)

    def feed(self):
        _bus.post(_bus.WDT_FEED, 0, 0, 0)


class RTC:
    """Subseconds are microseconds, as on the ESP32; the time lives through a reset and is lost with the power."""

    def __init__(self, id=0):
        pass

    def datetime(self, value=None):
        if value is None:
            us = _time.time_ns() // 1000
            year, month, day, hour, minute, second, weekday, _ = _time.gmtime(us // 1000000)
            return (year, month, day, weekday, hour, minute, second, us % 1000000)
        year, month, day, _, hour, minute, second, us = value
        _time.set_us(_time.mktime((year, month, day, hour, minute, second, 0, 0)) * 1000000 + us)

    def init(self, value):
        self.datetime(value)


def reset():
    _bus.post(_bus.RESET, 0, 0, HARD_RESET)
    while True:
        idle()


def soft_reset():
    raise SystemExit


def reset_cause():
    return _hello[0]


def unique_id():
    answer = bytearray(6)
    _bus.ask_into(_bus.UNIQUE_ID, 0, 0, 0, answer, 6)
    return bytes(answer)


def freq(hz=None):
    return 240000000


def disable_irq():
    return 0


def enable_irq(state=0):
    pass
