"""A site to try everything out on one machine: the sandbox as authority, a virtual clock, and one worker with a badge.

Each step runs the command that a person would give, in its own process. The national number is invented: its check
digits are right, its date of birth is impossible.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from badgeclock.bridge.settings import BridgeSettings
from badgeclock.demo.process import Process, free_port
from badgeclock.errors import BadgeclockError
from badgeclock.installation import site_files
from badgeclock.installation.answers import Answers, Services, checked

SANDBOX: Final = "sandbox"
CLOCK: Final = "clock"
CLOCK_ID: Final = "clock-0001"
WORKER: Final = "W-001"
UID: Final = "04A1B2C3"
"""The badge's UID."""
_NISS: Final = "00000100265"
_ONLINE: Final = "Online"


def answers() -> Answers:
    """The answers for a trial, on free ports."""
    sandbox = f"http://127.0.0.1:{free_port()}/PresenceRegistration/v1"
    authority: dict[str, Any] = {
        "kind": "onss-soap",
        "endpoint": sandbox,
        "certificate": f"{SANDBOX}/client.pem",
        "key": f"{SANDBOX}/client.key",
        "service_certificate": f"{SANDBOX}/service.pem",
        "settle_s": 1,
    }
    return checked(
        {
            "site": "Trial site",
            "workplace": "1Y1DEM000000Z",
            "employer": "0999999922",
            "employer_name": "Voorbeeld Bouw",
            "broker_port": free_port(),
            "console_port": free_port(),
            "http_port": free_port(),
            "services": Services.HAND,
            "authority": authority,
        }
    )


def is_one(folder: Path) -> bool:
    """Whether an installation is a trial."""
    return (folder / CLOCK).is_dir()


def add(folder: Path, made: Answers, command: Sequence[str], say: Callable[[str], None]) -> None:
    """Add the sandbox's folder, the worker, the badge and the provisioned clock to an installation. `command` is how
    this program is started. Raises BadgeclockError.
    """
    config = ("--config", str(folder / site_files.CONFIG))
    run = partial(_run, command)
    say("the worker W-001, with a badge")
    worker = ("--reference", WORKER, "--name", "Anna Proef", "--niss-file", "-", "--employer", made.employer)
    run("bridge", "worker", "add", *worker, *config, stdin=_NISS)
    run("bridge", "badge", "add", "--site", made.site, "--worker", WORKER, "--uid-file", "-", *config, stdin=UID)
    say("the virtual clock, which is provisioned as a board is")
    (folder / SANDBOX).mkdir(mode=0o700)
    shop = ("--workshop", str(folder / site_files.WORKSHOP))
    clock = Process(
        "the clock", [*command, *clock_words(folder)], folder / "clock.log", (folder / CLOCK / "tty").exists
    )
    clock.start()
    try:
        where = (
            "--id",
            CLOCK_ID,
            "--site",
            made.site,
            "--broker",
            f"localhost:{made.broker_port}",
            "--wifi-ssid",
            "any",
        )
        run("clock", "provision", str(folder / CLOCK / "tty"), *shop, *where)
    finally:
        clock.stop()
    (folder / "clock.log").unlink()
    out = folder / "out"
    run("ca", "export", str(out), *shop, "--clock", CLOCK_ID)
    run("bridge", "clock", "add", str(out / f"{CLOCK_ID}.bundle.json"), "--site", made.site, *config)
    out.rmdir()


def sandbox_port(settings: BridgeSettings) -> int:
    """The sandbox's endpoint for the bridge."""
    return urlsplit(str(getattr(settings.authority, "endpoint", ""))).port or 0


def sandbox_words(folder: Path, port: int) -> list[str]:
    """The command that runs it."""
    keys = folder / SANDBOX
    return ["sandbox", "run", "--port", str(port), "--store", str(keys / "sandbox.db"), "--credentials", str(keys)]


def clock_words(folder: Path) -> list[str]:
    """The command that runs the clock."""
    return ["virtual", "run", "--dir", str(folder / CLOCK)]


def is_online(folder: Path, command: Sequence[str]) -> bool:
    """Whether the clock's display shows a text."""
    if not (folder / CLOCK / "door.sock").is_socket():
        return False
    words = [*command, "virtual", "screen", "--dir", str(folder / CLOCK)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return _ONLINE in done.stdout


def _run(command: Sequence[str], *words: str, stdin: str = "") -> None:
    done = subprocess.run([*command, *words], input=stdin, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BadgeclockError(
            what=f"`badgeclock {' '.join(words[:3])}` ended with {done.returncode}: {done.stderr.strip()[-500:]}",
            kept="nothing",
            do="mend what it says, and give the command again",
        )
