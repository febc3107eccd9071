"""Modules that are in memory only while something needs them: `load` and `drop` are the one way to do that.

What seldom runs (a worker's question, the badge desk, a new roster) costs no heap meanwhile. A module is named in full,
"app.net.desk", as an import names it.
"""

import gc
import sys


def load(name):
    """The module of that name, imported unless it is there. Whatever ends the import, MemoryError above all, nothing of
    it stays: half a module would be what the next import finds.
    """
    if name in sys.modules:
        return sys.modules[name]
    gc.collect()
    before = tuple(sys.modules)
    module = None
    try:
        __import__(name)
        module = sys.modules[name]
        module.brought = _beyond(before)
    finally:
        if module is None or not hasattr(module, "brought"):
            drop(*_beyond(before))
    return module


def drop(*names):
    """Take these modules, and what `load` imported with them, out of memory; one that is not there is no error. The
    memory is free after the next collection.
    """
    for name in names:
        module = sys.modules.pop(name, None)
        package, _, attribute = name.rpartition(".")
        if hasattr(sys.modules.get(package), attribute):
            delattr(sys.modules[package], attribute)
        for other in getattr(module, "brought", ()):
            if other in sys.modules:
                drop(other)


def _beyond(before):
    return [name for name in sys.modules if name not in before]
