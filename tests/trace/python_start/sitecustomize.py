"""Notes the modules of this package that the bridge and its children run through; Python imports it at every start.

Python imports a module of this name if it finds one: the tracer puts this folder on PYTHONPATH for the processes that
it starts. BADGECLOCK_TRACE names a folder with the file `phase`, which holds one word. When it is `end`, each process
writes `<pid>.json` there: `pid`, `parent`, and `phases`, for each word before the modules in the order of first use.
"""

import json
import os
import sys
import threading
import time
from pathlib import Path

POLL_S = 0.005
END = "end"
_BRIDGE = "BADGECLOCK_TRACE_BRIDGE"
_folder = os.environ.get("BADGECLOCK_TRACE")
_mark = f"{os.sep}host_tools{os.sep}badgeclock{os.sep}"
_names = {}  # code file -> module by its path in the package, or None for other people's
_seen = {}


def _note(frame, event, _argument):
    if event != "call":
        return
    file = frame.f_code.co_filename
    try:
        name = _names[file]
    except KeyError:
        _, mark, inside = file.rpartition(_mark)
        name = _names[file] = inside.removesuffix(".py") if mark else None
    if name is not None and name not in _seen:
        _seen[name] = None


def _watch():
    global _seen
    phase, phases = "start", {}
    while phase != END:
        now = (Path(_folder) / "phase").read_text()
        if now != phase:
            seen, _seen = _seen, {}
            phases[phase], phase = list(seen), now
        time.sleep(POLL_S)
    report = {"pid": os.getpid(), "parent": os.getppid(), "phases": phases}
    new = Path(_folder) / f"{os.getpid()}.new"
    new.write_text(json.dumps(report))
    new.replace(new.with_suffix(".json"))


def _begin():
    threading.Thread(target=_watch, daemon=True).start()
    threading.setprofile(_note)
    sys.setprofile(_note)


if _folder and {"bridge", "run"} <= set(sys.orig_argv):
    os.environ[_BRIDGE] = "1"
if _folder and _BRIDGE in os.environ:
    os.register_at_fork(after_in_child=_begin)
    _begin()
