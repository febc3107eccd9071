"""The board's own image: the input of MicroPython's ESP32 port for building it, and the script that builds it.

The compiler itself runs in ESP-IDF's container, which no test has.
"""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
from pathlib import Path
from typing import Any

from badgeclock import partition_table
from badgeclock.technician import broker, release

ROOT = Path(__file__).resolve().parents[2]
BOARD = ROOT / "boards" / "esp32_devkit"
SCRIPT = BOARD / "build_image.sh"
README = (BOARD / "README.md").read_text()
MENDED_IDF = {(5, 2): 6, (5, 3): 3, (5, 4): 1}
"""From which patch release on ESP-IDF flushes the cache of a partition beyond a mapping's first 64 KB."""


def header() -> dict[str, str]:
    """The definitions of mpconfigboard.h."""
    return dict(re.findall(r"^#define (\w+) (.+)$", (BOARD / "mpconfigboard.h").read_text(), re.MULTILINE))


def settings() -> dict[str, str]:
    """The settings of sdkconfig.board."""
    return dict(re.findall(r"^(CONFIG_\w+)=(.+)$", (BOARD / "sdkconfig.board").read_text(), re.MULTILINE))


def script(name: str) -> str:
    """A constant of the build script."""
    found = re.search(rf"^{name}=(\S+)$", SCRIPT.read_text(), re.MULTILINE)
    assert found, name
    return found[1]


def frozen() -> list[tuple[str, Any]]:
    """The board's frozen modules, as calls of MicroPython's build tool."""
    calls: list[tuple[str, Any]] = []
    runpy.run_path(
        str(BOARD / "manifest.py"),
        init_globals={
            "freeze": lambda path, script=None: calls.append((path, script)),
            "include": lambda path: calls.append((path, None)),
            "require": lambda name: calls.append((name, None)),
        },
    )
    return calls


def test_the_image_has_code_in_place_and_neither_bluetooth_nor_esp_now() -> None:
    assert header()["MICROPY_VFS_ROM"] == "(1)"
    assert header()["MICROPY_PY_BLUETOOTH"] == "(0)"
    assert header()["MICROPY_PY_ESPNOW"] == "(0)"
    assert settings()["CONFIG_BT_ENABLED"] == "n"
    assert "sdkconfig.ble" not in re.sub(r"#.*", "", (BOARD / "mpconfigboard.cmake").read_text())


def test_the_image_holds_the_boards_own_partition_table() -> None:
    cmake = (BOARD / "mpconfigboard.cmake").read_text()
    named = re.search(r'CONFIG_PARTITION_TABLE_CUSTOM_FILENAME=\\"\$\{MICROPY_BOARD_DIR\}/([\w.-]+)\\"', cmake)
    assert named, cmake
    assert partition_table.read_csv(BOARD / named[1]) == partition_table.board_partitions("esp32_devkit")


def test_the_largest_packet_of_a_broker_fits_a_tls_record_of_the_image() -> None:
    # That the handshake's do, tests/host/test_broker_config.py shows.
    assert int(settings()["CONFIG_MBEDTLS_SSL_IN_CONTENT_LEN"]) >= broker.PACKET_LIMIT_BYTES


def test_every_file_that_the_boards_cmake_names_is_there() -> None:
    cmake = re.sub(r"#.*", "", (BOARD / "mpconfigboard.cmake").read_text())
    named = re.findall(r"\$\{MICROPY_BOARD_DIR\}/([\w.-]+)", cmake)
    assert {"partitions.csv", "sdkconfig.board", "manifest.py"} == set(named)
    assert all((BOARD / name).is_file() for name in named)


def test_the_frozen_modules_leave_umqtt_to_the_code_in_place() -> None:
    names = [path for path, _ in frozen()]
    assert "$(MPY_DIR)/extmod/asyncio" in names
    assert ("$(PORT_DIR)/modules", ("_boot.py", "flashbdev.py", "inisetup.py")) in frozen()
    assert not [name for name in names if "umqtt" in name or "manifest.py" in name]


def test_the_build_names_a_micropython_and_a_mended_esp_idf_as_its_page_does() -> None:
    major, minor, patch = map(int, script("IDF_VERSION").removeprefix("v").split("."))
    assert patch >= MENDED_IDF[major, minor]
    assert script("IDF_VERSION") in README
    assert script("MICROPYTHON_TAG") in README
    assert script("MICROPYTHON_COMMIT") in README


def test_make_firmware_runs_the_script_and_the_script_is_shell() -> None:
    subprocess.run(["bash", "-n", SCRIPT], check=True)
    told = subprocess.run(
        ["make", "-n", "--no-print-directory", "firmware"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert told.stdout.split() == ["boards/esp32_devkit/build_image.sh", "build/badgeclock-esp32.bin"]


def run_script(folder: Path, path: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(SCRIPT), str(folder / "out.bin")], env={**os.environ, "PATH": path}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def tools(folder: Path, *names: str) -> str:
    """A PATH with nothing but the named programs."""
    folder.mkdir()
    for name in names:
        found = shutil.which(name)
        assert found, name
        (folder / name).symlink_to(found)
    return str(folder)


BASICS = (
    "bash",
    "basename",
    "dirname",
    "realpath",
    "head",
    "git",
    "id",
    "stat",
    "sha256sum",
    "cut",
    "mkdir",
    "cp",
    "rm",
)


def test_without_a_container_program_one_sentence_says_what_to_do(tmp_path: Path) -> None:
    done = run_script(tmp_path, tools(tmp_path / "bin", *BASICS))
    assert done.returncode == 1
    assert "neither docker nor podman is on PATH" in done.stderr
    assert "Kept: everything as it was. To do: install one of them" in done.stderr
    assert not (tmp_path / "out.bin").exists()


def test_a_container_program_that_does_not_run_is_named(tmp_path: Path) -> None:
    path = tools(tmp_path / "bin", *BASICS)
    docker = tmp_path / "bin" / "docker"
    docker.write_text("#!/bin/bash\necho 'no daemon' >&2\nexit 1\n")
    docker.chmod(0o755)
    done = run_script(tmp_path, path)
    assert done.returncode == 1
    assert "docker does not run (no daemon)" in done.stderr


def test_the_workflow_of_a_release_builds_signs_and_publishes_what_clock_flash_fetches() -> None:
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text()
    assert "make firmware" in text
    command = re.search(r"python -m badgeclock\.technician\.release (.+)", text)
    assert command
    assert command[1].startswith(f"sign build/release/{release.IMAGE} --private build/release-key.pem")
    # The description and its signature are beside the image then; the key is not.
    published = re.search(r"gh release create .* (build/release/\S*)$", text, re.MULTILINE)
    assert published
    assert published[1] == "build/release/*"
