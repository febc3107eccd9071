"""ROMFS images, read by the real MicroPython, and where code in them runs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from badgeclock.technician import firmware, romfs
from badgeclock.toolchain import programs

_READ = """
import json, os, sys, vfs
with open(sys.argv[1], "rb") as file:
    vfs.mount(vfs.VfsRom(file.read()), "/rom")
def walk(folder, found):
    for entry in os.ilistdir(folder):
        path = folder + "/" + entry[0]
        if entry[1] == 0x4000:
            walk(path, found)
        else:
            with open(path, "rb") as file:
                found[path[4:]] = list(file.read())
    return found
print(json.dumps(walk("/rom", {})))
"""

_NAME = st.text("abcdefghijklmnopqrstuvwxyz_0123456789.", min_size=1, max_size=20).filter(lambda name: name.strip("."))
_FILES = st.dictionaries(_NAME, st.binary(max_size=300), max_size=6)
_FOLDERS = st.dictionaries(_NAME, _FILES, max_size=4)


def read(image: bytes, folder: Path) -> dict[str, bytes]:
    """The image's content, read by MicroPython."""
    script, file = folder / "read.py", folder / "image"
    script.write_text(_READ)
    file.write_bytes(image)
    run = subprocess.run(
        [programs.micropython("i386"), "-X", "heapsize=2m", script, file], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return {path: bytes(data) for path, data in json.loads(run.stdout).items()}


def test_the_firmware_is_found_in_its_image_byte_by_byte(tmp_path: Path) -> None:
    built = firmware.build()
    placed = built.in_place(1 << 20)
    found = read(placed.pop("/rom"), tmp_path)
    assert {**placed, **found} == built.files
    assert set(placed) == {"/boot.py", "/main.py", "/firmware.json"}


@settings(max_examples=8, deadline=None)
@given(files=_FILES, folders=_FOLDERS)
def test_any_files_come_back(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes], folders: dict[str, dict[str, bytes]]
) -> None:
    wanted = {f"/{name}": data for name, data in files.items() if name not in folders}
    wanted |= {f"/{folder}/{name}": data for folder, inside in folders.items() for name, data in inside.items()}
    image = romfs.image(wanted)
    assert len(image) % 2 == 0
    assert romfs.image(dict(reversed(wanted.items()))) == image, "the order of the files makes no difference"
    assert read(image, tmp_path_factory.mktemp("rom")) == wanted


def test_a_file_that_is_also_a_folder_is_refused() -> None:
    with pytest.raises(ValueError, match="below a file"):
        romfs.image({"/app": b"", "/app/clock.mpy": b""})
