"""Runs commands of `badgeclock` in bad surroundings, each in a fork of one process that has loaded all of them.

A job is a line on stdin, {"arguments": […], "surroundings": {…}, "lasting": bool}; its outcome a line on stdout,
{"code": …, "said": …}. A fork costs milliseconds where a new process takes a second.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import select
import signal
import sys
import time
import zoneinfo
from pathlib import Path
from typing import Any

import typer.main

from badgeclock.cli import main
from badgeclock.virtual.control_socket import ClockControl

LASTING_S = 2.0
"""How long a command that runs until it is ended has to fail."""
LIMIT_S = 120.0
NOBODY = 54_321
"""A user whom no machine has, with no rights to any file of these tests."""
THEIR_MODULES = (
    "esptool", "mpremote.main", "zeep", "uvicorn", "psycopg", "alembic.command", "xmlsec",
    "fastapi", "python_multipart", "babel", "segno", "joserfc.jwt", "typer.rich_utils",
)  # fmt: skip
FILE_BYTES_MOST = 16 * 2**20


def commands() -> dict[str, Any]:
    """Every command of the tree by its words, as click has it."""
    found: dict[str, Any] = {}

    def collect(words: tuple[str, ...], command: Any) -> None:
        if hasattr(command, "list_commands"):
            context = typer.Context(command)
            for name in command.list_commands(context):
                collect((*words, name), command.get_command(context, name))
        if words and getattr(command, "invoke_without_command", not hasattr(command, "list_commands")):
            found[" ".join(words)] = command

    collect((), typer.main.get_command(main.app))
    return found


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Run one command to its end, or until it is ended."""
    out_read, out_write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(out_read)
        _be(job, out_write)
    os.close(out_write)
    said = b""
    deadline = time.monotonic() + (LASTING_S if job["lasting"] else LIMIT_S)
    ended = False
    while not ended and time.monotonic() < deadline:
        if select.select([out_read], [], [], 0.05)[0]:
            some = os.read(out_read, 65536)
            said += some
            ended = not some
    status = None if ended else os.waitpid(child, os.WNOHANG)[1] if os.waitpid(child, os.WNOHANG)[0] else None
    for how in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child, how)
        except ProcessLookupError:
            break
        time.sleep(0.0 if ended else 0.5)
    if status is None:
        status = os.waitpid(child, 0)[1]
    os.close(out_read)
    return {"code": os.waitstatus_to_exitcode(status), "ended": ended, "said": said.decode(errors="replace")}


def _be(job: dict[str, Any], out: int) -> None:
    """Become the command, in its surroundings; does not return."""
    around = job["surroundings"]
    try:
        os.setsid()
        os.chdir(around["folder"])
        os.environ.clear()
        os.environ.update(around.get("environment", {}))
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(os.open(around["stdout"], os.O_WRONLY) if "stdout" in around else out, 1)
        os.dup2(out, 2)
        encoding = around.get("encoding", "utf-8")
        sys.stdin, sys.stdout, sys.stderr = (
            open(0, encoding=encoding),  # noqa: SIM115 - the process's own three
            open(1, "w", encoding=encoding),  # noqa: SIM115
            open(2, "w", encoding=encoding, errors="backslashreplace", buffering=1),  # noqa: SIM115
        )
        if around.get("no_streams"):
            sys.stdin = sys.stdout = None  # type: ignore[assignment]
        if around.get("no_time_zones"):
            zoneinfo.reset_tzpath([])
            zoneinfo.ZoneInfo.clear_cache()
            sys.modules["tzdata"] = None  # type: ignore[assignment]
        if around.get("gone"):
            place = Path(around["folder"]) / f"gone {os.getpid()}"
            place.mkdir()
            os.chdir(place)
            place.rmdir()
        if around.get("full"):
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, FILE_BYTES_MOST))
        if around.get("nobody") and os.geteuid() == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        sys.argv = ["badgeclock", *job["arguments"]]
        main.main()
    except SystemExit as done:
        sys.stderr.flush()
        os._exit(done.code if isinstance(done.code, int) else 1)
    except BaseException:  # noqa: BLE001 - the text that a person would see
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
        os._exit(70)
    os._exit(0)


def _load() -> None:
    """Import what commands import on demand, so that a fork has it."""
    commands()
    # A virtual clock that is not there is waited for, since it may be starting: here none ever is.
    defaults = dict(ClockControl.__init__.__kwdefaults__ or {})
    ClockControl.__init__.__kwdefaults__ = {**defaults, "timeout_s": 0.1}
    for name in THEIR_MODULES:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a fork that collects garbage would write to, and so copy, all the memory that it shares


if __name__ == "__main__":
    _load()
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)
