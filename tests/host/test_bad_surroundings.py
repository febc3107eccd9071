"""Every command in the same bad surroundings: whatever is missing, full or broken, the error is in sentences."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import types
import typing
from collections.abc import Callable, Iterator
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from tests.host import surroundings

from badgeclock.toolchain.places import ROOT, toolchain_dir

LASTING = {"demo", "bridge run", "sandbox run", "virtual run", "chaos"}
"""Commands that run until they are ended."""
ODD = 'a "folder" of Zoë\'s, 100% new'


@pytest.fixture(scope="module")
def ask() -> Iterator[Callable[[dict[str, Any]], dict[str, Any]]]:
    """Runs a job; see `surroundings`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.host.surroundings"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    source, sink = process.stdout, process.stdin
    assert source.readline() == "ready\n"

    def asked(job: dict[str, Any]) -> dict[str, Any]:
        sink.write(json.dumps(job) + "\n")
        sink.flush()
        answer: dict[str, Any] = json.loads(source.readline())
        return answer

    yield asked
    sink.close()
    process.wait()


@functools.cache
def tree() -> dict[str, Any]:
    return surroundings.commands()


def settings(folder: Path, **changed: str) -> Path:
    """A bridge's settings, of which some are what a person may mistype."""
    values = {
        "url": "sqlite:///bridge.db", "host": "localhost", "port": "8883", "endpoint": "http://127.0.0.1:9/",
        "http_host": "127.0.0.1", **changed,
    }  # fmt: skip
    path = folder / "bridge.toml"
    path.write_text(
        f"[store]\nurl = {json.dumps(values['url'])}\n[broker]\nhost = {json.dumps(values['host'])}\n"
        f'port = {values["port"]}\nca = "ca.pem"\ncertificate = "c.pem"\nkey = "k.pem"\n'
        f'[secrets]\ndata_key_file = "data.key"\n[authority]\nendpoint = {json.dumps(values["endpoint"])}\n'
        f"[http]\nhost = {json.dumps(values['http_host'])}\n"
    )
    (folder / "data.key").write_text("00" * 32)
    (folder / "data.key").chmod(0o600)
    return path


def arguments(command: Any, folder: Path, path: Path, config: Path) -> list[str]:
    """What a command needs, and of what it may have all that names a file: `path`, and `config` for the settings."""
    found: list[str] = []
    hints = typing.get_type_hints(command.callback)
    for one in command.params:
        kind = hints.get(one.name, bool)
        kinds = {kind, *typing.get_args(kind)}
        is_file = Path in kinds
        named = one.name in {"config", "workshop", "directory", "shop", "broker_directory"}
        if not (one.required or (is_file and named)):
            continue
        if one.name == "config":
            value = str(config)
        elif is_file:
            value = str(path)
        elif choices := [
            member for each in kinds if isinstance(each, type) and issubclass(each, Enum) for member in each
        ]:
            value = str(choices[0].value)
        elif int in kinds or float in kinds:
            value = str(max(1, getattr(one, "min", None) or 1))
        elif datetime in kinds:
            value = "2026-01-05"
        elif one.name == "port":
            value = str(folder / "tty")
        else:
            value = "clock-0001" if "clock" in one.name or one.name == "id" else "x"
        found += [value] if "Argument" in type(one).__name__ else [one.opts[0], value]
    return found


def nothing(folder: Path) -> tuple[Path, Path, dict[str, Any]]:
    """No file is there, and no toolchain; the folder's name has all that a shell would mind."""
    return folder / "no such file", folder / "no such settings.toml", {"toolchain": str(folder / "none")}


def folders_for_files(folder: Path) -> tuple[Path, Path, dict[str, Any]]:
    (folder / "a folder").mkdir()
    return folder / "a folder", folder / "a folder", {}


def rubbish(folder: Path) -> tuple[Path, Path, dict[str, Any]]:
    path = folder / "rubbish"
    path.write_bytes(bytes(range(256)) * 64)
    return path, path, {}


def a_store_of_rubbish(folder: Path) -> tuple[Path, Path, dict[str, Any]]:
    (folder / "bridge.db").write_bytes(b"no database" * 4096)
    return folder / "none", settings(folder), {}


def a_bad_port(folder: Path) -> tuple[Path, Path, dict[str, Any]]:
    return folder / "none", settings(folder, endpoint="https://h:99999/x", port="99999"), {}


def a_bad_store_port(folder: Path) -> tuple[Path, Path, dict[str, Any]]:
    return folder / "none", settings(folder, url="postgresql+psycopg://u@127.0.0.1:port/x"), {}


def no_database_server(folder: Path) -> tuple[Path, Path, dict[str, Any]]:
    return folder / "none", settings(folder, url="postgresql+psycopg://u@127.0.0.1:1/x"), {}


def no_home_and_no_name(folder: Path) -> tuple[Path, Path, dict[str, Any]]:
    config = settings(folder)
    for path in (folder, *folder.parents):
        if path.stat().st_mode & 0o777 == 0o700 and path != Path(path.anchor):
            path.chmod(0o711)
    return folder / "none", config, {"nobody": True}


def no_time_zones(folder: Path) -> tuple[Path, Path, dict[str, Any]]:
    return folder / "none", settings(folder), {"no_time_zones": True}


def ascii_alone(folder: Path) -> tuple[Path, Path, dict[str, Any]]:
    return folder / "none é", settings(folder), {"encoding": "ascii"}


def a_full_disk(folder: Path) -> tuple[Path, Path, dict[str, Any]]:
    return folder / "none", settings(folder), {"full": True, "stdout": "/dev/full"}


def no_streams(folder: Path) -> tuple[Path, Path, dict[str, Any]]:
    return folder / "none", settings(folder), {"no_streams": True}


def a_folder_that_is_gone(_: Path) -> tuple[Path, Path, dict[str, Any]]:
    return Path("none"), Path("bridge.toml"), {"gone": True}


SURROUNDINGS: list[Callable[[Path], tuple[Path, Path, dict[str, Any]]]] = [
    value
    for value in list(globals().values())
    if isinstance(value, types.FunctionType) and value.__annotations__.get("return", "").startswith("tuple[Path, Path")
]


@pytest.mark.parametrize("around", SURROUNDINGS, ids=lambda around: around.__name__)
def test_every_command_says_what_is_wrong_in_sentences(
    around: Callable[[Path], tuple[Path, Path, dict[str, Any]]],
    ask: Callable[[dict[str, Any]], dict[str, Any]],
    tmp_path: Path,
) -> None:
    bad = {}
    for number, (words, command) in enumerate(sorted(tree().items())):
        folder = tmp_path / f"{ODD} {number}"
        folder.mkdir()
        path, config, more = around(folder)
        job = {
            "arguments": [*words.split(), *arguments(command, folder, path, config)],
            "surroundings": {
                "folder": str(folder),
                "environment": {
                    "PATH": "/usr/bin:/bin",
                    "HOME": str(folder),
                    "BADGECLOCK_TOOLCHAIN": more.get("toolchain", str(toolchain_dir())),
                },
                **more,
            },
            "lasting": words in LASTING,
        }
        done = ask(job)
        said = done["said"]
        wrong = [word for word in ("Traceback", "Exception ignored", "this program has a fault") if word in said]
        if not done["ended"] and not job["lasting"]:
            wrong.append("it does not end")
        quiet = {0, -15, -9, 130} if job["lasting"] else {0, -15, -9}  # a lasting command may be ended before it speaks
        if done["code"] not in quiet and not said.strip() and "stdout" not in more:
            wrong.append(f"it ends with {done['code']} and says nothing")
        if wrong:
            bad[words] = (job["arguments"], wrong, said[-1500:])
    assert not bad, json.dumps(bad, indent=1)


def test_the_tree_and_the_surroundings_are_whole() -> None:
    assert len(SURROUNDINGS) == 13
    assert len(tree()) > 80
    assert {words.split()[0] for words in tree()} >= {"demo", "clock", "bridge", "badge", "journal", "ca", "sandbox"}
