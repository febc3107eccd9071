"""Turns a chip with MicroPython into a clock of a site, or updates a clock.

    provision      does it all over one session with the device
    decide         keep the clock's sealed chain, or found a new one: pure

Order, for the case that the cable is pulled. A changed firmware is copied with main.py last, so that no clock starts on
a mix of two versions. Before a chain is founded its bundle is stored in the workshop as pending, and the secrets are
removed from the clock; the chain is founded; the bundle becomes the clock's; the new secrets are written. After an
interruption at any point, running it again ends with one chain whose bundle the workshop has. Unacknowledged punches
are never erased without consent.

Secrets are in a slot of the seal's partition (docs/protocol.md §4): replaced ones are programmed to zero, and so is
every copy of the file in which an older firmware had them. E_0 is sent over the serial line once, into the device's
memory, and is never in its flash.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any, Final

from badgeclock.badges.keys import Purpose, master
from badgeclock.bundle import Bundle
from badgeclock.errors import ProvisionError, SettingsError, VerifyMismatch
from badgeclock.partition_table import board_tables
from badgeclock.protocol import seal
from badgeclock.technician import image_kind, languages, on_device
from badgeclock.technician.certificates import Identity
from badgeclock.technician.claim import Holder, claim
from badgeclock.technician.errors import DeviceError
from badgeclock.technician.firmware import DEFAULT_DISPLAY, ROM_PATH, Firmware
from badgeclock.technician.flash import punches_refused
from badgeclock.technician.image_kind import BADGES_BY_UID
from badgeclock.technician.key_files import KEY_BYTES
from badgeclock.technician.ledger import Chip
from badgeclock.technician.serial_device import ImageOnDevice, SerialDevice
from badgeclock.technician.workshop import Workshop

SETTINGS_PATH: Final = "/settings.json"
SECRETS_PATH: Final = "/secrets.json"
"""Where an older firmware has the secrets."""
SECRETS: Final = "secrets"
"""The slot of the secrets, in the lists of copied and removed files."""
SECRETS_BYTES: Final = 998
"""The size of a slot."""
MAIN_PATH: Final = "/main.py"
PROGRESS_BYTES: Final = 16384
"""Bytes of code in place between two lines of progress."""
CA_PATH: Final = "/certs/ca.der"
CERTIFICATE_PATH: Final = "/certs/clock.der"
KEY_PATH: Final = "/certs/clock.key.der"

CLOCK_PARTITIONS: Final = ("vfs", "roster", "seal", "journal")
RTC_TOLERANCE_S: Final = 2.0
"""A clock closer than this to the machine's time keeps its own: it may be right."""
_SSID_MOST: Final = 32
_PASSPHRASE: Final = re.compile(r"[ -~]{8,63}")
_PSK: Final = re.compile(r"[0-9A-Fa-f]{64}")
FRESH_SETTINGS: Final[Mapping[str, Any]] = {
    "language": "en",
    "direction": "auto",
    "duplicate_window_s": 60,
    "wifi": {"ssid": "site"},
    "timezone": "Europe/Brussels",
    "heartbeat_s": 600,
    "message_s": 2,
    "volume": 3,
    "quiet_hours": "",
    "badges": BADGES_BY_UID,
    "badge_ev1": "refuse",
    "direction_hours": 14,
    "ntp": "",
}


class Chain(Enum):
    """The choices for a clock's existing sealed chain."""

    KEEP = "keep"
    FOUND_ANEW = "new chain"


class ChainState(StrEnum):
    """The result for the chain."""

    KEPT = "kept"
    FOUNDED = "founded"


class RtcState(StrEnum):
    """The result for the RTC chip."""

    KEPT = "kept"
    SET = "set"
    MISSING = "missing"


@dataclass(frozen=True)
class Broker:
    """The broker's address for the clock."""

    host: str
    port: int = 8883

    @classmethod
    def parse(cls, text: str) -> Broker:
        """From `host` or `host:port`. Raises SettingsError."""
        host, _, port = text.partition(":")
        if host and (not port or (port.isdigit() and 0 < int(port) < 65536)):
            return cls(host, int(port)) if port else cls(host)
        raise SettingsError(
            what=f"{text!r} is no broker address",
            kept="everything as it was",
            do="give host:port, for example mqtt.site.example:8883",
        )


@dataclass(frozen=True)
class Wifi:
    """The network of the site: a name of 1 to 32 bytes of UTF-8, and a WPA passphrase of 8 to 63 printable ASCII
    characters or a key of 64 hexadecimal digits (IEEE 802.11-2020, J.4.1); an empty password is an open network.

    Raises SettingsError, which never quotes the password.
    """

    ssid: str
    password: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        size = len(self.ssid.encode())
        if not 1 <= size <= _SSID_MOST:
            raise SettingsError(
                what=f"a network's name has 1 to {_SSID_MOST} bytes, and this one has {size}; an accent counts as two",
                kept="everything on the clock",
                do="give --wifi-ssid as the access point has it",
            )
        if self.password and not _PASSPHRASE.fullmatch(self.password) and not _PSK.fullmatch(self.password):
            raise SettingsError(
                what=f"this is no Wi-Fi password: it has {len(self.password)} characters"
                + ("" if self.password.isascii() and self.password.isprintable() else ", some that no password has"),
                kept="everything on the clock",
                do="give the password of 8 to 63 letters, digits and signs without accents, or the key of 64"
                " hexadecimal digits, in the first line of --wifi-password-file",
            )


@dataclass(frozen=True)
class Plan:
    """The wanted clock. None: unchanged; for a new one the site and the broker are required."""

    workshop: Workshop
    clock_id: str
    firmware: Firmware
    site: str | None = None
    broker: Broker | None = None
    wifi: Wifi | None = None
    language: str | None = None
    direction: str | None = None
    timezone: str | None = None
    display: str | None = None
    """The clock's display, if given: `firmware` is for it. Otherwise it must be the clock's present one."""
    volume: int | None = None
    quiet_hours: str | None = None
    language_files: Mapping[str, bytes] = field(default_factory=dict)
    """Additional languages, by their path on the clock."""
    badges: str | None = None
    badge_ev1: str | None = None
    duplicate_window_s: int | None = None
    direction_hours: int | None = None
    ntp: str | None = None
    chain: Chain = Chain.KEEP
    yes_lose: int | None = None
    """The number of unacknowledged punches that may be erased with the old chain."""
    holder: Holder = Holder.KEEP


@dataclass(frozen=True)
class Provisioned:
    """The result. Paths are those on the clock."""

    clock_id: str
    site: str
    micropython: str
    firmware_hash: str
    chain: ChainState
    copied: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: int
    rtc: RtcState
    punches_lost: int
    bundle: Path
    replaced: str | None
    """The chip that was this clock before, if --replace took the id from it; empty if unknown."""
    seconds: float

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps({**self.__dict__, "bundle": str(self.bundle), "seconds": round(self.seconds, 2)})


@dataclass(frozen=True)
class DeviceState:
    """The device's state."""

    sizes: Mapping[str, int]
    """Bytes by label of the data partitions."""
    has_live_key: bool
    genesis_nonce: bytes | None
    """None if there is no GENESIS, or if the ring has overwritten it."""
    unsent_punches: int
    settings: Mapping[str, Any] | None
    secrets_text: bytes | None = field(repr=False)
    """The content of its secret slot; with an older firmware the first bytes of its file."""
    has_secrets_file: bool

    @property
    def secrets(self) -> Mapping[str, Any] | None:
        """The parsed content."""
        return _json_object(self.secrets_text)


@dataclass(frozen=True)
class Decision:
    """Keep the chain that `bundle` belongs to, or (None) found a new one."""

    bundle: Bundle | None
    is_pending: bool = False


def provision(device: SerialDevice, plan: Plan, say: Callable[[str], None] = lambda _: None) -> Provisioned:
    """Make the device what `plan` says, verify it and start it. `say` gets a line per step. Safe to run again.

    Raises ProvisionError, VerifyMismatch, SettingsError, DeviceError or DeviceNotFound; the message says what was kept.
    """
    start = time.monotonic()
    shop = plan.workshop
    say(f"MicroPython {'.'.join(map(str, device.info.version))} on {device.info.machine}")
    found = inspect(device)
    check_partitions(found.sizes)
    bundles = shop.bundle(plan.clock_id), shop.pending_bundle(plan.clock_id)
    decision = decide(found, plan, *bundles)
    is_it = found.has_live_key and any(one is not None and belongs(found, one) for one in bundles)
    claimed = claim(shop, plan.clock_id, identify(device), has_its_chain=is_it, holder=plan.holder)
    check_display(plan, found)
    settings = make_settings(plan, found)
    settings["display"] = plan.firmware.display
    image = device.image()
    for sentence in (*image_kind.sentences(image.kind), memory_sentence(image)):
        say(sentence)
    image_kind.check_site(image.kind, settings["badges"])
    identity = claimed.identity
    if decision.bundle is not None and decision.is_pending:
        shop.confirm_founding(plan.clock_id)

    site = str(settings["site"])
    bundle, founding = (decision.bundle, b"") if decision.bundle else _new_bundle(plan, site, identity)
    bundle = replace(bundle, site=site, certificate_sha256=identity.fingerprint)
    password = _password(plan, found)
    site_key = shop.site_key_to_be(site)
    root = None if settings["badges"] == BADGES_BY_UID else shop.badge_root_to_be(site)
    badge_key = None if root is None else master(root.secret, Purpose.READ)
    files = {
        **(plan.firmware.in_place(image.rom_bytes) if image.rom_bytes else plan.firmware.files),
        **languages.shipped(),
        **plan.language_files,
        **_certificate_files(shop, identity),
        SETTINGS_PATH: _json_file(settings),
    }
    wanted = _json_file(_secrets(bundle, site_key, password, badge_key), ensure_ascii=False)

    device.raise_rate(say)
    copier = _Copier(device, files, say)
    keeper = _SecretKeeper(device, found, copier, say)
    chosen = _add_languages(device, plan, settings, files, copier.own_languages, say)
    copier.copy_firmware()
    _judge(device, languages.check_source(chosen))
    if copier.differs(SETTINGS_PATH) or keeper.differs(wanted):
        _check_with_firmware(device, files[SETTINGS_PATH], wanted)
    # Nothing was refused: from here on the workshop stores what the clock gets.
    claimed.take(bundle, plan.firmware.hash, site_key, root, say)
    copier.copy(path for path in files if path != MAIN_PATH)
    rtc = _set_time(device, say)
    if decision.bundle is None:
        shop.begin_founding(bundle, founding)
        _found(device, shop, bundle, keeper, say)
    elif shop.bundle(plan.clock_id) != bundle:
        shop.change_bundle(bundle)
    keeper.keep(wanted)
    copier.copy([MAIN_PATH])
    copier.remove_strangers()
    copier.verify()
    shop.record_trust(plan.clock_id)
    device.restart()
    return Provisioned(
        clock_id=plan.clock_id,
        site=site,
        micropython=".".join(map(str, device.info.version)),
        firmware_hash=plan.firmware.hash,
        chain=ChainState.FOUNDED if decision.bundle is None else ChainState.KEPT,
        copied=tuple(sorted(copier.copied)),
        removed=tuple(sorted(copier.removed)),
        unchanged=len(files) + 1 - len(copier.copied),
        rtc=rtc,
        punches_lost=found.unsent_punches if decision.bundle is None else 0,
        bundle=shop.clock_folder(plan.clock_id) / "bundle.json",
        replaced=None if claimed.replaced is None else claimed.replaced.serial,
        seconds=time.monotonic() - start,
    )


def inspect(device: SerialDevice) -> DeviceState:
    """Read the device's state. Nothing is changed, and no key of the seal is read."""
    device.run(on_device.INSPECT)
    report = device.ask("bc_inspect()")
    file = device.read(SECRETS_PATH)
    kept = _tell_secrets(device)
    return DeviceState(
        sizes=report["sizes"],
        has_live_key=report["slot"] is not None,
        genesis_nonce=bytes.fromhex(report["nonce"]) if report["nonce"] else None,
        unsent_punches=int(report["unsent"]),
        settings=_json_object(device.read(SETTINGS_PATH)),
        secrets_text=file if kept is None else kept,
        has_secrets_file=file is not None,
    )


def _tell_secrets(device: SerialDevice) -> bytes | None:
    """The content of the device's secret slot, sent under a one-time pad; None without one."""
    pad = secrets.token_bytes(SECRETS_BYTES)
    masked = device.ask(f"bc_tell_secrets({pad.hex()!r})")
    if masked is None:
        return None
    return bytes(one ^ other for one, other in zip(bytes.fromhex(masked), pad, strict=False))


def identify(device: SerialDevice) -> Chip:
    """Read the chip's identity."""
    device.run(on_device.IDENTIFY)
    return Chip(str(device.ask("bc_identify()")))


def memory_sentence(image: ImageOnDevice) -> str:
    """The memory of the chip in a sentence."""
    sentence = f"memory: {image.heap_used} bytes of MicroPython's heap in use, {image.heap_free} free"
    if image.idf_free is None:
        return sentence
    return f"{sentence}; ESP-IDF has {image.idf_free} free, {image.idf_largest} in one piece"


def check_partitions(sizes: Mapping[str, int]) -> None:
    """Raise ProvisionError unless the data partitions are those of one of the board's tables."""
    wrong = min(
        ([label for label in CLOCK_PARTITIONS if sizes.get(label) != table[label].size] for table in board_tables()),
        key=len,
    )
    if wrong:
        missing = [label for label in wrong if label not in sizes]
        fault = f"has no partition {', '.join(missing)}" if missing else f"has {', '.join(wrong)} in another size"
        raise ProvisionError(
            what=f"the chip {fault}: its partition table is not a clock's",
            kept="everything on the chip",
            do="write MicroPython with the project's table: `badgeclock clock flash PORT`",
        )


def decide(found: DeviceState, plan: Plan, bundle: Bundle | None, pending: Bundle | None) -> Decision:
    """Decide on the chain on the device, given the workshop's bundles of this clock.

    Raises ProvisionError if it would be lost without consent: the device is another clock, of another workshop, or has
    unacknowledged punches whose exact number was not given.
    """
    if found.has_live_key and plan.chain is Chain.KEEP:
        for candidate, is_pending in ((bundle, False), (pending, True)):
            if candidate is not None and belongs(found, candidate):
                return Decision(candidate, is_pending)
        name = (found.settings or {}).get("clock_id")
        raise ProvisionError(
            what=f"the device is the clock {name or 'without a name'}; this workshop does not know its sealed chain "
            f"as {plan.clock_id}",
            kept="the chain, its punches and every file",
            do="use the workshop that made it and its own id; to begin a new chain on it, add --found-anew",
        )
    if found.unsent_punches and found.unsent_punches != plan.yes_lose:
        raise punches_refused(found.unsent_punches)
    return Decision(None)


def check_display(plan: Plan, found: DeviceState) -> None:
    """Raise ProvisionError if the firmware is for another display than the clock's, without consent."""
    has = (found.settings or {}).get("display", DEFAULT_DISPLAY)
    if plan.display is None and has != plan.firmware.display:
        raise ProvisionError(
            what=f"the clock has the display {has}, this firmware is for {plan.firmware.display}",
            kept="everything on the clock",
            do=f"add --display {has}, or the display that it has now",
        )


def make_settings(plan: Plan, found: DeviceState) -> dict[str, Any]:
    """The content of /settings.json: the plan, else the clock's present values, else FRESH_SETTINGS.

    A clock that changes its id keeps nothing. Raises SettingsError if the site or the broker is missing.
    """
    before = found.settings or {}
    if before.get("clock_id") != plan.clock_id:
        before = {}
    settings: dict[str, Any] = {"v": 1, "clock_id": plan.clock_id}
    settings |= {name: before.get(name, fresh) for name, fresh in FRESH_SETTINGS.items()}
    given = {
        "site": plan.site,
        "broker": {"host": plan.broker.host, "port": plan.broker.port} if plan.broker else None,
        "wifi": {"ssid": plan.wifi.ssid} if plan.wifi else None,
        "language": plan.language,
        "direction": plan.direction,
        "timezone": plan.timezone,
        "volume": plan.volume,
        "quiet_hours": plan.quiet_hours,
        "badges": plan.badges,
        "badge_ev1": plan.badge_ev1,
        "duplicate_window_s": plan.duplicate_window_s,
        "direction_hours": plan.direction_hours,
        "ntp": plan.ntp,
    }
    settings |= {name: before[name] for name in ("site", "broker") if name in before}
    settings |= {name: value for name, value in given.items() if value is not None}
    for name in ("site", "broker"):
        if name not in settings:
            raise SettingsError(
                what=f"the {name} of {plan.clock_id} is not known yet",
                kept="everything on the clock",
                do=f"add --{name}",
            )
    return settings


def _add_languages(
    device: SerialDevice,
    plan: Plan,
    settings: Mapping[str, Any],
    files: dict[str, bytes],
    own: Iterable[str],
    say: Callable[[str], None],
) -> dict[str, bytes]:
    """Add to `files` the site's language, if it is one of the further ones and not on the clock yet, and the letters
    that the clock needs. Returns the language files for the clock to check, by path. Raises SettingsError for an
    unknown language.
    """
    languages.check_chosen(settings["language"], [*files, *own])
    path = f"{languages.FOLDER}{settings['language']}.json"
    further = languages.further()
    chosen = dict(plan.language_files)
    if path in further and path not in files and path not in own:
        chosen[path] = files[path] = further[path]
    for name, data in chosen.items():
        if data == further.get(name):
            say(f"{name}: {languages.note(data)}")
    kept = (
        device.ask(f"print([ord(letter) for letter in set(open({name!r}).read()) if letter > '~'])")
        for name in own
        if name not in chosen
    )
    texts = (str(settings["site"]), *("".join(map(chr, codes)) for codes in kept))
    letters = languages.letters(texts, chosen.values())
    if letters:
        files[languages.LETTERS_PATH] = letters
    return chosen


class _Copier:
    """Writes the device's files where they differ from the plan, and counts them."""

    def __init__(self, device: SerialDevice, files: Mapping[str, bytes], say: Callable[[str], None]) -> None:
        self._device = device
        self._files = files
        self._say = say
        self._present = self._listing()
        # A site's own language stays if an update does not contain it.
        self.own_languages = {path for path in self._present if languages.is_language(path) and path not in files}
        self.copied: list[str] = []
        self.removed: list[str] = []

    def copy_firmware(self) -> None:
        """Copy the changed files of the firmware except main.py, which is removed first if any changes."""
        code = [path for path in self._files if path.endswith((".mpy", ".py", ".bin", ROM_PATH)) and path != MAIN_PATH]
        if any(self.differs(path) for path in code):
            self.remove(MAIN_PATH)
        if ROM_PATH in self._files:
            self.remove_strangers()  # a file would be imported instead of the one in the image
        for path in code:
            if path.endswith(".mpy"):
                self.remove(path.removesuffix(".mpy") + ".py")  # it would be imported instead of the compiled one
        self.copy(code)

    def copy(self, paths: Iterable[str]) -> None:
        """Copy those that differ, each verified."""
        for path in paths:
            if self.differs(path):
                data = self._files[path]
                self._say(f"{path}, {len(data)} bytes")
                if path == ROM_PATH:
                    self._device.put_rom(data, self._rom_progress)
                else:
                    self._device.put(path, data)
                self._present[path] = _sha256(data)
                self.copied.append(path)

    def _rom_progress(self, done: int) -> None:
        size = len(self._files[ROM_PATH])
        if done % PROGRESS_BYTES == 0 or done == size:
            self._say(f"{ROM_PATH}, {done} of {size} bytes")

    def remove(self, path: str) -> None:
        """Remove a file or an empty folder, if it exists."""
        if path in self._present:
            self._device.remove(path)
            del self._present[path]
            if path not in self._files:
                self._say(f"{path} removed")
                self.removed.append(path)

    def remove_strangers(self) -> None:
        """Remove everything that is not the clock's, folders after their files; but not the file of an older firmware's
        secrets while it is their only copy.
        """
        folders = {path[:end] for path in self._files for end in range(1, len(path)) if path[end] == "/"}
        for path in sorted(self._present, reverse=True):
            if path not in {*self._files, *folders, *self.own_languages, SECRETS_PATH}:
                self.remove(path)

    def verify(self) -> None:
        """Raise VerifyMismatch unless the device lists exactly the files, each with its SHA-256.

        Without changes the listing at the beginning has already shown that.
        """
        if not self.copied and not self.removed:
            return
        self._say("verifying")
        listing = self._listing()
        found = {path: digest for path, digest in listing.items() if digest and path not in self.own_languages}
        wrong = sorted(found.items() ^ {path: _sha256(data) for path, data in self._files.items()}.items())
        if wrong:
            raise VerifyMismatch(
                what=f"{wrong[0][0]} on the clock is not what was written",
                kept="all punches and the sealed chain",
                do="run the command again; if it stays, exchange the module",
            )

    def _listing(self) -> dict[str, str | None]:
        """The files on the device, including the image of code that runs in place."""
        listing = self._device.listing()
        if ROM_PATH in self._files:
            listing[ROM_PATH] = self._device.rom_sha256(len(self._files[ROM_PATH]))
        return listing

    def differs(self, path: str) -> bool:
        """Whether the device's file differs, or is missing."""
        return self._present.get(path) != _sha256(self._files[path])


class _SecretKeeper:
    """Writes the device's secrets where they differ from the plan, and removes those they replace."""

    def __init__(self, device: SerialDevice, found: DeviceState, copier: _Copier, say: Callable[[str], None]) -> None:
        self._device = device
        self._there = found.secrets_text
        self._is_file = found.has_secrets_file
        self._copier = copier
        self._say = say
        self._is_loaded = False

    def differs(self, wanted: bytes) -> bool:
        """Whether the device's secrets differ, or are in a file."""
        return self._is_file or self._there != wanted

    def forget(self) -> None:
        """Zero the device's secrets: the slot, and every copy of a former file."""
        self._load()
        self._device.run("bc_forget_secrets()\nbc_forget_file()")
        self._copier.remove(SECRETS_PATH)
        self._there, self._is_file = None, False

    def keep(self, wanted: bytes) -> None:
        """Write `wanted`, unless present, and read it back. Raises VerifyMismatch."""
        if not self.differs(wanted):
            return
        self._say(f"{SECRETS}, {len(wanted)} bytes")
        self._load()
        if self._device.ask(f"bc_keep_secrets({base64.b64encode(wanted)!r})") != _sha256(wanted):
            raise VerifyMismatch(
                what="the secrets on the clock are not what was written",
                kept="all punches and the sealed chain",
                do="run the command again; if it stays, exchange the module",
            )
        self._copier.copied.append(SECRETS)
        self._there = wanted
        if self._is_file:
            self._device.run("bc_forget_file()")
            self._copier.remove(SECRETS_PATH)
            self._is_file = False

    def _load(self) -> None:
        if not self._is_loaded:
            self._device.run(on_device.SECRETS)
            self._is_loaded = True


def belongs(found: DeviceState, bundle: Bundle) -> bool:
    """Whether the device's chain is the one that `bundle` opens: by GENESIS, or by the link key if that is
    overwritten."""
    if found.genesis_nonce is not None:
        return found.genesis_nonce == bundle.genesis_nonce
    return (found.secrets or {}).get("link_key") == bundle.link_key.hex()


def _new_bundle(plan: Plan, site: str, identity: Identity) -> tuple[Bundle, bytes]:
    """The bundle of a chain to be founded, and its founding secret."""
    founding = secrets.token_bytes(seal.KEY_BYTES)
    nonce = secrets.token_bytes(seal.NONCE_BYTES)
    root = seal.clock_key(plan.workshop.fleet_key(), plan.clock_id, founding)
    bundle = Bundle(
        clock_id=plan.clock_id,
        site=site,
        certificate_sha256=identity.fingerprint,
        genesis_nonce=nonce,
        e0=seal.first_epoch_key(root, plan.clock_id, nonce),
        link_key=seal.link_key(root, plan.clock_id, nonce),
    )
    return bundle, founding


def _certificate_files(shop: Workshop, identity: Identity) -> dict[str, bytes]:
    return {
        CA_PATH: shop.trusted_der(),
        CERTIFICATE_PATH: identity.certificate_der,
        KEY_PATH: identity.key_der,
    }


def _secrets(bundle: Bundle, site_key: bytes, password: str, badge_key: bytes | None) -> dict[str, Any]:
    first, later = site_key[:KEY_BYTES], site_key[KEY_BYTES:]
    made = {"v": 1, "link_key": bundle.link_key.hex(), "site_key": first.hex(), "wifi_password": password}
    if later:
        made["later_site_keys"] = later.hex()
    return made if badge_key is None else {**made, "badge_key": badge_key.hex()}


def _password(plan: Plan, found: DeviceState) -> str:
    if plan.wifi is not None:
        return plan.wifi.password
    return str((found.secrets or {}).get("wifi_password", ""))


def _check_with_firmware(device: SerialDevice, settings: bytes, wanted: bytes) -> None:
    """Have the clock's own code check settings and secrets before they replace the present ones. Raises
    SettingsError."""
    _judge(device, f"{on_device.JUDGE}bc_judge_settings({settings!r}, {wanted!r})\n")


def _judge(device: SerialDevice, source: str) -> None:
    """Run `source` on the clock, whose own code raises SettingsError for what it refuses; then raise ours."""
    try:
        device.run(source)
    except DeviceError as error:
        _, name, sentence = error.kind.partition("SettingsError: ")
        if not name:
            raise
        raise SettingsError(
            what=f"the clock refuses its settings: {sentence}",
            kept="the settings that it has, and all punches",
            do="correct that option and run the command again",
        ) from error


def _found(
    device: SerialDevice, shop: Workshop, bundle: Bundle, keeper: _SecretKeeper, say: Callable[[str], None]
) -> None:
    """Found the chain on the device, check its GENESIS, and record it in the workshop. Raises VerifyMismatch."""
    say("founding the sealed chain")
    keeper.forget()
    device.run(on_device.FOUND)
    now = int(time.time())
    device.run(f"bc_found({bundle.clock_id!r}, {bundle.e0.hex()!r}, {bundle.genesis_nonce.hex()!r}, {now})")
    after = inspect(device)
    if not after.has_live_key or after.genesis_nonce != bundle.genesis_nonce or after.unsent_punches:
        raise VerifyMismatch(
            what="the clock's new chain does not read back",
            kept="every file; the chain is incomplete",
            do="run the command again; if it stays, exchange the module: its flash is worn",
        )
    shop.confirm_founding(bundle.clock_id)


def _set_time(device: SerialDevice, say: Callable[[str], None]) -> RtcState:
    """Set the clock's RTC to this machine's UTC if it is off by more than RTC_TOLERANCE_S."""
    device.run(on_device.RTC)
    try:
        rtc_s = device.ask("bc_time()")
        if rtc_s is not None and abs(rtc_s - time.time()) <= RTC_TOLERANCE_S:
            return RtcState.KEPT
        time.sleep(1 - time.time() % 1)  # writing the RTC starts a whole second
        now = datetime.now(UTC)
        date = (now.year, now.month, now.day, now.hour, now.minute, now.second)
        device.run(f"bc_set_time({int(now.timestamp())}, {', '.join(map(str, date))})")
    except DeviceError as error:
        if not error.kind.startswith("OSError"):
            raise
        say("the RTC chip does not answer: check its wiring; until then the clock learns the time from the bridge")
        return RtcState.MISSING
    say(f"RTC set to {now:%Y-%m-%d %H:%M:%S} UTC")
    return RtcState.SET


def _json_file(value: Mapping[str, Any], *, ensure_ascii: bool = True) -> bytes:
    return json.dumps(value, ensure_ascii=ensure_ascii).encode() + b"\n"


def _json_object(data: bytes | None) -> Mapping[str, Any] | None:
    """The JSON object in a file of the device; None if there is none, as after an interruption."""
    try:
        value = json.loads(data or b"")
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
