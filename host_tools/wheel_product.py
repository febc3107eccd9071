"""Run by setuptools to build the wheel: this package, and in its folder `product` the checkout's other parts.

`product/` has firmware and boards, the firmware compiled for each display, and umqtt: an installed wheel provisions a
clock without compiling anything (toolchain/places.py).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("firmware", "boards")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "*.mpy")


class BuildWithProduct(build_py):
    """build_py, and the product's files into the package."""

    def run(self) -> None:
        """Raises CalledProcessError if the firmware does not compile; the reason is on standard error."""
        super().run()
        if self.editable_mode:
            return  # a checkout has them beside the package
        product = Path(self.build_lib) / "badgeclock" / "product"
        shutil.rmtree(product, ignore_errors=True)
        for folder in FOLDERS:
            shutil.copytree(ROOT / folder, product / folder, ignore=LEFT_OUT)
        # In its own process, so that it imports the package being built, not an installed one.
        subprocess.run(
            [sys.executable, "-P", ROOT / "host_tools" / "compile_firmware.py", product],
            env={**os.environ, "PYTHONPATH": str(ROOT / "host_tools")},
            check=True,
        )
