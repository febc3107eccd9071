"""The `badgeclock` command, one module a noun."""

import gc
from typing import Final

OBJECTS_BEFORE_A_LOOK: Final = 50_000

# What a command loads it keeps until it ends. To look for cycles in it took a tenth of the time that it takes to start.
gc.set_threshold(OBJECTS_BEFORE_A_LOOK, 20, 50)
