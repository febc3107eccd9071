"""The clock's modules that an image can have frozen, without rooms as in every build. The rest is provisioned: boot.py,
main.py, board.py, its front, and data.
"""

import shutil
import sys
from pathlib import Path

sys.path.insert(0, "../host_tools")  # MicroPython's build tool runs a manifest in its own folder

from badgeclock.technician.flatten_rooms import flatten

folder = globals().get("FROZEN", "../build/frozen")
sources = {str(path): path.read_text() for package in ("app", "drivers") for path in Path(package).rglob("*.py")}
shutil.rmtree(folder, ignore_errors=True)
for name, text in flatten(sources).items():
    target = Path(folder, name)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)

require("umqtt.simple")  # noqa: F821
package("app", base_path=folder)  # noqa: F821
package("drivers", base_path=folder)  # noqa: F821
