"""What runs first on a virtual board, in place of the ESP32 port's main() and frozen _boot.py.

Loads the modules with the hardware's names, mounts the image's `vfs` partition at / (made if there is none) and what
can run in place of its `romfs` partition at /rom, forgets the host's files, and leaves the rest to the console:
boot.py, main.py, then the REPL.
"""

# ruff: noqa: E402, F401, I001 - the heap is measured around the imports, which put the modules in place

import gc

gc.threshold(2048)  # on an ESP32 these modules are in the image; here they shall leave the heap in one piece

import __main__
import sys
import time
import machine
import esp32
import network
import socket
import vfs
import _virtual_bus as bus
import _virtual_console as console
import _virtual_rom as rom

import _virtual_gc
import _virtual_tls
import _virtual_memory as memory

# What the firmware takes more of the heap here than on a chip, composed, the table of names not counted: the unix
# port's TLS context and classes are larger.
_MORE = 2100
_UMQTT = 2600  # frozen in the official image; here it is read from /lib

memory.fill_names()
gc.collect()
_modules = gc.mem_alloc() - __main__.before  # this file among them: main() is C there

hello = machine._hello
bus.ask_into(bus.HELLO, 0, 0, 0, hello, 16)
time._offset_us = int.from_bytes(hello[8:16], "little") - (1 << 64 if hello[15] & 0x80 else 0)


def mount():
    """Put littlefs on the `vfs` partition at /, as inisetup does on an ESP32, and forget the host's files."""
    partition = esp32.Partition.find(esp32.Partition.TYPE_DATA, label="vfs")[0]
    try:
        files = vfs.VfsLfs2(partition)
    except OSError:
        vfs.VfsLfs2.mkfs(partition)
        files = vfs.VfsLfs2(partition)
        fresh = True
    else:
        fresh = False
    partition._has_code = True
    vfs.umount("/")
    vfs.mount(files, "/")
    if fresh:
        with open("/boot.py", "w") as file:
            file.write("# This file is executed on every boot (including wake-boot from deepsleep)\n")


mount()
sys.path[:] = ["", ".frozen", "/lib"]
has_rom = rom.offers(esp32.Partition)
if has_rom:
    sys.modules["vfs"] = rom
    if rom.mount_rom():
        sys.path[2:2] = ["/rom", "/rom/lib"]
for name in ("_virtual_start", "_virtual_bus", "_virtual_console", "_virtual_rom", "_virtual_memory"):
    sys.modules.pop(name, None)
sys.modules["tls"] = sys.modules.pop("_virtual_tls")
sys.modules["gc"] = sys.modules.pop("_virtual_gc")
main = __main__.__dict__
main.clear()
main["__name__"] = "__main__"
gc.threshold(-1)
gc.collect()
memory.start(_MORE if has_rom else _MORE + _UMQTT)
bus.post(bus.STARTED, 0, 0, _modules)
console.run(main, hello[1], hello[2])
