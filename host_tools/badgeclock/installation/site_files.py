"""Makes a site's installation in one folder, ready to run:

    bridge.toml  the bridge's settings
    bridge/      ca.pem certificate.pem key.pem data.key
    state/       the store, and the sockets and files that the services write
    broker/      Mosquitto's configuration, access list and certificates (technician.broker)
    workshop/    the site's authority and the first keys of its clocks: to be carried to another machine
    systemd/     the units; or compose.yaml, with the input of `prepare` in bridge/

Nothing is overwritten: a folder that is not empty is refused. After a failure everything is removed, so that the same
command can be repeated.
"""

from __future__ import annotations

import json
import os
import pwd
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

from badgeclock.bridge import settings
from badgeclock.bridge.accounts import accounts
from badgeclock.bridge.accounts.roles import Role
from badgeclock.bridge.people import employers, sites
from badgeclock.bridge.store import audit_log, vault
from badgeclock.bridge.store.audit_log import Act, Operator
from badgeclock.bridge.store.database import Store
from badgeclock.errors import SettingsError
from badgeclock.installation import compose, units
from badgeclock.installation.answers import Answers, Services
from badgeclock.technician import broker, durable_files, workshop
from badgeclock.technician.workshop import Workshop
from badgeclock.toolchain import programs

CONFIG: Final = "bridge.toml"
ANSWERS: Final = "site.json"
SITE_KEY: Final = "site.key"
WORKSHOP: Final = "workshop"
BROKER: Final = "broker"
STATE: Final = "state"
BRIDGE: Final = "bridge"
UNITS: Final = "systemd"
MOSQUITTO_USER: Final = "mosquitto"
_NO_SERVICE: Final = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108 - refused for installations
"""Where a hardened service sees nothing (ProtectHome, PrivateTmp)."""


@dataclass(frozen=True)
class Made:
    """The result: the folder, and the first password of the operators' pages; empty if there is no store yet."""

    folder: Path
    password: str


def make(
    folder: Path, answers: Answers, passphrase: Callable[[Path], str | None], command: str, by: str, now_ms: int
) -> Made:
    """Make an installation in a new or empty folder. `passphrase` returns that of the workshop, None for none;
    `command` is the `badgeclock` program that services start; `by` is the recorded author. Raises BadgeclockError.
    """
    folder = folder.resolve()
    _check(folder, answers, command)
    was_there = folder.is_dir()
    durable_files.make_directory(folder)
    try:
        return _make(folder, answers, passphrase, command, by, now_ms)
    except BaseException:
        for path in list(folder.iterdir()):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if not was_there:
            folder.rmdir()
        raise


def _make(
    folder: Path, answers: Answers, passphrase: Callable[[Path], str | None], command: str, by: str, now_ms: int
) -> Made:
    shop = workshop.create(folder / WORKSHOP, passphrase(folder / WORKSHOP))
    is_local = answers.broker_name == "localhost"
    as_root = os.geteuid() == 0 and answers.services is Services.SYSTEMD
    broker.write_config(
        folder / BROKER,
        answers.broker_port,
        shop,
        host="127.0.0.1" if is_local else "0.0.0.0",  # noqa: S104 - clocks are other machines
        names=() if is_local else (answers.broker_name,),
        user=MOSQUITTO_USER if as_root else None,
    )
    _write_bridge(folder, shop, answers)
    if answers.services is Services.COMPOSE:
        _write_compose(folder, shop, answers)
        return Made(folder, "")
    password = _fill_store(folder, shop.site_key(answers.site), answers, by, now_ms)
    if answers.services is Services.SYSTEMD:
        write_units(folder, answers, command)
    if as_root:
        _give_to(folder, answers.user)
    return Made(folder, password)


def toml_of(answers: Answers) -> str:
    """The text of bridge.toml."""
    tables: dict[str, dict[str, Any]] = {
        "store": {"url": _store_url(answers)},
        "broker": {
            "host": "localhost",
            "port": answers.broker_port,
            "ca": f"{BRIDGE}/ca.pem",
            "certificate": f"{BRIDGE}/certificate.pem",
            "key": f"{BRIDGE}/key.pem",
        },
        "secrets": {"data_key_file": f"{BRIDGE}/data.key"},
        "acts": {"socket": f"{STATE}/acts.sock"},
        "http": {"port": answers.http_port},
        "console": {"port": answers.console_port},
        "authority": _anchored(answers.authority),
    }
    lines = ["# Made by `badgeclock site init`. docs/operating.md has every setting.\n"]
    for name, table in tables.items():
        # A JSON string, number, boolean or list of them is also valid TOML.
        values = "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in table.items())
        lines.append(f"[{name}]\n{values}")
    return "\n".join(lines)


def _store_url(answers: Answers) -> str:
    if answers.services is Services.COMPOSE:
        return compose.store_url(answers.store_port)
    return f"sqlite:///{STATE}/bridge.db"


def _anchored(authority: dict[str, Any]) -> dict[str, Any]:
    """The same; the file of declarations, which the service writes, is in its own folder."""
    path = authority.get("path")
    if authority.get("kind") == "file" and isinstance(path, str) and not Path(path).is_absolute():
        return {**authority, "path": f"{STATE}/{path}"}
    return authority


def _write_bridge(folder: Path, shop: Workshop, answers: Answers) -> None:
    for name in (BRIDGE, STATE):
        durable_files.make_directory(folder / name)
    identity = shop.bridge()
    files = {
        "certificate.pem": identity.certificate_pem,
        "key.pem": identity.key_pem,
        "ca.pem": shop.authority_certificate.read_bytes(),
    }
    for name, data in files.items():
        durable_files.write_once(folder / BRIDGE / name, data)
    durable_files.write_once(folder / CONFIG, toml_of(answers).encode())


def _fill_store(folder: Path, site_key: bytes, answers: Answers, by: str, now_ms: int) -> str:
    """The store with employer, site and account; the account's first password."""
    configured = settings.load(folder / CONFIG)
    vault.create(configured.secrets.data_key_file)
    keys = vault.load(configured.secrets.data_key_file)
    store = Store(configured.store.url)
    try:
        store.migrate()
        with store.write() as connection:
            _add_site(connection, keys, site_key, answers, by, now_ms)
            return accounts.make(connection, answers.account, Role.ADMINISTRATOR, Operator(by), now_ms)
    finally:
        store.close()


def _add_site(
    connection: Connection, keys: vault.Vault, site_key: bytes, answers: Answers, by: str, now_ms: int
) -> None:
    operator = Operator(by)
    change = employers.put(connection, answers.employer, answers.employer_name)
    audit_log.write_change(connection, operator, change, Act.EMPLOYER_ADDED, Act.EMPLOYER_CHANGED, now_ms)
    site_id = sites.add(
        connection,
        keys,
        name=answers.site,
        workplace=answers.workplace,
        regime=answers.regime,
        site_key=site_key,
    )
    about = {"name": answers.site, "workplace": answers.workplace, "regime": answers.regime.value}
    audit_log.write(connection, operator, Act.SITE_ADDED, ("site", site_id), {"after": about}, now_ms)


def _write_compose(folder: Path, shop: Workshop, answers: Answers) -> None:
    """The compose file, and the input of `prepare`."""
    password = secrets.token_urlsafe(24)
    port = answers.store_port
    files = {
        f"{BRIDGE}/{compose.PASSWORD}": password,
        f"{BRIDGE}/{compose.PASSFILE}": compose.passfile(port, password),
        f"{BRIDGE}/{SITE_KEY}": shop.site_key(answers.site).hex() + "\n",
        f"{BRIDGE}/{ANSWERS}": answers.model_dump_json(indent=1),
        compose.COMPOSE: compose.text(folder, port, os.geteuid(), os.getegid()),
    }
    for name, data in files.items():
        durable_files.write_once(folder / name, data.encode())
    vault.create(folder / BRIDGE / "data.key")


def prepare(folder: Path, by: str, now_ms: int) -> bool:
    """Create or migrate the store of an installation in containers, with employer and site; returns whether the site is
    new. Repeating it changes nothing. Raises BadgeclockError.
    """
    kept = folder / BRIDGE / ANSWERS
    if not kept.is_file():
        raise SettingsError(
            what=f"{folder} is no installation in containers: it has no {BRIDGE}/{ANSWERS}",
            kept="nothing was started",
            do="make one with `badgeclock site init` and the answer `compose`",
        )
    answers = Answers.model_validate_json(kept.read_bytes())
    site_key = bytes.fromhex((folder / BRIDGE / SITE_KEY).read_text("ascii"))
    configured = settings.load(folder / CONFIG)
    keys = vault.load(configured.secrets.data_key_file)
    store = Store(configured.store.url)
    try:
        store.migrate()
        with store.write() as connection:
            if sites.find_row(connection, answers.site) is not None:
                return False
            _add_site(connection, keys, site_key, answers, by, now_ms)
            return True
    finally:
        store.close()


def place_of(folder: Path, answers: Answers, command: str) -> units.Place:
    """The paths for the services."""
    keys = {
        f"BADGECLOCK_BRIDGE_{table.upper()}__KEY": Path(path)
        for table, path in (("authority", answers.authority.get("key")),)
        if isinstance(path, str)
    }
    return units.Place(
        command=command,
        config=folder / CONFIG,
        state=folder / STATE,
        user=answers.user,
        data_key=folder / BRIDGE / "data.key",
        broker_key=folder / BRIDGE / "key.pem",
        keys=keys,
    )


def write_units(folder: Path, answers: Answers, command: str) -> None:
    """The units, to be linked into /etc/systemd/system."""
    place = place_of(folder, answers, command)
    durable_files.make_directory(folder / UNITS)
    # Without root the broker's files stay its maker's.
    broker_user = MOSQUITTO_USER if os.geteuid() == 0 else answers.user
    texts = {
        units.BRIDGE: units.bridge(place),
        units.CONSOLE: units.console(place),
        units.BROKER: units.broker(programs.mosquitto(), folder / BROKER, broker_user),
    }
    for name, text in texts.items():
        (folder / UNITS / name).write_text(text)


def _check(folder: Path, answers: Answers, command: str) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise _refused(f"{folder} is there already, and not empty", "name a new or an empty folder")
    if answers.services is not Services.SYSTEMD:
        return
    for path, what in ((folder, "the folder"), (Path(command), "the program")):
        if any(path.is_relative_to(place) for place in _NO_SERVICE):
            raise _refused(
                f"{what} {path} is where a service of systemd sees nothing",
                "choose a place such as /srv/badgeclock and /opt/badgeclock; or another answer for `services`",
            )
    if os.geteuid() == 0:
        for user in (answers.user, MOSQUITTO_USER):
            _entry(user)


def _entry(user: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(user)
    except KeyError:
        raise _refused(f"this machine has no user {user}", f"make it: adduser --system --group {user}") from None


def _give_to(folder: Path, user: str) -> None:
    """Give the state to the services' user, and let its group read settings and certificates; keys stay root's, and
    systemd passes them.
    """
    owner = _entry(user)
    folder.chmod(0o711)  # the broker's user needs to traverse it
    (folder / BRIDGE).chmod(0o750)
    for path in (folder / CONFIG, folder / BRIDGE, folder / BRIDGE / "ca.pem", folder / BRIDGE / "certificate.pem"):
        os.chown(path, 0, owner.pw_gid)
        if path.is_file():
            path.chmod(0o640)
    for path in ((folder / STATE), *(folder / STATE).rglob("*")):
        os.chown(path, owner.pw_uid, owner.pw_gid)


def next_steps(folder: Path, answers: Answers, *, is_trial: bool) -> list[str]:
    """The next steps for a person, one line each."""
    config = folder / CONFIG
    if is_trial:
        return [f"next: badgeclock site run {folder}"]
    steps = [f"carry {folder / WORKSHOP} to a machine without a network, and delete it here"]
    if answers.services is Services.COMPOSE:
        compose_up = f"docker compose -f {folder.resolve() / compose.COMPOSE}"
        add = f"console account add {answers.account} --role administrator --config {config.resolve()}"
        steps += [f"{compose_up} up -d", f"{compose_up} run --rm bridge {add}"]
    elif answers.services is Services.SYSTEMD:
        steps += [
            f"systemctl enable --now {folder.resolve() / UNITS}/*.service",
            f"badgeclock doctor --config {config}",
        ]
    else:
        steps += [f"badgeclock site run {folder}", f"badgeclock doctor --config {config}"]
    return ["next:", *(f"  {step}" for step in steps)]


def _refused(what: str, do: str) -> SettingsError:
    return SettingsError(what=what, kept="nothing was made", do=do)
