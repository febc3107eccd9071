"""The firmware's names on a clock, for a test that calls the clock's own code over its cable.

The build gives modules, classes, functions and attributes other names (badgeclock/technician/short_names.py). Both
texts of a module have the same lines, so what is in one's place is read off the other.
"""

from __future__ import annotations

import re
from collections import defaultdict

from badgeclock.technician import firmware

_NAME = re.compile(r"((?:\bdef |\bclass |\.)?)([A-Za-z_]\w*)")


def module(source: str) -> str:
    """The import name of a module. source: its path in the checkout, "firmware/app/composition.py"."""
    (name,) = (name for name, parts in firmware.sources().items() for path, *_ in parts if path == source)
    return name


def translated(code: str) -> str:
    """Python text for a clock, written with the source's names: modules as `app.record`, without rooms. A name that
    stands for several things in the firmware stays.
    """
    modules: dict[str, str] = {}
    found: defaultdict[str, set[str]] = defaultdict(set)
    for name, path, text, compiled in [(name, *part) for name, parts in firmware.sources().items() for part in parts]:
        modules["app." + path.rpartition("/")[2].removesuffix(".py")] = name
        lines, made = text.splitlines(), compiled.splitlines()
        made += [""] * (len(lines) - len(made))  # a docstring at the end leaves no line
        for before, after in zip(lines, made, strict=True):
            names, others = _NAME.findall(before), _NAME.findall(after)
            if len(names) == len(others):
                for old, new in zip(names, others, strict=True):
                    if old[0]:
                        found[old[1]].add(new[1])
    code = re.sub(r"app\.\w+", lambda match: modules.get(match[0], match[0]), code)
    sure = {old: next(iter(new)) for old, new in found.items() if len(new) == 1}
    return re.sub(r"(?<=\.)\w+", lambda match: sure.get(match[0], match[0]), code)
