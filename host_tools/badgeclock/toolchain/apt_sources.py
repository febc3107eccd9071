"""The Debian archives configured in this machine's apt, in both notations."""

from __future__ import annotations

import re
from pathlib import Path

DEBIAN_SUITES = frozenset(
    {"bullseye", "bookworm", "trixie", "forky", "sid", "oldstable", "stable", "testing", "unstable"}
)


def debian_sources(etc: Path) -> list[dict[str, str]]:
    """The Debian archives in apt's folder `etc`, as deb822 fields: `URIs`, and `Signed-By` if given."""
    stanzas: list[dict[str, str]] = []
    for path in sorted(etc.glob("sources.list.d/*.sources")):
        stanzas += _deb822(path.read_text())
    for path in [etc / "sources.list", *sorted(etc.glob("sources.list.d/*.list"))]:
        if path.is_file():
            stanzas += _one_line_sources(path.read_text())
    chosen: dict[str, dict[str, str]] = {}
    for stanza in stanzas:
        words = {key: stanza.get(key, "").split() for key in ("Types", "Suites", "Components")}
        is_debian = DEBIAN_SUITES.intersection(words["Suites"]) and "main" in words["Components"]
        if is_debian and "deb" in words["Types"] and stanza.get("Enabled", "yes") != "no":
            kept = {key: value for key, value in stanza.items() if key in {"URIs", "Signed-By"}}
            chosen.setdefault(stanza["URIs"], kept)
    return list(chosen.values())


def _deb822(text: str) -> list[dict[str, str]]:
    """The stanzas of a `.sources` file; continuation lines stay in the value unchanged."""
    stanzas: list[dict[str, str]] = []
    for block in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = {}
        key = ""
        for line in block.splitlines():
            if line.startswith("#"):
                continue
            if line[:1].isspace() and key:
                fields[key] += "\n" + line
            elif ":" in line:
                key, _, value = line.partition(":")
                fields[key] = value.strip()
        if fields:
            stanzas.append(fields)
    return stanzas


def _one_line_sources(text: str) -> list[dict[str, str]]:
    """The entries of a `sources.list` file as deb822 fields."""
    stanzas: list[dict[str, str]] = []
    for line in text.splitlines():
        match = re.match(r"\s*(deb)\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]+)", line)
        if match is None:
            continue
        options = dict(option.split("=", 1) for option in (match[2] or "").split() if "=" in option)
        stanza = {"Types": match[1], "URIs": match[3], "Suites": match[4], "Components": match[5].strip()}
        if "signed-by" in options:
            stanza["Signed-By"] = options["signed-by"].replace(",", " ")
        stanzas.append(stanza)
    return stanzas
