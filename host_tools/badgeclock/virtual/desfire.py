"""MIFARE DESFire EV1, EV2 and EV3 badges: applications, AES keys, standard data files, their secure channels.

A new one is as delivered: no application, a master key of DES zeros. Commands come native or wrapped in ISO 7816 APDUs
of class 0x90. Unsupported features (other file types, DES applications, transaction MAC, ISO file ids) are refused with
the card's own status. A status other than 00, AF and 0C ends the authentication.

Published behaviour: NXP MF3ICDx21_41_81 and MF3Dx2 short data sheets, AN12343, AN12196; libfreefare
`mifare_desfire.c`; proxmark3 `desfirecore.c`. Times a card works are round figures in the range that data sheets and
readers' traces give, not measured ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from badgeclock.virtual.desfire_channels import (
    INTEGRITY_ERROR,
    LENGTH_ERROR,
    ChainedChannel,
    Channel,
    CountedChannel,
    Key,
    LegacyChannel,
    Mode,
    aes_session_key,
    des_session_key,
    fresh,
    receive_deciphered,
    rotated,
)
from badgeclock.virtual.errors import CommandRefused
from badgeclock.virtual.iso_dep import IsoDepCard, Work

OK, NO_CHANGES, OUT_OF_MEMORY, ILLEGAL_COMMAND = 0x00, 0x0C, 0x0E, 0x1C
NO_SUCH_KEY, PERMISSION_DENIED, PARAMETER_ERROR, APPLICATION_NOT_FOUND = 0x40, 0x9D, 0x9E, 0xA0
AUTHENTICATION_ERROR, MORE, BOUNDARY_ERROR, COMMAND_ABORTED = 0xAE, 0xAF, 0xBE, 0xCA
COUNT_ERROR, DUPLICATE, FILE_NOT_FOUND = 0xCE, 0xDE, 0xF0

# A native frame carries up to 60 bytes, its status or code included (MF3ICDx21_41_81, 8.4).
FRAME_DATA_BYTES = 59
MEMORY_BYTES = 7936  # of a card of 8 KB
ALLOCATION_BYTES = 32
APPLICATIONS_MOST = 28
KEYS_MOST = 14
FILES_MOST = 32
FREE = 0xE
FROZEN = 0xF

LOOK_NS = 500_000
CRYPTO_NS = 1_500_000
WRITE_NS = 3_000_000

PICC = b"\0\0\0"
ISO_NAME = bytes.fromhex("D2760000850100")
MODES = {0: Mode.PLAIN, 1: Mode.MAC, 2: Mode.PLAIN, 3: Mode.FULL}


@dataclass(frozen=True)
class Generation:
    """The differences of the generations. `hardware`, `software`: their 7 bytes of GetVersion."""

    name: str
    hardware: bytes
    software: bytes
    counted: bool


EV1 = Generation("EV1", bytes.fromhex("04010101001A05"), bytes.fromhex("04010101041A05"), counted=False)
EV2 = Generation("EV2", bytes.fromhex("04010112001A05"), bytes.fromhex("04010102011A05"), counted=True)
EV3 = Generation("EV3", bytes.fromhex("04010133001A05"), bytes.fromhex("04010103001A05"), counted=True)


@dataclass
class File:
    """A standard data file. `access`: nibbles read, write, both, change; each a key number, 0xE free or 0xF never."""

    mode: int
    access: int
    data: bytearray

    def allows(self, key_no: int | None, *shifts: int) -> Mode:
        """The communication mode for the holder of `key_no`. Raises CommandRefused without any of the rights."""
        rights = [self.access >> shift & 0xF for shift in shifts]
        if key_no is not None and key_no in rights:
            return MODES[self.mode]
        if FREE in rights:
            return Mode.PLAIN
        raise CommandRefused(AUTHENTICATION_ERROR if any(right < FREE for right in rights) else PERMISSION_DENIED)


READ, WRITE, READ_AND_WRITE = 12, 8, 4


@dataclass
class Application:
    """Keys and files behind an application id; id 000000 is the card itself, with its one key and no files."""

    settings: int
    keys: list[Key]
    files: dict[int, File] = field(default_factory=dict)


@dataclass(frozen=True)
class Reply:
    """Status and data of one frame, and the time the card needs for it."""

    status: int
    data: bytes = b""
    ns: int = LOOK_NS


@dataclass(frozen=True)
class _Done:
    """A command's result: its answer's data and their mode. `parts`: lengths of the frames, if fixed."""

    data: bytes = b""
    mode: Mode = Mode.MAC
    ns: int = LOOK_NS
    parts: tuple[int, ...] = ()


class Desfire(IsoDepCard):
    """A DESFire card as delivered. `slow`: how many times longer than usual its cryptography takes."""

    kind = "desfire-ev1"
    generation = EV1
    slow = 1

    def __init__(self, uid: bytes) -> None:
        if len(uid) != 7:
            raise ValueError("a DESFire has a UID of 7 bytes")
        super().__init__(uid)
        self.real_uid = uid
        self.random_uid = False
        self.format_allowed = True
        self.applications: dict[bytes, Application] = {PICC: Application(0x0F, [Key(bytes(16), block=8)])}
        self._commands: dict[int, Callable[[bytes], _Done]] = {
            0x60: self._get_version,
            0x6A: self._get_application_ids,
            0x6E: self._free_memory,
            0x45: self._get_key_settings,
            0x64: self._get_key_version,
            0x6F: self._get_file_ids,
            0xF5: self._get_file_settings,
            0xCA: self._create_application,
            0xDA: self._delete_application,
            0xCD: self._create_std_data_file,
            0xDF: self._delete_file,
            0xFC: self._format,
            0x5F: self._change_file_settings,
            0xBD: partial(self._read_data, 0xBD),
            0x3D: partial(self._write_data, 0x3D),
            0xC4: self._change_key,
            0x54: self._change_key_settings,
            0x5C: self._set_configuration,
            0x51: self._get_card_uid,
        }
        self._forget()

    # ---- the card in the field

    def power_on(self) -> None:
        if self.random_uid:
            self._set_uid(b"\x08" + fresh(3))
        super().power_on()

    def begin(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._aid = PICC
        self._channel: Channel | None = None
        self._more: Callable[[bytes], Reply] | None = None

    @property
    def authenticated(self) -> int | None:
        """The number of the key that the reader has proved, or None."""
        return None if self._channel is None else self._channel.key_no

    def memory(self) -> dict[str, Any]:
        return {
            "random_uid": self.random_uid,
            "format_allowed": self.format_allowed,
            "applications": {
                aid.hex(): {
                    "settings": application.settings,
                    "keys": [[key.value.hex(), key.block, key.version] for key in application.keys],
                    "files": {
                        str(number): [one.mode, one.access, one.data.hex()] for number, one in application.files.items()
                    },
                }
                for aid, application in self.applications.items()
            },
        }

    def remember(self, memory: Mapping[str, Any]) -> None:
        self.random_uid = memory["random_uid"]
        self.format_allowed = memory["format_allowed"]
        self.applications = {
            bytes.fromhex(aid): Application(
                application["settings"],
                [
                    Key(bytes.fromhex(value), block=block, version=version)
                    for value, block, version in application["keys"]
                ],
                {
                    int(number): File(mode, access, bytearray.fromhex(data))
                    for number, (mode, access, data) in application["files"].items()
                },
            )
            for aid, application in memory["applications"].items()
        }
        if self.random_uid:
            self._set_uid(b"\x08" + fresh(3))

    # ---- frames

    def work(self, command: bytes) -> Work | None:
        if not command:
            return None
        if command[0] in (0x00, 0x90):
            return self._apdu(command)
        reply = self._native(command[0], command[1:])
        return Work(bytes((reply.status,)) + reply.data, reply.ns)

    def _apdu(self, apdu: bytes) -> Work:
        """CLA INS P1 P2 [Lc data] [Le]: class 0x90 wraps native commands (MF3ICDx21_41_81, 8.5); of class 0 only the
        selection of the card by its name is here.
        """
        body = b""
        well_formed = len(apdu) in (4, 5)
        if len(apdu) > 5:
            body = apdu[5 : 5 + apdu[4]]
            well_formed = len(body) == apdu[4] and len(apdu) - 5 - len(body) in (0, 1)
        if not well_formed:
            return Work(b"\x67\x00" if apdu[0] == 0 else bytes((0x91, LENGTH_ERROR)))
        if apdu[0] == 0:
            selects = apdu[1:3] == b"\xa4\x04" and self._select_name(body)
            return Work(b"\x90\x00" if selects else b"\x6a\x82" if apdu[1] == 0xA4 else b"\x6d\x00", LOOK_NS)
        if apdu[2:4] != b"\0\0":
            return Work(bytes((0x91, PARAMETER_ERROR)))
        reply = self._native(apdu[1], body)
        return Work(reply.data + bytes((0x91, reply.status)), reply.ns)

    def _select_name(self, name: bytes) -> bool:
        """Selection by an ISO name: whether there is something of that name."""
        if name == ISO_NAME:
            self._forget()
        return name == ISO_NAME

    def _native(self, code: int, body: bytes) -> Reply:
        more, self._more = self._more, None
        try:
            if len(body) > FRAME_DATA_BYTES:
                raise CommandRefused(LENGTH_ERROR)
            if code == MORE:
                if more is None:
                    raise CommandRefused(ILLEGAL_COMMAND)
                return more(body)
            if more is not None:
                raise CommandRefused(COMMAND_ABORTED)
            return self._begin(code, body)
        except CommandRefused as refused:
            if refused.status != NO_CHANGES:
                self._channel = None
            return Reply(refused.status)

    def _begin(self, code: int, body: bytes) -> Reply:
        if code == 0x5A:
            return self._select(body)
        if code in (0x0A, 0x1A, 0xAA, 0x71, 0x77):
            return self._authenticate(code, body)
        if code not in self._commands:
            raise CommandRefused(ILLEGAL_COMMAND)
        if code in (0x3D, 0x8D):
            return self._collect(code, body)
        return self._run(code, body)

    def _run(self, code: int, body: bytes) -> Reply:
        return self._send(self._commands[code](body))

    def _send(self, done: _Done) -> Reply:
        """The first frame of an answer; the others follow on request."""
        data, ns = done.data, done.ns
        if self._channel is not None:
            data = self._channel.answer(OK, data, done.mode)
            ns += CRYPTO_NS * self.slow
        sizes = list(done.parts) or [FRAME_DATA_BYTES]

        def part(rest: bytes, n: int, ns: int) -> Reply:
            size = sizes[min(n, len(sizes) - 1)]
            if n >= len(done.parts) - 1 and len(rest) <= max(size, FRAME_DATA_BYTES):
                return Reply(OK, rest, ns)
            self._more = lambda body: part(rest[size:], n + 1, LOOK_NS) if not body else self._refuse(LENGTH_ERROR)
            return Reply(MORE, rest[:size], ns)

        return part(data, 0, ns)

    def _refuse(self, status: int) -> Reply:
        raise CommandRefused(status)

    def _unwrap(self, code: int, body: bytes, *, head: int, mode: Mode = Mode.MAC, length: int | None = None) -> bytes:
        """The data of a command after `head` plain bytes. Only data have their own mode in the older channels: a
        command without any advances the vector, and is sent plain.
        """
        if len(body) < head:
            raise CommandRefused(LENGTH_ERROR)
        channel = self._channel
        if channel is None:
            return body[head:]
        if mode is Mode.MAC and not isinstance(channel, CountedChannel):
            mode = Mode.PLAIN
        return channel.command(bytes((code,)) + body[:head], body[head:], mode, length)

    def _parameters(self, code: int, body: bytes, n: int) -> bytes:
        """The `n` bytes of a command that is nothing but parameters."""
        rest = self._unwrap(code, body, head=n)
        if rest:
            raise CommandRefused(LENGTH_ERROR)
        return body[:n]

    # ---- selection and authentication

    def _application(self, aid: bytes) -> Application | None:
        return self.applications.get(aid)

    def _select(self, body: bytes) -> Reply:
        self._channel = None
        if len(body) != 3:
            raise CommandRefused(LENGTH_ERROR)
        if self._application(body) is None:
            raise CommandRefused(APPLICATION_NOT_FOUND)
        self._aid = body
        return Reply(OK)

    @property
    def _here(self) -> Application:
        application = self._application(self._aid)
        assert application is not None
        return application

    def _authenticate(self, code: int, body: bytes) -> Reply:
        before, self._channel = self._channel, None
        counted = code in (0x71, 0x77)
        if counted and not self.generation.counted:
            raise CommandRefused(ILLEGAL_COMMAND)
        if code == 0x71:
            if len(body) < 2 or body[1] > 6 or len(body) != 2 + body[1]:
                raise CommandRefused(LENGTH_ERROR)
        elif len(body) != 1:
            raise CommandRefused(LENGTH_ERROR)
        number = body[0] & 0x3F
        if number >= len(self._here.keys):
            raise CommandRefused(NO_SUCH_KEY)
        key = self._here.keys[number]
        if key.is_aes != (code in (0xAA, 0x71, 0x77)):
            raise CommandRefused(AUTHENTICATION_ERROR)
        if code == 0x77 and not isinstance(before, CountedChannel):
            raise CommandRefused(PERMISSION_DENIED)
        rnd_b = fresh(key.block)
        challenge = key.encrypt(rnd_b)
        capabilities = (body[2:] if code == 0x71 else b"").ljust(6, b"\0")

        def check(token: bytes) -> Reply:
            if len(token) != 2 * key.block:
                raise CommandRefused(LENGTH_ERROR)
            if code == 0x0A:
                plain = receive_deciphered(key, token)
            else:
                plain = key.decrypt(token, None if counted else challenge)
            rnd_a = plain[: key.block]
            if plain[key.block :] != rotated(rnd_b):
                raise CommandRefused(AUTHENTICATION_ERROR)
            return self._prove(code, number, key, rnd_a, rnd_b, token, before, capabilities)

        self._more = check
        return Reply(MORE, challenge, CRYPTO_NS * self.slow)

    def _prove(
        self,
        code: int,
        number: int,
        key: Key,
        rnd_a: bytes,
        rnd_b: bytes,
        token: bytes,
        before: Channel | None,
        capabilities: bytes,
    ) -> Reply:
        """The reader has the key: returns the session's channel, and the proof that the card has it as well."""
        proof = rotated(rnd_a)
        if code == 0x71:
            transaction = fresh(4)
            self._channel = CountedChannel(number, key, rnd_a, rnd_b, transaction)
            answer = key.encrypt(transaction + proof + bytes(6) + capabilities)
        elif code == 0x77:
            assert isinstance(before, CountedChannel)
            self._channel = CountedChannel(number, key, rnd_a, rnd_b, before.transaction, before.counter)
            answer = key.encrypt(proof)
        elif code == 0x0A:
            self._channel = LegacyChannel(number, key, rnd_a, rnd_b)
            answer = key.encrypt(proof)
        else:
            session = aes_session_key(rnd_a, rnd_b) if code == 0xAA else des_session_key(key, rnd_a, rnd_b)
            self._channel = ChainedChannel(number, session)
            answer = key.encrypt(proof, token[-key.block :])
        return Reply(OK, answer, CRYPTO_NS * self.slow)

    def _need_master(self) -> None:
        if self.authenticated != 0:
            raise CommandRefused(AUTHENTICATION_ERROR)

    # ---- commands of the card

    def _get_version(self, body: bytes) -> _Done:
        self._parameters(0x60, body, 0)
        uid = bytes(7) if self.random_uid else self.real_uid
        last = uid + bytes.fromhex("BA349B1290") + b"\x24\x26"  # batch, calendar week and year of production
        return _Done(self.generation.hardware + self.generation.software + last, parts=(7, 7, 14))

    def _get_application_ids(self, body: bytes) -> _Done:
        self._parameters(0x6A, body, 0)
        self._need_card()
        if not self._here.settings & 0x02:
            self._need_master()
        ids = b"".join(aid for aid in self.applications if aid != PICC)
        return _Done(ids, parts=(57, 27) if len(ids) > 57 else ())

    def _need_card(self) -> None:
        if self._aid != PICC:
            raise CommandRefused(PERMISSION_DENIED)

    def _need_application(self) -> Application:
        if self._aid == PICC:
            raise CommandRefused(PERMISSION_DENIED)
        return self._here

    def _used_bytes(self) -> int:
        used = 0
        for aid, application in self.applications.items():
            if aid != PICC:
                used += ALLOCATION_BYTES * (1 + len(application.keys))
                used += sum(
                    ALLOCATION_BYTES * (1 + -(-len(one.data) // ALLOCATION_BYTES)) for one in application.files.values()
                )
        return used

    def _need_memory(self, n: int) -> None:
        if self._used_bytes() + n > MEMORY_BYTES:
            raise CommandRefused(OUT_OF_MEMORY)

    def _free_memory(self, body: bytes) -> _Done:
        self._parameters(0x6E, body, 0)
        return _Done((MEMORY_BYTES - self._used_bytes()).to_bytes(3, "little"))

    def _get_key_settings(self, body: bytes) -> _Done:
        self._parameters(0x45, body, 0)
        if not self._here.settings & 0x02:
            self._need_master()
        keys = self._here.keys
        return _Done(bytes((self._here.settings, len(keys) | (0x80 if keys[0].is_aes else 0))))

    def _get_key_version(self, body: bytes) -> _Done:
        number = self._parameters(0x64, body, 1)[0] & 0x3F
        if number >= len(self._here.keys):
            raise CommandRefused(NO_SUCH_KEY)
        return _Done(bytes((self._here.keys[number].version,)))

    def _create_application(self, body: bytes) -> _Done:
        parameters = self._parameters(0xCA, body, 5)
        self._need_card()
        if not self._here.settings & 0x04:
            self._need_master()
        aid, settings, kind = parameters[:3], parameters[3], parameters[4]
        number = kind & 0x0F
        if kind & 0xF0 != 0x80 or not 1 <= number <= KEYS_MOST:
            raise CommandRefused(PARAMETER_ERROR)
        if aid in self.applications:
            raise CommandRefused(DUPLICATE)
        if self.generation is EV1 and len(self.applications) > APPLICATIONS_MOST:
            raise CommandRefused(COUNT_ERROR)
        self._need_memory(ALLOCATION_BYTES * (1 + number))
        self.applications[aid] = Application(settings, [Key(bytes(16), block=16) for _ in range(number)])
        return _Done(ns=WRITE_NS)

    def _delete_application(self, body: bytes) -> _Done:
        aid = self._parameters(0xDA, body, 3)
        if aid == PICC or aid not in self.applications:
            raise CommandRefused(APPLICATION_NOT_FOUND)
        free = self.applications[PICC].settings & 0x04
        if self.authenticated != 0 or not (self._aid == PICC or (free and self._aid == aid)):
            raise CommandRefused(AUTHENTICATION_ERROR)
        del self.applications[aid]
        if self._aid != aid:
            return _Done(ns=WRITE_NS)
        # The authentication ends with the application, but its answer is still of it.
        assert self._channel is not None
        answer = self._channel.answer(OK, b"", Mode.MAC)
        self._forget()
        return _Done(answer, ns=WRITE_NS)

    def _format(self, body: bytes) -> _Done:
        self._parameters(0xFC, body, 0)
        self._need_card()
        self._need_master()
        if not self.format_allowed:
            raise CommandRefused(PERMISSION_DENIED)
        self.applications = {PICC: self.applications[PICC]}
        return _Done(ns=10 * WRITE_NS)

    def _set_configuration(self, body: bytes) -> _Done:
        self._need_card()
        self._need_master()
        option = body[:1]
        if option != b"\0":
            raise CommandRefused(PARAMETER_ERROR)
        flags = self._unwrap(0x5C, body, head=1, mode=Mode.FULL, length=1)
        # Both can be switched to their safer side only (MF3ICDx21_41_81, 8.6.1).
        self.format_allowed = self.format_allowed and not flags[0] & 0x01
        self.random_uid = self.random_uid or bool(flags[0] & 0x02)
        return _Done(ns=WRITE_NS)

    def _get_card_uid(self, body: bytes) -> _Done:
        if self._channel is None:
            raise CommandRefused(AUTHENTICATION_ERROR)
        self._parameters(0x51, body, 0)
        return _Done(self.real_uid, Mode.FULL)

    # ---- keys

    def _change_key(self, body: bytes) -> _Done:
        channel = self._channel
        if channel is None:
            raise CommandRefused(AUTHENTICATION_ERROR)
        if not body:
            raise CommandRefused(LENGTH_ERROR)
        here = self._here
        number = body[0] & 0x3F
        aes = bool(body[0] & 0x80) if self._aid == PICC else True
        if number >= len(here.keys):
            raise CommandRefused(NO_SUCH_KEY)
        if body[0] & 0x40 or (self._aid != PICC and body[0] & 0xC0):
            raise CommandRefused(PARAMETER_ERROR)
        if not self._may_change(number, channel.key_no):
            raise CommandRefused(PERMISSION_DENIED)
        plain = self._unwrap(0xC4, body, head=1, mode=Mode.FULL)
        own = number == channel.key_no
        size = 17 if aes else 16
        given, rest = plain[:size], plain[size:]
        if len(given) < size:
            raise CommandRefused(LENGTH_ERROR)
        checked = [] if isinstance(channel, CountedChannel) else [self._checked(channel, body[:1], given)]
        value = given[:16]
        if not own:
            value = bytes(a ^ b for a, b in zip(value, here.keys[number].value, strict=True))
            checked.append(channel.checksum(value))
        if not rest.startswith(b"".join(checked)) or rest[len(b"".join(checked)) :].strip(b"\0"):
            raise CommandRefused(INTEGRITY_ERROR)
        version = given[16] if aes else sum((value[i] & 1) << (7 - i) for i in range(8))
        here.keys[number] = Key(value, block=16 if aes else 8, version=version)
        if own:
            self._channel = None
        return _Done(ns=WRITE_NS)

    @staticmethod
    def _checked(channel: Channel, number: bytes, given: bytes) -> bytes:
        """The check of ChangeKey: over the data in D40, over the whole command in EV1."""
        return channel.checksum(given if isinstance(channel, LegacyChannel) else b"\xc4" + number + given)

    def _may_change(self, number: int, holder: int) -> bool:
        settings = self._here.settings
        if number == 0:
            return bool(settings & 0x01) and holder == 0
        right = settings >> 4
        if right == FREE:
            return holder == number
        return right != FROZEN and holder == (0 if number == right else right)

    def _change_key_settings(self, body: bytes) -> _Done:
        self._need_master()
        if not self._here.settings & 0x08:
            raise CommandRefused(PERMISSION_DENIED)
        self._here.settings = self._unwrap(0x54, body, head=0, mode=Mode.FULL, length=1)[0]
        return _Done(ns=WRITE_NS)

    # ---- files

    def _get_file_ids(self, body: bytes) -> _Done:
        self._parameters(0x6F, body, 0)
        here = self._need_application()
        if not here.settings & 0x02:
            self._need_master()
        return _Done(bytes(here.files))

    def _file(self, number: int) -> File:
        found = self._need_application().files.get(number & 0x1F)
        if found is None:
            raise CommandRefused(FILE_NOT_FOUND)
        return found

    def _get_file_settings(self, body: bytes) -> _Done:
        number = self._parameters(0xF5, body, 1)[0]
        here = self._need_application()
        if not here.settings & 0x02:
            self._need_master()
        found = self._file(number)
        return _Done(
            bytes((0, found.mode)) + found.access.to_bytes(2, "little") + len(found.data).to_bytes(3, "little")
        )

    def _create_std_data_file(self, body: bytes) -> _Done:
        parameters = self._parameters(0xCD, body, 7)
        here = self._need_application()
        if not here.settings & 0x04:
            self._need_master()
        number, mode = parameters[0], parameters[1]
        access, size = int.from_bytes(parameters[2:4], "little"), int.from_bytes(parameters[4:7], "little")
        named = [access >> shift & 0xF for shift in (12, 8, 4, 0)]
        if number >= FILES_MOST or mode not in MODES or any(len(here.keys) <= right < FREE for right in named):
            raise CommandRefused(PARAMETER_ERROR)
        if size == 0:
            raise CommandRefused(PARAMETER_ERROR)
        if number in here.files:
            raise CommandRefused(DUPLICATE)
        self._need_memory(ALLOCATION_BYTES * (1 + -(-size // ALLOCATION_BYTES)))
        here.files[number] = File(mode, access, bytearray(size))
        return _Done(ns=WRITE_NS)

    def _delete_file(self, body: bytes) -> _Done:
        number = self._parameters(0xDF, body, 1)[0]
        if not self._need_application().settings & 0x04:
            self._need_master()
        self._file(number)
        del self._here.files[number & 0x1F]
        return _Done(ns=WRITE_NS)

    def _change_file_settings(self, body: bytes) -> _Done:
        if not body:
            raise CommandRefused(LENGTH_ERROR)
        found = self._file(body[0])
        right = found.access & 0xF
        if right not in (FREE, self.authenticated):
            raise CommandRefused(PERMISSION_DENIED if right == FROZEN else AUTHENTICATION_ERROR)
        mode = Mode.MAC if right == FREE else Mode.FULL
        new = self._unwrap(0x5F, body, head=1, mode=mode, length=3)
        if len(new) != 3 or new[0] not in MODES:
            raise CommandRefused(PARAMETER_ERROR)
        found.mode, found.access = new[0], int.from_bytes(new[1:3], "little")
        return _Done(ns=WRITE_NS)

    def _read_data(self, code: int, body: bytes) -> _Done:
        if len(body) < 7:
            raise CommandRefused(LENGTH_ERROR)
        found = self._file(body[0])
        mode = found.allows(self.authenticated, READ, READ_AND_WRITE)
        if self._unwrap(code, body, head=7, mode=Mode.PLAIN if mode is Mode.PLAIN else Mode.MAC):
            raise CommandRefused(LENGTH_ERROR)
        offset, length = int.from_bytes(body[1:4], "little"), int.from_bytes(body[4:7], "little")
        end = offset + length if length else len(found.data)
        if offset >= len(found.data) or end > len(found.data):
            raise CommandRefused(BOUNDARY_ERROR)
        return _Done(bytes(found.data[offset:end]), mode)

    def _collect(self, code: int, body: bytes) -> Reply:
        """WriteData may come in several frames: request more until all announced data is here."""
        if len(body) < 7:
            raise CommandRefused(LENGTH_ERROR)
        length = int.from_bytes(body[4:7], "little")
        mode = self._file(body[0]).allows(self.authenticated, WRITE, READ_AND_WRITE)
        whole = 7 + self._travelling(length, mode)

        def collect(so_far: bytes) -> Reply:
            if len(so_far) > whole:
                raise CommandRefused(LENGTH_ERROR)
            if len(so_far) == whole:
                return self._run(code, so_far)
            self._more = lambda more: collect(so_far + more) if more else self._refuse(LENGTH_ERROR)
            return Reply(MORE)

        return collect(body)

    def _travelling(self, length: int, mode: Mode) -> int:
        """How many bytes in the air are needed for `length` bytes of a command's data."""
        channel = self._channel
        if channel is None or mode is Mode.PLAIN:
            return length
        if isinstance(channel, CountedChannel):
            return (length if mode is Mode.MAC else (length // 16 + 1) * 16) + 8
        return length + 8 if mode is Mode.MAC else -(-(length + 4) // 16) * 16

    def _write_data(self, code: int, body: bytes) -> _Done:
        found = self._file(body[0])
        mode = found.allows(self.authenticated, WRITE, READ_AND_WRITE)
        offset, length = int.from_bytes(body[1:4], "little"), int.from_bytes(body[4:7], "little")
        if self._channel is None:
            data = body[7:]
        else:
            data = self._channel.command(bytes((code,)) + body[:7], body[7:], mode, length)
        if len(data) != length or length == 0:
            raise CommandRefused(LENGTH_ERROR)
        if offset + length > len(found.data):
            raise CommandRefused(BOUNDARY_ERROR)
        found.data[offset : offset + length] = data
        return _Done(mode=Mode.PLAIN if mode is Mode.PLAIN else Mode.MAC, ns=WRITE_NS)


class DesfireEv2(Desfire):
    """The second generation, with the EV2 channel."""

    kind = "desfire-ev2"
    generation = EV2


class DesfireEv3(Desfire):
    """The third generation."""

    kind = "desfire-ev3"
    generation = EV3


class SlowDesfire(DesfireEv2):
    """A card at the edge of the field, whose cryptography takes so long that it requests more time."""

    kind = "desfire-slow"
    slow = 100  # 150 ms a step: twice its frame waiting time


class WrongKeyDesfire(DesfireEv2):
    """Another site's card: it has every requested application, and none of the keys."""

    kind = "desfire-wrong-key"

    def _application(self, aid: bytes) -> Application | None:
        if aid not in self.applications:
            self.applications[aid] = Application(0x0F, [Key(fresh(16), block=16) for _ in range(KEYS_MOST)])
        return self.applications[aid]


class Ntag424(DesfireEv2):
    """NTAG 424 DNA: one application with its name, five AES keys and three files, and of DESFire's commands only those
    of the EV2 channel, wrapped (NXP NT4H2421Gx, sections 8 to 10, as delivered).
    """

    kind = "ntag-424"
    generation = Generation(
        "NTAG 424 DNA", bytes.fromhex("04040230001105"), bytes.fromhex("04040201021105"), counted=True
    )
    ats = bytes.fromhex("067777710280")  # FSC 128, FWI 7, SFGI 1

    NAME = bytes.fromhex("D2760000850101")
    APPLICATION = NAME[:3]  # used here instead of an AID
    COMMANDS = (0x60, 0x64, 0xF5, 0x5F, 0xC4, 0x5C, 0x51)

    def __init__(self, uid: bytes) -> None:
        super().__init__(uid)
        files = {
            1: File(
                0, 0xE000, bytearray(bytes.fromhex("001720010000FF0406E104010000000506E10500808283").ljust(32, b"\0"))
            ),
            2: File(0, 0xEEE0, bytearray(256)),
            3: File(3, 0x2330, bytearray(128)),
        }
        self.applications[self.APPLICATION] = Application(0x0F, [Key(bytes(16), block=16) for _ in range(5)], files)
        self._commands = {code: self._commands[code] for code in self.COMMANDS}
        self._commands[0xAD] = partial(self._read_data, 0xAD)
        self._commands[0x8D] = partial(self._write_data, 0x8D)

    def work(self, command: bytes) -> Work | None:
        return super().work(command) if command[:1] in (b"\0", b"\x90") else Work(b"\x6d\x00")

    def _select_name(self, name: bytes) -> bool:
        if name == self.NAME:
            self._forget()
            self._aid = self.APPLICATION
        return name == self.NAME

    def _begin(self, code: int, body: bytes) -> Reply:
        if code in (0x5A, 0x0A, 0x1A, 0xAA, 0x3D):
            raise CommandRefused(ILLEGAL_COMMAND)
        return super()._begin(code, body)

    def _need_card(self) -> None:
        """SetConfiguration belongs to the application here."""
