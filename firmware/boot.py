"""Runs before main.py, and before a technician's session. What a clock does is in main.py; nothing here may fail.

While modules are loaded, memory is collected every few kilobytes: what stays then lies close together, and leaves the
rest in one piece for buffers and for TLS. main.py ends this.
"""

import gc

gc.collect()
gc.threshold(2048)
