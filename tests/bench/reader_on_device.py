"""SPI work of the reader's driver on the model of the chip's registers; prints one JSON object for `reader_bench`.

Arguments: the folder of the firmware, the folder of its tests.
"""

import json
import sys

sys.path[:] = ["", ".frozen", sys.argv[1], sys.argv[2]]

from bench import Time  # noqa: E402  the model's folder comes in by argument
from drivers import iso14443, mfrc522  # noqa: E402
from rc522 import Badge, Bus, Chip  # noqa: E402

UIDS = {
    "uid4": b"\xde\xad\xbe\xef",
    "uid7": b"\x04\xa3\xc6\x52\x11\x7f\x80",
    "uid10": b"\x04\x11\x22\x33\x44\x55\x66\x77\x80\x99",
}


def reader():
    """(Reader, Bus) with an empty field, polled once so that the chip is set up."""
    iso14443.time = mfrc522.time = Time()
    bus = Bus(Chip(0x92))
    made = iso14443.Reader(mfrc522.MFRC522(bus, bus.cs, bus.rst, bus.irq))
    made.poll(bytearray(10))
    return made, bus


def cost(badges):
    """(transactions, bytes) of one poll with these badges in the field."""
    made, bus = reader()
    bus.chip.badges = badges
    bus.transactions = bus.bytes = 0
    found = made.poll(bytearray(10))
    assert found == (len(badges[0].uid) if badges else 0), found
    return bus.transactions, bus.bytes


figures = {}
for name, badges in [("idle", [])] + [(name, [Badge(uid)]) for name, uid in UIDS.items()]:
    figures[name + ".transactions"], figures[name + ".bytes"] = cost(badges)
print(json.dumps(figures))
