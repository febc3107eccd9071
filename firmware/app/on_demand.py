"""Modules that are in memory only while something needs them: `load` and `drop` are the one way to do that.

What seldom runs (a worker's question, the badge desk, a new roster) costs no heap meanwhile. A module is named in full,
"app.net.desk", as an import names it.
"""

import gc
import sys


def load(name, *companions):
    """The module of that name, imported unless it is there. companions: modules that it imports and few others need;
    those that were not in memory before go with it (`drop`).

    Whatever ends the import, MemoryError above all, nothing of it stays: half a module would be what the next import
    finds.
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
    """Take these modules, and the companions that `load` imported with them, out of memory at once; one that is not
    there is no error.
    """
    gone = list(names)
    for name in gone:  # which grows meanwhile
        gone.extend(getattr(sys.modules.pop(name, None), "companions", ()))
        package, _, attribute = name.rpartition(".")
        if hasattr(sys.modules.get(package), attribute):
            delattr(sys.modules[package], attribute)
    gc.collect()
