"""Modules that are in memory only while something needs them: `load` and `drop` are the one way to do that.

Rarely used code (a worker's request, the badge desk, a new roster) costs no heap otherwise. A module is given by its
full name, "app.net.desk", as in an import.
"""

import gc
import sys


def load(name, *companions):
    """The module of that name, imported unless present. companions: modules that it imports and few others need; those
    that were not in memory before are dropped with it (`drop`).

    If the import fails, as by MemoryError, nothing of it stays: otherwise the next import would find half a module.
    """
    if name not in sys.modules:
        gc.collect()
        before = tuple(sys.modules)
        is_whole = False
        try:
            __import__(name)
            sys.modules[name].companions = [  # type: ignore[attr-defined]  # it is ours
                one for one in companions if one not in before
            ]
            is_whole = True
        finally:
            if not is_whole:
                drop(*[one for one in sys.modules if one not in before])
    return sys.modules[name]


def drop(*names):
    """Remove these modules, and the companions that `load` imported with them, from memory at once; a missing one is
    not an error.
    """
    gone = list(names)
    for name in gone:  # which grows meanwhile
        gone.extend(getattr(sys.modules.pop(name, None), "companions", ()))
        package, _, attribute = name.rpartition(".")
        if hasattr(sys.modules.get(package), attribute):
            delattr(sys.modules[package], attribute)
    gc.collect()
