"""The host's own implementation of docs/protocol.md: record, seal, frames and topics.

Pure functions over bytes: no files, network or time. The firmware implements the same page independently, and both are
tested with `tests/vectors/*.json`.
"""
