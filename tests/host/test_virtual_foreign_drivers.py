"""Other people's MFRC522 drivers, unchanged, on the virtual chip.

Three from the Python index, fetched by `make setup` and pinned by hash: mfrc522 (Mario Gómez's driver with Simon Monk's
front; four bytes only), pi-rc522 (a descendant of it that goes further: IRQ, seven bytes) and python_rfid (rewritten
after the Arduino library: software reset awaited, burst FIFO, CRC co-processor; its second cascade level asks for the
first again, so it reads four bytes on any chip). Only their imports from the Raspberry Pi are replaced: spidev,
RPi.GPIO, gpiod and the time they wait.
"""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from badgeclock.toolchain import programs
from badgeclock.virtual.cards import Card, Field, MifareClassic, Ntag
from badgeclock.virtual.chips.mfrc522 import Mfrc522

UID4 = bytes.fromhex("DEADBEEF")
UID7 = bytes.fromhex("04A3C652117F80")
# A transfer costs Python and the Raspberry Pi's kernel a call, and its bytes at 1 MHz.
CALL_NS = 80_000
BYTE_NS = 8_000


class Pi:
    """A Raspberry Pi with the chip on its SPI, and its own time that transfers and sleeps move."""

    def __init__(self) -> None:
        self.field = Field()
        self.chip = Mfrc522(self.field)
        self.now_ns = 10_000_000
        self.chip.power_on(0)
        self.on_falling_irq: Callable[[int], None] | None = None
        self._irq = 1

    def put(self, *cards: Card) -> None:
        for card in cards:
            self.field.add(card, self.now_ns, None)

    def sleep(self, seconds: float) -> None:
        self.now_ns += int(seconds * 1e9)
        self._watch_irq()

    def transfer(self, data: list[int]) -> list[int]:
        self.now_ns += CALL_NS + BYTE_NS * len(data)
        self.chip.select(0)
        answer = list(self.chip.transfer(bytes(data), self.now_ns))
        self.chip.select(1)
        self._watch_irq()
        return answer

    def _watch_irq(self) -> None:
        level = self.chip.irq_pin(self.now_ns)
        if self._irq and not level and self.on_falling_irq is not None:
            self.on_falling_irq(0)
        self._irq = level

    def modules(self) -> dict[str, types.ModuleType]:
        """The drivers' imports that a Raspberry Pi would have."""
        pi = self

        class SpiDev:
            max_speed_hz = 0

            def open(self, bus: int, device: int) -> None:
                pass

            def close(self) -> None:
                pass

            def xfer2(self, data: list[int]) -> list[int]:
                return pi.transfer(data)

        def output(pin: int, level: int) -> None:
            if pin == 22:
                pi.chip.reset_pin(level, pi.now_ns)

        def add_event_detect(_pin: int, _edge: int, callback: Callable[[int], None]) -> None:
            pi.on_falling_irq = callback

        class Line:
            DIRECTION_OUTPUT = DIRECTION_INPUT = 0
            consumer = ""
            request_type = 0

            def __init__(self, number: int = -1) -> None:
                self.number = number

            def request(self, config: object) -> None:
                pass

            def set_value(self, level: int) -> None:
                if self.number == 2:
                    pi.chip.reset_pin(level, pi.now_ns)

        class GpioChip:
            def __init__(self, path: str) -> None:
                pass

            def get_line(self, number: int) -> Line:
                return Line(number)

        def nothing(*_: object, **__: object) -> None:
            return None

        gpio: dict[str, Any] = {
            "BOARD": 10, "BCM": 11, "OUT": 0, "IN": 1, "PUD_UP": 22, "FALLING": 32, "output": output,
            "add_event_detect": add_event_detect, "setup": nothing, "setmode": nothing, "getmode": nothing,
            "cleanup": nothing,
        }  # fmt: skip
        made = {
            "spidev": {"SpiDev": SpiDev},
            "RPi": {},
            "RPi.GPIO": gpio,
            "gpiod": {"chip": GpioChip, "line_request": Line},
        }
        modules = {name: types.ModuleType(name) for name in made}
        for name, attributes in made.items():
            modules[name].__dict__.update(attributes)
        modules["RPi"].__dict__["GPIO"] = modules["RPi.GPIO"]
        return modules

    def clock(self) -> types.SimpleNamespace:
        """The `time` that the drivers wait by."""
        return types.SimpleNamespace(sleep=self.sleep, time=lambda: self.now_ns / 1e9)


class Event:
    """A threading.Event whose waiting uses the Raspberry Pi's time."""

    def __init__(self, pi: Pi) -> None:
        self._pi = pi
        self._is_set = False

    def set(self) -> None:
        self._is_set = True

    def clear(self) -> None:
        self._is_set = False

    def wait(self, seconds: float) -> bool:
        self._pi.sleep(seconds)
        return self._is_set


@pytest.fixture
def pi(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pi]:
    pi = Pi()
    monkeypatch.syspath_prepend(str(programs.reader_drivers_dir()))
    for name, module in pi.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    yield pi
    for name in list(sys.modules):
        if name.partition(".")[0] in ("mfrc522", "pirc522", "python_rfid"):
            del sys.modules[name]


# ---- mfrc522: Request, Anticoll, SelectTag, Auth, Read, Write; four bytes only


def test_mfrc522_reads_a_uid_and_reads_and_writes_blocks(pi: Pi) -> None:
    reader = importlib.import_module("mfrc522").SimpleMFRC522()
    assert reader.read_id_no_block() is None
    card = MifareClassic(UID4)
    card.blocks[8][:] = b"written at home."
    pi.put(card)
    pi.sleep(0.01)
    number, text = reader.read()
    assert number.to_bytes(5, "big")[:4] == UID4
    assert text.startswith("written at home.")
    assert reader.write("by somebody else's driver")[0] == number
    assert bytes(card.blocks[8] + card.blocks[9]).rstrip() == b"by somebody else's driver"
    assert reader.read()[1].rstrip() == "by somebody else's driver"


def test_mfrc522_does_not_open_a_sector_with_a_wrong_key(pi: Pi) -> None:
    reader = importlib.import_module("mfrc522").MFRC522()
    card = MifareClassic(UID4)
    card.blocks[11][0:6] = b"secret"
    pi.put(card)
    pi.sleep(0.01)
    assert reader.MFRC522_Request(reader.PICC_REQIDL) == (reader.MI_OK, 16)
    status, uid = reader.MFRC522_Anticoll()
    assert status == reader.MI_OK
    assert reader.MFRC522_SelectTag(uid) == 0x08
    reader.MFRC522_Auth(reader.PICC_AUTHENT1A, 11, [0xFF] * 6, uid)
    assert not reader.Read_MFRC522(reader.Status2Reg) & 0x08
    reader.MFRC522_Request(reader.PICC_REQIDL)
    reader.MFRC522_Anticoll()
    reader.MFRC522_SelectTag(uid)
    assert reader.MFRC522_Auth(reader.PICC_AUTHENT1A, 11, list(b"secret"), uid) == reader.MI_OK
    assert reader.Read_MFRC522(reader.Status2Reg) & 0x08


# ---- pi-rc522: the same by its IRQ pin, and seven bytes


@pytest.mark.parametrize("card", [MifareClassic(UID4), MifareClassic(UID7), Ntag(UID7)], ids=["4", "7", "ntag"])
def test_pirc522_waits_for_a_badge_by_its_irq_and_reads_its_uid(pi: Pi, card: Card) -> None:
    driver = importlib.import_module("pirc522.rfid")
    driver.time = pi.clock()
    reader = driver.RFID()
    assert reader.read_id() is None
    pi.put(card)
    pi.sleep(0.01)
    reader.irq = Event(pi)
    reader.wait_for_tag(timeout=1)
    assert bytes(reader.read_id()) == card.uid


def test_pirc522_reads_and_writes_a_block(pi: Pi) -> None:
    driver = importlib.import_module("pirc522.rfid")
    driver.time = pi.clock()
    reader = driver.RFID()
    card = MifareClassic(UID4)
    pi.put(card)
    pi.sleep(0.01)
    assert reader.request() == (False, 16)
    error, uid = reader.anticoll()
    assert not error
    assert not reader.select_tag(uid)
    assert not reader.card_auth(reader.auth_b, 4, [0xFF] * 6, uid)
    assert not reader.write(4, list(b"sixteen letters!"))
    assert bytes(card.blocks[4]) == b"sixteen letters!"
    error, data = reader.read(4)
    assert not error
    assert bytes(data) == b"sixteen letters!"
    reader.stop_crypto()
    assert reader.request() == (True, None), "the card is still encrypted, and falls back"
    assert reader.request() == (False, 16)


# ---- python_rfid


def test_python_rfid_reads_halts_and_wakes_a_badge(pi: Pi) -> None:
    driver = importlib.import_module("python_rfid.mfrc522")
    driver.time = pi.clock()
    no_answer = importlib.import_module("python_rfid.errors").TimeoutError
    reader = driver.MFRC522()
    reader.Init()
    picc = importlib.import_module("python_rfid.picc_handler").PICC_Handler(reader)
    with pytest.raises(no_answer):
        picc.RequestA()
    pi.put(Card(UID4))
    pi.sleep(0.01)
    assert picc.RequestA().data == [0x04, 0x00]
    found = picc.Select(importlib.import_module("python_rfid.picc_common").Uid())
    assert bytes(found.raw_bytes) == UID4
    picc.HaltA()
    with pytest.raises(no_answer):
        picc.RequestA()
    assert picc.WakeUpA().data == [0x04, 0x00]


def test_python_rfid_resets_by_command_and_computes_a_crc(pi: Pi) -> None:
    driver = importlib.import_module("python_rfid.mfrc522")
    driver.time = pi.clock()
    reader = driver.MFRC522(gpio_reset_power_down_pin=None, gpio_irq_pin=None)
    reader.Init()
    gain = driver.PCD_Register.RFCfg
    reader.UpdateRegister(gain, 0x70, 0x70)
    assert reader.ReadRegister(gain) == 0x78
    assert reader.CalculateCrcBytes([0x12, 0x34]) == [0x26, 0xCF]
    reader.Reset()
    assert reader.ReadRegister(gain) == 0x48
