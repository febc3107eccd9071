"""A clock's handling of messages of a newer bridge and data of a newer firmware (docs/protocol.md §11)."""

# heapsize: 512k

import json
import os
import struct
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

from hashlib import sha256

from app import settings
from app.errors import SettingsError
from app.log import record, unpacked
from app.net import frames, roster_bank, roster_start
from clock_site import MORNING_S, UIDS, Site
from expect import raised
from nor import Nor
from roster_bridge import Image, entries_of
from test_reconfigure import GOOD
from test_today import Desk
from test_uplink import Rig

KIND_TO_COME = 11
ACK = struct.pack(">IB8s", 5, 0, bytes(8))


def test_a_frame_of_a_type_or_a_format_to_come_is_counted_and_the_next_one_is_taken():
    rig = Rig()
    for topic in (b"ack", b"receipts", b"command"):
        for kind in (0x00, 0x05, 0x19, 0x7F, 0xFF):
            assert not rig.hear(topic, rig.frame(kind, ACK)), (topic, kind)
    rig.counter += 1
    content = struct.pack(">BBQ", 2, frames.ACK, rig.counter) + ACK
    assert not rig.hear(b"ack", content + frames.hmac256(rig.key, rig.scope, content)[: frames.TAG_BYTES])
    assert rig.uplink.rejected == 16 and rig.log.tail == 0
    assert rig.ack(5) and rig.log.tail == 5
    assert rig.status()[1]["rejected"] == 16


def test_a_longer_ack_or_one_with_a_verdict_to_come_frees_no_record():
    rig = Rig()
    assert not rig.hear(b"ack", rig.frame(frames.ACK, ACK + b"\0"))
    assert not rig.ack(5, verdict=3)
    assert rig.log.tail == 0
    assert rig.ack(5) and rig.log.tail == 5


def test_a_longer_time_sets_no_clock():
    rig = Rig()
    counter, _ = rig.status()
    assert not rig.hear(b"command", rig.frame(frames.TIME, struct.pack(">QQB", 1767600000000, counter, 0)))
    assert not rig.always.set_to
    assert rig.time(1767600000000, counter) and rig.always.set_to


def test_a_receipt_of_a_state_to_come_holds_up_no_reception_number():
    rig = Rig()
    body = b"".join(
        struct.pack(">IIBBQ", number, seq, state, 0, 9000 + seq)
        for number, seq, state in ((1, 4, 1), (2, 5, 8), (3, 6, 1), (4, 7, 0), (5, 8, 255), (6, 9, 4))
    )
    rig.hear(b"receipts", rig.frame(frames.RECEIPTS, body))
    assert rig.always.told == [("receipt", seq, state, 0, 9000 + seq) for seq, state in ((4, 1), (6, 1), (9, 4))]
    assert not rig.uplink._status_due, "no receipt is missing"
    assert rig.status()[1]["receipt"] == 6
    assert rig.receipts(7)


def test_a_command_or_a_step_of_the_desk_to_come_does_nothing():
    rig = Rig()
    for command in (0, 6, 255):
        assert not rig.hear(b"command", rig.frame(frames.COMMAND, bytes((command,)) + bytes(4))), command
    assert rig.errands._order is None and not rig.errands.restart_due
    assert not rig.log.retired


def test_a_roster_with_a_longer_header_is_not_taken_and_the_one_in_use_stays():
    rig, image = Rig(partition=Nor(4)), Image(5, entries_of(250))
    assert rig.hear(b"command", rig.frame(frames.ROSTER, image.body(0) + bytes(8)))
    rig.uplink.run_errands()
    assert rig.uplink.rejected == 1
    assert rig.roster.version == 0


def test_settings_with_a_name_to_come_are_refused_whole_and_the_reason_names_it():
    before = json.dumps(GOOD)
    wanted = json.dumps({"volume": 1, "a setting to come": 7})
    assert "a setting to come" in str(raised(SettingsError, settings.changed, before, wanted, 9))


def test_a_settings_file_of_a_newer_tool_is_read_but_for_what_is_new_and_one_of_another_version_is_refused():
    assert settings.Settings(json.dumps(dict(GOOD, later={"a": [1]}))) == settings.Settings(json.dumps(GOOD))
    assert "v must be 1" in str(raised(SettingsError, settings.Settings, json.dumps(dict(GOOD, v=2))))


def test_a_clock_starts_on_records_of_a_newer_firmware_and_sends_them_as_they_are():
    site = Site()
    site.tap()
    site.log.append(KIND_TO_COME, 0, record.NOTHING, b"sth. new", site._stamp())
    head = site.log.head
    site.restart()
    assert site.recalled.newest_s == MORNING_S
    assert site.log.sealed
    assert site.tap(UIDS[1])[2] == head + 1, "a punch is kept behind it"
    buf = bytearray(record.RECORD_BYTES)
    assert site.log.read_into(buf, head - 1, 1)[0] == 1
    assert buf[1] == KIND_TO_COME and buf[40:48] == b"sth. new"


def test_a_worker_who_asks_a_clock_is_told_of_every_punch_but_one_of_a_form_to_come():
    desk = Desk()
    desk.tap()
    site, buf = desk.site, bytearray(record.RECORD_BYTES)
    site.log.read_into(buf, site.log.head - 1, 1)
    site.log.append(record.KIND_PUNCH, 5, bytes(buf[24:32]), record.NOTHING, site._stamp())
    rows, more = desk.ask()
    assert [row[0] for row in rows] == [record.DIRECTION_IN] and not more


def test_a_key_store_of_a_form_to_come_is_no_key_and_the_log_goes_on_unsealed():
    site = Site()
    site.tap()
    head = site.log.head
    for sector in site.seal.content.values():
        for at in range(0, len(sector), 128):
            if sector[at : at + 4] == b"BCK1":
                sector[at : at + 4] = b"BCK2"
                sector[at + 112 : at + 128] = sha256(sector[at : at + 112]).digest()[:16]
    site.restart()
    assert not site.log.sealed and site.log.head >= head
    seq = site.tap(UIDS[1])[2]
    buf = bytearray(record.RECORD_BYTES)
    assert site.log.read_into(buf, seq, 1)[0] == 1
    assert unpacked.unpack(buf).flags & record.FLAG_UNSEALED


def test_a_roster_of_a_form_to_come_is_no_roster():
    partition, image = Nor(4), Image(5, entries_of(250))
    link_key = bytes(range(32))
    rig = Rig(partition=partition)
    for part in range(len(image.parts)):
        assert rig.hear(b"command", rig.frame(frames.ROSTER, image.body(part)))
        while not rig.errands.unsent:
            rig.uplink.run_errands()
        rig.uplink._send(0)
    assert roster_start.load(partition, link_key).version == 5
    (header,) = [sector for sector in partition.content.values() if sector[:4] == roster_bank.MAGIC]
    header[:4] = b"BCR2"
    assert roster_start.load(partition, link_key).version == 0
