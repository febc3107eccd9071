"""The wheel: its contents, that it is the same twice, and the demo from an environment that has no checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from badgeclock.technician import firmware, firmware_package
from badgeclock.toolchain import places

ROOT = Path(__file__).resolve().parents[2]
KEYS = {"seq", "state", "reception_number", "tap_to_signal_ms", "tap_to_registered_ms", "display"}
pytestmark = pytest.mark.timeout(240)


def build(folder: Path, umask: int = 0o022) -> Path:
    """A wheel in `folder`."""
    made = subprocess.run(
        [sys.executable, ROOT / "host_tools" / "make_wheel.py", folder],
        capture_output=True, text=True, check=False, umask=umask,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    return Path(made.stdout.strip())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The `badgeclock` command of an environment that has the wheel, and the packages that it needs from this one."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", folder / "bin" / "python")
    subprocess.run([*pip, "install", "-q", "--no-deps", "--no-index", wheel], check=True)
    # A path file inside this folder is not read: the checkout, which one names, stays unknown to the new environment.
    (theirs,) = (path for path in sys.path if path.endswith("site-packages"))
    (site / "packages.pth").write_text(theirs + "\n")
    yield folder / "bin" / "badgeclock"
    shutil.rmtree(folder)


def outside(home: Path, **more: str) -> dict[str, str]:
    """The environment of a process with an empty home and no access to the checkout."""
    return {"HOME": str(home), "TMPDIR": str(home), "PATH": os.defpath, **more}


def test_it_carries_the_firmware_as_the_checkout_compiles_it(wheel: Path) -> None:
    built = firmware.build()
    with zipfile.ZipFile(wheel) as archive:
        package = archive.read(f"badgeclock/product/compiled/{firmware_package.name('esp32_devkit', 'ssd1306')}")
        names = archive.namelist()
    assert firmware_package.unpack(package) == built.files
    fronts = {path.stem for path in (ROOT / "boards" / "esp32_devkit" / "fronts").glob("*.py")}
    assert {
        f"badgeclock/product/compiled/{firmware_package.name('esp32_devkit', front)}" for front in fronts
    } == {name for name in names if name.startswith("badgeclock/product/compiled/")}  # fmt: skip
    assert not [name for name in names if "__pycache__" in name or name.startswith("tests")]


@pytest.mark.torture
def test_two_builds_are_one_file(wheel: Path, tmp_path: Path) -> None:
    assert build(tmp_path, umask=0o077).read_bytes() == wheel.read_bytes()


def test_a_damaged_package_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firmware, "COMPILED", tmp_path)
    files = dict(firmware.build().files)
    package = tmp_path / firmware_package.name("esp32_devkit", "ssd1306")
    package.write_bytes(firmware_package.pack(files))
    assert firmware.build().files == files
    files["/glyphs.bin"] += b"\0"
    for damaged in (firmware_package.pack(files), package.read_bytes()[:-1], firmware_package.pack({})):
        package.write_bytes(damaged)
        with pytest.raises(firmware.ProvisionError, match="damaged"):
            firmware.build()


def test_installed_outside_the_checkout_the_demo_registers_punches(installed: Path, tmp_path: Path) -> None:
    """The programs of the virtual clock are those of this run; the next test fetches them."""
    done = subprocess.run(
        [installed, "demo", "--once", "--json"],
        cwd=tmp_path,
        env=outside(tmp_path, BADGECLOCK_TOOLCHAIN=str(places.toolchain_dir())),
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    ways = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(set(way) >= KEYS for way in ways)
    assert [way["state"] in ("REGISTERED", "VALIDATED") for way in ways] == [True, True, True, False, False]
    assert [way["state"] for way in ways[3:]] == ["UNASSIGNED", "REFUSED"]
    assert list(tmp_path.iterdir()) == [], "the demo left its folder, or something was compiled"


def test_a_program_that_cannot_be_fetched_is_named_with_what_to_do(installed: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [installed, "virtual", "run", "--dir", tmp_path / "clock"],
        env=outside(tmp_path, PATH=str(tmp_path), XDG_CACHE_HOME=str(tmp_path / "cache")),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    said = done.stderr.splitlines()
    assert said[0] == f"micropython: fetched once, into {tmp_path / 'cache' / 'badgeclock' / 'toolchain'}"
    assert "micropython is not on PATH, and it cannot be fetched because apt-get is not there" in said[-1]
    assert "To do: install micropython by hand, or run on Debian 12 or 13" in said[-1]


@pytest.mark.torture
@pytest.mark.timeout(1200)
def test_from_the_package_index_and_debian_into_an_empty_home(wheel: Path, tmp_path: Path) -> None:
    """Without a C compiler, and with a toolchain that is fetched on first use. Needs the network."""
    folder = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    compilers = tmp_path / "compilers"  # of which none works
    compilers.mkdir()
    for name in ("cc", "gcc", "c++", "g++", "clang", "cargo", "rustc"):
        (compilers / name).write_text("#!/bin/sh\nexit 1\n")
        (compilers / name).chmod(0o755)
    path = f"{compilers}:{os.defpath}"
    variables = outside(tmp_path, PATH=path)
    pip = [folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "install", "-q"]
    subprocess.run([*pip, f"{wheel}[demo]"], env={**os.environ, "PATH": path}, check=True)
    for _ in range(2):
        done = subprocess.run(
            [folder / "bin" / "badgeclock", "demo", "--once", "--json"],
            cwd=tmp_path, env=variables, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert len(done.stdout.splitlines()) == 5
    assert "fetched once" not in done.stderr
    assert (tmp_path / ".cache" / "badgeclock" / "toolchain" / "manifest.json").is_file()
