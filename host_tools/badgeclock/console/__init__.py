"""The operators' pages: who is present, who has no number, and what to do. A separate process that the bridge does not
depend on: it reads the store, and sends changes to the bridge.
"""
