"""The board image's frozen modules: the port's start and asyncio, and nothing of the clock.

The port's own manifest would freeze `umqtt.simple`, which is found before the one in /rom/lib: the firmware hash would
cover code that does not run.
"""

freeze("$(PORT_DIR)/modules", ("_boot.py", "flashbdev.py", "inisetup.py"))  # noqa: F821  MicroPython's build tool
include("$(MPY_DIR)/extmod/asyncio")  # noqa: F821
