"""The cost of the clock's core: HMAC, heap, flash work and reads at start, measured inside the real MicroPython."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

from badgeclock.toolchain import programs

ROOT = Path(__file__).resolve().parents[2]
ON_DEVICE = Path(__file__).with_name("sealed_log_on_device.py")
CORE = (
    "__init__",
    "errors",
    *(f"log/{name}" for name in ("record", "hmac256", "seal", "keystore", "journal", "sealed_log", "provisioning")),
)
RUN_TIMEOUT_S = 300


def run(arch: programs.Arch, heap: str, firmware: Path, part: str) -> dict[str, float]:
    """One part of the figures, from a MicroPython with `heap` of heap and `app` in the folder `firmware`."""
    tests = ROOT / "tests" / "firmware"
    command = [
        str(part) for part in (programs.micropython(arch), "-X", f"heapsize={heap}", ON_DEVICE, firmware, tests, part)
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_TIMEOUT_S, check=False)
    if done.returncode:
        raise RuntimeError(f"{ON_DEVICE.name} {part} on {arch}: {done.stdout}{done.stderr}")
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def compiled(target: Path) -> Path:
    """The core compiled by mpy-cross below `target`, in its rooms."""
    for name in CORE:
        source = ROOT / "firmware" / "app" / f"{name}.py"
        output = (target / "app" / name).with_suffix(".mpy")
        output.parent.mkdir(parents=True, exist_ok=True)
        command = [*programs.mpy_cross(), "-s", source.name, "-o", str(output), str(source)]
        subprocess.run(command, check=True, capture_output=True)
    return target


def measure() -> dict[str, float]:
    """Heap and time of the seal on i386 with an ESP32's heap, code compiled; flash work beside littlefs, and reads at
    start, on amd64, for the heap that the modelled flash takes.
    """
    with tempfile.TemporaryDirectory(prefix="badgeclock-bench-") as scratch:
        firmware = compiled(Path(scratch))
        figures = run("i386", "128k", firmware, "heap")
        figures |= run("amd64", "8m", firmware, "flash")
        figures |= run("amd64", "64m", firmware, "mount")
    return figures | {
        "journal.model_ms_times_less": figures["littlefs.model_ms_per_punch"] / figures["journal.model_ms_per_punch"]
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
