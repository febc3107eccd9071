"""The host's own implementation of docs/protocol.md: record, seal, frames and topics.

Pure functions over bytes: nothing here touches a file, a network or a clock. The firmware implements the same page
independently, and both are held to `tests/vectors/*.json`.
"""
