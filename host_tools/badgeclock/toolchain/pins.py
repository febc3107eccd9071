"""The contents of the toolchain: Debian's packages by release and least version, source archives by hash.

Standard library alone: this is read before anything is installed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Arch = Literal["amd64", "i386"]

# The Debian release whose MicroPython is 1.25.0 for both architectures. `stable` names the same release as long as its
# signed Release says Codename: trixie; it is used while a mirror is updating the first name. apt verifies both alike.
CODENAME = "trixie"
SUITES = ("trixie", "stable")
MICROPYTHON_AT_LEAST = (1, 25)
MOSQUITTO_AT_LEAST = (2, 0)
POSTGRESQL_AT_LEAST = (15,)
CHROMIUM_AT_LEAST = (140,)
PROMTOOL_AT_LEAST = (2, 40)
AT_LEAST = {
    "micropython": MICROPYTHON_AT_LEAST,
    "mosquitto": MOSQUITTO_AT_LEAST,
    "postgresql": POSTGRESQL_AT_LEAST,
    "chromium": CHROMIUM_AT_LEAST,
    "promtool": PROMTOOL_AT_LEAST,
}


@dataclass(frozen=True)
class DebianTree:
    """Programs of Debian packages with every library they load, for one architecture."""

    name: str
    arch: Arch
    packages: tuple[str, ...]
    programs: dict[str, str]  # wrapper name -> path inside the tree
    multiarch: str
    loader: str
    share: str | None = None  # the one folder of usr/share that the programs read, relative to their own place
    without: tuple[str, ...] = ()  # libraries that are large and only loaded on demand, by the start of their names
    libraries: tuple[str, ...] = ()  # folders of libraries beside the usual one
    arguments: tuple[str, ...] = ()  # arguments of the program at each start; {wrapper} is its wrapper
    finds_itself: bool = False  # it finds its data by its loader's place, so the loader is beside it


@dataclass(frozen=True)
class Archive:
    """One source archive of the Python index, and the wanted files."""

    project: str
    version: str
    sha256: str
    files: dict[str, str]  # path inside the archive, below its top folder -> path below the piece's own folder


_AMD64 = ("x86_64-linux-gnu", "ld-linux-x86-64.so.2")
_I386 = ("i386-linux-gnu", "ld-linux.so.2")

MICROPYTHON = {
    "amd64": DebianTree("micropython", "amd64", ("micropython",), {"micropython": "usr/bin/micropython"}, *_AMD64),
    "i386": DebianTree(
        "micropython-i386", "i386", ("micropython",), {"micropython-i386": "usr/bin/micropython"}, *_I386
    ),
}

MOSQUITTO = DebianTree(
    "mosquitto",
    "amd64",
    ("mosquitto", "mosquitto-clients"),
    {
        "mosquitto": "usr/sbin/mosquitto",
        "mosquitto_pub": "usr/bin/mosquitto_pub",
        "mosquitto_sub": "usr/bin/mosquitto_sub",
    },
    *_AMD64,
)

# The server finds its libraries and its share folder relative to itself, and initdb finds the server there.
POSTGRESQL = DebianTree(
    "postgresql",
    "amd64",
    ("postgresql-17",),
    {"postgres": "usr/lib/postgresql/17/bin/postgres", "initdb": "usr/lib/postgresql/17/bin/initdb"},
    *_AMD64,
    share="usr/share/postgresql",
    without=("libllvm", "libz3"),
)

# For the tests of the console's pages. Its child processes are started by its wrapper too; graphics card support is
# left out. Fonts are in its share folder, listed in `fonts.conf` beside its program.
CHROMIUM = DebianTree(
    "chromium",
    "amd64",
    ("chromium-headless-shell", "chromium-common", "fonts-dejavu-core"),
    {"chromium-headless-shell": "usr/lib/chromium/chromium-headless-shell"},
    *_AMD64,
    share="usr/share/fonts",
    without=("libllvm", "libz3", "libgl1-mesa-dri"),
    libraries=("usr/lib/x86_64-linux-gnu/pulseaudio", "usr/lib/chromium"),
    arguments=("--no-zygote", "--browser-subprocess-path={wrapper}"),
    finds_itself=True,
)

# For the test of the alerting rules: only its checker is used.
PROMTOOL = DebianTree("promtool", "amd64", ("promtool",), {"promtool": "usr/bin/promtool"}, *_AMD64)

MICROPYTHON_LIB = (
    Archive(
        "micropython-umqtt.simple",
        "1.3.4",
        "b6a2520239e3992c63a7de9370ee9b3d9d27819a90359c521f1c0f7ccab8d12f",
        {"umqtt/simple.py": "umqtt/simple.py"},
    ),
    Archive(
        "micropython-urequests",
        "0.9.1",
        "15ed0132bcff1a84e87049d9d7780ce26df0810fa674aa89d187e17493d6e3c5",
        {"urequests/__init__.py": "urequests.py"},
    ),
)

# Drivers by three authors, two of them related: only the code for the chip.
READER_DRIVERS = (
    Archive(
        "mfrc522",
        "0.0.7",
        "74c7020a4fc4870f5d7022542c36143fba771055a2fae2e5929e6a1159d2bf00",
        {f"mfrc522/{name}": f"mfrc522/{name}" for name in ("__init__.py", "MFRC522.py", "SimpleMFRC522.py")},
    ),
    Archive(
        "pi-rc522",
        "2.3.0",
        "edf97b061f39cbfd3f306f41e66c140557af5ec88d814275a30856f0884e2af0",
        {f"pirc522/{name}": f"pirc522/{name}" for name in ("__init__.py", "rfid.py", "util.py", "version.py")},
    ),
    Archive(
        "python_rfid",
        "0.0.2",
        "e3d9254412ac8ac1d58016b644036887e9d4e5f24405d3eed8d1703e4b000327",
        {
            f"python_rfid/{name}.py": f"python_rfid/{name}.py"
            for name in (
                "__init__", "byte_utils", "debug_dump", "errors", "mfrc522", "mifare_handler", "pcd_common",
                "picc_common", "picc_handler", "self_test_data",
            )
        },
    ),
)  # fmt: skip
