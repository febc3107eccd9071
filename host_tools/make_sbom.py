"""Lists the contents of a release, in CycloneDX 1.6: the bridge by the locked packages, the firmware by the pins.

The bridge's list has the packages of `pip install badgeclock[bridge]`, in the versions and with the hashes of
requirements.lock. The firmware's has the sources of its image. The same sources give the same bytes.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from badgeclock import __version__
from badgeclock.toolchain.pins import MICROPYTHON_LIB

ROOT = Path(__file__).resolve().parents[1]
SPECIFICATION = "1.6"
_VALIDATE = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
sys.exit(str(JsonStrictValidator(SchemaVersion.V1_6).validate_str(sys.stdin.read()) or "") or None)
"""


def of_bridge(environment: Path, date: str) -> str:
    """The bridge's list as JSON, made by cyclonedx-py of `environment`; `date` is seconds since 1970."""
    done = subprocess.run(
        [
            *(environment / "bin" / "cyclonedx-py", "requirements", "--output-reproducible", "--sv", SPECIFICATION),
            *("--pyproject", ROOT / "pyproject.toml", "-"),
        ],
        input="\n".join(locked(closure(Requirement("badgeclock[bridge]")))) + "\n",
        env={**os.environ, "SOURCE_DATE_EPOCH": date},
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    made = json.loads(done.stdout)
    root = made["metadata"]["component"]
    root["version"] = __version__
    direct = {canonicalize_name(part.name) for extra in ("", "bridge") for part in of_extra("badgeclock", extra)}
    (own,) = (entry for entry in made["dependencies"] if entry["ref"] == root["bom-ref"])
    own["dependsOn"] = [part["bom-ref"] for part in made["components"] if canonicalize_name(part["name"]) in direct]
    return text(made, environment)


def of_firmware(environment: Path, package_sha256: str, date: str) -> str:
    """The list of the firmware of the board's own image, as JSON."""
    build = (ROOT / "boards" / "esp32_devkit" / "build_image.sh").read_text()
    pinned = dict(re.findall(r"^(MICROPYTHON_TAG|MICROPYTHON_COMMIT|IDF_VERSION)=(\S+)$", build, re.MULTILINE))
    (umqtt,) = (archive for archive in MICROPYTHON_LIB if archive.project == "micropython-umqtt.simple")
    stamp = subprocess.run(["date", "-u", "-d", f"@{date}", "+%FT%TZ"], stdout=subprocess.PIPE, text=True, check=True)
    components = [
        component("micropython", pinned["MICROPYTHON_TAG"].lstrip("v"), "MIT",
                  f"pkg:github/micropython/micropython@{pinned['MICROPYTHON_COMMIT']}"),
        component("esp-idf", pinned["IDF_VERSION"].lstrip("v"), "Apache-2.0",
                  f"pkg:github/espressif/esp-idf@{pinned['IDF_VERSION']}"),
        component(umqtt.project, umqtt.version, "MIT", f"pkg:pypi/{umqtt.project}@{umqtt.version}", umqtt.sha256),
    ]  # fmt: skip
    root = component("badgeclock-firmware", __version__, "Apache-2.0", None, package_sha256) | {"type": "firmware"}
    made = {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPECIFICATION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPECIFICATION,
        "version": 1,
        "metadata": {"timestamp": stamp.stdout.strip(), "component": root},
        "components": components,
        "dependencies": [
            {"ref": root["bom-ref"], "dependsOn": [part["bom-ref"] for part in components]},
            *({"ref": part["bom-ref"]} for part in components),
        ],
    }
    return text(made, environment)


def component(name: str, version: str, licence: str, purl: str | None, sha256: str | None = None) -> dict[str, Any]:
    """One component."""
    return {
        "type": "library",
        "bom-ref": f"{name}@{version}",
        "name": name,
        "version": version,
        "licenses": [{"license": {"id": licence}}],
        **({"purl": purl} if purl else {}),
        **({"hashes": [{"alg": "SHA-256", "content": sha256}]} if sha256 else {}),
    }


def text(made: dict[str, Any], environment: Path) -> str:
    """The list as text, after CycloneDX's own schema."""
    written = json.dumps(made, indent=1, sort_keys=True) + "\n"
    subprocess.run([environment / "bin" / "python", "-c", _VALIDATE], input=written, text=True, check=True)
    return written


def locked(wanted: set[str]) -> list[str]:
    """The lines of requirements.lock for these packages, one each, with their hashes."""
    text = (ROOT / "requirements.lock").read_text()
    blocks = re.findall(r"^([\w.-]+)(\[[\w,-]+\])?(==.*(?:\n    --hash.*)*)", text, re.MULTILINE)
    lines = {canonicalize_name(name): re.sub(r" \\\n *", " ", name + rest) for name, _, rest in blocks}
    missing = wanted - lines.keys()
    assert not missing, f"requirements.lock lacks {missing}"
    return [lines[name] for name in sorted(wanted)]


def closure(asked: Requirement, python: str | None = None) -> set[str]:
    """The packages that come with `asked`, without itself, by the metadata of the installed packages; on another
    `python` (such as 3.13) if it is given.
    """
    found: set[tuple[str, str]] = set()
    waiting = [asked]
    while waiting:
        requirement = waiting.pop()
        for extra in ("", *sorted(requirement.extras)):
            if (requirement.name, extra) not in found:
                found.add((requirement.name, extra))
                waiting += of_extra(requirement.name, extra, python)
    return {canonicalize_name(name) for name, _ in found} - {canonicalize_name(asked.name)}


def of_extra(name: str, extra: str, python: str | None = None) -> Iterator[Requirement]:
    """What a package requires with one extra, or without any, on this machine or on another `python`."""
    version = {"python_version": python, "python_full_version": f"{python}.0"} if python else {}
    for line in requires(name) or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra, **version}):
            yield requirement
