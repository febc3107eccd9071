"""ESP32-DevKitC (ESP32-WROOM-32, 4 MB): its wiring and its parts. The wiring table is in README.md beside this file.

Display and keys are the front's, of which there are several (fronts/); the provisioned one is `front` on the clock. The
same file runs on the virtual board, which has modules with the hardware's own names. It gives the application its name
and parts, and makes no decision for the clock.
"""

import gc
import sys

import esp32
import machine
import network
from app import console, on_demand
from app.badge.iso14443 import Reader
from drivers.buzzer import Buzzer
from drivers.ds3231 import DS3231
from drivers.keys import Contact, Keys
from drivers.led import StatusLed
from drivers.mfrc522 import MFRC522
from machine import I2C, PWM, SPI, UART, WDT, Pin
from micropython import const

# Measured: an address, TCP, TLS and its handshake take 41.8 KB at the most, with a certificate of P-256; without the
# address, which Wi-Fi takes when it joins, 35.6 KB. As much is reserved as leaves 8 KB free.
_CONNECTION_BYTES = const(40000)
_JOINED_BYTES = const(30500)
_UART_BYTES = const(3500)  # what a UART takes beside its buffer


class Wifi:
    """The station, joined to one network. `start` joins and returns at once; the port then reconnects by itself, and
    reports "connecting" until it succeeds, for any cause. `rejoin` is for when that takes too long.
    """

    def __init__(self, ssid, password):
        self._ssid = ssid
        self._password = password
        self._station = network.WLAN(network.WLAN.IF_STA)

    def connected(self):
        """Whether there is an address."""
        return self._station.isconnected()

    def start(self):
        """Join, unless already joining."""
        station = self._station
        status = station.status()
        if station.isconnected() or status == network.STAT_CONNECTING:
            return
        if status != network.STAT_IDLE:
            console.report("Wi-Fi does not join:", status)  # docs/troubleshooting.md has the numbers
        self._join()

    def rejoin(self):
        """Join from the radio up. The port notices the disconnection later, so it is not queried in between."""
        try:
            self._station.disconnect()
            self._station.active(False)  # noqa: FBT003
        except OSError:
            pass  # it was off
        self._join()

    def _join(self):
        station = self._station
        try:
            if not station.active():
                station.active(True)  # noqa: FBT003 - the port has no keyword for it
                station.config(pm=network.WLAN.PM_NONE)  # power saving delays the broker's packets by 100 ms and more
            station.connect(self._ssid, self._password or None)
        except OSError as error:  # "Wifi Internal Error": it will try again by itself; `connected` shows when
            console.report("Wi-Fi does not join:", error)

    def dns(self):
        """The IPv4 address of the network's name server as text, "0.0.0.0" without one."""
        return self._station.ifconfig()[3]

    def rssi(self):
        """Signal strength in dBm, None without a connection."""
        try:
            return self._station.status("rssi")
        except OSError:
            return None


class Room:
    """Memory for a connection, reserved while there is none, so that MicroPython's heap does not grow into it: the heap
    grows by the largest free block. Where code runs in place there is enough for both (`is_short` is false), and
    nothing is reserved. The reservation is a UART's receive buffer; the pin is not used.
    """

    def __init__(self):
        self._held = None
        self._bytes = _CONNECTION_BYTES
        self.is_short = "/rom" not in sys.path

    def take(self, spare=0):
        """Reserve the largest block, minus `spare` bytes that stay free. Raises OSError if there is too little."""
        if self._held or not self.is_short:
            return
        hole = UART(1, tx=Pin(15), rx=Pin(15), rxbuf=spare) if spare else None
        try:
            size = min(self._bytes, self.free() - _UART_BYTES)
            if size > _UART_BYTES:
                self._held = UART(2, tx=Pin(15), rx=Pin(15), rxbuf=size)
        finally:
            if hole:
                hole.deinit()

    def join(self):
        """Release Wi-Fi's part of it, permanently."""
        self._bytes = _JOINED_BYTES
        if self._held:
            self.give()
            self.take()

    def free(self):
        """Size of the block that TLS could get."""
        return max([block for _, _, block, _ in _idf()])

    def give(self):
        """Release it."""
        if self._held:
            self._held.deinit()
            self._held = None


def _idf():
    return esp32.idf_heap_info(esp32.HEAP_DATA)


class Board:
    """The parts of this board, constructed: reader, display, rtc, buzzer, lamp, keys, case."""

    NAME = "esp32_devkit"

    def __init__(self):
        self.room = Room()
        front = on_demand.load("front")  # provisioning puts one of fronts/ there
        self._spi = SPI(2, baudrate=5_000_000, sck=Pin(18), mosi=Pin(23), miso=Pin(19))
        i2c = I2C(0, scl=Pin(22), sda=Pin(21), freq=400_000)
        self.display = front.display(i2c)
        self.rtc = DS3231(i2c)
        self.buzzer = Buzzer(PWM(Pin(25), freq=1000, duty_u16=0))
        self.lamp = StatusLed(Pin(32, Pin.OUT, value=0), Pin(33, Pin.OUT, value=0))
        pull = Pin.PULL_UP if front.PULLED_UP else -1
        self.keys = Keys({name: Pin(pin, Pin.IN, pull) for name, pin in front.KEYS.items()})
        on_demand.drop("front")
        self.case = Contact(Pin(34, Pin.IN))  # low: open
        # The reader's pins: SS, RST, IRQ.
        self._reader_pins = (Pin(5, Pin.OUT, value=1), Pin(27, Pin.OUT, value=1), Pin(4, Pin.IN, Pin.PULL_UP))
        self.reader = Reader(MFRC522(self._spi, *self._reader_pins), self._inspect_reader)

    def _inspect_reader(self):
        """Check the reader's wires (drivers.reader_wires, which is in memory only for that)."""
        try:
            return on_demand.load("drivers.reader_wires").inspect(self._spi, *self._reader_pins, self._miso)
        finally:
            on_demand.drop("drivers.reader_wires")

    def _miso(self, pull):
        """The level of the reader's MISO, taken from the SPI and pulled down (0) or up (1)."""
        self._spi.deinit()
        level = Pin(19, Pin.IN, Pin.PULL_UP if pull else Pin.PULL_DOWN).value()
        self._spi.init(baudrate=5_000_000, sck=Pin(18), mosi=Pin(23), miso=Pin(19))
        return level

    def heap_free(self):
        """Bytes free in MicroPython's present heap. The port's gc.mem_free() also counts its possible growth, the
        largest block of the memory that TLS needs.
        """
        return gc.mem_free() - self.room.free()

    def partition(self, label):
        """The data partition of that label (partitions.csv), None if the flash has none."""
        found = esp32.Partition.find(esp32.Partition.TYPE_DATA, label=label)
        return found[0] if found else None

    def reset_cause(self):
        """The reset cause, in the numbers of a BOOT record (docs/protocol.md §2), which are the port's own."""
        return machine.reset_cause()

    def reset(self):
        """Restart at once."""
        machine.reset()

    def watchdog(self, timeout_ms):
        """Start the watchdog, or give it another time; from then on `feed` must be called within it. It cannot be
        stopped.
        """
        return WDT(timeout=timeout_ms)

    def set_system_time(self, date):
        """Set the port's own clock, by which TLS judges certificates: (year, month, day, hour, minute, second) in
        UTC.
        """
        year, month, day, hour, minute, second = date
        machine.RTC().datetime((year, month, day, 0, hour, minute, second, 0))

    def wifi(self, ssid, password):
        """The station for that network; nothing is switched on before its `start`."""
        return Wifi(ssid, password)
