"""Every command that reads what this machine keeps, with words that have it find something.

`prepare` makes the installation that they read. Each command of the product is here or in `OTHERS`, so that a new one
is measured and held to what it may load.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from typer.testing import CliRunner

from badgeclock.bridge.downlink.frames_out import Downlink
from badgeclock.bridge.intake.batch import ClockMessage
from badgeclock.bridge.intake.intake import Intake
from badgeclock.cli import lazy_groups
from badgeclock.cli.main import app
from tests.bench.load import Rig, now_ms

CLOCK: Final = "read-00000"
_CONFIG: Final = "--config {folder}/bridge/bridge.toml"

READING: Final = {
    "bridge attention": _CONFIG,
    "bridge audit list": _CONFIG,
    "bridge audit verify": _CONFIG,
    "bridge backup verify": f"{{folder}}/backup {_CONFIG}",
    "bridge badge list": f"--worker L-0 {_CONFIG}",
    "bridge clock list": _CONFIG,
    "bridge clock orders": f"{CLOCK} {_CONFIG}",
    "bridge clock quarantine": f"{CLOCK} {_CONFIG}",
    "bridge clock settings": _CONFIG,
    "bridge correction list": _CONFIG,
    "bridge keys list": _CONFIG,
    "bridge notices list": _CONFIG,
    "bridge presence list": _CONFIG,
    "bridge presence planned": _CONFIG,
    "bridge presence show": f"{CLOCK}/2 {_CONFIG}",
    "bridge retention show": _CONFIG,
    "bridge today": _CONFIG,
    "bridge token list": _CONFIG,
    "bridge worker engagements": f"--reference L-0 {_CONFIG}",
    "ca list": "--workshop {folder}/workshop",
    "clock partitions": "",
    "console account list": _CONFIG,
    "console link list": _CONFIG,
    "journal verify": "--store sqlite:///{folder}/bridge/bridge.db --bundle {folder}/clock.bundle.json",
    "site stolen": f"{CLOCK} {_CONFIG}",
    "status": _CONFIG,
}
MAY_END_WITH: Final = frozenset({0, 1, 4})
"""1 is the code of a command that found something for a person to do, 4 of a verdict other than that all is proven."""
OTHERS: Final = {
    "badge": "issue read revoke",
    "bridge attention": "settle",
    "bridge backup": "make restore",
    "bridge badge": "add",
    "bridge clock": "add order release retire silence",
    "bridge correction": "done withdraw write",
    "bridge employer": "add",
    "bridge": "import init intake reconcile run",
    "bridge keys": "retire rotate",
    "bridge notices": "test",
    "bridge person": "erase export",
    "bridge presence": "cancel close correct declare keep register withdraw",
    "bridge retention": "run",
    "bridge site": "add set",
    "bridge token": "add revoke",
    "bridge worker": "add engage set",
    "ca authority": "begin end switch",
    "ca": "broker export init issue lock renew revoke revoked",
    "": "chaos demo doctor",
    "clock": "acceptance flash provision reader retire traceback",
    "console account": "add end lock reset set sign-out unlock",
    "console link": "add end",
    "console": "run",
    "sandbox": "run",
    "site": "init new-key prepare run",
    "virtual": (
        "boot break break-flash case cut events hang hold mend mend-flash network noise plug press remove reset run"
        " screen stats tap tones"
    ),
}
"""By their group the others: what changes something, keeps running, or reaches a person, a device or the authority."""


def prepare(folder: Path) -> Rig:
    """Make the installation: a worker with a badge, a clock with a punch that waits for a person, and a backup. The
    caller closes it.
    """
    rig = Rig(folder)
    badge = rig.employ(1)
    (one,) = rig.add_clocks("read", 1)
    one.seal(1, 1, badge, 0)
    (folder / "clock.bundle.json").write_text(json.dumps(one.clock.bundle()))
    intake, at_ms = Intake(rig.vault, Downlink(rig.vault)), now_ms()
    message = ClockMessage(one.clock.topic("punches"), b"".join(one.sealed), at_ms)
    walked = intake.verify_ahead([message])
    with rig.store.write() as connection:
        intake.handle(connection, [message], at_ms, [walked])
    made = CliRunner().invoke(app, ["bridge", "backup", "make", str(folder / "backup"), "--config", str(rig.config)])
    if made.exit_code:
        rig.close()
        raise RuntimeError(made.output)
    return rig


def words_of(command: str, folder: Path) -> list[str]:
    """A command's words and its arguments, for the installation in a folder."""
    return [*command.split(), *READING[command].format(folder=folder).split()]


def unknown() -> set[str]:
    """Commands of the product that are in neither table, and those in a table that are not of the product."""
    every = set(lazy_groups._SHOWN)
    groups = {words for words in every if any(other.startswith(f"{words} ") for other in every)}
    known = {f"{group} {name}".strip() for group, names in OTHERS.items() for name in names.split()} | READING.keys()
    return (every - groups | READING.keys() & every) ^ known
