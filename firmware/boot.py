"""Runs before main.py, and before a technician's session. What a clock does is in main.py; nothing here may fail."""

import gc

gc.collect()
