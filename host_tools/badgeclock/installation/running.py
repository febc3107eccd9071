"""Runs the parts of an installation in the foreground, without a service manager: broker, bridge and console, and for a
trial the sandbox and the virtual clock. They end together.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from badgeclock.bridge import settings
from badgeclock.demo.process import Process, port_answers
from badgeclock.errors import BadgeclockError, SettingsError
from badgeclock.installation import site_files, trial
from badgeclock.toolchain import programs

LOGS: Final = "logs"
_WATCH_S: Final = 0.5


class Running:
    """The parts of an installation as processes, in the order in which they start."""

    def __init__(self, folder: Path, command: Sequence[str]) -> None:
        """`command` is how this program is started. Raises SettingsError for a folder without an installation."""
        self.folder = folder.resolve()
        if not (self.folder / site_files.CONFIG).is_file():
            raise SettingsError(
                what=f"{folder} is no installation: it has no {site_files.CONFIG}",
                kept="nothing was started",
                do="make one with `badgeclock site init`",
            )
        self._command = list(command)
        self._settings = settings.load(self.folder / site_files.CONFIG)
        (self.folder / LOGS).mkdir(mode=0o700, exist_ok=True)
        self._parts = self._all()

    def start(self, say: Callable[[str], None]) -> None:
        """Start all. Raises BadgeclockError with the end of the log of a part that did not start; the others are
        stopped."""
        try:
            for part in self._parts:
                say(f"starting {part.name}")
                part.start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all, the last one first."""
        for part in reversed(self._parts):
            part.stop()

    def watch(self) -> None:
        """Wait until one of them has ended, then raise BadgeclockError that names it."""
        while True:
            for part in self._parts:
                if not part.running:
                    raise BadgeclockError(
                        what=f"{part.name} has ended, and the others with it",
                        kept="everything that they kept",
                        do=f"look at {part.log}",
                    )
            time.sleep(_WATCH_S)

    @property
    def console_url(self) -> str:
        """The address of the operators' pages."""
        own = self._settings.console
        return f"{'https' if own.certificate else 'http'}://{own.host}:{own.port}/"

    def _all(self) -> list[Process]:
        config = ["--config", str(self.folder / site_files.CONFIG)]
        own = self._settings
        broker = [str(programs.mosquitto()), "-c", str(self.folder / site_files.BROKER / "mosquitto.conf")]
        parts = [self._part("the broker", broker, partial(port_answers, own.broker.port))]
        if trial.is_one(self.folder):
            port = trial.sandbox_port(own)
            sandbox = [*self._command, *trial.sandbox_words(self.folder, port)]
            parts.append(self._part("the sandbox", sandbox, partial(port_answers, port)))
        parts += [
            self._part("the bridge", [*self._command, "bridge", "run", *config], own.acts.socket.is_socket),
            self._part(
                "the console", [*self._command, "console", "run", *config], partial(port_answers, own.console.port)
            ),
        ]
        if trial.is_one(self.folder):
            clock = [*self._command, *trial.clock_words(self.folder)]
            parts.append(self._part("the clock", clock, partial(trial.is_online, self.folder, self._command)))
        return parts

    def _part(self, name: str, command: Sequence[str], ready: Callable[[], bool]) -> Process:
        return Process(name, command, self.folder / LOGS / f"{name.removeprefix('the ')}.log", ready)


def own_command() -> list[str]:
    """How this program is started again."""
    return [sys.executable, "-m", "badgeclock.cli.main"]
