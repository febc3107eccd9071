"""Writes the golden vectors beside this file: `python tests/vectors/make.py`.

Firmware and host implement docs/protocol.md independently; these files test both. They are made by a third
implementation, spelled out below from the page with nothing but hashlib, hmac and struct (and `cryptography` for
AES-CMAC), so that a fault in the host's own code cannot hide in its vectors. Everything is a constant: the files change
only when the format does. Published vectors are given with their source.
"""

from __future__ import annotations

import hashlib
import hmac as hmac_module
import json
import struct
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.cmac import CMAC

HERE = Path(__file__).parent

FLEET_KEY = bytes(range(32))
CLOCK_ID = "clock-0001"
NONCE = bytes.fromhex("a1b2c3d4e5f60718")
SITE_KEY = hashlib.sha256(b"vectors: site key").digest()
SECOND_SITE_KEY = hashlib.sha256(b"vectors: second site key").digest()
THIRD_SITE_KEY = hashlib.sha256(b"vectors: third site key").digest()
FIRMWARE = bytes.fromhex("0f1e2d3c4b5a6978")
SESSION = bytes.fromhex("1122334455667788")

GENESIS, BOOT, PUNCH, TIME_SET, EPOCH, CONFIG, TAMPER, FAULT, UPDATE, RETIRE = range(1, 11)
PUBLISHED_BADGE_VECTORS: dict[str, Any] = {
    "cmac": {
        "source": "RFC 4493 section 4, NIST SP 800-38B appendix D.1",
        "key": "2b7e151628aed2a6abf7158809cf4f3c",
        "message": "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
        "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
        "by_length": {
            "0": "bb1d6929e95937287fa37d129b756746",
            "16": "070a16b46b4d4144f79bdd9dd04a287c",
            "40": "dfa66747de9ae63030ca32611497c827",
            "64": "51f0bebf7e3b9d92fc49741779363cfe",
        },
    },
    "diversification": [
        {
            "source": "NXP AN10922 section 2.2.1",
            "key": "00112233445566778899aabbccddeeff",
            "input": "04782e21801d803042f54e585020416275",
            "derived": "a8dd63a3b89d54b37ca802473fda9175",
        },
        {
            "source": "libfreefare test/test_mifare_key_deriver_an10922.c",
            "key": "f3f9377698707b688eaf84abe39e3791",
            "input": "04deadbeeffeed",
            "derived": "0bb408baff98b6ee9f2e1585777f6a51",
        },
    ],
    "authenticate_aes": {
        "source": "a published trace of AuthenticateAES, key 0 of zeros",
        "key": "00000000000000000000000000000000",
        "challenge": "b969fdfe56fd91fc9de6f6f213b8fd1e",
        "rnd_a": "f44b26f5686f3a391cd38ebd10772281",
        "response": "36aad7df6e436ba08d18613830a70d5ad43e3d3f4a8d47541eee623a934e4774",
        "answer": "800db680bc146bd121d6578f2d2e2059",
        "session": "f44b26f5c05ddd7110772281c4d066e8",
    },
    "card_uid_ev1": {
        "source": "proxmark3 client/src/mifare/desfiretest.c, TestCRC32: the UID of GetCardUID and its CRC-32",
        "uid": "04440f32763180",
        "crc": "99ce1ad4",
    },
    "authenticate_ev2_first": [
        {
            "source": "NXP AN12196 section 6.6",
            "key": "00000000000000000000000000000000",
            "challenge": "a04c124213c186f22399d33ac2a30215",
            "rnd_a": "13c5db8a5930439fc3def9a4c675360f",
            "response": "35c3e05a752e0144bac0de51c1f22c56b34408a23d8aea266cab947ea8e0118d",
            "answer": "3fa64db5446d1f34cd6ea311167f5e4985b89690c04a05f17fa7ab2f08120663",
            "transaction": "9d00c4df",
            "encryption": "1309c877509e5a215007ff0ed19ca564",
            "mac": "4c6626f5e72ea694202139295c7a7fc7",
        },
        {
            "source": "NXP AN12196 section 6.10",
            "key": "00000000000000000000000000000000",
            "challenge": "b875ceb0e66a6c5cd00898dc371f92d1",
            "rnd_a": "b98f4c50cf1c2e084fd150e33992b048",
            "response": "ff0306e47dfbc50087c4d8a78e88e62de1e8be457aa477c707e2f0874916a8b1",
            "answer": "0cc9a8094a8eea683ecaac5c7bf20584206d0608d477110fc6b3d5d3f65c3a6a",
            "transaction": "7614281a",
            "encryption": "7a93d6571e4b180fca6ac90c9a7488d4",
            "mac": "fc4af159b62e549b5812394cab1918cc",
        },
    ],
    "session_keys_ev2": {
        "source": "NXP AN12343 pages 33 and 34",
        "key": "00000000000000000000000000000000",
        "rnd_a": "b04d0787c93ee0cc8cacc8e86f16c6fe",
        "rnd_b": "fa659ad0dca738dd65dc7dc38612ad81",
        "encryption": "63dc07286289a7a6c0334ca31c314a04",
        "mac": "774f26743ece6af5033b6ae8522946f6",
    },
    "macs_ev2": {
        "source": "NXP AN12343 page 54, as proxmark3 client/src/mifare/desfiretest.c has it",
        "key": "9366fa195eb566f5bd2bad4020b83002",
        "transaction": "e2d3af69",
        "signed": [
            {"code": "8d", "counter": 0, "data": "00000000190000" + "22" * 25, "mac": "68f2c28c575a1628"},
            {"code": "00", "counter": 1, "data": "", "mac": "0820f68898c2a7f1"},
            {"code": "ad", "counter": 1, "data": "00000000300000", "mac": "0d9be191d5960834"},
            {"code": "00", "counter": 2, "data": "22" * 25 + "00" * 23, "mac": "a49a44222d926666"},
        ],
    },
    "get_card_uid_ev2": {
        "source": "NXP AN12196 section 7.3",
        "encryption": "2b4d963c014dc36f24f69a50a394f875",
        "mac": "379d32130ce61705dd5fd8c36b95d764",
        "transaction": "df055522",
        "command": "90510000088e2c155adda99be300",
        "answer": "70756055688505b52a5e26e59e329cd6595f672298ea41b79100",
        "uid": "04958caa5c5e80",
    },
}

MONDAY_UTC_S = 1_767_596_291  # 2026-01-05 06:58:11 UTC
DAY_S = 86_400


def hmac(key: bytes, message: bytes) -> bytes:
    return hmac_module.new(key, message, hashlib.sha256).digest()


def hkdf(key: bytes, salt: bytes, info: bytes) -> bytes:
    """RFC 5869, one block of 32 bytes."""
    return hmac(hmac(salt, key), info + b"\x01")


def token(badge_id: str, badge_type: int = 1) -> bytes:
    return hmac(SITE_KEY, bytes([badge_type]) + bytes.fromhex(badge_id))[:8]


def raised(made: bytes, key: bytes, times: int = 1) -> bytes:
    """A token once its site has one more key."""
    return hmac(key, b"\x03" + made)[:8] if times else made


def body(fields: dict[str, Any]) -> bytes:
    """The first 48 bytes of a record."""
    return (
        bytes([1, fields["kind"]])
        + struct.pack(">HIHH", fields["flags"], fields["seq"], fields["boot"], fields["epoch"])
        + struct.pack(">IHBBI", fields["utc_s"], fields["ms"], fields["source"], fields["bound"], fields["uptime_ms"])
        + fields["token"]
        + fields["beacon"]
        + fields["detail"]
    )


def fields_of(kind: int, seq: int, boot: int, epoch: int, utc_s: int, **others: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "kind": kind,
        "flags": 0,
        "seq": seq,
        "boot": boot,
        "epoch": epoch,
        "utc_s": utc_s,
        "ms": (seq * 137) % 1000,
        "source": 1,
        "bound": 80,
        "uptime_ms": (seq * 61_001 + 5_000) % 2**32,
        "token": bytes(8),
        "beacon": bytes(8),
        "detail": bytes(8),
    }
    return made | others


def plain(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in fields.items()}


# --- record.json ------------------------------------------------------------------------------------------------------


def bound_of(encoded: int) -> int:
    return ((8 + (encoded & 7)) << (encoded >> 3)) >> 3


def bound_vectors() -> list[list[int]]:
    edges = [0, 1, 2, 3, 15, 16, 17, 999, 1000, 1001, 2000, 60_000, 86_400_000, 2**31]
    wanted = {*edges, bound_of(254), bound_of(254) + 1}
    for encoded in range(8, 255, 13):
        wanted |= {bound_of(encoded) - 1, bound_of(encoded), bound_of(encoded) + 1}
    return [[ms, next((b for b in range(255) if bound_of(b) >= ms), 255)] for ms in sorted(wanted)]


def record_vectors() -> dict[str, Any]:
    tag = hashlib.sha256(b"vectors: tag").digest()[:16]
    beacon = bytes.fromhex("00ff10ef20df30cf")
    cases = {
        "genesis": fields_of(GENESIS, 0, 0, 0, MONDAY_UTC_S, token=NONCE, detail=bytes.fromhex("0123456789abcdef")),
        "boot after power on": fields_of(BOOT, 1, 1, 0, MONDAY_UTC_S, detail=bytes([1, 0, 0, 0]) + FIRMWARE[:4]),
        "boot after a torn write": fields_of(BOOT, 9, 2, 0, MONDAY_UTC_S, detail=bytes([3, 1, 0, 0]) + FIRMWARE[:4]),
        "punch in": fields_of(PUNCH, 2, 1, 0, MONDAY_UTC_S, flags=0x01, token=token("04a1b2c3")),
        "punch out, badge proved, with beacon": fields_of(
            PUNCH, 3, 1, 0, MONDAY_UTC_S, flags=0x0A, token=token("04112233445566", 2), beacon=beacon, source=3, bound=5
        ),
        "punch of an unknown badge, twice": fields_of(
            PUNCH, 4, 1, 0, MONDAY_UTC_S, flags=0x31, token=token("deadbeef")
        ),
        "punch of a clock without time": fields_of(
            PUNCH, 5, 1, 0, 0, ms=0, source=0, bound=255, flags=0x40, token=token("04a1b2c3")
        ),
        "punch without direction, unsealed": fields_of(
            PUNCH, 6, 1, 0, MONDAY_UTC_S, flags=0x80, token=token("04a1b2c3")
        ),
        "punch by key": fields_of(
            PUNCH, 2, 1, 0, MONDAY_UTC_S, flags=0x02, token=token("04a1b2c3"), detail=b"\x01" + bytes(7)
        ),
        "punch of a clock of one direction": fields_of(
            PUNCH, 2, 1, 0, MONDAY_UTC_S, flags=0x01, token=token("04a1b2c3"), detail=b"\x02" + bytes(7)
        ),
        "punch after the last one": fields_of(
            PUNCH, 2, 1, 0, MONDAY_UTC_S, flags=0x02, token=token("04a1b2c3"), detail=b"\x03" + bytes(7)
        ),
        "punch whose direction is assumed": fields_of(
            PUNCH, 2, 1, 0, MONDAY_UTC_S, flags=0x01, token=token("04a1b2c3"), detail=b"\x04" + bytes(7)
        ),
        "break start": fields_of(PUNCH, 7, 1, 0, MONDAY_UTC_S, flags=0x03, token=token("04a1b2c3")),
        "break end": fields_of(PUNCH, 8, 1, 0, MONDAY_UTC_S, flags=0x04, token=token("04a1b2c3")),
        "time set": fields_of(
            TIME_SET, 10, 1, 0, MONDAY_UTC_S, source=3, detail=struct.pack(">IHBB", MONDAY_UTC_S - 90, 250, 1, 0)
        ),
        "epoch closed": fields_of(EPOCH, 11, 1, 0, MONDAY_UTC_S, detail=struct.pack(">II", 12, MONDAY_UTC_S // DAY_S)),
        "config": fields_of(CONFIG, 12, 1, 1, MONDAY_UTC_S, detail=hashlib.sha256(b"settings").digest()[:8]),
        "case opened": fields_of(TAMPER, 13, 1, 1, MONDAY_UTC_S, detail=bytes([1]) + bytes(7)),
        "reader fault, third time": fields_of(FAULT, 14, 1, 1, MONDAY_UTC_S, detail=struct.pack(">BBHI", 1, 0, 3, 0)),
        "update": fields_of(UPDATE, 15, 1, 1, MONDAY_UTC_S, detail=FIRMWARE),
        "retire, all numbers at their largest": fields_of(
            RETIRE,
            2**32 - 1,
            2**16 - 1,
            2**16 - 1,
            2**32 - 1,
            ms=999,
            bound=255,
            uptime_ms=2**32 - 1,
            beacon=b"\xff" * 8,
        ),
    }
    good = body(cases["punch in"]) + tag

    def changed(offset: int, value: int) -> str:
        return (good[:offset] + bytes([value]) + good[offset + 1 :]).hex()

    refused = [
        {"name": "empty", "bytes": ""},
        {"name": "one byte short", "bytes": good[:-1].hex()},
        {"name": "one byte long", "bytes": (good + b"\x00").hex()},
        {"name": "erased flash", "bytes": "ff" * 64},
        {"name": "burnt slot", "bytes": "00" * 64},
        {"name": "format 0", "bytes": changed(0, 0)},
        {"name": "format 2", "bytes": changed(0, 2)},
        {"name": "kind 0", "bytes": changed(1, 0)},
        {"name": "kind 11", "bytes": changed(1, 11)},
        {"name": "kind 255", "bytes": changed(1, 255)},
        {"name": "direction 5", "bytes": changed(3, 5)},
        {"name": "direction 6", "bytes": changed(3, 6)},
        {"name": "direction 7", "bytes": changed(3, 7)},
        {"name": "flag bit 8", "bytes": changed(2, 0x01)},
        {"name": "flag bit 15", "bytes": changed(2, 0x80)},
        {"name": "1000 ms", "bytes": (good[:16] + struct.pack(">H", 1000) + good[18:]).hex()},
        {"name": "clock source 4", "bytes": changed(18, 4)},
    ]
    return {
        "records": [
            {"name": name, "fields": plain(fields) | {"tag": tag.hex()}, "bytes": (body(fields) + tag).hex()}
            for name, fields in cases.items()
        ],
        "refused": refused,
        "bounds": bound_vectors(),
    }


# --- seal.json --------------------------------------------------------------------------------------------------------


class Clock:
    """The clock's side of §3, one key at a time, and the tale of every step."""

    def __init__(self) -> None:
        self.k_dev = hkdf(FLEET_KEY, CLOCK_ID.encode(), b"badgeclock/v1/clock")
        self.e0 = hmac(self.k_dev, b"E0" + CLOCK_ID.encode() + NONCE)
        self.k_link = hmac(self.k_dev, b"L" + CLOCK_ID.encode() + NONCE)
        self.first_tag = hashlib.sha256(b"badgeclock/v1/genesis" + CLOCK_ID.encode()).digest()[:16]
        self.tag = self.first_tag
        self.seq = self.boot = self.in_epoch = 0
        self.epoch = -1
        self.next_epoch_key = self.e0
        self.open_epoch()

    def open_epoch(self) -> None:
        epoch_key, self.epoch = self.next_epoch_key, self.epoch + 1
        self.r = hmac(epoch_key, b"R" + struct.pack(">H", self.epoch))
        self.next_epoch_key = hmac(epoch_key, b"E" + struct.pack(">H", self.epoch))
        self.in_epoch = 0

    def append(self, kind: int, utc_s: int, **others: Any) -> dict[str, Any]:
        if kind == BOOT:
            self.boot += 1
        if kind == EPOCH:
            others["detail"] = struct.pack(">II", self.in_epoch + 1, utc_s // DAY_S - 1)
        content = body(fields_of(kind, self.seq, self.boot, self.epoch, utc_s, **others))
        mac = hmac(self.r, b"M")
        tag = hmac(mac, self.tag + content)[:16]
        told = {
            "seq": self.seq,
            "epoch": self.epoch,
            "r": self.r.hex(),
            "e_next": self.next_epoch_key.hex(),
            "mac": mac.hex(),
            "tag": tag.hex(),
            "record": (content + tag).hex(),
        }
        self.seq += 1
        self.in_epoch += 1
        self.tag = tag
        self.r = hmac(self.r, b"r" + tag)
        if kind == EPOCH:
            self.open_epoch()
        return told | {"next_r": self.r.hex()}

    def tear(self) -> dict[str, Any]:
        told = {"seq": self.seq, "epoch": self.epoch, "r": self.r.hex(), "e_next": self.next_epoch_key.hex()}
        self.r = hmac(self.r, b"r" + bytes(16))
        self.seq += 1
        self.in_epoch += 1
        return told | {"mac": None, "tag": None, "record": None, "next_r": self.r.hex()}


def boot_detail(cause: int, burnt: int) -> bytes:
    return bytes([cause, burnt, 0, 0]) + FIRMWARE[:4]


def seal_vectors() -> dict[str, Any]:
    clock = Clock()
    commitment = hmac(clock.e0, b"C")[:8]
    monday, tuesday, wednesday = MONDAY_UTC_S, MONDAY_UTC_S + DAY_S, MONDAY_UTC_S + 2 * DAY_S
    steps = [
        clock.append(GENESIS, monday, token=NONCE, detail=commitment),
        clock.append(BOOT, monday + 4, detail=boot_detail(1, 0)),
        clock.append(PUNCH, monday + 60, flags=0x01, token=token("04a1b2c3")),
        clock.append(PUNCH, monday + 61, flags=0x11, token=token("04a1b2c3")),
        clock.append(EPOCH, tuesday),
        clock.append(PUNCH, tuesday + 9, flags=0x01, token=token("04112233445566", 2), source=3, bound=5),
        clock.append(TIME_SET, tuesday + 20, source=3, detail=struct.pack(">IHBB", tuesday + 12, 40, 1, 0)),
        clock.append(EPOCH, wednesday),
        clock.append(
            PUNCH, wednesday + 5, flags=0x02, token=token("04a1b2c3"), beacon=bytes.fromhex("00ff10ef20df30cf")
        ),
    ]
    torn = {
        "tag_before": clock.tag.hex(),
        "in_epoch_before": clock.in_epoch,
        "boot_before": clock.boot,
        "steps": [clock.tear(), clock.append(BOOT, wednesday + 300, detail=boot_detail(1, 1))],
    }
    torn["steps"] += [
        clock.append(PUNCH, wednesday + 310, flags=0x02, token=token("04112233445566", 2)),
        clock.append(EPOCH, wednesday + DAY_S),
        clock.append(PUNCH, wednesday + DAY_S + 7, flags=0x01, token=token("04a1b2c3")),
    ]
    unsealed = body(
        fields_of(PUNCH, clock.seq, clock.boot, clock.epoch, wednesday + DAY_S + 9, flags=0x81, token=token("04a1b2c3"))
    )
    return {
        "clock_id": CLOCK_ID,
        "fleet_key": FLEET_KEY.hex(),
        "nonce": NONCE.hex(),
        "k_dev": clock.k_dev.hex(),
        "e0": clock.e0.hex(),
        "commitment": commitment.hex(),
        "k_link": clock.k_link.hex(),
        "first_tag": clock.first_tag.hex(),
        "steps": steps,
        "burnt": torn,
        "unsealed": {
            "tag_before": clock.tag.hex(),
            "record": (unsealed + hashlib.sha256(clock.tag + unsealed).digest()[:16]).hex(),
        },
        "tokens": [
            {"site_key": SITE_KEY.hex(), "type": kind, "id": badge_id, "token": token(badge_id, kind).hex()}
            for kind, badge_id in (
                (1, "04a1b2c3"),
                (1, "04112233445566"),
                (1, "08010203040506070809"),
                (2, "04112233445566"),
            )
        ]
        + [
            {
                "site_key": (SITE_KEY + SECOND_SITE_KEY + THIRD_SITE_KEY[: 32 * third]).hex(),
                "type": kind,
                "id": badge_id,
                "token": raised(raised(token(badge_id, kind), SECOND_SITE_KEY), THIRD_SITE_KEY, times=third).hex(),
            }
            for kind, badge_id, third in ((1, "04a1b2c3", 0), (2, "04112233445566", 0), (1, "04a1b2c3", 1))
        ],
    }


# --- frames.json ------------------------------------------------------------------------------------------------------


def frame(key: bytes, session: bytes, kind: int, counter: int, content: bytes, *, version: int = 1) -> bytes:
    head = bytes([version, kind]) + struct.pack(">Q", counter) + content
    return head + hmac(key, b"badgeclock/v1" + bytes([len(CLOCK_ID)]) + CLOCK_ID.encode() + session + head)[:16]


DESK_R = hashlib.sha256(b"vectors: R of the record before which a job of the desk begins").digest()


def desk_body(desk_key: bytes, counter: int, job: int, step: int, word: int, payload: bytes = b"") -> bytes:
    """A body of DESK, enciphered under K_desk."""
    plain = struct.pack(">IHB", job, step, word) + payload
    place = SESSION + struct.pack(">Q", counter)
    stream = b"".join(hmac(desk_key, place + bytes([block])) for block in range(9))
    return bytes(a ^ b for a, b in zip(plain, stream, strict=False))


def desk_cases(up: bytes, down: bytes, counter_up: int, seq: int | None = None, r: bytes = b"") -> list[dict[str, Any]]:
    """DESK frames of both directions, with their decrypted bodies; of a job under the key of the record `seq`, if one
    is given.
    """
    wanted = [
        ("open for half a minute", "down", 20, 0x0102_0304, 1, 1, bytes([30])),
        ("wait for a badge", "down", 21, 0x0102_0304, 2, 2, b""),
        ("an APDU", "down", 22, 0x0102_0304, 3, 3, bytes.fromhex("9060000000")),
        ("the longest APDU, largest numbers", "down", 2**64 - 2, 2**32 - 1, 2**16 - 1, 3, bytes(range(255))),
        ("close, done", "down", 23, 0x0102_0304, 9, 4, bytes([1])),
        ("issue mode is on", "up", counter_up + 1, 0x0102_0304, 1, 1, b""),
        ("a badge", "up", counter_up + 2, 0x0102_0304, 2, 2, bytes.fromhex("2004112233445566")),
        ("the badge's answer", "up", counter_up + 3, 0x0102_0304, 3, 3, bytes.fromhex("04010112001a0591af")),
        ("an answer of 33 bytes", "up", counter_up + 4, 0x0102_0304, 4, 3, bytes(range(33))),
        ("the badge is gone", "up", counter_up + 5, 0x0102_0304, 5, 6, b""),
    ]
    cases = []
    for name, direction, counter, job, step, word, payload in wanted:
        key, session, kind = (up, bytes(8), 0x02) if direction == "up" else (down, SESSION, 0x15)
        content = b""
        desk_key = hmac(key, b"desk")
        if seq is not None:
            kind = 0x05 if direction == "up" else 0x18
            content = struct.pack(">I", seq)
            desk_key = hmac(hmac(r, b"D"), direction.encode())
        content += desk_body(desk_key, counter, job, step, word, payload)
        cases.append(
            {
                "name": name,
                **({} if seq is None else {"seq": seq}),
                "direction": direction,
                "type": kind,
                "counter": counter,
                "job": job,
                "step": step,
                "word": word,
                "payload": payload.hex(),
                "body": content.hex(),
                "bytes": frame(key, session, kind, counter, content).hex(),
            }
        )
    return cases


def roster_vectors(down: bytes) -> dict[str, Any]:
    """A roster of 120 badges in three languages besides the site's, and the bodies that bring it."""
    key, version = hmac(down, b"roster"), 0x0102_0304
    spoken = [None, "nl", "fr", "nl", "nl", "de", None, "fr"]
    badges = {
        hashlib.sha256(b"vectors: badge %d" % number).digest()[:8]: spoken[number % len(spoken)]
        for number in range(118)
    }
    badges[bytes(8)] = "fr"
    badges[b"\xff" * 8] = None
    languages = ["nl", "fr", "de"]  # the most spoken first
    entries = b"".join(
        made + bytes([languages.index(language) + 1 if language else 0, 0]) for made, language in sorted(badges.items())
    )
    head = struct.pack(">IHHI", version, len(badges), 0, 0) + b"nlfrde".ljust(16, b"\0")
    header = head + hmac(key, head + hashlib.sha256(entries).digest())
    contents = [header[4:], entries[:990], entries[990:]]
    return {
        "k_roster": key.hex(),
        "version": version,
        "badges": [[made.hex(), language] for made, language in badges.items()],
        "languages": languages,
        "header": header.hex(),
        "entries": entries.hex(),
        "bodies": [
            (struct.pack(">IHH", version, part, len(contents)) + content).hex() for part, content in enumerate(contents)
        ],
    }


def frame_vectors() -> dict[str, Any]:
    clock = Clock()
    up, down = hmac(clock.k_link, b"up"), hmac(clock.k_link, b"down")
    counter_up = struct.unpack(">Q", struct.pack(">HHI", 3, 2, 1))[0]
    online = {
        "v": 1,
        "state": "online",
        "boot": 3,
        "connection": 2,
        "session": SESSION.hex(),
        "head": 42,
        "tail": 40,
        "tag": clock.first_tag.hex(),
        "free": 21_000,
        "capacity": 21_168,
        "sealed": True,
        "receipt": 7,
        "firmware": FIRMWARE.hex(),
        "utc_ms": MONDAY_UTC_S * 1000 + 250,
        "source": 1,
        "bound_ms": None,
        "uptime_ms": 61_001,
        "heap_free": 64_000,
        "reset": 1,
        "reader": "92",
        "rejected": 0,
        "roster": [3, 250],
        "settings": 7,
        "receipts": 7,
        "settings_refused": [8, "settings.json: volume must be a whole number from 0 to 3"],
        "a key of a later version": [1, 2, 3],
    }
    offline = {"v": 1, "state": "offline", "boot": 3, "connection": 2}
    ack = struct.pack(">IB", 42, 0) + bytes.fromhex("00ff10ef20df30cf")
    receipts = b"".join(
        struct.pack(">IIBBQ", *entry)
        for entry in (
            (8, 38, 1, 0, 123_456_789_012_345),
            (9, 39, 2, 5, 0),
            (10, 41, 3, 0, 0),
            (11, 38, 4, 0, 123_456_789_012_345),
        )
    )
    to_come = struct.pack(">IIBBQ", 12, 42, 8, 0, 1) + struct.pack(">IIBBQ", 13, 43, 1, 0, 123_456_789_012_346)
    # An OUT that the bridge took for an IN, a break of that day, and the end of a shift of the day before.
    of_day = b"".join(
        struct.pack(">IIBBQ", *entry)
        for entry in (
            (12, 42, 1, 1, 123_456_789_012_346),
            (13, 43, 7, 0, 123_456_789_012_346),
            (14, 44, 7, 1, 123_456_789_012_345),
        )
    )
    report = {"v": 1, "order": 17, "command": 2, "told": {"reader": "good", "heap_free": 18000}}
    roster = roster_vectors(down)
    cases = [
        ("online", "up", 0x01, counter_up, json.dumps(online).encode()),
        ("last will", "up", 0x01, counter_up | 0xFFFF_FFFF, json.dumps(offline, separators=(",", ":")).encode()),
        ("ack in order", "down", 0x11, 1, ack),
        ("ack of a gap", "down", 0x11, 2, struct.pack(">IB", 40, 1) + bytes(8)),
        ("ack under quarantine", "down", 0x11, 3, struct.pack(">IB", 40, 2) + bytes(8)),
        ("four receipts", "down", 0x12, 4, receipts),
        ("two receipts, one of a state to come", "down", 0x12, 8, to_come),
        ("three receipts of days", "down", 0x12, 9, of_day),
        ("time", "down", 0x13, 5, struct.pack(">QQ", MONDAY_UTC_S * 1000 + 300, counter_up)),
        ("identify", "down", 0x14, 6, bytes([1]) + struct.pack(">I", 17)),
        ("restart, largest counter", "down", 0x14, 2**64 - 1, bytes([3]) + struct.pack(">I", 2**32 - 1)),
        ("retire", "down", 0x14, 7, bytes([5])),
        ("report of a self-test", "up", 0x03, counter_up + 1, json.dumps(report).encode()),
        ("roster: its header", "down", 0x16, 30, bytes.fromhex(roster["bodies"][0])),
        ("roster: its longest part, which fills a frame", "down", 0x16, 31, bytes.fromhex(roster["bodies"][1])),
        ("roster: the next part is wanted", "up", 0x04, counter_up + 6, struct.pack(">IHB", roster["version"], 2, 0)),
        ("roster: in use", "up", 0x04, counter_up + 7, struct.pack(">IHB", roster["version"], 3, 1)),
        ("settings", "down", 0x17, 32, struct.pack(">I", 9) + b'{"language":"nl","volume":2}'),
    ]
    frames = [
        {
            "name": name,
            "direction": direction,
            "type": kind,
            "counter": counter,
            "body": content.hex(),
            "bytes": frame(
                up if direction == "up" else down, bytes(8) if direction == "up" else SESSION, kind, counter, content
            ).hex(),
        }
        for name, direction, kind, counter, content in cases
    ]
    good = frame(down, SESSION, 0x11, 1, ack)
    long = struct.pack(">BBQ", 1, 0x14, 9)
    refused = {
        "empty": b"",
        "shorter than head and tag": good[:25],
        "one bit of the counter flipped": good[:9] + bytes([good[9] ^ 1]) + good[10:],
        "one bit of the body flipped": good[:12] + bytes([good[12] ^ 0x80]) + good[13:],
        "one bit of the tag flipped": good[:-1] + bytes([good[-1] ^ 1]),
        "last byte missing": good[:-1],
        "a byte more": good + b"\x00",
        "of another session": frame(down, bytes(8), 0x11, 1, ack),
        "under the upward key": frame(up, SESSION, 0x11, 1, ack),
        "format 2, tag right": frame(down, SESSION, 0x11, 1, ack, version=2),
        "longer than 1,024 bytes": frame(down, SESSION, 0x14, 9, bytes([1]) + bytes(1025 - len(long) - 16 - 1)),
        "random": hashlib.sha256(b"vectors: random").digest() * 3,
    }
    return {
        "clock_id": CLOCK_ID,
        "k_link": clock.k_link.hex(),
        "k_up": up.hex(),
        "k_down": down.hex(),
        "session": SESSION.hex(),
        "frames": frames,
        "desk": desk_cases(up, down, counter_up),
        "r": DESK_R.hex(),
        "sealed_desk": desk_cases(up, down, counter_up, 42, DESK_R),
        "roster": roster,
        "refused": [{"name": name, "direction": "down", "bytes": raw.hex()} for name, raw in refused.items()],
    }


def cmac(key: bytes, message: bytes) -> bytes:
    """AES-CMAC, RFC 4493."""
    made = CMAC(AES(key))
    made.update(message)
    return made.finalize()


def diversified(key: bytes, content: bytes) -> bytes:
    """NXP AN10922, AES-128, for inputs of 16 to 31 bytes, where it is the plain CMAC."""
    assert 16 <= len(content) <= 31
    return cmac(key, b"\x01" + content)


def diversified_identity(key: bytes, content: bytes) -> bytes:
    """The same for shorter inputs, which AN10922 pads to two blocks: CMAC's last step by hand."""
    assert len(content) < 15
    aes = Cipher(AES(key), ECB()).encryptor()  # noqa: S305 - single blocks, as CMAC is defined
    doubled = int.from_bytes(aes.update(bytes(16)), "big")
    for _ in range(2):
        doubled = (doubled << 1) ^ ((1 << 128 | 0x87) if doubled >> 127 else 0)
    first = (b"\x01" + content + b"\x80").ljust(16, b"\0")
    return aes.update((int.from_bytes(aes.update(first), "big") ^ doubled).to_bytes(16, "big"))


def badge_vectors() -> dict[str, Any]:
    """docs/badges.md: published vectors of its parts, and whole badges."""
    root = hashlib.sha256(b"vectors: badge root").digest()
    read, application, picc = (
        hkdf(root, b"", b"badgeclock/v1/badge/" + name)[:16] for name in (b"read", b"application", b"picc")
    )
    aid, system = bytes.fromhex("4314bc"), b"Badgeclock"
    badges: list[dict[str, Any]] = []
    issued: list[dict[str, Any]] = []
    for uid, number, issue in (
        ("04a3c652117f80", "0123456789abcdef", ""),
        ("04958caa5c5e80", "fedcba9876543210", ""),
        ("04a3c652117f80", "1032547698badcfe", "c0ffee0123456789"),
        ("04a3c652117f80", "efcdab8967452301", "8000000000000000"),
    ):
        content = b"\x01" + bytes.fromhex(number)
        keys = {
            name: diversified(key, bytes.fromhex(uid) + place + bytes((key_no,)) + system + bytes.fromhex(issue)).hex()
            for name, key, place, key_no in (
                ("application", application, aid, 0x00),
                ("read", read, aid, 0x01),
                ("identity", read, aid, 0x02),
                ("check", read, aid, 0xC0),
                ("picc", picc, bytes(3), 0x00),
            )
            if issue or name != "identity"
        }
        (issued if issue else badges).append(
            {
                "uid": uid,
                "number": number,
                **({"issue": issue} if issue else {}),
                **keys,
                "file": (content + cmac(bytes.fromhex(keys["check"]), content)[:8]).hex(),
                "token": token(number, 2).hex(),
            }
        )
    return {
        "root": root.hex(),
        "masters": {"read": read.hex(), "application": application.hex(), "picc": picc.hex()},
        "site_key": SITE_KEY.hex(),
        "identity": diversified_identity(read, aid + b"\x02" + system).hex(),
        "badges": badges,
        "issued": issued,
        **PUBLISHED_BADGE_VECTORS,
    }


# --- secrets.json -----------------------------------------------------------------------------------------------------


def secret_vector() -> dict[str, Any]:
    """§4: a slot of the clock's secrets."""
    keys = {"link_key": "5a" * 32, "site_key": SITE_KEY.hex(), "wifi_password": "a password of the site"}
    content = json.dumps({"v": 1, **keys}).encode()
    slot = (b"BCS1" + struct.pack(">IH", 3, len(content)) + content).ljust(1008, b"\0")
    return {"number": 3, "content": content.decode(), "slot": (slot + hashlib.sha256(slot).digest()[:16]).hex()}


def main() -> None:
    for name, made in (
        ("record", record_vectors()),
        ("seal", seal_vectors()),
        ("frames", frame_vectors()),
        ("badges", badge_vectors()),
        ("secrets", secret_vector()),
    ):
        (HERE / f"{name}.json").write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
