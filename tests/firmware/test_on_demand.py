"""Modules that are in memory only while something needs them: whole or not at all."""

import os
import sys

from app import on_demand
from expect import raised

# What the modules of a package in this process's own folder hold.
MODULES = {
    "__init__": "",
    "friend": "value = 'friend'\n",
    "whole": "from house import friend\nvalue = friend.value\n",
    "half": "from house import friend\nraise MemoryError\n",
    "broken": "from house import half\n",
}


def house():
    """The package `house`, none of whose modules is in memory."""
    if "house" not in os.listdir():
        os.mkdir("house")
        for name, text in MODULES.items():
            with open("house/" + name + ".py", "w") as file:
                file.write(text)
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    import house

    for name in MODULES:
        on_demand.drop("house." + name)
    return house


def in_memory(package):
    """Names of the package's modules that an import would find, by either of its ways."""
    loaded = {name for name in MODULES if "house." + name in sys.modules}
    return loaded | {name for name in MODULES if name != "__init__" and hasattr(package, name)}


def test_a_module_is_loaded_once_and_dropped_with_what_it_brought():
    package = house()
    whole = on_demand.load("house.whole", "house.friend")
    assert whole.value == "friend" and in_memory(package) == {"whole", "friend"}
    assert on_demand.load("house.whole", "house.friend") is whole
    on_demand.drop("house.whole")
    assert in_memory(package) == set()
    assert on_demand.load("house.whole", "house.friend") is not whole
    on_demand.drop("house.whole")


def test_what_was_in_memory_before_stays_and_so_does_what_was_not_named():
    package = house()
    friend = on_demand.load("house.friend")
    on_demand.load("house.whole", "house.friend")
    on_demand.drop("house.whole")
    assert in_memory(package) == {"friend"} and sys.modules["house.friend"] is friend
    on_demand.drop("house.friend")
    on_demand.load("house.whole")
    on_demand.drop("house.whole")
    assert in_memory(package) == {"friend"}


def test_half_a_module_never_stays_whatever_it_had_imported():
    package = house()
    for name in ("house.half", "house.broken"):
        for _ in range(2):
            raised(MemoryError, on_demand.load, name, "house.friend")
            assert in_memory(package) == set(), name
    raised(ImportError, on_demand.load, "house.nowhere")
    assert on_demand.load("house.whole").value == "friend", "nothing of the failures is found"


def test_to_drop_what_is_not_there_is_no_error():
    house()
    on_demand.drop("house.whole", "house.nowhere", "nowhere", "nowhere.at.all")
